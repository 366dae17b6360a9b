"""The command apart from `run`: the verbs, their help, and how errors become exit statuses.

- A verb's module is imported when the verb is used; the overview is printed from the table alone.
- An error is one line on standard error. With `--json` the object `{code, message, details}` also stands on
  standard output. The status is that of `errors.CODES`.
- Standard output that cannot be written (a full disk, a closed stream) has a status of its own: no store is at fault.
- A reader that goes away (`| head`) and Ctrl-C end the command without a word.
"""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from shutil import get_terminal_size
from typing import Final

import click

from runstone.cli import INTERRUPTED_STATUS
from runstone.cli.options import suggestion
from runstone.cli.rendering import SPELLED, print_json, say
from runstone.core.terminal import safe_text
from runstone.errors import RunstoneError, error
from runstone.locate import __version__

NAME: Final = "runstone"
COMPLETE_SETTING: Final = "_RUNSTONE_COMPLETE"
BROKEN_PIPE_STATUS: Final = 128 + 13
OUTPUT_STATUS: Final = 6
"""Standard output cannot be written."""

VERBS: Final = {
    "Record": {"run": ("run_help", "Run a command and record what it does.")},
    "Read": {
        "ls": ("ls", "List runs, newest first."),
        "show": ("show", "Show a run: digests, inputs, outputs, checks, metrics, error."),
        "logs": ("logs", "Print the log of a run, also while it is being recorded."),
        "get": ("get", "Copy files of a run out of the store."),
        "find": ("find", "Say which runs made or read a file, and what led to what."),
        "contract": ("contract", "Print the documents that a contract folds from a run."),
        "audit": ("audit", "List every call, block and approval of a run."),
    },
    "Compare": {
        "diff": ("diff", "Tell what differs between two runs, or several and a baseline."),
        "judge": ("judge", "Give a verdict on a run beside a baseline, and record it."),
    },
    "Repeat": {"replay": ("replay", "Do a run again, its tools answered from the record.")},
    "Say": {
        "annotate": ("annotate", "Add a label, note, score or name to a sealed run."),
        "alias": ("alias", "Let @NAME name a run, or list the aliases."),
    },
    "Prove": {"verify": ("verify", "Prove that a run is as it was sealed, or name each fault.")},
    "Redact": {"redact": ("redact", "Take secrets out of a text, or tell where they stand.")},
    "Keep": {
        "reindex": ("reindex", "Make the catalog of the store anew."),
        "recover": ("recover", "Seal the runs whose process died."),
        "purge": ("purge", "Take runs that a policy names out of the store, in two steps."),
        "pack": ("packing", "Move runs into packs: many runs in one file."),
        "unpack": ("unpacking", "Move runs out of packs, each into a folder."),
        "export": ("export", "Write a run as an archive that travels, or as a page."),
        "import": ("importing", "Bring a bundle, or runs of another system, into the store."),
    },
    "This machine": {
        "doctor": ("doctor", "Say what is promised on this disk, and what is not."),
        "completion": ("completion", "Print the completion script of a shell."),
    },
}
"""Group → verb → the module below `runstone.cli` that holds its `command`, and its line in the overview."""

EPILOGUE: Final = """\
RUN is a run id, a prefix that fits one run, sha256:<run digest>, @latest or an @alias.

The store is --store URL, else RUNSTONE_STORE, else ./runs.

Exit status: 0 good, 1 what was asked about is bad, 2 wrong use, 3 not found, 4 conflict, 5 store unavailable,
6 standard output cannot be written; `run` passes that of its command. With --json an error is also an object
{code, message, details} on standard output.
"""
_MIN_HELP_CELLS: Final = 20
_TEXT_CELLS: Final = 40
"""Where help is wide enough, so much is left for what stands beside a name."""


class _Formatter(click.HelpFormatter):
    """Help as wide as the terminal, up to 78 cells, also where that is less than what click asks for."""

    def __init__(self, indent_increment: int = 2, width: int | None = None, max_width: int | None = None) -> None:
        columns = min(get_terminal_size().columns, max_width or 80)
        super().__init__(indent_increment, width or max(columns - 2, _MIN_HELP_CELLS))

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Names and texts beside them; below them where a name is too long."""
        super().write_dl(rows, min(col_max, max(self.width // 3, self.width - _TEXT_CELLS)), col_spacing)


class _Context(click.Context):
    formatter_class = _Formatter


class Commands(click.Group):
    """The group of all verbs, each imported when it is needed."""

    context_class = _Context

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        """Names in the order of the overview."""
        return [name for verbs in VERBS.values() for name in verbs]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # the same
        """The verb of that name."""
        for verbs in VERBS.values():
            if cmd_name in verbs:
                module, line = verbs[cmd_name]
                command: click.Command = import_module(f"runstone.cli.{module}").command
                command.name, command.short_help, command.context_class = cmd_name, line, _Context
                return command
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The verb that the first word names. Raises `UsageError`, which tells what is like it."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as exc:
            raise click.UsageError(exc.message + suggestion(args[0], self.list_commands(ctx)), exc.ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  # the same
        """The overview: groups of verbs, a line each, then what all of them share."""
        for title, verbs in VERBS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(10), line) for name, (_, line) in verbs.items()])
        formatter.write_paragraph()
        formatter.write_text(EPILOGUE)


@click.group(
    NAME,
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    options_metavar="",
    subcommand_metavar="COMMAND [ARGUMENT]...",
)
@click.version_option(__version__, message=f"{NAME} %(version)s", help="Print the version.")
def app() -> None:
    """Runs, carved in stone: record what an automated run did as a bundle that
    nobody can change unnoticed, and that anybody can verify.

    \b
      runstone run --kind nightly --output 'out/*.csv' -- python job.py
      runstone ls status:failed
      runstone show @latest
      runstone verify --all
    """


def main(words: Sequence[str]) -> int:
    """Run the command line `runstone WORDS`; answers the exit status."""
    _prepare_streams()
    if os.environ.get(COMPLETE_SETTING):
        import_module("runstone.cli.completion").answer()
    try:
        with _ending_in_order():
            return _answer(list(words) or ["--help"])
    except KeyboardInterrupt:
        return INTERRUPTED_STATUS
    except OSError as exc:  # of a stream: errors of files have a name
        _close_output()
        if isinstance(exc, BrokenPipeError):
            return BROKEN_PIPE_STATUS
        with suppress(OSError):  # standard error may have failed too
            say(f"standard output: {exc.strerror or exc}")
        return OUTPUT_STATUS


@contextmanager
def _ending_in_order() -> Iterator[None]:
    """SIGTERM and SIGHUP take back what was begun, as Ctrl-C does; the status is 128 and their number.

    Where they are ignored, or somebody else's, they stay so.
    """
    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    main_thread = threading.current_thread() is threading.main_thread()
    taken = [number for number in numbers if main_thread and signal.getsignal(number) is signal.SIG_DFL]

    def end(number: int, _: object) -> None:
        for each in taken:  # some send it twice, to a process and to its group
            signal.signal(each, signal.SIG_IGN)
        raise SystemExit(128 + number)

    for number in taken:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


def _close_output() -> None:
    """What is still buffered goes nowhere; Python would try again at its end, and fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _prepare_streams() -> None:
    """A stream that cannot show a character is no reason to stop, and what is written is written whole."""
    if isinstance(getattr(sys.stdout, "buffer", None), io.RawIOBase):
        # PYTHONUNBUFFERED: Python then loses the rest of a short write, without an error
        sys.stdout = open(sys.stdout.fileno(), "w", encoding=sys.stdout.encoding, closefd=False)  # noqa: SIM115  # stays open
    if sys.stdout is None:  # closed by the caller (`>&-`): the work is done, then its answer cannot be written
        sys.stdout = open(os.open(os.devnull, os.O_RDONLY), "w")  # noqa: SIM115  # stays open
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115  # the same
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=SPELLED)


def _answer(words: list[str]) -> int:
    try:
        with app.make_context(NAME, list(words)) as context:  # which takes its words out of the list
            status: int | None = app.invoke(context)
        sys.stdout.flush()
        return status or 0
    except click.exceptions.Exit as exc:
        return exc.exit_code
    except click.UsageError as exc:
        return _refuse(words, exc)
    except RunstoneError as exc:
        return _fail(words, exc)
    except OSError as exc:
        gone = isinstance(exc, FileNotFoundError)  # without a name it tells of the working directory, never of a stream
        if exc.filename is None and not gone:
            raise
        reason = exc.strerror or str(exc)
        where = os.fsdecode(exc.filename or "the working directory")
        return _fail(words, error("store_unavailable", f"{where}: {reason}", reason=reason, errno=exc.errno))


def _refuse(words: list[str], exc: click.UsageError) -> int:
    """Wrong use: what is wrong, and how the verb is used."""
    message = " ".join(exc.format_message().split())  # click sets a list of choices on lines of its own
    if isinstance(exc, click.NoSuchOption) and exc.ctx is not None and exc.ctx.parent is None:
        message += f" Options stand behind the command: {NAME} COMMAND {exc.option_name}"
    status = _fail(words, error("invalid_option", message))
    context = exc.ctx or _verb_context(words[0])
    if context is not None:
        sys.stderr.write(f"{context.get_usage()}\nTry `{safe_text(context.command_path)} --help`.\n")
    return status


def _verb_context(verb: str) -> click.Context | None:
    """The context of a verb, for errors of click that do not say theirs: of an option that lacks its value."""
    above = app.context_class(app, info_name=NAME)
    command = app.get_command(above, verb)
    return None if command is None else command.context_class(command, parent=above, info_name=verb)


def _fail(words: list[str], exc: RunstoneError) -> int:
    options = words[: words.index("--")] if "--" in words else words
    message = exc.message + _no_store_there(exc)
    if "--json" in options:
        print_json({**exc.as_dict(), "message": message})
    say(message)
    return exc.exit_status


def _no_store_there(exc: RunstoneError) -> str:
    """Why a run was not found, where its whole store is not there: somebody may stand in another folder."""
    store = exc.details.get("store") if exc.code == "run_not_found" else None
    if not isinstance(store, str) or not os.path.isabs(store) or os.path.isdir(store):
        return ""
    from runstone.cli.runs import NO_STORE_YET

    return f" ({NO_STORE_YET})"
