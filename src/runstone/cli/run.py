"""`runstone run`: wrap a command. This module is the start path: it loads what a run needs and nothing else.

Statuses of its own: 125 for wrong use, for an id that exists, and with `--strict` for a recorder that cannot start;
126 not executable, 127 not found; 1 for a required variable that is missing. Else the command's own.
"""

from __future__ import annotations

import os
import sys

from runstone.cli.options import OPTIONS
from runstone.errors import RunstoneError, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from runstone.engine.recorder import Run

WRONG_USE: Final = 125
MISSING_VARIABLE: Final = 1
_UNITS: Final = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def main(arguments: list[str]) -> int:
    """Run the command line `runstone run ARGUMENTS`; answers the exit status."""
    try:
        options, command = parse(arguments)
        if (options["contract"] or "").partition("/")[0] == "ovc":
            return _ovc(options, command)
        return _record(options, command)
    except RunstoneError as exc:
        sys.stderr.write(f"runstone run: {exc.message}\n")
        return WRONG_USE


def parse(arguments: list[str]) -> tuple[dict[str, Any], list[str]]:
    """Options by name, and the command behind `--`. Raises `invalid_option`."""
    values: dict[str, Any] = {
        option.name: [] if option.multiple else False if option.flag else None for option in OPTIONS
    }
    known = {flag: option for option in OPTIONS for flag in option.flags}
    at = 0
    while at < len(arguments) and arguments[at] != "--":
        flag, given, value = arguments[at].partition("=")
        option = known.get(flag)
        if option is None:
            raise _wrong(f"unknown option {arguments[at][:80]!r}; the command follows `--`")
        if option.flag:
            if given:
                raise _wrong(f"{flag} takes no value")
            values[option.name] = True
            at += 1
            continue
        if not given:
            at += 1
            if at >= len(arguments):
                raise _wrong(f"{flag} needs a value")
            value = arguments[at]
        if option.multiple:
            values[option.name].append(value)
        else:
            values[option.name] = value
        at += 1
    command = arguments[at + 1 :]
    if not command:
        raise _wrong("no command: runstone run [OPTIONS] -- COMMAND [ARGUMENT]…")
    return values, command


def _wrong(message: str) -> RunstoneError:
    return error("invalid_option", message)


def parse_size(text: str) -> int:
    """Bytes of `65536`, `64K`, `10M`, `1G`; powers of 1,024. Raises `invalid_option`."""
    upper = text.upper().removesuffix("IB").removesuffix("B")
    number, unit = (upper[:-1], upper[-1]) if upper[-1:] in ("K", "M", "G", "T") else (upper, "")
    if not number.isdecimal() or not number.isascii():
        raise _wrong(f"{text[:40]!r} is not a size; write 65536, 64K, 10M or 1G")
    return int(number) * _UNITS[unit]


def parse_labels(pairs: list[str]) -> dict[str, str]:
    """Labels of `k=v` texts. Raises `invalid_option`."""
    labels = {}
    for pair in pairs:
        name, mark, value = pair.partition("=")
        if not mark or not name:
            raise _wrong(f"{pair[:80]!r} is not a label; write NAME=VALUE")
        labels[name] = value
    return labels


def _wrap_options(options: dict[str, Any]) -> dict[str, Any]:
    given: dict[str, Any] = {"pty": options["pty"]}
    if options["max_output"] is not None:
        given["max_output"] = parse_size(options["max_output"])
    return given


def _ovc(options: dict[str, Any], command: list[str]) -> int:
    from runstone.contracts.ovc.wrapping import run_command

    return run_command(
        command,
        pipeline_id=_kind(options, command),
        pipeline_version=options["pipeline_version"] or "",
        required_env=options["required_env"],
        store_url=options["store"],
        wrap_options=_wrap_options(options),
        empty_status=WRONG_USE,
    )


def _kind(options: dict[str, Any], command: list[str]) -> str:
    return options["kind"] or options["pipeline_id"] or os.path.basename(command[0]) or "run"


def _record(options: dict[str, Any], command: list[str]) -> int:
    from runstone.locate import open_store

    wrap_options = _wrap_options(options)
    run = open_store(options["store"]).run(
        _kind(options, command),
        version=options["pipeline_version"],
        labels=parse_labels(options["label"]),
        contract=options["contract"] or "runstone",
        run_id=options["run_id"],
        argv=command,
        entry=command[0],
        strict=options["strict"],
    )
    for reference in options["input"]:
        run.input("file" if os.path.lexists(reference) else "reference", reference)
    missing = sorted(name for name in set(options["required_env"]) if not os.environ.get(name))
    if options["required_env"]:
        _check_variables(run, options["required_env"], missing)
    if missing:
        sys.stderr.write(f"runstone run: required variables are missing or empty: {', '.join(missing)}\n")
        run.finish("failed", exit=MISSING_VARIABLE)
        return MISSING_VARIABLE
    return _wrapped(run, command, wrap_options, options["output"])


def _check_variables(run: Run, required: list[str], missing: list[str]) -> None:
    run.event("x.required_env", {"present": sorted(set(required) - set(missing)), "missing": missing})
    run.check("Required environment variables present", "fail" if missing else "pass", id="required_env_present")


def _wrapped(run: Run, command: list[str], wrap_options: dict[str, Any], patterns: list[str]) -> int:
    from runstone.engine.wrapper import wrap

    ended = wrap(run, command, **wrap_options)
    for pattern in patterns:
        _outputs(run, pattern)
    run.finish(ended.status, exit=ended.exit, error=ended.error, resources=ended.resources)
    return ended.exit_status


def _outputs(run: Run, pattern: str) -> None:
    """Record every file that a pattern names; a pattern that names none is said and recorded."""
    from glob import glob

    found = sorted(path for path in glob(pattern, recursive=True, include_hidden=True) if os.path.isfile(path))
    for path in found:
        run.output("file", path)
    if not found:
        run.log(f"--output {pattern}: no such file", "warning")
        sys.stderr.write(f"runstone run: --output {ascii(pattern)[1:-1]}: no such file\n")
