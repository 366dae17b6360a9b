"""The command. `main` decides what is loaded: `run` starts without the rest, because a wrapper stands around
every step of somebody's work and its start-up is the product."""

from __future__ import annotations

import gc
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final, NoReturn

INTERRUPTED_STATUS: Final = 128 + 2
"""Ctrl-C, as a shell has it: 128 and the number of SIGINT."""
COLLECT_AFTER: Final = 50_000
"""New objects after which the garbage collector looks for cycles. Modules make some ten thousand that stay: a short
process would spend a tenth of its time on looking at them."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line `runstone ARGUMENTS` (default: those of the process); answers the exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["run"] and not asks_for_help(words[1:]):
        from runstone.cli.run import main as run

        return run(words[1:])
    from runstone.cli.app import main as answer

    return answer(words)


def process() -> NoReturn:
    """The whole process of the command: `main`, and its end.

    After `run` that comes at once: nothing is left to do, and taking the interpreter apart takes 2 ms.
    """
    gc.set_threshold(COLLECT_AFTER)
    try:
        status = main()
    except KeyboardInterrupt:  # while modules are loaded: the rest answers for itself
        status = INTERRUPTED_STATUS
    if sys.argv[1:2] == ["run"]:
        for stream in (sys.stdout, sys.stderr):
            try:
                if stream is not None:  # as it is where the process was given none
                    stream.flush()
            except (OSError, ValueError):
                pass  # nobody reads; the status is still the command's
        os._exit(status)
    sys.exit(status)


def asks_for_help(words: Sequence[str]) -> bool:
    """Whether the options of `run`, those before `--`, ask for help; the value of an option never does."""
    from runstone.cli.options import OPTIONS

    with_value = {flag for option in OPTIONS if not option.flag for flag in option.flags}
    rest = iter(words)
    for word in rest:
        if word == "--":
            return False
        if word in ("-h", "--help"):
            return True
        if word in with_value:
            next(rest, None)
    return False
