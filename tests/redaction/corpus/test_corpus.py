"""What redaction promises, measured over the corpus.

Each kind is planted at one of eight places; with the profile `thorough` of the tests (`HYPOTHESIS_PROFILE`) at every
place, with two values each.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
from pathlib import Path
from random import Random

import pytest

import runstone

from . import making
from .encodings import DECLARED, ENCODINGS
from .kinds import BY_NAME, BY_SHAPE, KINDS, RARE
from .measure import Score, declared, found_in, plants, recall, record, sample, untouched
from .places import PLACES
from .reading import events, readings, survives
from .recording import Planted, Recorder, killed, unredacted
from .secret import Kind, Secret
from .traps import TRAPS

SHAPE, NAME, FEW, PLAIN = 0.99, 0.95, 0.8, 0.98
"""Shares of secrets told by shape, by name, of rare kinds, and of traps left alone."""

THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"
SHARE = 1 if THOROUGH else 8
SAMPLES = 2 if THOROUGH else 1


@pytest.fixture
def redact(tmp_path: Path) -> Recorder:
    """The product: what a run with the thing leaves."""
    return Recorder(tmp_path)


def demand(score: Score, share: float) -> None:
    """Fail with what was missed."""
    assert score.rate >= share, str(score)


# ---------------------------------------------------------------- the corpus itself


def test_the_corpus_is_as_broad_as_it_was_asked_to_be() -> None:
    """So many kinds, places, spellings and traps, and no name twice."""
    assert len(BY_SHAPE) >= 85
    assert len(BY_NAME) >= 15
    assert len(PLACES) >= 32
    assert len(ENCODINGS) >= 20
    assert len(TRAPS) >= 60
    for table in (KINDS, PLACES, TRAPS):
        assert len({row.id for row in table}) == len(table)


def test_a_seed_makes_the_same_value_and_another_seed_another() -> None:
    """Values are fresh, and can be made again from the name of a miss."""
    for kind in KINDS:
        first, again = sample(kind, "here", 0), sample(kind, "here", 0)
        assert first == again
        assert first[0].hidden != sample(kind, "here", 1)[0].hidden, kind.id
    texts = [kind.make(Random(f"{kind.id}/{number}")).text for kind in KINDS for number in range(3)]
    assert len(set(texts)) == len(texts) >= 200


def test_a_published_checksum_comes_out() -> None:
    """The test vectors of BIP 173 and of CRC-32 (the nine digits) hold for what the values are made with."""
    assert making.bech32("a", b"") == "A12UEL5L"
    assert making.base62(0xCBF43926, 6) == "3jZRME"


def test_every_secret_can_be_read_where_nothing_is_redacted() -> None:
    """A redactor that does nothing scores nothing, at every place: no place hides by itself what it is asked for."""
    found = {
        where: survives(secret, unredacted(planted)) for where, secret, planted in plants(KINDS, PLACES, share=SHARE)
    }
    assert found
    assert not [where for where, readable in found.items() if not readable]


def test_every_declared_value_can_be_read_where_nothing_is_redacted() -> None:
    """The same for every spelling of a declared value."""
    score = declared(unredacted)
    assert len(score.misses) == score.asked >= len(DECLARED) * len(ENCODINGS)


def test_every_place_reaches_the_record(redact: Recorder) -> None:
    """A harmless word can be read in the bundle at each place: what is missing later was redacted, not lost."""
    harmless = Kind(
        "harmless", "a word", "shape", lambda random: Secret("marigold-meadow", ("marigold-meadow",)), ("word",)
    )
    for where, secret, planted in plants([harmless], PLACES):
        kept = redact(planted)
        assert b'"type":"dropped"' not in kept, where
        assert survives(secret, kept) or b"redacted:" in kept, where


def test_a_redactor_that_drops_everything_leaves_no_trap_untouched() -> None:
    """Silence is no redaction."""
    score = untouched(lambda planted, secrets=(): b"", TRAPS, samples=1)
    assert score.rate == 0


# ---------------------------------------------------------------- secrets


def test_secrets_that_their_shape_tells(redact: Recorder) -> None:
    """At least 99 of 100 cannot be read any more."""
    demand(recall(redact, BY_SHAPE, PLACES, samples=SAMPLES, share=SHARE), SHAPE)


def test_secrets_that_a_name_tells(redact: Recorder) -> None:
    """At least 95 of 100, where the place gives the name."""
    demand(recall(redact, BY_NAME, PLACES, samples=SAMPLES, share=max(1, SHARE // 4)), NAME)


def test_secrets_of_rare_kinds(redact: Recorder) -> None:
    """At least 80 of 100: rules reach further than the well-known issuers."""
    demand(recall(redact, RARE, PLACES, samples=SAMPLES, share=SHARE), FEW)


def test_declared_values_in_every_everyday_spelling(redact: Recorder) -> None:
    """None can be read any more."""
    demand(declared(redact, SAMPLES), 1.0)


def test_values_of_telling_variables(redact: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an environment variable with a telling name holds is taken out where nothing names it."""
    score = Score()
    for where, secret, _ in plants(BY_NAME, [place for place in PLACES if place.id == "log-assignment"]):
        with monkeypatch.context() as patch:
            patch.setenv(f"APP_{where.kind.upper().replace('-', '_')}_PASSWORD", secret.text)
            score.ask(where, survives(secret, redact(Planted("log", f"opened with {secret.text} at once"))))
    demand(score, 1.0)


def test_a_run_id_that_is_a_secret_is_refused(tmp_path: Path) -> None:
    """It is never redacted: the id is the name of a folder."""
    score = Score()
    for where, secret, _ in plants(BY_SHAPE, [place for place in PLACES if place.id == "argv-plain"]):
        if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,126}[A-Za-z0-9_-]", secret.text):
            store = runstone.open(str(tmp_path))
            try:
                store.run("corpus", run_id=secret.text).finish()
            except runstone.RunstoneError as exc:
                score.ask(where, exc.code != "secret_in_run_id" or survives(secret, str(exc.as_dict()).encode()))
            else:
                score.ask(where, missed=True)
    demand(score, SHAPE)


def test_what_was_redacted_is_left_alone(redact: Recorder) -> None:
    """Redacting what was recorded changes nothing any more."""
    for where, _, planted in plants(KINDS, [place for place in PLACES if place.door == "log"], share=SHARE):
        [once] = [event["data"]["text"] for event in events(redact(planted)) if event["type"] == "log"]
        [twice] = [event["data"]["text"] for event in events(redact(Planted("log", once))) if event["type"] == "log"]
        assert twice == once, where


# ---------------------------------------------------------------- the disk


@pytest.mark.parametrize(("kinds", "share"), [(BY_SHAPE, SHAPE), (BY_NAME, NAME)])
def test_no_file_of_a_store_holds_a_secret(tmp_path: Path, kinds: tuple[Kind, ...], share: float) -> None:
    """By library and by `runstone run`: no byte of the store tells, nor what the command says of itself."""
    (tmp_path / "outside").mkdir()
    demand(record(tmp_path / "store", tmp_path / "outside", kinds), share)


@pytest.mark.parametrize(("kinds", "share"), [(BY_SHAPE, SHAPE), (BY_NAME, NAME)])
def test_a_killed_run_leaves_no_secret(tmp_path: Path, kinds: tuple[Kind, ...], share: float) -> None:
    """Neither in the store, whose run is still open, nor in the folder for temporary files."""
    outside, store = tmp_path / "outside", tmp_path / "store"
    outside.mkdir()
    samples = {kind.id: sample(kind, "killed", 0) for kind in kinds}
    status = killed(store, outside, [(name, secret.text) for secret, name in samples.values()])
    assert status == -signal.SIGKILL
    [journal] = store.rglob("events.jsonl")
    assert len(journal.read_bytes().splitlines()) > 2 * len(kinds)
    found = found_in({kind: secret for kind, (secret, _) in samples.items()}, store, outside / "tmp")
    assert 1 - len(found) / len(kinds) >= share, found


# ---------------------------------------------------------------- what is no secret


def test_what_only_looks_like_a_secret_is_left_alone(redact: Recorder) -> None:
    """At least 98 of 100 are recorded as they are, in JSON, configuration, tool calls, logs, streams and kept files."""
    demand(untouched(redact, TRAPS), PLAIN)


def test_digests_stay_and_the_record_verifies(tmp_path: Path) -> None:
    """A run that recorded all traps verifies; digests of files and of everything else are the true ones."""
    store = runstone.open(str(tmp_path / "store"))
    true: dict[str, str] = {}
    with store.run("traps") as run:
        for trap in TRAPS:
            thing = trap.make(Random(trap.id))
            text = thing if isinstance(thing, str) else json.dumps(thing)
            path = tmp_path / f"{trap.id}.txt"
            path.write_text(text)
            true[trap.id] = hashlib.sha256(text.encode()).hexdigest()
            run.input("file", str(path), name=trap.id, extra={"text": text})
            run.output("file", str(path), name=f"kept-{trap.id}", keep=True)
            run.event("x.trap", {"thing": thing})
    sealed = store.get(run.run_id)
    report = store.verify(run.run_id)
    assert report.ok, [finding.message for finding in report.findings]
    inputs = {event["data"]["name"]: event["data"]["sha256"] for event in sealed.events("input")}
    assert inputs == true
    outputs = {event["data"]["name"]: event["data"]["sha256"] for event in sealed.events("output")}
    assert outputs == {f"kept-{name}": digest for name, digest in true.items()}


def test_readings_find_what_a_stream_said_in_pieces() -> None:
    """A secret whose halves stand in two events is found."""
    said = [{"data": {"stream": "stdout", "text": text}, "type": "log"} for text in ("mari", "gold")]
    lines = [json.dumps(event, separators=(",", ":")) for event in said]
    assert "marigold" in readings("\n".join(lines).encode())


@pytest.mark.parametrize("matched", [True, False], ids=["matcher", "loops"])
def test_output_is_read_as_it_was_printed_and_redacted_as_ever(
    monkeypatch: pytest.MonkeyPatch, *, matched: bool
) -> None:
    """What a command prints goes through the gate as bytes, what another stream gives as its JSON: of every secret and
    of every trap both leave the same."""
    store = runstone.open("memory:")
    texts = [f"at {sample(kind, 'printed', 0)[0].text} end\n" for kind in (*BY_SHAPE, *RARE)]
    texts += [f"{name} = {secret.text}\n" for secret, name in (sample(kind, "printed", 0) for kind in BY_NAME)]
    texts += [f"{json.dumps(trap.make(Random(trap.id)))}\n" for trap in TRAPS]
    texts += [json.dumps({"text": text}) + "\n" for text in texts]
    texts += [text.encode("utf-16").decode("latin-1") for text in texts[:40]]
    with store.run("job", run_id="r", secrets=["marigold meadow ä"]) as run:
        if matched:
            run.redactor.gate.warm()
        else:
            monkeypatch.setattr(run.redactor.gate, "hit", run.redactor.gate.looks)
        for text in [*texts, "the marigold meadow ä\n"]:
            for data in (text.encode(), text.encode("latin-1", "replace"), text.encode() + b"\xff\n"):
                run.writer.stream("stdout", data)
                run.writer.stream("other", data)
    told = [(event["data"], event.get("marks")) for event in store.get("r").events("log")]
    printed = [({**data, "stream": ""}, marks) for data, marks in told if data["stream"] == "stdout"]
    others = [({**data, "stream": ""}, marks) for data, marks in told if data["stream"] == "other"]
    assert len(printed) == 3 * (len(texts) + 1)
    assert sum(marks is not None for _, marks in printed) > len(printed) / 4
    assert printed == others
