"""How each contender is asked to wrap a command: `wrap` gives the argument vector to spawn.

- `bare`: the command itself. `floor:python`: an interpreter that does nothing. `tee`: keeps the bytes,
  records and syncs nothing.
- `floor:wrapper`: a Python script by hand (`floor_wrapper.py`): read, SHA-256, write, sync, rename.
- guild and runproof take Python scripts only, so they are given one that runs the command. runproof keeps
  no output; sacred is asked to capture at the level of file descriptors.
"""

import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Command:
    """A command to be wrapped."""

    argv: Sequence[str]

    def write_script(self, folder: Path) -> str:
        """Write a Python script that runs the command, for wrappers that take no other. Returns its name."""
        script = folder / "command.py"
        script.write_text(f"import subprocess, sys\nsys.exit(subprocess.run({list(self.argv)!r}).returncode)\n")
        return script.name


def script_beside_python(name: str) -> str:
    """A console script of the interpreter's environment."""
    return str(Path(sys.executable).with_name(name))


def _bare(command: Command, store: Path) -> list[str]:
    return list(command.argv)


def _python(command: Command, store: Path) -> list[str]:
    return [sys.executable, "-c", "pass"]


def _tee(command: Command, store: Path) -> list[str]:
    return ["sh", "-c", f"{shlex.join(command.argv)} | tee {shlex.quote(str(store / 'log'))}"]


def _floor(command: Command, store: Path) -> list[str]:
    return [sys.executable, str(HERE / "floor_wrapper.py"), str(store), *command.argv]


def _runstone(command: Command, store: Path) -> list[str]:
    return [script_beside_python("runstone"), "run", "--store", str(store), "--", *command.argv]


def _sacred(command: Command, store: Path) -> list[str]:
    return [sys.executable, str(HERE / "sacred_wrapper.py"), str(store), *command.argv]


def _runproof(command: Command, store: Path) -> list[str]:
    return [script_beside_python("runproof"), "run", command.write_script(Path.cwd()), "--root", str(store)]


def _guild(command: Command, store: Path) -> list[str]:
    return [script_beside_python("guild"), "-H", str(store), "run", "-y", command.write_script(Path.cwd())]


WRAPPERS: dict[str, Callable[[Command, Path], list[str]]] = {
    "bare": _bare,
    "floor:python": _python,
    "tee": _tee,
    "floor:wrapper": _floor,
    "runstone": _runstone,
    "sacred": _sacred,
    "runproof": _runproof,
    "guild": _guild,
}


def wrap(name: str, command: Command, store: Path) -> list[str]:
    """The argument vector by which a contender runs and records a command."""
    store.mkdir(parents=True, exist_ok=True)
    return WRAPPERS[name](command, store)
