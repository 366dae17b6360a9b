"""Replay: start a recorded run again, with what its tools answered taken from the record; and compare.

A process that recorded itself is started as it was, guarded; a command that was wrapped is wrapped again. What comes of
it is a run of its own with a link `replays`, sealed as any other: one whose process dies is `interrupted`.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from typing import TYPE_CHECKING

from runstone.core.recorded import Record
from runstone.core.words import CHILD_OF
from runstone.engine.comparer import compare_sealed
from runstone.engine.deterministic import ENVIRONMENT
from runstone.engine.deterministic import told as chosen_of
from runstone.engine.replay import preparing
from runstone.engine.replay.book import BY_KEY, STRICT
from runstone.engine.replay.counting import MAX_DEPTH
from runstone.engine.replay.guards import WRITE
from runstone.engine.replay.launching import launch
from runstone.engine.replay.report import Replay
from runstone.errors import NotFound, RunstoneError, error

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any, Final

    from runstone.engine.reader import Sealed
    from runstone.engine.store import Store

HYBRID: Final = "hybrid"
MODES: Final = (STRICT, BY_KEY, HYBRID)


def replay(
    store: Store,
    run: str,
    *,
    mode: str | None,
    live: Iterable[str],
    identities: Sequence[Any],
    scratch: str | None,
    trust: bool,
    network: bool,
) -> Replay:
    """See `Store.replay`."""
    named = set(live)
    if mode is not None and mode not in MODES:
        raise error("invalid_option", f"{mode!r} is no mode; known are {', '.join(MODES)}", option="mode")
    if mode == HYBRID and not named:
        raise error("invalid_option", "a hybrid replay calls something for real: name it (live)", option="live")
    sealed = preparing.opened_run(store, run)
    kind = preparing.kind_of(sealed)
    preparing.check_trust(store, sealed, trust=trust)
    report = Replay(about(sealed), kind, list(sealed.opened["data"]["argv"]))
    report.live = sorted(named)
    if kind == preparing.COMMAND:
        if named or mode is not None or identities:
            message = "a wrapped command is run as a whole: modes, live tools and identities are of agents' runs"
            raise error("invalid_option", message, option="mode")
        from runstone.engine.replay.commands import run_again

        preparing.check_inputs(sealed, sealed.events("input"))
        made = run_again(store, sealed, report, network=network)
        _compared(store, sealed, report, made)
        if not report.ok and any(guard["active"] for guard in report.guards):
            report.notes.append("the command had no network: where it needs one, say so (--network)")
        return report
    if network:
        message = "the network is for wrapped commands; of an agent's run name what is called for real (live)"
        raise error("invalid_option", message, option="network")
    parts = list(_parts(store, sealed, named, 0))
    texts = {one.run_id: _texts(store, one, identities) for one in (sealed, *parts)} if identities else {}
    preparing.check_answers(sealed, parts, named, texts)
    argv = preparing.interpreter_words(sealed, sys.executable)
    preparing.check_inputs(sealed, Record(sealed.events()).inputs)
    chosen = {"mode": None if mode == HYBRID else mode, "live": sorted(named), "texts": texts}
    _in_scratch(store, sealed, report, argv, chosen, scratch)
    return report


def _in_scratch(
    store: Store, sealed: Sealed, report: Replay, argv: list[str], chosen: dict[str, Any], scratch: str | None
) -> None:
    """Do it, in a folder that goes afterwards; what the caller has given for a scratch folder stays."""
    from runstone.engine.replay.isolation import probe

    folder = os.path.realpath(tempfile.mkdtemp(prefix="runstone-replay-"))
    given = [] if scratch is None else [os.path.realpath(scratch)]
    for path in given:
        os.makedirs(path, exist_ok=True)
    try:
        why_not = "tools are called for real" if report.live else probe()
        plan = {
            **chosen,
            "store": store.url,
            "run_id": sealed.run_id,
            "scratch": [folder, *given],
            "not_isolated": why_not,
        }
        status, told = launch(argv, sealed.opened["data"]["cwd"], plan, _chosen_around(store, sealed))
    except (OSError, ValueError) as exc:  # a word that no system takes, a folder that is gone by now
        raise preparing.cannot(sealed, f"it cannot be started: {exc}") from exc
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    report.exit_status = status
    made = None
    for each in told:
        report.guards = each.get("guards", report.guards)
        report.mode = each.get("mode", report.mode)
        report.divergence = report.divergence or each.get("divergence")
        report.refused += [each["refused"]] if "refused" in each else []
        report.notes += [each["note"]] if "note" in each else []
        made = each.get("opened", made)
    if any(each["kind"] == WRITE for each in report.refused):
        report.notes.append("a program may write where it is told to: name the folder of its results (--scratch DIR)")
    around = _part_of(store, sealed) if made is None else None
    if around is not None:
        report.notes.append(f"run {sealed.run_id} is a part of run {around}, of the same program: replay that")
    if not report.guards:
        message = f"the process of the replay was not guarded, or could not begin: it ended with status {status}"
        raise error("store_unavailable", message, status=status)
    _compared(store, sealed, report, made)


def _chosen_around(store: Store, sealed: Sealed) -> dict[str, str]:
    """The variables that a deterministic command had in which the run was recorded."""
    for link in sealed.opened["data"]["links"]:
        if link["rel"] == CHILD_OF:
            try:
                return chosen_of(store.get(link["run_id"]).events(ENVIRONMENT))
            except RunstoneError:  # of another store, purged, or damaged
                continue
    return {}


def _part_of(store: Store, sealed: Sealed) -> str | None:
    """The run that the same program has begun this one in."""
    opened = sealed.opened["data"]
    for link in opened["links"]:
        if link["rel"] == CHILD_OF:
            try:
                around = store.get(link["run_id"]).opened["data"]
            except RunstoneError:  # of another store, purged, or damaged
                continue
            if (around["argv"], around["cwd"]) == (opened["argv"], opened["cwd"]):
                found: str = link["run_id"]
                return found
    return None


def _compared(store: Store, sealed: Sealed, report: Replay, made: str | None) -> None:
    """Compare what was made with the record."""
    if made is None:
        if report.divergence is None:
            ended = "" if report.exit_status is None else f", and ended with status {report.exit_status}"
            message = f"the program has begun no run of kind {sealed.kind}{ended}"
            report.divergence = {"reason": "missing", "message": message, "expected": None, "found": None}
        return
    if made in store.journals.open_ids():  # its process was killed
        store.recover(made)
        report.notes.append(f"run {made} is interrupted: its process was killed")
    with _recorded(store, made) as with_it:
        report.replayed = about(with_it)
        report.comparison = compare_sealed(sealed, [with_it], store.annotations)


def _recorded(store: Store, made: str) -> Sealed:
    """The run of the replay. Raises `store_unavailable` where it could not be recorded: a program goes on without."""
    try:
        return store.get(made)
    except NotFound as exc:
        if exc.code != "run_not_found":
            raise
        message = f"run {made} of the replay is not in {store.url}: it could not be recorded, and its process said why"
        raise error("store_unavailable", message, run_id=made, store=store.url) from exc


def about(sealed: Sealed) -> dict[str, Any]:
    """What a report says of a run."""
    return {
        "run_id": sealed.run_id,
        "digest": sealed.digest,
        "outcome_digest": sealed.outcome_digest,
        "status": sealed.status,
    }


def _parts(store: Store, sealed: Sealed, live: set[str], depth: int) -> Iterator[Sealed]:
    """The runs that are a part of a run, that its replay begins, and that are here."""
    for run_id in Record(sealed.events()).children_begun(live):
        try:
            part = store.get(run_id)
        except RunstoneError:  # purged, or of another store: it is missed when the program begins it
            continue
        yield part
        if depth < MAX_DEPTH:
            yield from _parts(store, part, live, depth + 1)


def _texts(store: Store, sealed: Sealed, identities: Sequence[Any]) -> dict[str, Any]:
    """By call: what a model has answered, decrypted, in the form in which a pipe takes it."""
    from binascii import b2a_base64

    from runstone.engine.debug_reading import OUTPUT, DebugTexts

    try:
        kept = DebugTexts(store, sealed, identities)
    except RunstoneError as exc:
        if exc.code != "file_not_found":
            raise
        return {}
    forms = {
        event["data"]["call"]: (event["data"].get("debug") or {}).get("form", "text")
        for event in sealed.events("model.returned")
    }
    found = {}
    for path in kept.paths:
        call, _, part = path.rpartition(".")
        if part == OUTPUT:
            data = b"".join(kept.pieces(path))
            found[call] = {"form": forms.get(call, "text"), "data": b2a_base64(data, newline=False).decode()}
    return found
