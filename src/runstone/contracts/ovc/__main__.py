"""`python -m runstone.contracts.ovc --pipeline-id ID --pipeline-version V [--required-env NAME]… -- CMD…`

Exit status: the command's own; 128+n if signal n ended it; 126 not executable, 127 not found; 1 a required variable
is missing; 2 wrong use, which leaves no run.
"""

from __future__ import annotations

import argparse
import sys

from runstone.contracts.ovc.wrapping import run_command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

WRONG_USE: Final = 2


def main(arguments: list[str]) -> int:
    """Run the command line; answers the exit status. Unknown options end the process with status 2."""
    split = arguments.index("--") if "--" in arguments else len(arguments)
    options = _parser().parse_args(arguments[:split])
    return run_command(
        arguments[split + 1 :],
        pipeline_id=options.pipeline_id,
        pipeline_version=options.pipeline_version,
        required_env=options.required_env,
        wrap_options={},
        empty_status=WRONG_USE,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m runstone.contracts.ovc",
        usage="%(prog)s --pipeline-id ID --pipeline-version V [--required-env NAME]... -- COMMAND [ARGUMENT]...",
        description="Run a command and leave run.json, checks.json and run.log of it in reports/runs/<run_id>/.",
        epilog="RUNSTONE_STORE names another store. The exit status is the command's own.",
        allow_abbrev=False,
    )
    parser.add_argument("--pipeline-id", required=True, metavar="ID", help="letters, digits and -")
    parser.add_argument("--pipeline-version", required=True, metavar="V")
    parser.add_argument(
        "--required-env",
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME",
        help="a variable that must be set; without it the command is not run",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
