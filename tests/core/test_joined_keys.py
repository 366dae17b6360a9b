"""Private keys whose lines are joined by something else than line ends, or stand behind something."""

from __future__ import annotations

import json
from random import Random
from urllib.parse import quote, quote_plus

import pytest

import runstone
from runstone.core.canonical import canonical_bytes
from runstone.core.redaction.redactor import Redactor

from . import planted

LINES = [planted.drawn(Random(number), planted.LETTERS + "+/", 64) for number in range(9)]
KINDS = ("RSA PRIVATE KEY", "PRIVATE KEY", "OPENSSH PRIVATE KEY", "PGP PRIVATE KEY BLOCK", "OpenVPN Static key V1")
FORMS = {
    "grep -n": lambda lines: "\n".join(f"id_rsa:{number}:{line}" for number, line in enumerate(lines, 1)),
    "git diff --color": lambda lines: "\n".join(f"\x1b[32m+\x1b[m\x1b[32m{line}\x1b[m" for line in lines),
    "git diff of what went": lambda lines: "\n".join(f"-{line}" for line in lines),
    "a log": lambda lines: "\n".join(f"[2026-01-02 03:04:05,123] (main.py:12) DEBUG - {line}" for line in lines),
    "source code": lambda lines: " +\n".join(f'    "{line}\\n"' for line in lines),
    "literals side by side": lambda lines: "\n".join(f"  '{line}\\n'" for line in lines),
    "a JSON array": lambda lines: json.dumps(lines, indent=2),
    "a list": repr,
    "HTML": "<br>".join,
    "XML": "&#10;".join,
    "XML in hexadecimal": "&#xA;".join,
    "a URL": lambda lines: quote("\n".join(lines)),
    "a form": lambda lines: quote_plus("\r\n".join(lines)),
    "nothing": "".join,
}


def armoured(kind: str) -> list[str]:
    head = [f"-----BEGIN {kind}-----"]
    if kind.startswith("RSA"):
        head += ["Proc-Type: 4,ENCRYPTED", "DEK-Info: AES-128-CBC,0123456789ABCDEF0123456789ABCDEF", ""]
    return [*head, *LINES, f"-----END {kind}-----"]


def leaked(data: bytes) -> list[str]:
    """The lines of the key of which something stands in bytes."""
    return [line for line in LINES if any(line[at : at + 12].encode() in data for at in range(0, 52, 4))]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_key_goes_however_its_lines_are_joined(kind: str, form: str) -> None:
    """As a text, and as JSON in it; the gate has seen it."""
    redactor = Redactor()
    text = FORMS[form](armoured(kind))
    for value in (f"before {text} after", json.dumps({"key": text})):
        assert leaked(redactor.text(value)[0].encode()) == []
        assert redactor.gate.looks(canonical_bytes(value))
    assert redactor.text(f"before {text} after")[0].startswith("before ")


@pytest.mark.parametrize("kind", KINDS)
def test_a_list_of_the_lines_of_a_key(kind: str) -> None:
    """Each item goes; what stands before and behind stays, and nothing is found a second time."""
    value = {"argv": ["cat", *armoured(kind), "the end"]}
    redactor = Redactor()
    clean = redactor.tree(value, [])
    assert leaked(canonical_bytes(clean)) == []
    assert (clean["argv"][0], clean["argv"][-1]) == ("cat", "the end")
    assert redactor.tree(clean, []) == clean
    assert redactor.gate.looks(canonical_bytes(value))
    redactor.gate.warm()
    assert redactor.gate.hit(canonical_bytes(value))


@pytest.mark.parametrize("form", ["grep -n", "git diff --color", "a JSON array", "source code"])
def test_a_key_comes_through_a_stream_line_by_line(form: str) -> None:
    """It is held back until it has ended."""
    store = runstone.open("memory:")
    with store.run("kind", run_id="r") as run:
        for line in f"before\n{FORMS[form](armoured('PRIVATE KEY'))}\nafter\n".splitlines(keepends=True):
            run.stream("stdout", line.encode())
    log = store.get("r").file("run.log")
    assert leaked(log) == []
    assert (log.startswith(b"before\n"), log.endswith(b"after\n")) == (True, True)


def test_what_is_said_of_keys_stays() -> None:
    """Their armour in a sentence, and a certificate."""
    redactor = Redactor()
    for text in (
        "it begins with -----BEGIN PRIVATE KEY-----, then base64, and ends with -----END PRIVATE KEY-----.",
        "-----BEGIN CERTIFICATE-----\n" + "\n".join(LINES) + "\n-----END CERTIFICATE-----",
        '["-----BEGIN PUBLIC KEY-----", "' + '", "'.join(LINES) + '", "-----END PUBLIC KEY-----"]',
    ):
        assert redactor.text(text) == (text, [])


def test_what_stands_right_behind_a_key_is_looked_at_again() -> None:
    """In a list: the last hyphen of the armour is one of the token's own characters until the key is gone."""
    token = planted.secrets(88)["jwt"][0].secret
    redactor = Redactor()
    redactor.gate.warm()
    clean = redactor.tree(["cat", "\n".join(armoured("PRIVATE KEY")) + token], [])
    assert token[-30:] not in canonical_bytes(clean).decode()
    assert redactor.tree(clean, []) == clean
