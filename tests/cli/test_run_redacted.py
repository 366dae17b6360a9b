"""`runstone run --redact-output`: the terminal shows what is recorded, and never the bytes of a secret."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from core.planted import checked

from cli.conftest import Invoke, command_line
from runstone.core.redaction.redactor import Redactor
from runstone.engine.redacted_view import RedactedView
from runstone.engine.store import Store

TOKEN = "ghp" + "_" + checked(Random(11))
MARK = "[REDACTED:github-token]"
FAILED = "[REDACTED:redactor-failed]"

PRINTS = "import os, sys, time\n"
"""The beginning of a program that prints; `say` writes each byte by a write of its own."""
PRINTS += "def say(fd, text):\n    for byte in text.encode('latin-1'):\n        os.write(fd, bytes([byte]))\n"


def program(*steps: str) -> list[str]:
    """A command that takes these steps; a token comes from a file, as its arguments are recorded."""
    Path("token").write_text(TOKEN)
    return [sys.executable, "-c", "\n".join([PRINTS, "token = open('token').read()", *steps])]


def shown(*words: str) -> subprocess.CompletedProcess[bytes]:
    """The command as a process, with what it shows as bytes."""
    return subprocess.run(command_line("run", "--redact-output", *words), capture_output=True, timeout=60, check=False)


def recorded(store: Store, run_id: str, stream: str) -> bytes:
    """All that was recorded of a stream."""
    pieces = [event["data"] for event in store.get(run_id).events("log") if event["data"].get("stream") == stream]
    return b"".join(p["text"].encode() if "text" in p else p["latin1"].encode("latin-1") for p in pieces)


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ("a {} b\n", "a {} b\n"),
        ("\x1b[31m{}\x1b[0m\n", "\x1b[31m{}\x1b[0m\n"),
        ("10 %\r20 % {}\r30 %\n", "10 %\r20 % {}\r30 %\n"),
        ("a\nlast {}", "a\nlast {}"),
        ("\xff\xe9 {} \xff\n", "\xff\xe9 {} \xff\n"),
    ],
    ids=["a line", "colours", "carriage returns", "an unfinished line", "no UTF-8"],
)
def test_a_secret_in_many_writes_is_not_shown(store: Store, printed: str, expected: str) -> None:
    """Both streams show what is recorded of them, a mark in the place of the secret and nothing else changed."""
    step = f"text = {printed!r}.format(token)"
    done = shown("--run-id", "r", "--", *program(step, "say(1, text)", "say(2, 'err ' + text)", "sys.exit(3)"))
    assert done.returncode == 3
    clean = expected.format(MARK).encode("latin-1")
    assert (done.stdout, done.stderr) == (clean, b"err " + clean)
    assert (recorded(store, "r", "stdout"), recorded(store, "r", "stderr")) == (done.stdout, done.stderr)


def test_a_private_key_over_many_lines_is_not_shown(store: Store) -> None:
    """Its lines are held back until it ends."""
    kind = "PRIVATE KEY-----"
    body = "\n".join("".join(Random(line).choices("abcdefgh0123", k=64)) for line in range(12))
    Path("key").write_text(f"before\n-----BEGIN {kind}\n{body}\n-----END {kind}\nafter\n")
    done = shown("--run-id", "r", "--", *program("say(1, open('key').read())"))
    assert done.stdout == b"before\n[REDACTED:private-key]\nafter\n" == recorded(store, "r", "stdout")


def test_output_without_the_option_is_byte_for_byte(process: Invoke) -> None:
    """The live copy is what the command wrote."""
    answer = process("run", "--", *program("say(1, token)"))
    assert answer.out == TOKEN


def test_a_pseudo_terminal_is_redacted_too(store: Store, on_terminal: Callable[..., str]) -> None:
    """With `--pty` both streams are one; the last line has no end."""
    command = program("say(1, f'a {token}\\n')", "say(2, f'\\x1b[1mb {token}')")
    assert (
        on_terminal("run", "--redact-output", "--pty", "--run-id", "r", "--", *command) == f"a {MARK}\n\x1b[1mb {MARK}"
    )
    assert recorded(store, "r", "stdout") == f"a {MARK}\r\n\x1b[1mb {MARK}".encode()


def test_a_command_that_is_killed_shows_its_last_line() -> None:
    """What it had begun, redacted; the status is that of the signal."""
    done = shown("--", *program("say(1, f'begun {token}')", "os.kill(os.getpid(), 9)"))
    assert (done.returncode, done.stdout) == (128 + signal.SIGKILL, f"begun {MARK}".encode())


def test_a_limit_of_the_record_cuts_nothing_that_is_shown(store: Store) -> None:
    """All lines are shown, the last as redacted as the first; fewer are recorded."""
    lines = "".join(f"{number} {{0}}\n" for number in range(3000))
    Path("lines").write_text(lines)
    done = shown(
        "--max-output", "1K", "--run-id", "r", "--", *program("print(open('lines').read().format(token), end='')")
    )
    assert done.stdout.decode() == lines.format(MARK)
    assert len(recorded(store, "r", "stdout")) < 2048


@pytest.mark.parametrize("words", [["--store", "/dev/null/runs"], ["--contract", "ovc", "--store", "/dev/null/runs"]])
def test_what_cannot_be_recorded_is_shown_redacted(words: list[str]) -> None:
    """The option is kept without a store."""
    done = shown(*words, "--kind", "k", "--", *program("say(1, token + '\\n')"))
    assert done.stdout.endswith(f"{MARK}\n".encode())
    assert TOKEN.encode() not in done.stdout + done.stderr


def test_recording_switched_off_hides_what_the_environment_tells(process: Invoke) -> None:
    """A run that records nothing knows no secret; the option asks the store for what is one."""
    value = "".join(Random(13).choices("ghjkmnpqr", k=20))
    command = ["sh", "-c", "echo $DB_PASSWORD"]
    answer = process("run", "--redact-output", "--", *command, RUNSTONE_DISABLED="1", DB_PASSWORD=value)
    assert (answer.status, answer.out) == (0, "[REDACTED:environment]\n")


@pytest.mark.parametrize("method", ["redactor.Redactor.text", "cutting.Cutter.safe_end"])
def test_a_redactor_that_fails_shows_its_mark(method: str) -> None:
    """Never the raw bytes; the command is waited for, and its status passed on."""
    code = f"import sys\nfrom runstone.core.redaction import cutting, redactor\n{method} = lambda *_: 1 / 0\n"
    code += "sys.argv[0] = 'runstone'\nfrom runstone.cli import process\nprocess()"
    words = ["run", "--redact-output", "--", *program("say(1, token + '\\n')", "sys.exit(4)")]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, timeout=60, check=False)
    assert done.returncode == 4
    assert FAILED.encode() in done.stdout
    assert TOKEN.encode() not in done.stdout + done.stderr


def test_a_reader_that_goes_away_ends_the_command() -> None:
    """As without the option: the command gets the broken pipe."""
    line = ["sh", "-c", '"$@" | head -1; echo done', "sh", *command_line("run", "--redact-output", "--", "yes")]
    done = subprocess.run(line, capture_output=True, timeout=60, check=False)
    assert done.stdout == b"y\ndone\n"


def test_a_closed_standard_output_loses_no_record(store: Store) -> None:
    """Nothing can be shown; everything is recorded."""
    command = command_line("run", "--redact-output", "--run-id", "r", "--", *program("say(1, 'a ' + token)"))
    done = subprocess.run(["sh", "-c", '"$@" >&-', "sh", *command], capture_output=True, timeout=60, check=False)
    assert done.returncode == 0
    assert recorded(store, "r", "stdout") == f"a {MARK}".encode()


def test_a_slow_reader_gets_everything() -> None:
    """What waits in a pipe is waited for."""
    command = command_line("run", "--redact-output", "--", *program("print((token + '\\n') * 5000, end='')"))
    with subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0) as child:
        assert child.stdout is not None
        received = b"".join(iter(lambda: child.stdout.read(4099) if child.stdout else b"", b""))
    assert received == f"{MARK}\n".encode() * 5000


# the view itself


@pytest.mark.parametrize("at", range(1, len(TOKEN) + 3))
def test_a_secret_divided_anywhere(at: int) -> None:
    """Two reads of one stream, another stream between them."""
    view = RedactedView(Redactor())
    data = f" {TOKEN} \n".encode()
    said = view.feed("stdout", data[:at]), view.feed("stderr", b"x\n"), view.feed("stdout", data[at:])
    assert said == (b"", b"x\n", f" {MARK} \n".encode())
    assert list(view.rest()) == []


def test_what_is_unfinished_is_shown_at_the_end() -> None:
    """Of each stream, redacted."""
    view = RedactedView(Redactor())
    assert view.feed("stdout", b"a\nout " + TOKEN.encode()) == b"a\n"
    assert view.feed("stderr", b"err") == b""
    assert list(view.rest()) == [("stdout", f"out {MARK}".encode()), ("stderr", b"err")]


def test_a_line_that_never_ends_is_shown_all_the_same() -> None:
    """Not more than 64 KiB wait."""
    view = RedactedView(Redactor())
    seen = sum(len(view.feed("stdout", b"x" * 1000)) for _ in range(200))
    assert 0 <= 200_000 - seen <= 66_000


def test_the_view_of_a_failed_redactor_has_no_bytes_of_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither of what was read, nor of what was held back."""
    view = RedactedView(Redactor())
    view.feed("stdout", b"held " + TOKEN.encode())
    monkeypatch.setattr(Redactor, "text", lambda *_: 1 / 0)
    assert view.feed("stderr", TOKEN.encode() + b"\n") == f"{FAILED}\n".encode()
    assert list(view.rest()) == [("stdout", FAILED.encode())]
