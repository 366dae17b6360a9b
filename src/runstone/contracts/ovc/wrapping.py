"""Wrap a command of any language as an `ovc` run. `python -m runstone.contracts.ovc` and `runstone run` share it.

- `RUN_ID=<id>` comes first on standard output; then both streams of the command, live.
- A missing variable: the run is failed, the command is not run, exit status 1.
- The exit status is the command's own; 128+n for a signal, 127 not found, 126 not executable.
"""

from __future__ import annotations

import sys

from runstone.contracts.ovc.document import OUTPUT
from runstone.contracts.ovc.writer import RunWriter
from runstone.core.words import FAILED
from runstone.engine.wrapper import MISSING_VARIABLE, Wrapped, occupy_standard_descriptors, wrap
from runstone.errors import RunstoneError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, Final, TextIO

    from runstone.engine.recorder import Run

SEPARATOR: Final = "-" * 60


def run_command(
    command: list[str],
    *,
    pipeline_id: str,
    pipeline_version: str,
    required_env: Iterable[str],
    store_url: str | None = None,
    wrap_options: dict[str, Any],
    empty_status: int,
    before: Callable[[Run], None] | None = None,
    after: Callable[[Run], None] | None = None,
    **facts: Any,
) -> int:
    """Run `command` under a record; answers the exit status to end with.

    `wrap_options` are keyword arguments of `engine.wrapper.wrap`, `facts` of `RunWriter`; `before` and `after` the
    command something more may be recorded, and what raises before it keeps the command from being run. Wrong use (no
    command, an impossible pipeline id or store) is said on standard error, leaves no run and answers `empty_status`.
    """
    if not command:
        return _refused("no command: it follows `--`", empty_status)
    occupy_standard_descriptors()
    try:
        writer = RunWriter(pipeline_id, pipeline_version, required_env, store=store_url, argv=command, **facts)
        writer.start()
    except RunstoneError as exc:
        return _refused(exc.message, empty_status)
    with writer:
        write(sys.stdout, f"RUN_ID={writer.run_id}\n")
        line = " ".join(command)
        writer.run.input("command", line, name="command")
        if before is not None:
            before(writer.run)
        return _recorded(writer, command, wrap_options, after)


def _recorded(
    writer: RunWriter, command: list[str], wrap_options: dict[str, Any], after: Callable[[Run], None] | None
) -> int:
    if writer.missing:
        message = f"ERROR: Missing required environment variables: {writer.missing}"
        writer.log(message)
        write(sys.stderr, ascii(message)[1:-1] + "\n")
        return _finish(writer, Wrapped(MISSING_VARIABLE, FAILED, None, None))
    writer.log(f"Executing: {' '.join(command)}")
    writer.log(SEPARATOR)
    wrapped = wrap(writer.run, command, **wrap_options)
    try:
        _record_end(writer, wrapped, after)
    except RunstoneError as exc:  # of a strict recorder; the command has been run
        _say(exc.message)
    return _finish(writer, wrapped)


def _record_end(writer: RunWriter, wrapped: Wrapped, after: Callable[[Run], None] | None) -> None:
    for stream in wrapped.unfinished:  # what follows in the log stands behind it
        writer.run.writer.stream(stream, b"\n")
    writer.log(SEPARATOR)
    _check_exit(writer, wrapped)
    writer.run.event(OUTPUT, {"type": "artifact", "ref": writer.path})
    if after is not None:
        after(writer.run)


def _check_exit(writer: RunWriter, wrapped: Wrapped) -> None:
    if wrapped.error is not None and wrapped.error["type"] != "ExitStatus":  # a signal, or it could not be started
        writer.log(f"ERROR: {wrapped.error['message']}")
    code = wrapped.exit_status
    evidence = writer.log(f"Command exit code: {code}")
    if code == 0:
        writer.check("Command exited successfully", "pass", evidence, id="command_exit_code")
    else:
        writer.check(f"Command exited with code {code}", "fail", evidence, id="command_exit_code")


def _finish(writer: RunWriter, wrapped: Wrapped) -> int:
    """Seal the run; whatever becomes of it, the status to end with is the command's."""
    try:
        writer.finish(wrapped.status, exit=wrapped.exit_status, error=wrapped.error, resources=wrapped.resources)
    except RunstoneError as exc:
        _say(exc.message)
    return wrapped.exit_status


def _refused(message: str, status: int) -> int:
    _say(message)
    return status


def _say(message: str) -> None:
    write(sys.stderr, f"runstone: {ascii(message)[1:-1]}\n")


def write(stream: TextIO | None, text: str) -> None:
    """Show a line at once, before the command writes; a closed stream is no reason to do anything else."""
    try:
        if stream is not None:
            stream.write(text)
            stream.flush()
    except (OSError, ValueError):
        pass
