"""`StateStore`: what is put is there, byte by byte, in little space; what goes is gone; keys open what they closed."""

from __future__ import annotations

import hmac
import json
import os
import random
import sqlite3
import subprocess
import sys
import threading
from itertools import pairwise
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

import runstone
from runstone.engine.state_records import CACHE_BYTES, StateRecords
from runstone.engine.states import framed, unframed
from runstone.errors import Damaged, InvalidInput, NotFound, RunstoneError
from runstone.locate import open_state_records
from runstone.ports.states import Place
from runstone.testing.ground import code_of
from runstone.testing.racing import race

KEY = "00112233445566778899aabbccddeeff" * 2
OTHER_KEY = "ff" * 32


@pytest.fixture(params=["memory", "sqlite"])
def store(request, tmp_path: Path):
    url = "memory:" if request.param == "memory" else f"sqlite:{tmp_path / 'states.db'}"
    with runstone.open_states(url) as opened:
        yield opened


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "states.db"


def noise(size: int, seed: int) -> bytes:
    return random.Random(seed).randbytes(size)


# put and get


@pytest.mark.parametrize(
    "state",
    [
        None,
        True,
        0,
        -1.5,
        "",
        "text é 🧱 \0",
        [],
        {},
        {"b": [1, {"a": None}], "a": ""},
        b"",
        b"\0\xff",
        noise(100_000, 1),
    ],
    ids=str,
)
def test_a_state_comes_back_as_it_was_put(store, state) -> None:
    """JSON values and bytes; absent is another thing than null and empty."""
    store.put("t", 1, state)
    found = store.get("t", 1)
    assert (found.state, type(found.state)) == (state, type(state))
    assert store.get("t", 2) is None


def test_a_checkpoint_says_where_it_stands(store) -> None:
    """Thread, namespace, step, parent, run and metadata, the same in the answer, when it is read and in a list."""
    store.put("t", 1, "a")
    put = store.put("t", 7, "b", run="run-1", metadata={"node": "plan"})
    assert (put.thread, put.namespace, put.step, put.parent, put.run_id) == ("t", "", 7, 1, "run-1")
    assert (put.metadata, put.redacted, put.state) == ({"node": "plan"}, False, "b")
    assert put == store.get("t") == store.get("t", 7) == store.list("t")[0]


def test_steps_are_numbers_or_texts_in_order(store) -> None:
    """Numbers by size, texts by their bytes; a parent can be named: forks go side by side."""
    for step in (2, 10, 9):
        store.put("t", step, step)
    store.put("t", "zz", "text", parent=9)
    assert [found.step for found in store.list("t")] == ["zz", 10, 9, 2]
    assert [found.parent for found in store.list("t")] == [9, 2, 2, None]


def test_a_step_that_is_put_again_is_replaced(store) -> None:
    """The new state stands, and there is one of it."""
    store.put("t", 1, b"a" * 1000)
    store.put("t", 1, b"b" * 1000)
    assert (store.get("t").state, len(store.list("t"))) == (b"b" * 1000, 1)


def test_the_current_run_is_named(store, tmp_path: Path) -> None:
    """As the one that made the step; another one can be named."""
    with runstone.open(tmp_path / "runs").run("k") as run:
        assert store.put("t", 1, 1).run_id == run.run_id
        assert store.put("t", 2, 1, run="another").run_id == "another"
    assert store.put("t", 3, 1, run=run).run_id == run.run_id
    assert store.put("t", 4, 1).run_id is None


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("t", 1, float("nan")), "not_json"),
        (("t", 1, {1: 2}), "not_json"),
        (("t", 1, object()), "not_json"),
        (("t", 1, "\ud800"), "lone_surrogate"),
        (("t", -1, 1), "invalid_option"),
        (("t", True, 1), "invalid_option"),
        (("t", "", 1), "invalid_option"),
        (("t", 1.0, 1), "invalid_option"),
        (("t", 10**20, 1), "invalid_option"),
        ((7, 1, 1), "invalid_option"),
        (("\udfff", 1, 1), "invalid_option"),
        (("t" * 4097, 1, 1), "invalid_option"),
    ],
)
def test_what_cannot_be_stored_is_refused(store, arguments, code) -> None:
    """Before anything is."""
    assert code_of(lambda: store.put(*arguments)) == code
    assert code_of(lambda: store.put("t", 1, 1, metadata=[1])) == "invalid_option"
    assert code_of(lambda: store.put("t", 1, 1, metadata={"a": object()})) == "not_json"
    assert store.places() == []


def test_no_name_deletes_nothing(store) -> None:
    """What names no thread, and no run, is an error: none is not all."""
    store.put("t", 0, 1, run="r")
    for name in (None, 7, ["t"], "\ud800"):
        assert code_of(lambda name=name: store.prune(name, keep=0)) == "invalid_option"
        assert code_of(lambda name=name: store.delete(name)) == "invalid_option"
        assert code_of(lambda name=name: store.delete_runs([name])) == "invalid_option"
        assert code_of(lambda name=name: store.put("t", 0, 2, run=7 if name is None else name)) == "invalid_option"
    for wrong in ("r", None, 7):
        assert code_of(lambda wrong=wrong: store.delete_runs(wrong)) == "invalid_option"
    for wrong in (7, "", "ab", ("a",), ("a", None)):
        assert code_of(lambda wrong=wrong: store.places(after=wrong)) == "invalid_option"
    assert code_of(lambda: store.places(7)) == "invalid_option"
    assert store.get("t").state == 1


def test_lists_go_on_where_they_ended(store) -> None:
    """By the step itself, never by a count: what comes in between moves nothing."""
    for step in range(1200):
        store.put("t", step, step)
    page = store.list("t", limit=7)
    store.put("t", 5000, "new")
    more = store.list("t", limit=7, before=page[-1].step)
    assert [found.step for found in [*page, *more]] == list(range(1199, 1185, -1))
    assert len(store.list("t", limit=None)) == 1201
    assert store.list("t", limit=0) == []


def test_places_are_listed(store) -> None:
    """Every pair of thread and namespace, of all or of one thread, from behind one on."""
    for thread in ("b", "a"):
        for namespace in ("", "x"):
            store.put(thread, 1, 1, namespace=namespace)
    assert store.places() == [("a", ""), ("a", "x"), ("b", ""), ("b", "x")]
    assert store.places("b", limit=1) == [("b", "")]
    assert store.places(after=Place("a", "x"), limit=None) == [("b", ""), ("b", "x")]


# what is stored


def test_a_growing_state_stores_what_is_new(path: Path) -> None:
    """Of 200 turns of 2 KB of text the file has less than twice the last state, not a hundred times it."""
    with runstone.open_states(path) as store:
        state = b""
        for step in range(200):
            state += bytes(97 + byte % 26 for byte in noise(2048, step))
            store.put("t", step, state)
        assert store.get("t", 100).state == state[: 101 * 2048]
    assert path.stat().st_size < 2 * len(state)


def test_a_fork_is_stored_beside_its_parent(path: Path) -> None:
    """Not beside the last step of the thread."""
    big, other = noise(200_000, 1), noise(200_000, 2)
    with runstone.open_states(path) as store:
        store.put("t", 1, big)
        store.put("t", 2, other)
        store.put("t", 3, big + b"more", parent=1)
        assert store.get("t", 3).state == big + b"more"
    assert path.stat().st_size < 500_000


def test_any_step_is_read_without_what_is_held(path: Path) -> None:
    """Another process that has nothing in memory reads every step of long chains, and goes on behind them."""
    states = [noise(3000, 1) + bytes(index) for index in range(600)]
    with runstone.open_states(path) as store:
        for step, state in enumerate(states):
            store.put("t", step, state)
    with runstone.open_states(path) as fresh:
        for step in (599, 0, 255, 256, 257, 300):
            assert fresh.get("t", step).state == states[step]
        fresh.put("t", 600, states[-1] + b"x")
    with runstone.open_states(path) as fresh:
        assert fresh.get("t").state == states[-1] + b"x"


def test_a_chain_ends_at_256(path: Path) -> None:
    """However small the deltas are."""
    with runstone.open_states(path) as store:
        for step in range(600):
            store.put("t", step, noise(500, 1) + bytes(step))
    with sqlite3.connect(path) as db:
        found = [number for (number,) in db.execute("SELECT record FROM records WHERE base IS NULL ORDER BY record")]
    db.close()
    assert [after - before for before, after in pairwise(found)] == [257, 257]


def test_memory_is_bounded(path: Path) -> None:
    """What is held comes to so many bytes at most, put or read, and larger blobs are not held at all."""
    records = open_state_records(str(path))
    records = StateRecords(records.states, records._cipher, cache_bytes=50_000)
    store = runstone.StateStore("x", records, lambda: None)
    for step in range(40):
        store.put("t", step, noise(9000, 1) + bytes(step * 10))
        store.put("big", step, noise(60_000, 2) + bytes(step))
        assert records._bytes == sum(len(held.blob) for held in records._held.values()) <= 50_000
    records._forget()
    assert store.get("t", 39).state == noise(9000, 1) + bytes(390)
    assert store.get("big", 39).state == noise(60_000, 2) + bytes(39)
    assert records._bytes == sum(len(held.blob) for held in records._held.values()) <= 50_000
    assert CACHE_BYTES == 64 << 20


# what goes


def test_a_step_is_deleted_and_the_others_stay(store) -> None:
    """Also those that were stored beside it."""
    states = [noise(5000, 1) + noise(10 * step, 2) for step in range(30)]
    for step, state in enumerate(states):
        store.put("t", step, state)
    assert [store.delete("t", step) for step in (0, 5, 6, 29, 29, 77)] == [1, 1, 1, 1, 0, 0]
    left = [step for step in range(30) if step not in (0, 5, 6, 29)]
    assert [found.step for found in store.list("t")] == left[::-1]
    assert [store.get("t", step).state for step in left] == [states[step] for step in left]
    store.put("t", 29, b"again")
    assert store.get("t").state == b"again"


def test_a_state_that_is_deleted_is_told_as_gone(store) -> None:
    """To who has its checkpoint and asks it afterwards."""
    found = store.put("t", 1, "a")
    store.delete("t")
    with pytest.raises(NotFound) as raised:
        _ = found.state
    assert raised.value.code == "state_not_found"


def test_a_namespace_or_a_thread_is_deleted(store) -> None:
    """Of it all, and of others nothing."""
    for thread in ("t", "u"):
        for namespace in ("", "x"):
            for step in range(3):
                store.put(thread, step, step, namespace=namespace)
    assert store.delete("t", namespace="x") == 3
    assert store.delete("t", 1, namespace="x") == 0
    assert store.delete("t") == 3
    assert store.places() == [("u", ""), ("u", "x")]


@pytest.mark.parametrize("limit", [-1, True, 1.5, "2"])
def test_a_limit_is_a_count(store, limit) -> None:
    """What is none is an error, and no empty list."""
    assert code_of(lambda: store.list("t", limit=limit)) == "invalid_option"
    assert code_of(lambda: store.places(limit=limit)) == "invalid_option"
    assert store.list("t", limit=0) == []


def test_a_thread_is_pruned(store) -> None:
    """To the last steps of each namespace, or to those from one on; what stays is as it was."""
    for namespace in ("", "x"):
        for step in range(10):
            store.put("t", step, noise(2000, 1) + bytes(step), namespace=namespace)
    assert store.prune("t", before=4, namespace="x") == 4
    assert [found.step for found in store.list("t", namespace="x")] == [9, 8, 7, 6, 5, 4]
    assert store.prune("t", keep=2) == 8 + 4
    assert [found.step for found in store.list("t")] == [9, 8]
    assert store.get("t", namespace="x").state == noise(2000, 1) + bytes(9)
    assert store.prune("t", keep=0, before=9) == 2
    assert store.prune("none") == store.prune("t", keep=10**30) == 0
    for keep in (-1, True, 1.5):
        assert code_of(lambda keep=keep: store.prune("t", keep=keep)) == "invalid_option"


def test_steps_of_runs_are_deleted(store) -> None:
    """In every thread."""
    for thread in ("t", "u"):
        for step in range(4):
            store.put(thread, step, noise(3000, 1) + bytes(step), run=f"r{step % 2}")
    assert store.delete_runs(["r0", "none"]) == 4
    assert [found.step for found in store.list("t")] == [3, 1]
    assert store.get("u").state == noise(3000, 1) + bytes(3)


def test_a_thread_is_copied(store) -> None:
    """To one that has nothing; both go on by themselves."""
    for step in range(5):
        store.put("t", step, noise(3000, 1) + bytes(step))
    assert (store.copy("t", "u"), store.copy("none", "new")) == (5, 0)
    assert code_of(lambda: store.copy("t", "u")) == "state_exists"
    store.delete("t")
    store.put("u", 5, noise(3000, 1) + bytes(99))
    assert [len(found.state) - 3000 for found in store.list("u")] == [99, 4, 3, 2, 1, 0]


def test_a_base_that_another_deletes_is_not_missed(path: Path) -> None:
    """Who holds a blob whose record is gone is told so, and stores the state whole."""
    with runstone.open_states(path) as store, runstone.open_states(path) as other:
        store.put("t", 1, noise(5000, 1))
        other.delete("t")
        store.put("t", 2, noise(5000, 1) + b"2", parent=1)
        other.put("t", 3, b"other")
        other.delete("t", 2)
        store.put("t", 4, noise(5000, 1) + b"4", parent=2)
        assert other.get("t", 4).state == noise(5000, 1) + b"4"


def emptied(path: Path) -> None:
    """Take the files of a store away."""
    for one in path.parent.glob(f"{path.name}*"):
        one.unlink()


@pytest.mark.parametrize("closed", [False, True])
def test_a_file_in_the_place_of_another_is_another_store(path: Path, closed: bool) -> None:
    """What is held of the old one is never taken for what is in the new one, and puts go on beside that."""
    with runstone.open_states(path) as store, runstone.open_states(path) as other:
        store.put("t", 0, b"old" * 1000)
        if closed:
            store.close()
        emptied(path)
        other.put("t", 0, b"new" * 1000)
        assert store.get("t").state == b"new" * 1000
        store.put("t", 1, b"new" * 1000 + b"1", parent=0)
        assert [found.state for found in other.list("t")] == [b"new" * 1000 + b"1", b"new" * 1000]
    with runstone.open_states(path) as fresh:
        assert fresh.get("t").state == b"new" * 1000 + b"1"


def test_a_put_beside_what_the_old_file_held_is_whole(path: Path) -> None:
    """Also where nothing was read of the new one before."""
    with runstone.open_states(path) as store, runstone.open_states(path) as other:
        store.put("t", 0, noise(5000, 1))
        emptied(path)
        other.put("t", 0, noise(5000, 2))
        store.put("t", 1, noise(5000, 1) + b"1", parent=0)
        assert other.get("t").state == noise(5000, 1) + b"1"


@pytest.mark.parametrize("step", [1, 0])
def test_a_step_that_is_put_again_and_again_takes_no_more_room(path: Path, step: int) -> None:
    """Its old records go, and what other steps rest on stays readable."""
    with runstone.open_states(path) as store:
        store.put("t", 0, noise(3000, 1))
        for number in range(200):
            store.put("t", step, noise(3000, 1) + number.to_bytes(2, "big"))
            if number % 20 == 0:
                store.put("t", 2 + number, noise(3000, 1) + bytes(number), parent=step)
        assert store.get("t", step).state == noise(3000, 1) + (199).to_bytes(2, "big")
    with runstone.open_states(path) as fresh:
        found = {one.step: one.state for one in fresh.list("t", limit=None)}
        assert [found[2 + number] for number in range(0, 200, 20)] == [
            noise(3000, 1) + bytes(number) for number in range(0, 200, 20)
        ]
    with sqlite3.connect(path) as db:
        (records,), (loose,) = (db.execute(f"SELECT count(*) FROM {of}").fetchone() for of in ("records", "loose"))
    db.close()
    assert (loose <= 33, records <= 12 + 33) == (True, True)


def test_a_damaged_step_stops_no_put_of_another(path: Path) -> None:
    """What cannot be written anew stays, and so does what it rests on."""
    with runstone.open_states(path) as store:
        store.put("t", 0, noise(3000, 1))
        store.put("t", 1, noise(3000, 1) + b"1")
        with sqlite3.connect(path) as db:
            db.execute("UPDATE records SET data = zeroblob(100) WHERE record = 2")
        db.close()
        for number in range(60):
            store.put("t", 0, [number])
        assert store.get("t", 0).state == [59]


# redaction


def test_state_is_redacted_only_where_that_is_asked_for(path: Path) -> None:
    """A secret is stored as it is, unless the caller says so; then the checkpoint says it, too."""
    secret = {"token": "ghp_" + "a1B2" * 9, "n": 1}
    with runstone.open_states(path) as store:
        assert store.put("t", 1, secret).state == secret
        put = store.put("t", 2, secret, redact=True, metadata={"password": "hunter2 hunter2"})
        assert (put.redacted, put.state["n"]) == (True, 1)
        assert secret["token"] not in str(put.state)
        assert "hunter2" not in str(put.metadata)
        assert not store.get("t", 1).redacted
    with runstone.open_states(path, redact=True) as store:
        assert store.put("t", 3, secret).redacted
        assert not store.put("t", 4, secret, redact=False).redacted


def test_what_the_current_run_declares_is_taken_out(path: Path, tmp_path: Path) -> None:
    """The redactor is that of the run around."""
    with runstone.open_states(path) as store, runstone.open(tmp_path / "runs").run("k", secrets=["correct horse"]):
        assert "correct horse" not in str(store.put("t", 1, ["correct horse"], redact=True).state)


def test_bytes_cannot_be_redacted(store) -> None:
    """Nothing is known of their form: that is an error, and nothing is stored."""
    assert code_of(lambda: store.put("t", 1, b"x", redact=True)) == "invalid_option"
    assert store.get("t") is None


# encryption


@pytest.fixture
def keyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNSTONE_STATE_KEY", KEY)


def test_encrypted_states_are_read_by_their_key_alone(path: Path, keyed, monkeypatch: pytest.MonkeyPatch) -> None:
    """In another process as well; nothing of them is in the file; another key, or none, is told at once."""
    text = "a very private sentence " * 20
    with runstone.open_states(path) as store:
        for step in range(5):
            store.put("t", step, {"text": text, "n": step}, metadata={"note": "private metadata"})
        store.copy("t", "u")
        store.prune("t", keep=2)
    with runstone.open_states(path) as store:
        assert (store.get("t").state["text"], store.get("u", 0).metadata) == (text, {"note": "private metadata"})
    assert b"private" not in path.read_bytes()
    for key in (OTHER_KEY, ""):
        monkeypatch.setenv("RUNSTONE_STATE_KEY", key)
        for ask in (
            lambda s: s.get("t"),
            lambda s: s.put("t", 9, 1),
            lambda s: s.delete("t"),
            lambda s: s.copy("t", "v"),
        ):
            with runstone.open_states(path) as store:
                assert code_of(lambda store=store, ask=ask: ask(store)) == "invalid_state_key"


def test_a_store_without_a_key_stays_so(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that is set later is refused: half of the states would be open to anybody."""
    with runstone.open_states(path) as store:
        store.put("t", 1, 1)
    monkeypatch.setenv("RUNSTONE_STATE_KEY", KEY)
    with runstone.open_states(path) as store:
        assert code_of(lambda: store.put("t", 2, 2)) == "invalid_state_key"


@pytest.mark.parametrize("write", [True, False])
def test_a_key_is_agreed_anew_with_another_file(path: Path, monkeypatch: pytest.MonkeyPatch, write: bool) -> None:
    """Nothing encrypted goes into one that is plain; one that has no mark yet gets that of who puts first."""
    with runstone.open_states(path) as plain:
        monkeypatch.setenv("RUNSTONE_STATE_KEY", KEY)
        with runstone.open_states(path) as store:
            store.put("t", 0, b"old")
            emptied(path)
            plain.put("u", 0, b"new")
            asked = (lambda: store.put("t", 1, 1, parent=0)) if write else (lambda: store.get("u"))
            assert code_of(asked) == "invalid_state_key"
            assert [place.thread for place in plain.places()] == ["u"]
            emptied(path)
            assert store.get("t") is None
            store.put("t", 2, b"again")
            assert code_of(lambda: plain.get("t")) == "invalid_state_key"
            with runstone.open_states(path) as fresh:
                assert fresh.get("t").state == b"again"


def test_reading_an_empty_store_decides_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who only looks does not settle that there is no key."""
    with runstone.open_states(path) as store:
        assert store.get("t") is None
        monkeypatch.setenv("RUNSTONE_STATE_KEY", KEY)
        with runstone.open_states(path) as other:
            other.put("t", 1, 1)
        assert code_of(lambda: store.get("t")) == "invalid_state_key"


@pytest.mark.parametrize("key", ["short", "g" * 64, "0" * 63, "é" * 64, "0" * 66])
def test_a_key_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    """And not repeated by the error."""
    monkeypatch.setenv("RUNSTONE_STATE_KEY", key)
    with pytest.raises(InvalidInput) as raised:
        runstone.open_states("memory:")
    assert raised.value.code == "invalid_state_key"
    assert key not in str(raised.value) + str(raised.value.details)


def test_encryption_asks_for_its_extra(keyed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is stored in the clear because a library is missing."""
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
    with pytest.raises(InvalidInput, match=r"runstone\[state\]") as raised:
        runstone.open_states("memory:")
    assert raised.value.code == "missing_extra"


@pytest.mark.parametrize("column", ["thread", "namespace", "channel", "version"])
def test_what_is_moved_does_not_open(path: Path, keyed, column: str) -> None:
    """A state is bound to its place: put under another thread, namespace, step or channel it is damaged."""
    with runstone.open_states(path) as store:
        store.put("t", 1, "a" * 100, namespace="n")
    with sqlite3.connect(path) as db:
        table = "spaces" if column in ("thread", "namespace") else "records"
        db.execute(f"UPDATE {table} SET {column} = 'moved'")
    db.close()
    with runstone.open_states(path) as store:
        place = store.places()[0]
        records = store.records
        found = records.states.get(place, None)
        use = found.uses[0]
        with pytest.raises(Damaged):
            records.blob(place, use)


def test_changed_bytes_of_what_is_encrypted_are_found(path: Path, keyed) -> None:
    """Of the state and of its metadata, every seventh."""
    with runstone.open_states(path) as store:
        store.put("t", 1, "a" * 100)
    for table, column in (("records", "data"), ("steps", "metadata")):
        with sqlite3.connect(path) as db:
            data = db.execute(f"SELECT {column} FROM {table}").fetchone()[0]
        db.close()
        for at in range(0, len(data), 7):
            with sqlite3.connect(path) as db:
                db.execute(f"UPDATE {table} SET {column} = ?", (data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :],))
            db.close()
            with runstone.open_states(path) as store:
                assert code_of(lambda store=store: store.get("t").state) == "state_damaged"
        with sqlite3.connect(path) as db:
            db.execute(f"UPDATE {table} SET {column} = ?", (data,))
        db.close()


def test_the_page_is_enough_to_open_what_is_encrypted(path: Path, keyed) -> None:
    """By docs/format/state-1.md, 5 alone: the mark, and a state with its metadata."""
    with runstone.open_states(path) as store:
        store.put("tö", 7, b"some state", namespace="n", metadata={"a": 1})
    with sqlite3.connect(path) as db:
        mark = db.execute("SELECT value FROM about WHERE key = 'mark'").fetchone()[0]
        channel, version, data = db.execute("SELECT channel, version, data FROM records").fetchone()
        step, metadata = db.execute("SELECT step, metadata FROM steps").fetchone()
    db.close()
    key = bytes.fromhex(KEY)
    digits = hmac.new(key, b"runstone-state/1", "sha256").hexdigest()[:16]
    assert mark == f"aes-256-gcm:{digits}"

    def opened(sealed: bytes, *names: str) -> bytes:
        bound = json.dumps(["runstone-state/1", *names], ensure_ascii=False, separators=(",", ":")).encode()
        return AESGCM(key).decrypt(sealed[:12], sealed[12:], bound)

    record = opened(data, "blob", "tö", "n", channel, version)
    assert b"some state" in record
    assert b'"a":1' in opened(metadata, "metadata", "tö", "n", step)


# damage


@pytest.mark.parametrize("key", ["", KEY], ids=["plain", "encrypted"])
def test_a_damaged_file_is_told_and_gives_no_other_state(path: Path, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    """Flipped bits, scribbled bytes, a lost end: an error of the family, or a state as it was put; never a torn one."""
    monkeypatch.setenv("RUNSTONE_STATE_KEY", key)
    with runstone.open_states(path) as states:
        put = {step: {"said": [noise(40, number).hex() for number in range(step)]} for step in range(20)}
        for step, state in put.items():
            states.put("t", step, state)
    whole, draw, codes = path.read_bytes(), random.Random(7), set()
    for trial in range(120):
        data = bytearray(whole)
        start = draw.randrange(len(data))
        if trial % 3 == 0:
            data[start] ^= 1 << draw.randrange(8)
        elif trial % 3 == 1:
            data[start : start + 2048] = draw.randbytes(len(data[start : start + 2048]))
        else:
            del data[start:]
        path.write_bytes(data)
        with runstone.open_states(path) as states:
            try:
                for found in states.list("t", limit=None):
                    assert found.state in put.values()
                states.put("t", 20, {})
                states.prune("t", keep=2)
            except RunstoneError as exc:
                codes.add(exc.code)
        for left in path.parent.glob("states.db-*"):
            left.unlink()
    assert "state_damaged" in codes


def test_a_delta_is_made_of_its_own_base_alone(path: Path) -> None:
    """Records that were exchanged are damage, and not another state."""
    with runstone.open_states(path) as store:
        for step in range(3):
            store.put("t", step, noise(500, 1) + bytes(step))
        store.put("t", 3, noise(600, 2))
    with sqlite3.connect(path) as db:
        db.execute("UPDATE records SET base = (SELECT max(record) FROM records) WHERE version LIKE '%1'")
    db.close()
    with runstone.open_states(path) as store:
        assert code_of(lambda: store.get("t", 1).state) == "state_damaged"
        assert store.get("t", 0).state == noise(500, 1)


def test_a_step_of_another_saver_is_listed_and_not_read(store) -> None:
    """Its state is that engine's own; the error says so."""
    store.records.put(
        Place("t", ""),
        "1",
        parent=None,
        runs=(),
        metadata=framed("other", b"?"),
        channels={"messages": "1"},
        changed=("messages",),
        blob_of=lambda _: b"x",
    )
    found = store.get("t")
    assert found.metadata == {}
    assert code_of(lambda: found.state) == "state_not_found"


def test_a_frame_says_what_it_is() -> None:
    """And what is none is damaged."""
    assert unframed(framed("json", b"x")) == ("json", b"x")
    assert code_of(lambda: unframed(b"")) == code_of(lambda: unframed(b"\x09x")) == "state_damaged"


# threads and processes


def test_fifty_threads_put_at_once(path: Path) -> None:
    """Into threads of their own and one that all share; every state is there."""
    with runstone.open_states(path) as store:

        def work(racer: int) -> str:
            for step in range(4):
                store.put(f"own {racer}", step, noise(500, racer) + bytes(step))
                store.put("shared", f"{racer:02}.{step}", [racer, step])
            return "done"

        assert race(work, racers=50) == ["done"] * 50
        assert [found.state for found in store.list("shared", limit=3)] == [[49, 3], [49, 2], [49, 1]]
        assert len(store.list("shared", limit=None)) == 200
        assert {store.get(f"own {racer}").state == noise(500, racer) + bytes(3) for racer in range(50)} == {True}


def test_a_fork_puts_through_what_it_inherits(path: Path) -> None:
    """While another thread of its parent puts: locks and connection are its own."""
    with runstone.open_states(path) as store:
        stop = threading.Event()

        def busy() -> None:
            step = 0
            while not stop.is_set():
                store.put("busy", step, noise(1000, 1) + bytes(step % 100))
                step += 1

        thread = threading.Thread(target=busy)
        store.put("t", 0, b"parent")
        thread.start()
        try:
            for number in range(5):
                child = os.fork()
                if child == 0:
                    try:
                        store.put("t", number + 1, noise(100, number), parent=0)
                    finally:
                        os._exit(0)
                assert os.waitpid(child, 0)[1] == 0
        finally:
            stop.set()
            thread.join()
        assert [found.state for found in store.list("t")][:5] == [noise(100, number) for number in range(4, -1, -1)]


SETTINGS = "import runstone; print(runstone.open_states().url)"


def test_the_store_is_found_by_its_setting(tmp_path: Path) -> None:
    """`RUNSTONE_STATES`, else `./states.db`; a scheme that nobody serves is refused; opening writes nothing."""
    shown = []
    for environment in ({}, {"RUNSTONE_STATES": "elsewhere.db"}, {"RUNSTONE_STATES": ""}):
        done = subprocess.run(
            [sys.executable, "-c", SETTINGS],
            cwd=tmp_path,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
        )
        shown.append(done.stdout.strip())
    assert shown == ["states.db", "elsewhere.db", "states.db"]
    assert list(tmp_path.iterdir()) == []
    for url in ("s3://bucket", "postgres://host/db", "", "sqlite:", "file:", b"s.db", 7, "\ud800"):
        assert code_of(lambda url=url: runstone.open_states(url)) == "unsupported_store"


def test_paths_and_urls_name_the_same_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path, `sqlite:` and `file:`; relative to the folder in which it was opened."""
    monkeypatch.chdir(tmp_path)
    with runstone.open_states("s.db") as store:
        monkeypatch.chdir("/")
        store.put("t", 1, "a")
    for url in (tmp_path / "s.db", f"sqlite:{tmp_path}/s.db", f"file:{tmp_path}/s.db"):
        with runstone.open_states(url) as store:
            assert store.get("t").state == "a"
