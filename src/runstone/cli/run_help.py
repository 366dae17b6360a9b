"""`runstone run` in help and completion. The verb itself is `cli.run`, which starts without what this loads."""

from __future__ import annotations

import click

from runstone.cli import asks_for_help
from runstone.cli.options import OPTIONS
from runstone.cli.parameters import complete_contract_of_command, complete_file, complete_folder, complete_run

_COMPLETED = {
    "input": complete_file,
    "output": complete_file,
    "store": complete_folder,
    "contract": complete_contract_of_command,
    "resume": complete_run,
}
"""How values of options are completed, by the option's name."""


class _Wrapper(click.Command):
    """A command whose arguments are parsed elsewhere."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse for help and completion only."""
        if ctx.resilient_parsing or asks_for_help(args):
            return super().parse_args(ctx, args)
        ctx.args = args
        return []

    def invoke(self, ctx: click.Context) -> int:
        """Hand the arguments on, as they were given."""
        from runstone.cli.run import main

        return main(ctx.args)


def _parameters() -> list[click.Parameter]:
    options: list[click.Parameter] = [
        click.Option(
            [*option.flags, option.name],
            metavar=option.metavar,
            is_flag=option.flag,
            multiple=option.multiple,
            shell_complete=_COMPLETED.get(option.name),
            help=option.help + (" May be repeated." if option.multiple else ""),
        )
        for option in OPTIONS
    ]
    metavar = "-- COMMAND [ARGUMENT]..."
    return [*options, click.Argument(["command"], metavar=metavar, nargs=-1, shell_complete=complete_file)]


command = _Wrapper(
    "run",
    params=_parameters(),
    help="""Run a command and record it: what it was, what it printed, what it read and made, how it ended.

    The command is started as it stands, without a shell. Its output appears as it is written, its input and its
    signals are passed on, and so is its exit status. With --redact-output it appears as it is recorded, without
    secrets: a line when it ends, the last one at the latest when the command does.

    \b
      runstone run --kind backfill --output data/prices.csv -- python backfill.py
      runstone run --label env=prod -- sh -c 'make all | tee log'

    Statuses of its own: 125 for wrong use, for an id that exists, and with --strict for a recorder that cannot
    start or an input that cannot be recorded; 126 for a command that cannot be executed, 127 for one that is not
    found; 1 where a required variable is missing.
    """,
)
