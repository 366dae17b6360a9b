"""The forms in which a declared value is found."""

from __future__ import annotations

import base64
import html
import importlib
import json
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus
from xml.etree.ElementTree import Element, tostring

import pytest

from runstone.core.redaction.spellings import spellings

VALUE = "pä\"ss wörd/+<&>'1"

ENCODINGS: dict[str, Callable[[str], str]] = {
    "raw": str,
    "json": lambda text: json.dumps(text)[1:-1],
    "json in utf-8": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "json twice": lambda text: json.dumps(json.dumps(text))[3:-3],
    "url": lambda text: quote(text, safe=""),
    "form": quote_plus,
    "html": html.escape,
    "hex": lambda text: text.encode().hex(),
    "HEX": lambda text: text.encode().hex().upper(),
    "\\x": lambda text: "".join(f"\\x{byte:02x}" for byte in text.encode()),
    "\\u": lambda text: "".join(f"\\u{ord(char):04x}" for char in text),
    "shell": lambda text: shlex.quote(text)[1:-1],
    "set -x": lambda text: text.replace("'", "'\\''"),
    "sql": lambda text: text.replace("'", "''"),
    "csv": lambda text: text.replace('"', '""'),
    "ascii": lambda text: ascii(text)[1:-1],
    "repr": lambda text: repr(text)[1:-1],
    "utf-16-le": lambda text: text.encode("utf-16-le").decode("latin-1"),
    "utf-16-be": lambda text: text.encode("utf-16-be").decode("latin-1"),
}


@pytest.mark.parametrize("encode", ENCODINGS.values(), ids=ENCODINGS.keys())
def test_everyday_encodings_are_spelled(encode: Callable[[str], str]) -> None:
    """As Python's own library writes them."""
    assert encode(VALUE) in spellings(VALUE)


HARD = ["p$`\\\"'\n\tä\u20ac\U0001f511\x1b", "pa$$w0rd-Zx9", "pässwörtZx9", "a b;c|d&(e)<f>{g}[h]!*?^,`i`"]
YAML: Any = importlib.import_module("yaml")


@pytest.mark.parametrize("value", HARD)
@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_a_shell_prints_what_is_spelled(value: str, locale: str) -> None:
    """As it quotes a word, and as it lists its variables."""
    script = 'LC_ALL=$1; unset v; export v=$2; printf "%q\\0" "$v"; export -p v; printf "\\0"; declare -p v'
    command = ["bash", "-c", script, "-", locale, value]
    printed = subprocess.run(command, capture_output=True, check=True).stdout.decode().split("\0")
    assert len(printed) == 3
    forms = spellings(value)
    assert all(any(form in text for form in forms) for text in printed if text)


@pytest.mark.parametrize("value", HARD)
def test_yaml_and_xml_print_what_is_spelled(value: str) -> None:
    """In ASCII, as their writers do unless they are told otherwise."""
    element = Element("a", text=value)
    element.text = value
    attribute, _, body = tostring(element).decode().partition(">")
    dumped = YAML.dump({"v": value}, default_style='"', width=1000)
    forms = spellings(value)
    assert all(any(form in text for form in forms) for text in (attribute, body, dumped))


def test_git_prints_what_is_spelled(tmp_path: Path) -> None:
    """A name that is not ASCII, by its bytes."""
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / "pässwörtZx9").touch()
    status = subprocess.run(["git", "-C", tmp_path, "status", "--short"], capture_output=True, check=True)
    assert any(form in status.stdout.decode() for form in spellings("pässwörtZx9"))


def test_line_ends_are_spelled_as_others_end_lines() -> None:
    """As a terminal does, and as a file of another system."""
    assert "first\r\nsecond" in spellings("first\nsecond")
    assert "first\nsecond" in spellings("first\r\nsecond")
    assert "first\r\r\nsecond" in spellings("first\r\nsecond")


@pytest.mark.parametrize("encoding", ["utf-32-le", "utf-32-be"])
def test_what_is_not_plain_is_spelled_in_utf32(encoding: str) -> None:
    """Plain text is found without its zeros."""
    assert VALUE.encode(encoding).decode("latin-1") in spellings(VALUE)


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode], ids=["base64", "base64url"])
@pytest.mark.parametrize("before", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("behind", [0, 1, 2])
def test_base64_is_found_wherever_the_value_begins(encode: Callable[[bytes], bytes], before: int, behind: int) -> None:
    """Three alignments, whatever stands around."""
    text = encode(b"x" * before + VALUE.encode() + b"y" * behind).decode()
    assert any(form in text for form in spellings(VALUE))


@pytest.mark.parametrize("value", ["abcd", "1234"])
def test_a_short_value_has_no_form_that_stands_everywhere(value: str) -> None:
    """Less than four letters of base64 would be found in any image."""
    assert min(map(len, spellings(value))) >= 4


def test_no_form_stands_twice() -> None:
    """They are looked for one by one."""
    forms = spellings(VALUE)
    assert len(forms) == len(set(forms))
    assert forms[0] == VALUE


@pytest.mark.parametrize("value", [*HARD, "first\r\nsecond", VALUE])
def test_what_forms_begin_with_is_spelled_alone(value: str) -> None:
    """Of every form, however little of the value is spelled."""
    long = value * 20
    for size in range(10, 30):
        begins = tuple(spellings(long, size))
        assert all(form.startswith(begins) for form in spellings(long))
        assert max(map(len, begins)) < max(map(len, spellings(long)))
