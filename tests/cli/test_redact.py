"""`runstone redact`: the filter, and the check that tells where secrets stand and never what they are."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from core.planted import secrets

from cli.conftest import HOSTILE, Invoke, raw_controls
from runstone.core.redaction.redactor import Redactor
from runstone.core.redaction.rules import RULES
from runstone.engine.encoded import Encoded
from runstone.engine.search import ExplainedSearch, Search
from runstone.engine.walk import CHUNK_BYTES

TOKEN = secrets(21)["github-token"][0].secret
KEY = secrets(21)["private-key"][2].text
PASSWORD = "hunter2" + "horse9"
LINE = f"password={PASSWORD}\n"


def filtered(data: bytes, *words: str, **environment: str) -> bytes:
    """What the filter makes of its standard input, as a process of its own."""
    command = [sys.executable, "-m", "runstone", "redact", *words]
    done = subprocess.run(
        command, input=data, capture_output=True, timeout=60, check=True, env={**os.environ, **environment}
    )
    assert done.stderr == b""
    return done.stdout


def cleaned(chunks: list[bytes], *declared: str) -> bytes:
    return b"".join(Search(Redactor(dict.fromkeys(declared, "declared"))).cleaned(chunks))


def lines_of(data: bytes) -> list[tuple[int, str | None]]:
    return [(found.line, found.reason.rule) for found in Search(Redactor()).found([data])]


# the filter


def test_the_filter_changes_secrets_alone() -> None:
    """Marks stand where secrets were; bytes that are no UTF-8, NUL, CR and a last line without end stay."""
    data = b"caf\xe9 \xff\x00\r\n" + f"x {TOKEN} y\r\n{LINE}".encode() + "é end".encode()
    expected = (
        b"caf\xe9 \xff\x00\r\nx [REDACTED:github-token] y\r\npassword=[REDACTED:named-secret]\n" + "é end".encode()
    )
    assert filtered(data) == expected
    assert filtered(data, "-") == expected


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_the_filter_keeps_wide_text(encoding: str) -> None:
    """A file with the mark of UTF-16 or UTF-32 keeps its encoding, half pairs and half a character at its end too."""
    text = f"\ufeffä\r\n{LINE}\ud800 \U0001f600\r\n"
    data = text.encode(encoding, "surrogatepass") + b"\x41"
    clean = text.replace(PASSWORD, "[REDACTED:named-secret]").encode(encoding, "surrogatepass") + b"\x41"
    assert filtered(data) == clean
    assert cleaned([data[at : at + 1] for at in range(len(data))]) == clean


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_wide_text_without_its_mark_stays_wide(encoding: str) -> None:
    """What the filter puts in the place of a secret is as wide as what stands around it."""
    text = f"line\r\n{LINE}x {TOKEN} y\r\n"
    clean = text.replace(PASSWORD, "[REDACTED:named-secret]").replace(TOKEN, "[REDACTED:github-token]")
    assert filtered(text.encode(encoding)) == clean.encode(encoding)


def test_a_secret_among_zeros_is_told_and_not_changed() -> None:
    """Where it is no text of any encoding the filter says that a secret is left, and the status is 1."""
    data = b"\0".join([LINE[:4].encode(), LINE[4:].encode()])
    command = [sys.executable, "-m", "runstone", "redact"]
    done = subprocess.run(command, input=data, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, data)
    assert b"still there" in done.stderr
    assert PASSWORD.encode() not in done.stderr


@pytest.mark.parametrize("encoding", ["utf-32-le", "utf-32-be"])
def test_what_is_not_what_its_mark_tells_is_an_error(invoke: Invoke, encoding: str) -> None:
    """Of the filter, which could not write it back; the check reads what can be read, and nobody sees the value."""
    data = f"\ufeff{LINE}".encode(encoding) + b"\x7f" * 4 + LINE.encode(encoding)
    Path("a").write_bytes(data)
    answer = invoke("redact", "a")
    assert (answer.status, answer.err) == (
        2,
        f"runstone: a is not in {encoding.upper()}, as its byte order mark tells\n",
    )
    assert PASSWORD not in answer.out.replace("\0", "")
    assert [rule for _, rule in lines_of(data)] == ["named-secret"] * 2


def test_a_secret_that_two_reads_divide_is_found() -> None:
    """Wherever the bytes are cut, the same comes out."""
    data = f"a\nx {TOKEN} y\n{LINE}{KEY}\nend".encode()
    whole = cleaned([data])
    assert TOKEN.encode() not in whole
    assert KEY[40:80].encode() not in whole
    for at in range(1, len(data), 7):
        assert cleaned([data[:at], data[at:]]) == whole
    assert cleaned([data[at : at + 1] for at in range(len(data))]) == whole


def test_a_line_without_end_is_passed_on_in_parts() -> None:
    """Ten megabytes in one line: the secret in them is found, and little is held back at a time."""
    chunk = b"abc def " * 8192
    chunks = [chunk] * 80 + [f" {TOKEN} ".encode()] + [chunk] * 80
    pieces = list(Search(Redactor()).cleaned(chunks))
    assert max(map(len, pieces)) <= 4 * len(chunk)
    assert b"".join(pieces) == chunk * 80 + b" [REDACTED:github-token] " + chunk * 80


def test_keys_in_a_long_file_are_found_whole() -> None:
    """Private keys with and without armour that stand where blocks and pieces are cut."""
    body = "\n".join(KEY.split("\n")[1:-1])
    bare = "MIIEv" + "gIBADANBgkqhkiG9w0BAQEFAASC" + body
    filler = "filler line of a log\n"
    text = "".join(f"{filler * (600 + number * 7)}{KEY}\n--\n{bare}\n--\n" for number in range(150))
    clean = cleaned([text[at : at + CHUNK_BYTES].encode() for at in range(0, len(text), CHUNK_BYTES)]).decode()
    assert clean.count("[REDACTED:private-key]") == 150
    assert not any(line in clean for line in body.split("\n"))


def test_what_is_declared_over_line_ends_is_found() -> None:
    """A value of several lines, in a block whose other lines hold secrets too."""
    value = "first part of it\nsecond part of it"
    assert cleaned([f"{LINE}{value}\n{LINE}".encode()], value) == (
        b"password=[REDACTED:named-secret]\n[REDACTED:declared]\npassword=[REDACTED:named-secret]\n"
    )


def test_what_the_redactor_fails_on_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure of ours lets nothing through."""
    redactor = Redactor()
    monkeypatch.setattr(redactor, "text", lambda _: 1 / 0)
    assert (
        b"".join(Search(redactor).cleaned([f"good\n{LINE}end\n".encode()]))
        == b"good\n[REDACTED:redactor-failed]\nend\n"
    )


def test_the_environment_is_searched_for() -> None:
    """A value of a variable whose name says secret goes, under its rule."""
    assert filtered(b"a zebra-horse-77 b\n", DB_PASSWORD="zebra-horse-77") == b"a [REDACTED:environment] b\n"


def test_what_was_filtered_has_nothing_left() -> None:
    """The check finds nothing in what the filter wrote, for every kind that is planted."""
    for planted in (one for found in secrets(22).values() for one in found):
        for data in (planted.text.encode(), f"caf\xe9 {planted.text}\n".encode("latin-1", "replace")):
            assert lines_of(cleaned([data])) == []


# the check


def test_findings_name_file_line_and_rule(invoke: Invoke) -> None:
    """A line each, then how many by rule; the values are nowhere."""
    Path("app.log").write_text(f"start\n{LINE}two {TOKEN} {TOKEN}\n{KEY}\n{LINE}")
    answer = invoke("redact", "--check", "app.log")
    assert answer.status == 1
    found = [line.split("  ")[0] for line in answer.out.splitlines() if line.startswith("app.log:")]
    expected = ["2: named-secret", "3: github-token", "3: github-token", "4: private-key"]
    assert found[:4] == [f"app.log:{place}" for place in expected]
    assert found[4] == f"app.log:{5 + KEY.count(chr(10))}: named-secret"
    assert "5 secrets in 1 file" in answer.out
    assert not any(value in answer.out + answer.err for value in (PASSWORD, TOKEN, KEY.split("\n")[1]))


def test_a_clean_file_is_status_0(invoke: Invoke) -> None:
    """A mark is no secret, nor is what only looks like one."""
    Path("a").write_text("password=[REDACTED:named-secret]\nmax_tokens=4096\n[REDACTED:github-token]\n")
    answer = invoke("redact", "--check", "a")
    assert (answer.status, answer.err) == (0, "")
    assert answer.out == "no secret in 1 file of 73 B\n"


def test_folders_are_walked_in_order_and_links_are_not_followed(invoke: Invoke) -> None:
    """By names, with all that is below; a link is counted, a pipe is said, neither is read."""
    for name in ("d/b/c", "d/a", "d/z"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(LINE)
    Path("d/link").symlink_to("a")
    os.mkfifo("d/pipe")
    answer = invoke("redact", "--check", "d")
    assert [line.split(":")[0] for line in answer.out.splitlines()[:3]] == ["d/a", "d/b/c", "d/z"]
    assert "3 secrets in 3 files" in answer.out
    assert "1 link not followed" in answer.out
    assert answer.err == "runstone: d/pipe: neither a file nor a folder\n"
    assert answer.status == 1


def test_skipped_links_and_pipes_are_no_failure(invoke: Invoke) -> None:
    """Nothing found and nothing unreadable is status 0."""
    Path("d").mkdir()
    Path("d/link").symlink_to("nowhere")
    os.mkfifo("d/pipe")
    assert invoke("redact", "--check", "d").status == 0


def test_what_cannot_be_read_is_said_and_is_status_1(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are read all the same; nobody may take the answer for clean."""
    Path("d").mkdir()
    Path("d/a").write_text("x\n")
    monkeypatch.setattr("runstone.cli.redact.files_below", lambda *_: iter(["d/gone", "d/a"]))
    answer = invoke("redact", "--check", "d")
    assert (answer.status, answer.err) == (1, "runstone: d/gone: No such file or directory\n")
    assert answer.out == "no secret in 1 file of 2 B\n1 not read, named above\n"


def test_a_file_that_nobody_may_read_is_said_and_is_status_1(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that was named: the others are read all the same."""
    Path("a").write_text("x\n")
    Path("b").write_text(LINE)
    real = os.open

    def refusing(path: str, *rest: int) -> int:
        if path == "a":
            raise PermissionError(13, "Permission denied", path)
        return real(path, *rest)

    monkeypatch.setattr(os, "open", refusing)
    monkeypatch.setattr(os, "access", lambda path, *_, **__: path != "a")
    answer = invoke("redact", "--check", "a", "b")
    assert (answer.status, answer.err) == (1, "runstone: a: Permission denied\n")
    assert "b:1: named-secret" in answer.out


def test_names_of_folders_and_of_what_is_not_read_are_searched(invoke: Invoke) -> None:
    """An empty folder, one that was named, a link, a pipe: each is told once, without the secret."""
    Path(f"d-{TOKEN}/empty {TOKEN}").mkdir(parents=True)
    Path(f"d-{TOKEN}/link-{TOKEN}").symlink_to("nowhere")
    os.mkfifo(f"d-{TOKEN}/pipe-{TOKEN}")
    Path(f"d-{TOKEN}/file").write_text("x\n")
    answer = invoke("redact", "--check", f"d-{TOKEN}", "--json")
    assert answer.status == 1
    assert [(one["path"].partition("/")[2], one["rule"]) for one in answer.value["findings"]] == [
        ("", "github-token"),
        ("empty [REDACTED:github-token]/", "github-token"),
        ("link-[REDACTED:github-token]", "github-token"),
        ("pipe-[REDACTED:github-token]", "github-token"),
    ]
    assert answer.value["files"] == 1
    shown = invoke("redact", "--check", f"d-{TOKEN}")
    assert "d-[REDACTED:github-token]/: github-token  GitHub" in shown.out
    assert "in the name of the folder" in shown.out
    assert TOKEN not in answer.out + answer.err + shown.out + shown.err


def test_what_is_compressed_is_said(invoke: Invoke) -> None:
    """It was read as it is, so nothing that was found says little."""
    Path("a.gz").write_bytes(gzip.compress(LINE.encode()))
    answer = invoke("redact", "--check", "a.gz")
    assert (answer.status, answer.out.splitlines()[1:]) == (0, ["a.gz: compressed, read without being unpacked"])
    Path("b.zip").write_bytes(b"PK\x03\x04 and so on")
    assert "2 files: compressed" in invoke("redact", "--check", ".").out
    assert invoke("redact", "--check", "a.gz", "--json").value["compressed"] == ["a.gz"]


def test_a_file_that_is_not_there_is_status_3(invoke: Invoke) -> None:
    """Before anything is read, of filter and check alike; a name that holds a secret is not repeated."""
    Path("a").write_text(LINE)
    for words in (["--check", "a", f"no-{TOKEN}"], [f"no-{TOKEN}"]):
        answer = invoke("redact", *words)
        assert (answer.status, answer.out) == (3, "")
        assert TOKEN not in answer.err
    assert invoke("redact", "--check", "nothing", "--json").value["code"] == "file_not_found"


@pytest.mark.parametrize("words", [["a", "b"], ["--explain", "a"], ["--json", "a"], ["d"]])
def test_wrong_use(invoke: Invoke, words: list[str]) -> None:
    """Of the filter: several files, options of the check, a folder."""
    Path("d").mkdir()
    Path("a").write_text("x\n")
    answer = invoke("redact", *words)
    assert answer.status == 2
    assert answer.err.startswith("runstone: ")


def test_names_of_files_show_no_secret_and_no_control(invoke: Invoke) -> None:
    """A secret in a name is a finding of its own, told redacted; what would move the cursor is escaped."""
    Path("d").mkdir()
    Path(f"d/{TOKEN}.txt").write_text(LINE)
    Path(f"d/{HOSTILE.replace('/', '')}").write_text(LINE)
    answer = invoke("redact", "--check", "d")
    assert "d/[REDACTED:github-token].txt: github-token" in answer.out
    assert TOKEN not in answer.out
    assert raw_controls(answer.out) == []
    rows = invoke("redact", "--check", "--json", "d").value["findings"]
    assert [row["line"] for row in rows if row["rule"] == "github-token"] == [None]


def test_other_encodings_are_searched() -> None:
    """UTF-16 with and without its mark, UTF-32, Latin-1; the line is that of the text."""
    text = f"one\ntwo\n{LINE}"
    for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be", "latin-1"):
        assert lines_of(text.encode(encoding)) == [(3, "named-secret")], encoding
    assert lines_of(f"one\n{KEY}\n".encode("utf-16-le")) == [(2, "private-key")]
    assert lines_of(b"caf\xe9\n" + LINE.encode()) == [(2, "named-secret")]


def test_in_a_binary_file_a_name_counts_for_what_is_typed() -> None:
    """Bytes that nobody typed behind `pwd=` are no finding; a password is."""
    noise = bytes(range(1, 32)) * 40
    assert lines_of(noise + b"\npwd=\x91\xfe\x93\xaa\xbc\n" + noise) == []
    assert [rule for _, rule in lines_of(noise + b"\npwd=" + PASSWORD.encode() + b"\n" + noise)] == ["named-secret"]


def test_standard_input_is_checked() -> None:
    """`-`, and nothing at all."""
    for words in (["-"], []):
        command = [sys.executable, "-m", "runstone", "redact", "--check", *words]
        done = subprocess.run(command, input=LINE, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stdout.splitlines()[0].split("  ")[0]) == (1, "-:1: named-secret")


def test_the_json_answer(invoke: Invoke) -> None:
    """Findings, counts, what was not read; near misses are told with --explain alone."""
    Path("a").write_text(f"max_tokens=4096\n{LINE}")
    value: dict[str, Any] = invoke("redact", "--check", "--json", "a").value
    about = "Value of a name that says secret"
    assert value == {
        "findings": [{"path": "a", "line": 2, "rule": "named-secret", "about": about}],
        "near_misses": [],
        "files": 1,
        "bytes": 16 + len(LINE),
        "rules": {"named-secret": 1},
        "not_read": [],
        "compressed": [],
    }


def test_explained(invoke: Invoke) -> None:
    """Each finding has its reason, columns and source; a line without one has what is nearly a secret."""
    Path("a").write_text(f"max_tokens=4096\nx {LINE}{TOKEN}\npassword=***\nx{TOKEN}\n")
    answer = invoke("redact", "--check", "--explain", "a")
    assert "a:1: not redacted\n    columns 1 to 10: `max_tokens` is no secret's name: `max` decides\n" in answer.out
    assert "    columns 3 to 10: the name `password` says secret\n" in answer.out
    assert "which begins with `ghp_`\n" in answer.out
    assert "which begins with `ghp_`, and its checksum is right" in answer.out
    assert "told by: GitHub Docs" in answer.out
    assert not any(value in answer.out for value in (PASSWORD, TOKEN))
    value = invoke("redact", "--check", "--explain", "--json", "a").value
    assert [row["line"] for row in value["findings"]] == [2, 3, 5]
    assert [row["line"] for row in value["near_misses"]] == [1, 4]
    assert (value["findings"][0]["first_column"], value["findings"][0]["last_column"]) == (3, 10)


def test_lines_of_a_key_are_no_near_misses() -> None:
    """What is taken out with the first line is not told to be left."""
    body = KEY.split("\n")
    text = "\n".join([body[0], "Comment: max_tokens=4096", *body[1:]]) + "\nmax_tokens=4096\n"
    found = [(one.line, one.reason.rule) for one in ExplainedSearch(Redactor()).found([text.encode()])]
    assert found == [(1, "private-key"), (len(body) + 2, None)]


def test_near_misses_are_no_hits(invoke: Invoke) -> None:
    """The status is that of the findings."""
    Path("a").write_text("max_tokens=4096\n")
    assert invoke("redact", "--check", "--explain", "a").status == 0


def test_explaining_finds_what_checking_finds() -> None:
    """The careful look at every line and the quick one agree on every planted secret."""
    text = "\n".join(one.text for found in secrets(23).values() for one in found) + "\n"
    quick = [(one.line, one.reason.rule) for one in Search(Redactor()).found([text.encode()])]
    careful = [(one.line, one.reason.rule) for one in ExplainedSearch(Redactor()).found([text.encode()])]
    assert [one for one in careful if one[1] is not None] == quick
    assert len(quick) > len(secrets(23))


def test_no_rule_but_those_of_keys_reaches_over_a_line() -> None:
    """Line by line the same is found, unless one of these may match: what `spans_lines` says of each rule."""
    from runstone.core.redaction.rule import spans_lines

    spanning = {rule.id for rule in RULES if spans_lines(rule)}
    assert spanning == {"openvpn-key", "private-key", "private-key-block", "private-key-der", "putty-private-key"}


def test_encoded_text_of_other_kinds_is_passed_on() -> None:
    """Bytes without a mark are read as they are, and half of what a mark begins."""
    for data in (b"", b"a", b"\xff\xfe", b"\xff\xfe\0\0a\0\0\0", b"\0\0\xfe\xff\0", bytes(range(256))):
        encoded = Encoded()
        read = list(encoded.read(data[at : at + 1] for at in range(len(data))))
        assert b"".join(map(encoded.written, read)) + encoded.rest == data


def test_progress_is_shown_on_a_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is written over, also by what is shorter, and nothing of it is left."""
    from runstone.cli.progress import Progress

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for stream, shown in ((Terminal(), "\r\x1b[Kone\r\x1b[Ktwo\r\x1b[K"), (io.StringIO(), "")):
        monkeypatch.setattr(sys, "stderr", stream)
        progress = Progress()
        for step, text in enumerate(["one", "two"]):
            progress.show(text, step)
            progress.show("again", step)
        progress.clear()
        assert stream.getvalue() == shown
