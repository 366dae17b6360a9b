"""No secret reaches the disk through a run: not escaped, not as a number, not beside threads, not if it is long."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from runstone.engine import artifacts
from runstone.engine.facts import MESSAGE_CHARACTERS, TRACEBACK_CHARACTERS
from runstone.engine.store import Store

from .scenes import TOKEN, events, of_type, open_store

AWKWARD = 'pa"ss\\wo\nrd-ü9'


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store whose host has no secrets of its own."""
    return open_store(tmp_path / "runs")


def on_disk(store: Store) -> bytes:
    """Every byte below the store's root."""
    return b"".join(path.read_bytes() for path in sorted(Path(store.url).rglob("*")) if path.is_file())


@pytest.mark.parametrize("printed", [json.dumps(AWKWARD), json.dumps(AWKWARD, ensure_ascii=False)])
@pytest.mark.parametrize("warm", [False, True])
def test_a_value_in_logged_json_goes(store: Store, printed: str, warm: bool) -> None:
    """Text that holds the value escaped is escaped once more in the line: the gate must see it there."""
    with store.run("k", run_id="a", secrets=[AWKWARD]) as run:
        if warm:
            run.redactor.gate.warm()
        run.log(f'{{"password": {printed}}}')
    assert of_type(store, "a", "log")[0]["text"] == '{"password": "[REDACTED:declared]"}'
    assert json.dumps(printed)[2:-2].encode() not in on_disk(store)


def test_a_number_that_was_declared_goes(store: Store) -> None:
    """A PIN in the configuration is one, with and without quotes."""
    with store.run("k", run_id="a", secrets=["73519284"]) as run:
        run.config({"pin": 73519284, "text": "73519284"})
    (config,) = of_type(store, "a", "config")
    assert config["value"] == {"pin": "[REDACTED:declared]", "text": "[REDACTED:declared]"}
    assert b"73519284" not in on_disk(store)
    assert events(store, "a")[-1]["data"]["redactions"] == 2


def test_a_measured_size_is_no_secret(store: Store, tmp_path: Path) -> None:
    """A file whose size reads like a declared value is recorded all the same."""
    (tmp_path / "a.bin").write_bytes(b"x" * 4096)
    with store.run("k", run_id="a", secrets=["4096"]) as run:
        run.output("file", tmp_path / "a.bin", keep=True)
    (output,) = of_type(store, "a", "output")
    assert output["size"] == 4096


def test_a_long_secret_does_not_stop_recording(store: Store) -> None:
    """A value of some thousand bytes: everything is recorded but the value, also once the gate is compiled."""
    value = "s" * 4_100
    with store.run("k", run_id="a", secrets=[value]) as run:
        for _ in range(300):
            run.log("an ordinary line")
        run.log(f"<{value}>")
    logs = [data["text"] for data in of_type(store, "a", "log")]
    assert logs == ["an ordinary line"] * 300 + ["<[REDACTED:declared]>"]


def test_a_file_is_searched_without_the_gate_of_the_run(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other threads record while a file is read, and the run's gate serves one thread at a time."""
    (tmp_path / "a.txt").write_text("x" * 200_000 + " " + TOKEN)
    run = store.run("k", run_id="a")

    def guarded(data: bytes) -> bool:
        assert len(data) < 100_000, "a file is searched with the run's gate"
        return True

    monkeypatch.setattr(run.redactor.gate, "hit", guarded)
    run.output("file", tmp_path / "a.txt", keep=True)
    run.finish("success")
    (output,) = of_type(store, "a", "output")
    assert output["problem"] == "not_kept:redacted:github-token"


def kept(store: Store, path: Path, secret: str) -> dict[str, Any]:
    with store.run("k", secrets=[secret]) as run:
        run.output("file", path, keep=True)
    return of_type(store, run.run_id, "output")[0]


@pytest.mark.parametrize("before", [1, 20_000, 39_999])
def test_a_long_value_over_the_border_of_two_chunks_is_found(store: Store, tmp_path: Path, before: int) -> None:
    """The second chunk is searched with as much of the first as the longest value has."""
    value = "".join(Random(1).choices("abcdef", k=40_000))
    (tmp_path / "a.txt").write_text("x" * (artifacts.CHUNK_BYTES - before) + value + "y")
    output = kept(store, tmp_path / "a.txt", value)
    assert (output["path"], output["problem"]) == (None, "not_kept:redacted:declared")


def test_a_file_that_only_begins_like_a_value_is_kept(store: Store, tmp_path: Path) -> None:
    """The gate knows the beginning of a long value; what decides is the whole of it."""
    value = "".join(Random(1).choices("abcdef", k=500))
    (tmp_path / "a.txt").write_text(value[:-1] + "-")
    assert kept(store, tmp_path / "a.txt", value)["path"] == "artifacts/a.txt"


VALUE = "Qw7rTz" + "Kp9xLm2v"


def test_the_id_that_a_check_gets_of_its_name_has_no_secret(store: Store) -> None:
    """In lower case nothing would find it any more."""
    with store.run("k", run_id="a", secrets=[VALUE]) as run:
        run.check(f"{TOKEN} and {VALUE}", "pass")
        run.check("Row Count", "pass")
        run.check("Row Count", "pass")
    ids = [data["id"] for data in of_type(store, "a", "check")]
    assert ids == ["redacted_github_token_and_redacted_declared", "row_count", "row_count"]
    assert VALUE.lower().encode() not in on_disk(store).lower()


@pytest.mark.parametrize("kind", ["x.hunter2-xq9", "x.a.hunter2-xq9.b"])
def test_the_type_of_an_event_that_holds_a_secret_names_the_rule(store: Store, kind: str) -> None:
    """The fact is kept; of another run, which was not told the value, the type is what it is."""
    with store.run("k", run_id="b") as run:
        run.event(kind, {"a": 1})
    with store.run("k", run_id="a", secrets=["hunter2-xq9"]) as run:
        for _ in range(2):
            run.event(kind, {"a": 1})
    assert [event["type"] for event in events(store, "b")][1:-1] == [kind]
    assert [event["type"] for event in events(store, "a")][1:-1] == ["x.redacted-declared"] * 2


@pytest.mark.parametrize("secret", [TOKEN, VALUE], ids=["token", "declared"])
@pytest.mark.parametrize("left", [2, 7, 12])
def test_no_end_of_what_is_told_of_an_exception_divides_a_secret(store: Store, secret: str, left: int) -> None:
    """Of a message the beginning is recorded, of a traceback the end: half of a secret is none that is found."""
    for run_id, message in (
        ("a", "x" * (MESSAGE_CHARACTERS - left - 1) + f" {secret} more"),
        ("b", f"{'x' * 9_000} {secret} {'y ' * 9_000}"[: 9_001 + TRACEBACK_CHARACTERS - 2 + left]),
    ):
        with pytest.raises(ValueError, match=secret), store.run("k", run_id=run_id, secrets=[VALUE]):
            raise ValueError(message)
    found = on_disk(store)
    assert secret[:left].encode() + b'"' not in found
    assert not any(secret[at : at + 6].encode() in found for at in range(len(secret) - 5))
    assert events(store, "a")[-1]["data"]["redactions"] >= 1
