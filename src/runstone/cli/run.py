"""`runstone run`: wrap a command. This module is the start path: it loads what a run needs and nothing else.

Statuses of its own: 125 for wrong use, for an id that exists, and with `--strict` for a recorder that cannot start
or an input that cannot be recorded; 126 not executable, 127 not found; 1 for a required variable that is missing.
Else the command's own: what fails once it has run is said, and changes nothing; but 130 where Ctrl-C ends the wrapper
itself, before the command or behind it.
"""

from __future__ import annotations

import os
import sys

from runstone.cli import INTERRUPTED_STATUS
from runstone.cli.options import CONTRACTS, OPTIONS, suggestion
from runstone.core.words import FAILED
from runstone.engine.wrapper import MISSING_VARIABLE, Wrapped, occupy_standard_descriptors, wrap
from runstone.errors import RunstoneError, error, excerpt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from runstone.engine.recorder import Run
    from runstone.engine.store import Store

WRONG_USE: Final = 125
_MAY_BE_EMPTY: Final = ("pipeline_version", "label", "max_output")  # a label and a size are refused by name


def main(arguments: list[str]) -> int:
    """Run the command line `runstone run ARGUMENTS`; answers the exit status."""
    try:
        options, command = parse(arguments)
        if options["contract"] is not None:
            _check_contract(options["contract"])
        if (options["contract"] or "").partition("/")[0] == "ovc":
            return _ovc(options, command)
        return _record(options, command)
    except RunstoneError as exc:
        _say(exc.message)
        return WRONG_USE
    except KeyboardInterrupt:  # while a file is hashed, say: the run is sealed as cancelled
        return INTERRUPTED_STATUS


def _say(message: str) -> None:
    """A line on standard error, if there is one; what is recorded does not depend on it."""
    from runstone.core.terminal import safe_text
    from runstone.locate import hidden

    try:
        if sys.stderr is not None:
            sys.stderr.write(f"runstone run: {safe_text(hidden(message))}\n")
    except (OSError, ValueError):
        pass


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
            raise _wrong(_unknown(arguments, at))
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
        if not value and option.name not in _MAY_BE_EMPTY:
            raise _wrong(f"{flag} has an empty value")
        if option.multiple:
            values[option.name].append(value)
        else:
            values[option.name] = value
        at += 1
    command = arguments[at + 1 :]
    if not command:
        raise _wrong("no command: runstone run [OPTIONS] -- COMMAND [ARGUMENT]…")
    return values, command


def _unknown(arguments: list[str], at: int) -> str:
    word, rest = arguments[at], arguments[at:]
    if word.startswith("-"):
        flag = word.partition("=")[0]
        near = suggestion(flag, [flag for option in OPTIONS for flag in option.flags])
        return f"unknown option {flag!r}; the command follows `--`.{near}"
    if "--" in rest:
        return f"{word!r} is no option, and stands before the `--` that the command follows"
    import shlex

    line = shlex.join(["runstone", "run", *arguments[:at], "--", *rest])
    return f"{word!r} is no option, and the command follows `--`: {line}"


def _check_contract(name: str) -> None:
    """Raises `invalid_option` for a contract whose documents tell nothing of a command, and for none."""
    if name.partition("/")[0] not in CONTRACTS:
        known = ", ".join(CONTRACTS)
        raise _wrong(f"--contract {excerpt(name)!r}: a command is recorded under one of {known}")


def _wrong(message: str) -> RunstoneError:
    return error("invalid_option", message)


def parse_size(text: str) -> int:
    """Bytes of `65536`, `64K`, `10M`, `1G`; powers of 1,024. Raises `invalid_option`."""
    from runstone.core.amounts import SIZE_EXAMPLES, size_bytes

    size = size_bytes(text)
    if size is None:
        raise _wrong(f"{text!r} is not a size; write {SIZE_EXAMPLES}")
    return size


def parse_labels(pairs: list[str]) -> dict[str, str]:
    """Labels of `k=v` texts. Raises `invalid_option`."""
    labels = {}
    for pair in pairs:
        name, mark, value = pair.partition("=")
        if not mark or not name:
            raise _wrong(f"{pair!r} is not a label; write NAME=VALUE")
        labels[name] = value
    return labels


def declared(names: list[str]) -> list[str]:
    """The values of variables that are said to be secret; one that is not set, or empty, has none, which is said.

    Raises `invalid_option` for one that is too short to be taken out.
    """
    from runstone.engine.opening import secrets_of

    found = []
    for name in dict.fromkeys(names):
        value = os.environ.get(name)
        if not value:
            _say(f"--secret-env {name}: {'not set' if value is None else 'empty'}, so nothing is hidden for it")
            continue
        try:
            found += secrets_of([value])
        except RunstoneError as exc:
            raise _wrong(f"--secret-env {name}: {exc.message}") from None
    return found


def _wrap_options(options: dict[str, Any], store: Store, secrets: list[str]) -> dict[str, Any]:
    given: dict[str, Any] = {"pty": options["pty"]}
    if options["redact_output"]:  # the store's redactor: a run that records nothing has none
        given["redactor"] = store.redactor(secrets)
    if options["max_output"] is not None:
        given["max_output"] = parse_size(options["max_output"])
    if options["deterministic"]:
        from runstone.engine.deterministic import DEFAULT_SEED, variables

        given["chosen"] = variables(DEFAULT_SEED if options["seed"] is None else options["seed"])
    elif options["seed"] is not None:
        raise _wrong("--seed is of --deterministic")
    return given


def _ovc(options: dict[str, Any], command: list[str]) -> int:
    from runstone.contracts.ovc.wrapping import run_command
    from runstone.locate import open_store

    if options["run_id"] is not None:
        raise _wrong("--run-id: contract ovc makes its own run ids")
    if options["resume"] is not None:
        raise _wrong("--resume: a run of contract ovc resumes no other")
    name, _, version = options["contract"].partition("/")
    store = open_store(options["store"])
    store.contract_of(name, version or None)  # raises for a version that is not known
    secrets = declared(options["secret_env"])
    return run_command(
        command,
        pipeline_id=_kind(options, command),
        pipeline_version=options["pipeline_version"] or "",
        required_env=options["required_env"],
        store_url=options["store"],
        wrap_options=_wrap_options(options, store, secrets),
        empty_status=WRONG_USE,
        before=lambda run: _inputs(run, options["input"]),
        after=lambda run: _outputs(run, options["output"]),
        labels=parse_labels(options["label"]),
        secrets=secrets,
        strict=options["strict"],
    )


def _kind(options: dict[str, Any], command: list[str]) -> str:
    return options["kind"] or options["pipeline_id"] or os.path.basename(command[0]) or "run"


def _record(options: dict[str, Any], command: list[str]) -> int:
    from runstone.locate import open_store

    occupy_standard_descriptors()
    store = open_store(options["store"])
    secrets = declared(options["secret_env"])
    wrap_options = _wrap_options(options, store, secrets)
    run = store.run(
        (options["kind"] or options["pipeline_id"]) if options["resume"] else _kind(options, command),
        version=options["pipeline_version"],
        labels=parse_labels(options["label"]),
        secrets=secrets,
        contract=options["contract"] or "runstone",
        run_id=options["run_id"],
        argv=command,
        entry=command[0],
        resume=options["resume"],
        strict=options["strict"],
    )
    with run:  # what a strict recorder refuses fails the run; the process ends without another chance to seal it
        return _recorded(run, options, command, wrap_options)


def _recorded(run: Run, options: dict[str, Any], command: list[str], wrap_options: dict[str, Any]) -> int:
    _inputs(run, options["input"])
    missing = sorted(name for name in set(options["required_env"]) if not os.environ.get(name))
    if options["required_env"]:
        _check_variables(run, options["required_env"], missing)
    if missing:
        _say(f"required variables are missing or empty: {', '.join(missing)}")
        return _sealed(run, Wrapped(MISSING_VARIABLE, FAILED, None, None))
    ended = wrap(run, command, **wrap_options)
    _outputs(run, options["output"])
    return _sealed(run, ended)


def _check_variables(run: Run, required: list[str], missing: list[str]) -> None:
    run.event("x.required_env", {"present": sorted(set(required) - set(missing)), "missing": missing})
    run.check("Required environment variables present", "fail" if missing else "pass", id="required_env_present")


def _sealed(run: Run, ended: Wrapped) -> int:
    """Seal the run; whatever becomes of it, the status to end with is the command's."""
    try:
        run.finish(ended.status, exit=ended.exit_status, error=ended.error, resources=ended.resources)
    except RunstoneError as exc:
        _say(exc.message)
    return ended.exit_status


def _inputs(run: Run, references: list[str]) -> None:
    for reference in references:
        there = os.path.lexists(reference)
        if not there and ":" not in reference:  # which a URL has: a slip of the pen must not pass for an input
            _say(f"--input {reference}: there is no such file; it is recorded by its name alone")
        run.input("file" if there else "reference", reference)


def _outputs(run: Run, patterns: list[str]) -> None:
    for pattern in patterns:
        _output(run, pattern)


def _output(run: Run, pattern: str) -> None:
    """Record every file that a pattern names; what cannot be had of a pattern is said and recorded."""
    from runstone.cli.patterns import files_named

    found = files_named(pattern, hidden=True)
    for path in found:
        try:
            run.output("file", path)
        except RunstoneError as exc:  # of a strict recorder
            _warn(run, f"--output {pattern}: {exc.message}")
    if not found:
        _warn(run, f"--output {pattern}: no such file")


def _warn(run: Run, message: str) -> None:
    """Say a thing and record it."""
    _say(message)
    try:
        run.log(message, "warning")
    except RunstoneError as exc:
        _say(exc.message)
