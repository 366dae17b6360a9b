"""Options of `runstone run`, as plain data: the wrapper parses by them, and help and completion show them.

And what is said of a word that is close to one that is known.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


class Option:
    """One option: `name` in the result, its spellings, and how its value is shown (`None` for a flag)."""

    __slots__ = ("flag", "flags", "help", "metavar", "multiple", "name")

    def __init__(self, name: str, metavar: str | None, help: str, *, multiple: bool = False) -> None:
        self.name = name
        self.flags = ("--" + name.replace("_", "-"),)
        self.metavar = metavar
        self.help = help
        self.multiple = multiple
        self.flag = metavar is None


CONTRACTS = ("runstone", "agent", "ovc")
"""Contracts whose documents tell of a command."""

OPTIONS = (
    Option("kind", "ID", "What kind of work this is (default: the command's name)."),
    Option("pipeline_id", "ID", "Another name of --kind, for pipelines."),
    Option("pipeline_version", "V", "Version of the work that is done."),
    Option(
        "required_env", "NAME", "A variable that must be set and not empty; else the command is not run.", multiple=True
    ),
    Option("secret_env", "NAME", "A variable whose value is a secret, whatever its name.", multiple=True),
    Option("label", "NAME=VALUE", "A label.", multiple=True),
    Option("input", "REF", "Something that the command reads; a file is hashed before it starts.", multiple=True),
    Option("output", "GLOB", "Files that the command makes; hashed when it has ended.", multiple=True),
    Option("contract", "NAME", "Whose documents the run has: runstone (default), agent or ovc."),
    Option("run_id", "ID", "An id of your own; it must be free."),
    Option("resume", "RUN", "The run that this one retries: interrupted, failed or cancelled, or its process died."),
    Option("store", "URL", "The store (default: RUNSTONE_STORE, else ./runs)."),
    Option("max_output", "SIZE", "How much output to record (default: 1G): the first part and the last 1 MiB."),
    Option("redact_output", None, "Show the output redacted, as it is recorded, a line at a time."),
    Option("deterministic", None, "Set hash seed, locale, time zone and RUNSTONE_SEED for the command."),
    Option("seed", "TEXT", "With --deterministic: the seed, 0 unless said."),
    Option("pty", None, "Give the command a terminal of its own; without it, it writes to pipes."),
    Option("strict", None, "Do not run the command if it cannot be recorded."),
)


def suggestion(word: str, known: Sequence[str]) -> str:
    """A sentence, behind a blank, that names the most like of these; nothing where none is."""
    from difflib import get_close_matches

    near = get_close_matches(word, known, 1)
    return f" Did you mean {near[0]!r}?" if near else ""
