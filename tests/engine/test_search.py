"""The search through bytes of any kind: what it tells while they go by, whatever reading shows it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from random import Random

import pytest
from core.planted import LETTERS, drawn, secrets

from runstone.core.canonical import canonical_text
from runstone.core.redaction.redactor import DECLARED, Redactor
from runstone.engine import search
from runstone.engine.search import Search

WIDE = ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"]
READ = 1 << 20
FOUND = secrets(43)
TOKEN = FOUND["github-token"][0].secret
KEY = FOUND["private-key"][0].text
PLAIN = drawn(Random(44), LETTERS, 12)


def told(data: bytes | Iterable[bytes], *declared: str) -> list[str]:
    """The rules that are told of a file that is read in these chunks."""
    rules: list[str] = []
    chunks = [data] if isinstance(data, bytes) else list(data)
    watched = Search(Redactor(dict.fromkeys(declared, DECLARED))).watched(chunks, rules.append)
    assert b"".join(watched) == b"".join(chunks)
    return rules


def in_reads(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


# how bytes may be read


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
@pytest.mark.parametrize("value", ["pässwörd", 'pä"ss\\wörd', "plain"])
def test_a_value_is_found_in_bytes_of_either_encoding(value: str, encoding: str) -> None:
    """A kept file is searched as it is: raw, and in JSON of either spelling."""
    for text in (value, json.dumps(value), canonical_text(value)):
        assert told(b"\xff\x00 " + text.encode(encoding), value) != []


def test_a_value_in_latin1_that_reads_like_utf8() -> None:
    """Its bytes are characters of another text; who must be sure reads both."""
    value = "\xc3\xa4\xc3\xb6-horse"
    assert told(b"a " + value.encode("latin-1") + b" b", value) == ["declared"]


def test_a_rule_that_reads_beyond_ascii_finds_in_utf8_what_latin1_hides() -> None:
    """A byte of `à` is a space in Latin-1; the password after it goes all the same."""
    assert told(f"postgres://nikà:{PLAIN}@host".encode())[0] == "url-password"


def test_bytes_that_are_no_text_hold_no_password_by_chance() -> None:
    """Behind the three letters of a `pwd` some bytes follow in every large file; what somebody typed is found."""
    random = Random(3)
    for value in (b"=\x83w\xe9 ", b": x7$\x00", b'="\xf1\xe2\xa7\xc1\xd3\xe9"', b"=ab1cd"):
        assert told(random.randbytes(4096) + b" Pwd" + value + random.randbytes(4096)) == []
    for value in (b"=hunt3r", b": " + PLAIN.encode() + b" "):
        data = random.randbytes(4096) + b"\0Pwd" + value + random.randbytes(4096)
        assert set(told(data)) == {"named-secret"}
    assert told(b"a line of text\npwd=ab1cd\n") == ["named-secret"]


def test_ten_megabytes_of_random_bytes_hold_nothing() -> None:
    """In no reading of them."""
    random = Random(5)
    assert told(random.randbytes(READ) for _ in range(10)) == []


@pytest.mark.parametrize("encoding", WIDE)
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_wide_text_is_read(encoding: str, mark: str) -> None:
    """With its byte order mark and without; a short password, too, which in bytes that are no text is chance."""
    assert set(told(f"{mark}one\npwd=ab1cd\n".encode(encoding))) == {"named-secret"}


@pytest.mark.parametrize("encoding", WIDE)
def test_a_value_beyond_latin1_in_wide_text(encoding: str) -> None:
    """The byte order mark tells what the bytes are; zeros between them would not do."""
    value = f"ключ-{PLAIN}-ключ"
    assert "declared" in told(f"\ufeffa {value} b".encode(encoding), value)


def test_a_byte_order_mark_hides_nothing() -> None:
    """Plain text behind the mark of another is read as plain text, too."""
    assert "github-token" in told(b"\xff\xfe" + f"t: {TOKEN}\n".encode())


# where they are cut


def test_what_is_found_is_told_before_it_is_handed_on() -> None:
    """Nothing of a secret that two reads divide is handed on when its rule is told."""
    handed: list[bytes] = []
    seen: list[bytes] = []
    data = b"a line\n" * 3 + f"t: {TOKEN}\nmore\n".encode()
    chunks = [data[:40], data[40:]]
    handed.extend(Search(Redactor()).watched(chunks, lambda _: seen.append(b"".join(handed))))
    assert seen == [b"a line\n" * 3]
    assert b"".join(handed) == data


def test_what_is_raised_ends_the_stream() -> None:
    """The block in which it was found is not handed on."""

    def refuse(rule: str) -> None:
        raise LookupError(rule)

    watched = Search(Redactor()).watched([b"clean\n", f"{TOKEN}\n".encode(), b"more\n"], refuse)
    assert next(watched) == b"clean\n"
    with pytest.raises(LookupError, match="github-token"):
        next(watched)


@pytest.mark.parametrize("size", [10, 1000, 70_001])
def test_every_rule_is_told_however_it_is_read(size: int) -> None:
    """Of secrets with lines between them, and of a key that goes over many."""
    lines = b"an ordinary line\n" * 5_000
    data = lines + f"t: {TOKEN}\n".encode() + lines + f"{KEY}\nv: {PLAIN}\n".encode() + lines
    assert sorted(set(told(in_reads(data, size), PLAIN))) == ["declared", "github-token", "private-key"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-32-be"])
@pytest.mark.parametrize("size", [65_536, READ])
def test_a_long_line_hides_no_secret(encoding: str, size: int) -> None:
    """Wherever in it the secret stands, and wherever the line is cut."""
    random = Random(7)
    for _ in range(40):
        before = random.randrange(1_200_000)
        text = "xyz " * (before // 4) + f" {TOKEN} " + "xyz " * (random.randrange(400_000) // 4)
        assert "github-token" in told(in_reads(text.encode(encoding), size)), before


def test_a_long_line_is_looked_at_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Closely only where something hits, and what is a secret in it all the same in one part."""
    looked: list[int] = []
    text = Redactor.text

    def counted(self: Redactor, part: str) -> tuple[str, list[str]]:
        looked.append(len(part))
        return text(self, part)

    monkeypatch.setattr(Redactor, "text", counted)
    line = b"xyz " * 100_000
    cleaned = b"".join(Search(Redactor()).cleaned([line + TOKEN.encode() + b" " + line]))
    assert cleaned == line + b"[REDACTED:github-token] " + line
    assert 0 < sum(looked) <= search.PIECE_BYTES


@pytest.mark.parametrize("encoding", WIDE)
def test_a_wide_key_that_reads_divide(encoding: str) -> None:
    """Text without its mark that is cut in the first lines of a key."""
    head, key = "a line\n".encode(encoding), KEY.encode(encoding)
    for at in range(0, len(key), 48):
        filler = head * ((READ - at) // len(head))
        assert told(in_reads(filler + key + b"\n", len(filler) + at or 1)) != [], at


@pytest.mark.parametrize("between", ["\n", " "])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-32"])
def test_many_marks_are_no_secrets(encoding: str, between: str) -> None:
    """With line ends and without: no cut divides a mark."""
    text = "".join(f"{'-' * (n % 61)} password=[REDACTED:named-secret]{between}" for n in range(1_500))
    for size in (search.SLICE_BYTES - 1, 65_536):
        assert told(in_reads(text.encode(encoding), size)) == []


def test_marks_beside_a_secret_are_no_secrets() -> None:
    """A long line that must be looked at closely is cut into pieces: in no mark."""
    marks = "".join(f"{'-' * (n % 61)} password=[REDACTED:named-secret] " for n in range(5_000))
    assert told(f"{marks} {TOKEN} {marks}".encode()) == ["github-token"]
