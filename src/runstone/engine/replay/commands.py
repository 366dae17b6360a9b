"""A wrapped command is run again: the same words in the same folder, with the variables that were chosen for it.

No hook reaches it: it is a command of the user's, and does what it does. Where the system allows it has no network but
its own loopback, unless the user says so. An output that it did not write anew is none.
"""

from __future__ import annotations

import os
from shutil import which
from typing import TYPE_CHECKING

from runstone.core.words import FAILED, REPLAYS
from runstone.engine.deterministic import ENVIRONMENT, told
from runstone.engine.replay.isolation import probe, words_before
from runstone.engine.wrapper import MISSING_VARIABLE, Wrapped, wrap
from runstone.errors import RunstoneError

if TYPE_CHECKING:
    from typing import Any, Final

    from runstone.engine.reader import Sealed
    from runstone.engine.recorder import Run
    from runstone.engine.replay.report import Replay
    from runstone.engine.store import Store

REQUIRED: Final = "x.required_env"


def run_again(store: Store, sealed: Sealed, report: Replay, *, network: bool) -> str:
    """Run it to its end; answers the id of the run that was made. Raises as `Store.run` with `strict`; `OSError`."""
    opened = sealed.opened["data"]
    why_not = "it was asked for" if network else probe()
    report.guards = [
        {"name": "audit hook", "active": False, "reason": "a wrapped command is run as it is"},
        {"name": "network namespace", "active": why_not is None, "reason": why_not},
        {"name": "landlock", "active": False, "reason": "a wrapped command is run as it is"},
    ]
    here = os.getcwd()
    os.chdir(opened["cwd"])
    try:
        run = store.run(
            opened["kind"],
            version=opened["version"],
            contract=sealed.contract,
            argv=opened["argv"],
            entry=opened["entry"],
            links=[{"rel": REPLAYS, "run_id": sealed.run_id, "digest": sealed.digest}],
            strict=True,
        )
        with run:
            _again(run, sealed, report)
        return run.run_id
    finally:
        os.chdir(here)


def _again(run: Run, sealed: Sealed, report: Replay) -> None:
    for event in sealed.events("input"):
        data = event["data"]
        known = {} if data["type"] == "file" else {"sha256": data["sha256"], "size": data["size"]}
        run.input(data["type"], data["ref"], name=data["name"], **known)
    ended = _required(run, sealed)
    if ended is None:
        outputs = [event["data"] for event in sealed.events("output")]
        before = {data["name"]: _stamp(data) for data in outputs}
        chosen = told(sealed.events(ENVIRONMENT))
        command = list(sealed.opened["data"]["argv"])
        alone = report.guards[1]["active"] and which(command[0]) is not None
        ended = wrap(run, command, chosen=chosen or None, shown=(2, 2), before=words_before if alone else None)
        for data in outputs:
            _output(run, data, before[data["name"]], report)
    report.exit_status = ended.exit_status
    run.finish(ended.status, exit=ended.exit_status, error=ended.error, resources=ended.resources)


def _required(run: Run, sealed: Sealed) -> Wrapped | None:
    """The variables that the command needs; how it ends where one is missing."""
    for event in sealed.events(REQUIRED):
        names = [str(name) for member in ("present", "missing") for name in event["data"].get(member, ())]
        missing = sorted(name for name in set(names) if not os.environ.get(name))
        run.event(REQUIRED, {"present": sorted(set(names) - set(missing)), "missing": missing})
        status = "fail" if missing else "pass"
        run.check("Required environment variables present", status, id="required_env_present")
        if missing:
            return Wrapped(MISSING_VARIABLE, FAILED, None, None)
    return None


def _stamp(data: dict[str, Any]) -> tuple[int, int] | None:
    """What changes of a file when it is written: not its time, which a program may set."""
    try:
        found = os.stat(data["ref"])
    except (OSError, TypeError, ValueError):
        return None
    return found.st_ino, found.st_ctime_ns


def _output(run: Run, data: dict[str, Any], before: tuple[int, int] | None, report: Replay) -> None:
    if data["type"] != "file" or data["ref"] is None:
        run.output(data["type"], data["ref"], name=data["name"], sha256=data["sha256"], size=data["size"])
        return
    now = _stamp(data)
    if now is None or now == before:
        report.notes.append(f"{data['name']} was not written again")
        return
    try:
        run.output("file", data["ref"], name=data["name"], keep=data["path"] is not None)
    except RunstoneError as exc:
        report.notes.append(exc.message)
