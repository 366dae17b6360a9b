"""What is looked at before a replay: nothing is started until it is known that it can be done.

- The bundle is verified first. What was cut, redacted, taken out or never kept is named by its place.
- A run that was imported is somebody else's: what it would start is said, and not started without `trust`.
- Files that the run has read are there, and have the bytes that it read.
"""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

from runstone.core.calls import MODEL, TOOL
from runstone.core.events import OPENED
from runstone.core.recorded import Record, gaps
from runstone.engine.artifacts import digest_of_file
from runstone.engine.current import is_switched_off, place_of
from runstone.engine.importer import imported_claim
from runstone.errors import error

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, Final

    from runstone.engine.reader import Sealed
    from runstone.engine.store import Store

PROCESS: Final = "process"
COMMAND: Final = "command"
ANSWERED: Final = ("lotus", "rmos")
"""Contracts of runs that answer a request: the service that was asked is no work that ends."""
_BARE: Final = frozenset("IES")
"""Options of Python that keep it from loading the guards."""
_VALUED: Final = frozenset({"--check-hash-based-pycs"})
"""Long options of Python behind which a value stands."""
_KERNELS: Final = frozenset({"ipykernel_launcher", "ipykernel"})
_MAX_NAMED: Final = 20


def opened_run(store: Store, run: str) -> Sealed:
    """The run to replay, verified.

    Errors as `Store.get`; `bundle_damaged`, `store_unavailable`, `unsupported_store`.
    """
    if is_switched_off(store.host):
        message = "recording is switched off by RUNSTONE_DISABLED: a replay is a record, or it is not done"
        raise error("store_unavailable", message, reason="RUNSTONE_DISABLED")
    run_id = store.resolve(run)
    if not place_of(store):
        raise error("unsupported_store", f"another process cannot read {store.url}", url=store.url)
    report = store.verify(run_id)
    if not report.ok:
        first = next(finding.message for finding in report.findings if finding.level == "fault")
        message = f"run {run_id} is not replayed: it does not verify: {first}"
        raise error("bundle_damaged", message, report=report.as_dict())
    return store.get(run_id)


def kind_of(sealed: Sealed) -> str:
    """What was started: a command that was wrapped, or a process that recorded itself. Raises `cannot_replay`."""
    event = sealed.opened
    opened = event["data"]
    contract = sealed.manifest["contract"]["name"]
    wrapped = bool(opened["argv"]) and opened["entry"] == opened["argv"][0]
    if "imported" in opened:
        raise cannot(sealed, f"it was recorded by another system ({opened['imported'].get('format')})")
    if contract in ANSWERED or opened["idempotency"] is not None:
        raise cannot(sealed, "it is the answer of a service to a request: send the request again")
    if contract == "ovc" and wrapped:
        raise cannot(sealed, "its wrapper writes a log of its own: run the command again, and compare by runstone diff")
    if sealed.status == "interrupted":
        raise cannot(sealed, "it was interrupted: its record has no end")
    if not opened["argv"] or opened["cwd"] is None:
        raise cannot(sealed, "it does not tell what was started, or where")
    marks = [(place, mark) for place, mark in event.get("marks", ()) if place.startswith(("/argv", "/cwd"))]
    hidden = [f"{OPENED} {place}: {mark}" for place, mark in marks]
    if hidden:
        raise cannot(sealed, "what was started is not in the record as it was", hidden)
    if not os.path.isdir(opened["cwd"]):
        raise error("file_not_found", f"the folder in which it ran is not there: {opened['cwd']}", path=opened["cwd"])
    return COMMAND if wrapped else PROCESS


def check_trust(store: Store, sealed: Sealed, *, trust: bool) -> None:
    """Raise `not_trusted` for a run that was imported, unless it is trusted: a replay runs what a record names."""
    if trust or store.journals.claims.get(imported_claim(sealed.run_id)) is None:
        return
    opened = sealed.opened["data"]
    message = (
        f"run {sealed.run_id} was imported; its replay would start, in {opened['cwd']}: {shlex.join(opened['argv'])}; "
        "where you know who recorded it, say so (--trust)"
    )
    raise error("not_trusted", message, run_id=sealed.run_id, argv=opened["argv"], cwd=opened["cwd"])


def interpreter_words(sealed: Sealed, executable: str) -> list[str]:
    """The command line of a process that recorded itself, by this interpreter.

    Raises `cannot_replay`, and `file_not_found` for a program that is not there any more.
    """
    argv: list[str] = sealed.opened["data"]["argv"]
    if not os.path.basename(argv[0]).lower().startswith(("python", "pypy")):
        raise cannot(sealed, f"{argv[0]} is no Python that could be guarded")
    program, module = _program_of(sealed, argv[1:])
    if module in _KERNELS:
        raise cannot(sealed, "it was recorded in a notebook, whose cells are not in the record: export it as a script")
    if program is None and module is None:
        raise cannot(sealed, "its program came by standard input, or was typed in, and is not in the record")
    if program is not None and not os.path.exists(os.path.join(sealed.opened["data"]["cwd"], program)):
        path = os.path.join(sealed.opened["data"]["cwd"], program)
        raise error("file_not_found", f"the program of run {sealed.run_id} is not there: {path}", path=path)
    return [executable, *argv[1:]]


def _program_of(sealed: Sealed, words: list[str]) -> tuple[str | None, str | None]:
    """The file that Python was started with, or the module; of a text behind `-c` its name is `-c`. Raises
    `cannot_replay` for options that keep the guards out."""
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        if not word.startswith("-") or word == "-":
            return (None if word == "-" else word), None
        if word.startswith("--"):
            if word in _VALUED:
                del waiting[:1]
            continue
        for at, letter in enumerate(word[1:], 2):
            if letter in _BARE:
                raise cannot(sealed, f"Python's option {word} keeps the guards out")
            if letter in "cm":
                return None, "-c" if letter == "c" else (word[at:] or next(iter(waiting), ""))
            if letter in "WX":
                if not word[at:]:  # what it says stands in the next word
                    del waiting[:1]
                break
    return None, None


def check_answers(sealed: Sealed, parts: Iterable[Sealed], live: set[str], kept: dict[str, dict[str, Any]]) -> None:
    """Raise `cannot_replay` for what the record does not hold of answers that will be needed; `kept` are texts of
    models by run and call. `invalid_option` for a name in `live` that no call has."""
    problems, names = [], set()
    for one in (sealed, *parts):
        record = Record(one.events())
        names |= {call.name for call in record.calls}
        problems += [
            f"{one.run_id + ' ' if one is not sealed else ''}{problem}"
            for problem in _problems(record, live, kept.get(one.run_id, {}))
        ]
    unknown = sorted(live - names)
    if unknown:
        known = ", ".join(sorted(names)) or "none"
        message = f"no tool or model {unknown[0]} is called in run {sealed.run_id}; known are {known}"
        raise error("invalid_option", message, option="live", known=sorted(names))
    if problems:
        raise cannot(sealed, "its record does not hold what was answered", problems)


def _problems(record: Record, live: set[str], kept: dict[str, Any]) -> Iterator[str]:
    answered: set[int] = set()
    for call in record.calls:
        if call.parent is not None and id(call.parent) in answered:
            answered.add(id(call))
        elif call.own or call.name in live or call.said("status") == "blocked":
            continue
        elif call.kind == TOOL:
            answered.add(id(call))
            yield from (f"{call.id} {call.name} {place}: {why}".replace(" :", ":") for place, why in gaps(call))
        elif call.kind == MODEL and call.said("status") == "ok" and call.id not in kept:
            yield f"{call.id} {call.name} /output: what a model answered is kept in debug mode alone"
        elif call.answer is None:
            yield f"{call.id} {call.name}: no answer was recorded"


def check_inputs(sealed: Sealed, inputs: Iterable[Any]) -> None:
    """Raise `file_not_found` for files that the run has read and that are not there, `digest_mismatch` for others."""
    cwd = sealed.opened["data"]["cwd"]
    missing, changed = [], []
    for event in inputs:
        data = event["data"]
        if data["type"] != "file" or data["ref"] is None or data["sha256"] is None or event.get("marks"):
            continue
        path = os.path.join(cwd, data["ref"])
        try:
            found = digest_of_file(path)
        except OSError:
            missing.append(path)
            continue
        if found != f"sha256:{data['sha256']}":
            changed.append({"path": path, "expected": f"sha256:{data['sha256']}", "found": found})
    if missing:
        message = f"{len(missing)} of the files that the run has read are not there: {', '.join(missing[:_MAX_NAMED])}"
        raise error("file_not_found", message, paths=missing)
    if changed:
        named = ", ".join(each["path"] for each in changed[:_MAX_NAMED])
        message = f"{len(changed)} of the files that the run has read are others now: {named}"
        raise error("digest_mismatch", message, files=changed)


def cannot(sealed: Sealed, why: str, problems: list[str] | None = None) -> Exception:
    """The error that a run cannot be replayed: why, and what its record lacks."""
    named = "" if not problems else ": " + "; ".join(problems[:_MAX_NAMED])
    if problems and len(problems) > _MAX_NAMED:
        named += f"; and {len(problems) - _MAX_NAMED} more"
    message = f"run {sealed.run_id} cannot be replayed: {why}{named}"
    return error("cannot_replay", message, run_id=sealed.run_id, problems=problems or [])
