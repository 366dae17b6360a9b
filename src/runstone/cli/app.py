"""The command apart from `run`: the verbs, their help, and how errors become exit statuses.

- A verb's module is imported when the verb is used; the overview is printed from the table alone.
- An error is one line on standard error; with `--json` the object `{code, message, details}` also stands on
  standard output. The status is that of `errors.CODES`.
- A reader that goes away (`| head`) and Ctrl-C end the command without a word.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any, Final

import click

from runstone.core.terminal import safe_text
from runstone.errors import RunstoneError, error

NAME: Final = "runstone"
COMPLETE_SETTING: Final = "_RUNSTONE_COMPLETE"
USAGE: Final = 2
FROM_SIGNAL: Final = {KeyboardInterrupt: 130, BrokenPipeError: 141}
"""128 and the signal's number, as a shell has it: SIGINT 2, SIGPIPE 13."""

VERBS: Final = (
    ("Record", (("run", "Run a command and record what it does."),)),
    (
        "Read",
        (
            ("ls", "List runs, newest first."),
            ("show", "Show one run: digests, inputs, outputs, checks, metrics, error."),
            ("logs", "Print the log of a run, also while it is being recorded."),
            ("get", "Copy the files of a run out of the store."),
            ("contract", "Print a run's documents as a contract folds them."),
        ),
    ),
    ("Prove", (("verify", "Re-read every byte and say what holds, what does not, what was not checked."),)),
    (
        "Keep",
        (
            ("recover", "Seal the runs whose process died."),
            ("export", "Write a run as an archive that travels."),
            ("import", "Bring a bundle, an archive or runs of another system into the store."),
        ),
    ),
    (
        "This machine",
        (
            ("doctor", "Say what is promised on this machine and this disk, and what is not."),
            ("completion", "Print the completion script of a shell."),
        ),
    ),
)

FORMS: Final = (
    "RUN is a run id, a prefix that fits one run, sha256:<run digest>, or @latest.",
    "The store is --store URL, else RUNSTONE_STORE, else ./runs.",
    "Status: 0 good, 1 what was asked about is bad, 2 usage, 3 not found, 4 conflict, 5 store unavailable.",
)


class Commands(click.Group):
    """The group of all verbs, each imported when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the overview."""
        return [name for _, verbs in VERBS for name, _ in verbs]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb of that name: attribute `command` of its module."""
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = import_module(f"runstone.cli.verbs.{cmd_name}_verb").command
        command.name = cmd_name
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The overview: groups of verbs, a line each, then what all of them share."""
        for title, verbs in VERBS:
            with formatter.section(title):
                formatter.write_dl(verbs, col_max=12)
        formatter.write_paragraph()
        for line in FORMS:
            formatter.write_text(line)


@click.command(
    NAME,
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    subcommand_metavar="COMMAND [ARGUMENTS]",
)
@click.version_option(None, "--version", message="runstone %(version)s", help="Print the version.")
def app() -> None:
    """Runs, carved in stone: record what an automated run did as an immutable bundle that anyone can verify.

    \b
      runstone run --kind nightly --output 'out/*.csv' -- python job.py
      runstone ls status:failed
      runstone verify @latest
    """
