"""`python -m runstone.contracts.ovc --pipeline-id ID --pipeline-version V [--required-env NAME]… -- CMD…`

Exit status: the command's own; 128+n if signal n ended it; 126 not executable, 127 not found; 1 a required variable
is missing; 2 wrong use, which leaves no run.

Three options are read by hand: `argparse` would take longer to load than all that the wrapper does.
"""

from __future__ import annotations

import sys

from runstone.contracts.ovc.wrapping import run_command, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

WRONG_USE: Final = 2

USAGE: Final = """\
usage: python -m runstone.contracts.ovc --pipeline-id ID --pipeline-version V [--required-env NAME...]... -- COMMAND [ARGUMENT]...
"""  # noqa: E501  # one line at the terminal, too
HELP: Final = f"""\
{USAGE}
Run a command and leave run.json, checks.json and run.log of it in reports/runs/<run_id>/.

options:
  --pipeline-id ID         letters, digits and -
  --pipeline-version V     any text
  --required-env NAME...   variables that must be set; without them the command is not run
  -h, --help               show this message

RUNSTONE_STORE names another store. The exit status is the command's own.
"""

_SINGLE: Final = ("--pipeline-id", "--pipeline-version")
_SEVERAL: Final = "--required-env"


class WrongUse(Exception):  # noqa: N818  # a word that reads well in `except`
    """The command line says something else than the usage; the message says what."""


def main(arguments: list[str]) -> int:
    """Run the command line; answers the exit status."""
    split = arguments.index("--") if "--" in arguments else len(arguments)
    given = arguments[:split]
    if "-h" in given or "--help" in given:
        write(sys.stdout, HELP)
        return 0
    try:
        values = parse(given)
    except WrongUse as exc:
        write(sys.stderr, f"{USAGE}error: {ascii(str(exc))[1:-1]}\n")
        return WRONG_USE
    return run_command(
        arguments[split + 1 :],
        pipeline_id=values["--pipeline-id"][-1],
        pipeline_version=values["--pipeline-version"][-1],
        required_env=values[_SEVERAL],
        wrap_options={},
        empty_status=WRONG_USE,
    )


def parse(arguments: list[str]) -> dict[str, list[str]]:
    """What each option was given, in order; of several ids or versions the last counts. Raises `WrongUse`."""
    values: dict[str, list[str]] = {name: [] for name in (*_SINGLE, _SEVERAL)}
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        name, given, value = argument.partition("=")
        if name not in values:
            raise WrongUse(f"{argument} is no option; the command follows --")
        found = [value] if given else _taken(rest, 1 if name in _SINGLE else len(rest))
        if not found:
            raise WrongUse(f"{name} needs a value")
        values[name] += found
    for name in _SINGLE:
        if not values[name]:
            raise WrongUse(f"{name} is missing")
    return values


def _taken(rest: list[str], limit: int) -> list[str]:
    """The values that stand next, up to the next option."""
    taken: list[str] = []
    while rest and len(taken) < limit and not rest[0].startswith("-"):
        taken.append(rest.pop(0))
    return taken


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
