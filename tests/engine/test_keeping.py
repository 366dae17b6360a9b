"""Ways to keep a file: if it is clean, as a redacted copy, or anyway; what each leaves in the store and tells."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest
from core.planted import drawn, secrets

from runstone.core.digests import sha256_hex
from runstone.core.redaction.redactor import Redactor
from runstone.engine import artifacts, search
from runstone.engine.store import Store
from runstone.errors import RunstoneError

from .scenes import TOKEN, of_type, open_store

MARKED = "[REDACTED:github-token]"
DECLARED = "".join(Random(7).choices("abcdefghkmnp", k=24))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store whose host has no secrets of its own."""
    return open_store(tmp_path / "runs")


def record(store: Store, path: Path, **facts: Any) -> list[dict[str, Any]]:
    """The output events of a run that keeps one file."""
    with store.run("job", secrets=[DECLARED]) as run:
        run.output("file", path, **facts)
    report = store.verify(run.run_id)
    assert report.ok, report.findings
    return of_type(store, run.run_id, "output")


def kept_bytes(store: Store, event: dict[str, Any]) -> bytes:
    """The bytes that an event names."""
    (sealed,) = store.runs()
    return sealed.file(event["path"])


def on_disk(store: Store) -> bytes:
    """Every byte below the store's root."""
    return b"".join(path.read_bytes() for path in sorted(Path(store.url).rglob("*")) if path.is_file())


# a redacted copy


def test_a_redacted_copy_stands_beside_the_file_by_reference(store: Store, tmp_path: Path) -> None:
    """Two events: the file's digest and size without a path, and the copy that says what it is a copy of."""
    body = f"a = 1\nt: {TOKEN}\nb = 2\n".encode()
    (tmp_path / "config.ini").write_bytes(body)
    file, copy = record(store, tmp_path / "config.ini", keep="redacted")
    clean = f"a = 1\nt: {MARKED}\nb = 2\n".encode()
    assert (file["sha256"], file["size"], file["path"]) == (sha256_hex(body), len(body), None)
    assert file["problem"] == "not_kept:redacted:github-token"
    assert kept_bytes(store, copy) == clean
    assert copy == {
        "name": "config.redacted.ini",
        "type": "file",
        "ref": None,
        "sha256": sha256_hex(clean),
        "size": len(clean),
        "media_type": file["media_type"],
        "path": "artifacts/config.redacted.ini",
        "redacted_from": {"name": "config.ini", "sha256": sha256_hex(body), "rules": ["github-token"]},
    }
    assert TOKEN.encode() not in on_disk(store)


def test_an_input_has_a_copy_that_is_an_input(store: Store, tmp_path: Path) -> None:
    """What is kept of an input is told by an event of its own type."""
    (tmp_path / "a.txt").write_text(TOKEN)
    with store.run("job") as run:
        run.input("file", "a.txt", keep="redacted", media_type="text/x-mine")
    _, copy = of_type(store, run.run_id, "input")
    assert (copy["path"], copy["media_type"]) == ("artifacts/a.redacted.txt", "text/x-mine")
    assert of_type(store, run.run_id, "output") == []


def test_a_clean_file_is_kept_as_it_is(store: Store, tmp_path: Path) -> None:
    """With one event, the same as with `True`."""
    (tmp_path / "a.csv").write_bytes(b"a,b\n1,2\n")
    assert record(store, tmp_path / "a.csv", keep="redacted") == record(store, tmp_path / "a.csv", keep=True)


def test_a_redacted_copy_is_no_problem_of_a_strict_run(store: Store, tmp_path: Path) -> None:
    """It was asked for; `True` raises for the same file, once that is recorded."""
    (tmp_path / "a.txt").write_text(TOKEN)
    with store.run("job", strict=True) as run:
        run.output("file", "a.txt", keep="redacted")
        with pytest.raises(RunstoneError, match="not_kept:redacted:github-token"):
            run.output("file", "a.txt", keep=True)
    names = [data["name"] for data in of_type(store, run.run_id, "output")]
    assert names == ["a.txt", "a.redacted.txt", "a.txt"]


@pytest.mark.parametrize(
    ("name", "copied"),
    [
        ("a/b.csv", "a/b.redacted.csv"),
        (".env", ".env.redacted"),
        ("Makefile", "Makefile.redacted"),
        ("../x.y", "file.redacted"),
        (f"{TOKEN}.txt", "REDACTED-github-token.redacted"),
    ],
)
def test_a_copy_has_a_name_that_tells(store: Store, tmp_path: Path, name: str, copied: str) -> None:
    """`.redacted` before the extension; a name that no bundle may hold is replaced, as any file's is."""
    (tmp_path / "data").write_text(f"x {TOKEN}\n")
    _, copy = record(store, tmp_path / "data", name=name, keep="redacted")
    assert copy["path"] == f"artifacts/{copied}"
    assert TOKEN.encode() not in on_disk(store)


def test_copies_of_one_name_are_numbered(store: Store, tmp_path: Path) -> None:
    """A copy does not take the place of another file."""
    (tmp_path / "a.txt").write_text(TOKEN)
    (tmp_path / "a.redacted.txt").write_text("clean")
    with store.run("job") as run:
        for name in ("a.redacted.txt", "a.txt", "a.txt"):
            run.output("file", name, keep="redacted")
    paths = [data["path"] for data in of_type(store, run.run_id, "output") if data["path"]]
    assert paths == [f"artifacts/a.redacted{number}.txt" for number in ("", "-2", "-3")]
    assert store.verify(run.run_id).ok


@pytest.mark.parametrize("line", ["x" * 99 + "\n", "x" * 99])
@pytest.mark.parametrize("at", [artifacts.CHUNK_BYTES, search.SLICE_BYTES, 64 * 1024])
def test_a_secret_that_two_reads_divide_is_out(store: Store, tmp_path: Path, at: int, line: str) -> None:
    """Wherever the border of two reads or two parts falls in it, with line ends and without."""
    text = (line * (artifacts.CHUNK_BYTES // 50))[: artifacts.CHUNK_BYTES * 2]
    places = [at - 20, at - 1000, at + 1000]
    for place in places:
        text = f"{text[:place]} {TOKEN} {text[place + len(TOKEN) + 2 :]}"
    (tmp_path / "big.txt").write_text(text)
    _, copy = record(store, tmp_path / "big.txt", keep="redacted")
    assert kept_bytes(store, copy).decode() == text.replace(TOKEN, MARKED)


def test_every_known_shape_is_out_of_a_copy(store: Store, tmp_path: Path) -> None:
    """Secrets of each planted rule, among lines: none is in the store, and all that is no secret is in the copy."""
    planted = [found for group in secrets(3).values() for found in group]
    planted.sort(key=lambda found: "-----BEGIN" in found.text and "-----END" not in found.text)  # takes what follows
    random = Random(5)
    lines = [f"line {number} {drawn(random, 'abc ', 60)}" for number in range(4000)]
    text = ""
    for number, found in enumerate(planted):
        text += "\n".join(lines[number * 30 : number * 30 + 30]) + f"\n{found.text}\n\n"
    (tmp_path / "all.txt").write_text(text)
    _, copy = record(store, tmp_path / "all.txt", keep="redacted")
    left = on_disk(store).decode("latin-1")
    assert [found.secret for found in planted if found.secret in left] == []
    kept = kept_bytes(store, copy).decode()
    assert all(line in kept for line in text.split("\n") if line.startswith("line "))


@pytest.mark.parametrize("coding", ["utf-8-sig", "utf-16", "utf-16-be", "utf-32", "utf-32-be", "latin-1"])
def test_text_of_another_encoding_stays_in_it(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, coding: str
) -> None:
    """A byte order mark tells it; the copy is the same text in the same encoding, without the secret."""
    monkeypatch.setattr(artifacts, "CHUNK_BYTES", 9_999)  # divides characters and secrets
    text = f"Größe: 1\nt: {TOKEN}\nv: {DECLARED}\n" * 1_000
    mark = "\ufeff" if coding.endswith("-be") else ""
    (tmp_path / "a.txt").write_bytes((mark + text).encode(coding))
    _, copy = record(store, tmp_path / "a.txt", keep="redacted")
    clean = text.replace(TOKEN, MARKED).replace(DECLARED, "[REDACTED:declared]")
    assert kept_bytes(store, copy) == (mark + clean).encode(coding)
    assert copy["redacted_from"]["rules"] == ["github-token", "declared"]


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xfe" + f"t: {TOKEN}\n".encode("utf-16-le") + b"\x00\xdc\x00\x00",
        b"\xff\xfe" + f"t: {TOKEN}\n".encode("utf-16-le") + b"\x00",
    ],
    ids=["a lone surrogate", "half a character"],
)
def test_wide_text_that_cannot_be_decoded_is_not_kept(store: Store, tmp_path: Path, body: bytes) -> None:
    """Nothing of it is: the reason is in the only event."""
    (tmp_path / "a.txt").write_bytes(body)
    (event,) = record(store, tmp_path / "a.txt", keep="redacted")
    assert (event["path"], event["problem"]) == (None, "not_kept:redacted:github-token")
    assert event["sha256"] == sha256_hex(body)
    assert TOKEN.encode() not in on_disk(store).replace(b"\0", b"")


@pytest.mark.parametrize("coding", ["utf-16-le", "utf-32-be"])
def test_wide_text_without_its_mark_stays_wide(store: Store, tmp_path: Path, coding: str) -> None:
    """Nothing but its zeros tells the encoding: the marks have them, too."""
    text = f"one\nt: {TOKEN}\nv: {DECLARED}\n" * 100
    (tmp_path / "a.txt").write_bytes(text.encode(coding))
    _, copy = record(store, tmp_path / "a.txt", keep="redacted")
    clean = text.replace(TOKEN, MARKED).replace(DECLARED, "[REDACTED:declared]")
    assert kept_bytes(store, copy).decode(coding) == clean


def test_a_binary_file_is_copied_with_marks(store: Store, tmp_path: Path) -> None:
    """Every byte but those of the secret stays what it is."""
    random = Random(3)
    noise = [random.randbytes(300_000) for _ in range(2)]
    (tmp_path / "a.bin").write_bytes(noise[0] + b"\0" + TOKEN.encode() + b"\0" + noise[1])
    _, copy = record(store, tmp_path / "a.bin", keep="redacted")
    assert kept_bytes(store, copy) == noise[0] + b"\0" + MARKED.encode() + b"\0" + noise[1]


def test_a_value_in_both_encodings_of_one_file_is_out(store: Store, tmp_path: Path) -> None:
    """As UTF-8 and as Latin-1, in a part that is neither as a whole."""
    value = "größtes-geheimnis"
    (tmp_path / "a.txt").write_bytes(b"a " + value.encode() + b"\nb " + value.encode("latin-1") + b"\n")
    with store.run("job", secrets=[value]) as run:
        run.output("file", "a.txt", keep="redacted")
    _, copy = of_type(store, run.run_id, "output")
    assert kept_bytes(store, copy) == b"a [REDACTED:declared]\nb [REDACTED:declared]\n"


def test_a_copy_in_which_something_is_still_found_is_not_kept(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy is searched like any kept file: what redaction left in it keeps it out."""
    (tmp_path / "a.txt").write_text(f"{DECLARED}\n{TOKEN}\n")
    whole = Redactor.text

    def partly(self: Redactor, text: str) -> tuple[str, list[str]]:
        if TOKEN not in text:
            return whole(self, text)
        return text.replace(DECLARED, "[REDACTED:declared]"), ["declared"]

    monkeypatch.setattr(Redactor, "text", partly)
    (event,) = record(store, tmp_path / "a.txt", keep="redacted")
    assert (event["path"], event["problem"]) == (None, "not_kept:redacted:github-token")
    assert TOKEN.encode() not in on_disk(store)


@pytest.mark.parametrize("keep", [True, "redacted"])
def test_a_redactor_that_fails_keeps_nothing(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keep: bool | str
) -> None:
    """The work goes on, and the event tells why."""
    (tmp_path / "a.txt").write_text(f"{TOKEN}\n")
    with store.run("job") as run:
        monkeypatch.setattr(Redactor, "places", lambda *_: 1 / 0)
        run.output("file", "a.txt", keep=keep)
        monkeypatch.undo()
    (event,) = of_type(store, run.run_id, "output")
    assert (event["path"], event["problem"]) == (None, "not_kept:redacted:redactor-failed")
    assert TOKEN.encode() not in on_disk(store)


def test_a_redactor_that_fails_on_the_copy_keeps_nothing(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it cannot take out is no part of a copy, nor is what stands around it."""
    (tmp_path / "a.txt").write_text(f"a line\n{TOKEN}\n")
    whole = Redactor.text
    monkeypatch.setattr(Redactor, "text", lambda self, text: 1 / 0 if TOKEN in text else whole(self, text))
    (event,) = record(store, tmp_path / "a.txt", keep="redacted")
    assert (event["path"], event["problem"]) == (None, "not_kept:redacted:redactor-failed")
    assert TOKEN.encode() not in on_disk(store)


def test_a_copy_from_which_nothing_was_taken_is_not_kept(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file in which a secret was found has become another since."""
    (tmp_path / "a.txt").write_text(f"{TOKEN}\n")
    monkeypatch.setattr(search.Search, "cleaned", lambda *_: iter([b"clean now\n"]))
    (event,) = record(store, tmp_path / "a.txt", keep="redacted")
    assert (event["path"], event["problem"]) == (None, "not_kept:redacted:github-token")


def test_many_marks_in_a_file_are_no_secrets(store: Store, tmp_path: Path) -> None:
    """Wherever a border of the search falls between a name and the end of its mark."""
    (tmp_path / "a.log").write_text(
        "".join(f"{'-' * (n % 61)} password=[REDACTED:named-secret]\n" for n in range(10_000))
    )
    (event,) = record(store, tmp_path / "a.log", keep=True)
    assert event["path"] == "artifacts/a.log"


@pytest.mark.parametrize("secret", ["password=[REDACTED:hunter-two", "password=[REDA", f"[{DECLARED}"])
def test_what_only_begins_like_a_mark_is_searched(store: Store, tmp_path: Path, secret: str) -> None:
    """At the end of a file no mark can follow."""
    (tmp_path / "a.txt").write_text(secret)
    expected = next((place.rule for place in Redactor({DECLARED: "declared"}).places(secret)), None)
    (event,) = record(store, tmp_path / "a.txt", keep=True)
    assert event.get("problem") == (None if expected is None else f"not_kept:redacted:{expected}")


@pytest.mark.parametrize("change", ["grows", "shrinks", "goes"])
def test_a_file_that_changes_while_its_copy_is_made(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """As with `True`: no digest of a mixture, and no copy."""
    path = tmp_path / "a.txt"
    path.write_text(f"{TOKEN}\n" * 10)
    stat = os.fstat
    seen: list[int] = []

    def changing(fd: int) -> os.stat_result:
        found = stat(fd)
        seen.append(fd)
        if len(seen) == 2:  # the first look has found the secret; this is the second
            if change == "goes":
                path.unlink()
            else:
                path.write_text(f"{TOKEN}\n" * (20 if change == "grows" else 3))
                os.utime(path, ns=(0, 1))
        return found

    with store.run("job") as run:
        monkeypatch.setattr(artifacts.os, "fstat", changing)
        run.output("file", path, keep="redacted")
        monkeypatch.undo()
    found = of_type(store, run.run_id, "output")
    if change == "goes":  # who has it open reads it to its end
        assert len(found) == 2
    else:
        assert [(event["sha256"], event["problem"]) for event in found] == [(None, "changed_while_read")]
    assert TOKEN.encode() not in on_disk(store)


SPEND = """
import resource, sys
import runstone
store = runstone.open(sys.argv[1])
with store.run("job") as run:
    run.output("file", sys.argv[2], keep="redacted")
    run.output("file", sys.argv[2], keep="anyway", asked_by="the test")
paths = [event["data"].get("path") for event in store.get(run.run_id).events("output")]
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, paths)
"""


def spent(tmp_path: Path, megabytes: int) -> int:
    """Kilobytes that a process takes which keeps a file of so many megabytes."""
    line = b"2026-01-02 03:04:05 INFO an ordinary line of a log, without anything in it\n"
    block = line * ((1 << 20) // len(line))
    with (tmp_path / "large").open("wb") as file:
        for _ in range(megabytes):
            file.write(block)
        file.write(b"t: " + TOKEN.encode() + b"\n")
    words = [sys.executable, "-c", SPEND, str(tmp_path / f"s{megabytes}"), str(tmp_path / "large")]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.count("artifacts/") == 2, done.stdout
    return int(done.stdout.split()[0]) // (1024 if sys.platform == "darwin" else 1)


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """A file ten times as large takes the same memory, copied and kept anyway."""
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > 0
    assert spent(tmp_path, 40) - spent(tmp_path, 4) < 8 * 1024


def test_a_file_that_was_not_kept_leaves_its_name_free(store: Store, tmp_path: Path) -> None:
    """Who is kept under that name later has it without a number."""
    (tmp_path / "a.txt").write_text(TOKEN)
    with store.run("job") as run:
        run.output("file", "a.txt", keep=True)
        (tmp_path / "a.txt").write_text("clean now")
        run.output("file", "a.txt", keep=True)
    assert [data["path"] for data in of_type(store, run.run_id, "output")] == [None, "artifacts/a.txt"]


# anyway


def test_a_file_kept_anyway_says_who_asked(store: Store, tmp_path: Path) -> None:
    """Byte for byte, with the rules that were found and a warning in the log; no event shows a value."""
    body = f"t: {TOKEN}\nv: {DECLARED}\n".encode()
    (tmp_path / "a.txt").write_bytes(body)
    with store.run("job", secrets=[DECLARED]) as run:
        run.output("file", "a.txt", keep="anyway", asked_by="Operations")
    (event,) = of_type(store, run.run_id, "output")
    assert store.get(run.run_id).file(event["path"]) == body
    assert (event["sha256"], event["size"]) == (sha256_hex(body), len(body))
    assert sorted(event["kept_anyway"].pop("rules")) == ["declared", "github-token"]
    assert event["kept_anyway"] == {"asked_by": "Operations"}
    assert "problem" not in event
    (log,) = of_type(store, run.run_id, "log")
    assert log["level"] == "warning"
    assert log["text"].startswith("a.txt is kept anyway, asked by Operations; secrets were found in it: ")
    journal = (tmp_path / "runs" / run.run_id / "events.jsonl").read_bytes()
    assert TOKEN.encode() not in journal
    assert DECLARED.encode() not in journal
    assert store.verify(run.run_id).ok


def test_a_clean_file_kept_anyway_says_so(store: Store, tmp_path: Path) -> None:
    """No rule, no warning; who asked is told all the same."""
    (tmp_path / "a.txt").write_text("nothing\n")
    with store.run("job") as run:
        run.output("file", "a.txt", keep="anyway", asked_by="Operations")
    (event,) = of_type(store, run.run_id, "output")
    assert event["kept_anyway"] == {"asked_by": "Operations", "rules": []}
    assert of_type(store, run.run_id, "log") == []


def test_who_asked_is_redacted_like_any_text(store: Store, tmp_path: Path) -> None:
    """A name is no way around the redactor."""
    (tmp_path / "a.txt").write_text(f"{TOKEN}\n")
    with store.run("job") as run:
        run.output("file", "a.txt", keep="anyway", asked_by=f"me {DECLARED} {TOKEN}")
    (event,) = of_type(store, run.run_id, "output")
    assert event["kept_anyway"]["asked_by"] == f"me {DECLARED} {MARKED}"
    assert TOKEN.encode() not in (tmp_path / "runs" / run.run_id / "events.jsonl").read_bytes()


def test_a_file_kept_anyway_that_cannot_be_kept(store: Store, tmp_path: Path) -> None:
    """It is told as any other; nobody is named for what was not done."""
    (event,) = record(store, tmp_path / "absent", keep="anyway", asked_by="Operations")
    assert (event["problem"], "kept_anyway" in event) == ("not_found", False)


# wrong words

WRONG: list[dict[str, Any]] = [
    {"keep": "yes"},
    {"keep": 1},
    {"keep": ["redacted"]},
    {"keep": "anyway"},
    {"keep": "anyway", "asked_by": " "},
    {"keep": "anyway", "asked_by": 3},
]


@pytest.mark.parametrize("words", WRONG, ids=json.dumps)
def test_a_wrong_way_raises_in_a_strict_run(store: Store, tmp_path: Path, words: dict[str, Any]) -> None:
    """Nothing is recorded of such a call."""
    (tmp_path / "a.txt").write_text("x")
    with store.run("job", strict=True) as run, pytest.raises(RunstoneError, match="keep") as caught:
        run.output("file", "a.txt", **words)
    assert caught.value.code == "invalid_option"
    assert of_type(store, run.run_id, "output") == []


@pytest.mark.parametrize("words", WRONG, ids=json.dumps)
def test_a_wrong_way_keeps_nothing(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: dict[str, Any]
) -> None:
    """The file is recorded by reference with the reason, which is said as well."""
    (tmp_path / "a.txt").write_text("x")
    (event,) = record(store, tmp_path / "a.txt", **words)
    assert (event["path"], event["problem"]) == (None, "not_kept:invalid_option")
    assert event["sha256"] == sha256_hex(b"x")
    assert "keep" in capsys.readouterr().err
