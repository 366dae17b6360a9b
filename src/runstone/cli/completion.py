"""`runstone completion`: scripts for shells, and what they are answered.

Bash parts words at more than blanks: of `@best` and `--as=tar` its script hears the last part alone. So it hands on the
line as it is, and is answered with what stands in the place of that part.
"""

from __future__ import annotations

import os
from typing import Final

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    ShellComplete,
    add_completion_class,
    get_completion_class,
    split_arg_string,
)

from runstone.cli import app
from runstone.cli.rendering import Screen

_BASH: Final = """\
%(complete_func)s() {
    local kind value
    COMPREPLY=()
    while IFS=, read -r kind value; do
        case $kind in
            plain) COMPREPLY+=("$value") ;;
            file) compopt -o default ;;
            dir) compopt -o dirnames ;;
        esac
    done <<< "$(COMP_LINE=${COMP_LINE:0:COMP_POINT} COMP_PART=$2 %(complete_var)s=bash_complete "$1")"
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""


class _Bash(BashComplete):
    """`COMP_LINE` is the line up to the cursor, `COMP_PART` what bash takes for the word that is completed."""

    source_template = _BASH
    _option = _before = ""

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words before the one at the cursor, and that, as far as it was typed."""
        *words, last = split_arg_string(os.environ["COMP_LINE"] + "x")  # with a last word also behind a blank
        last, part = last[:-1], os.environ["COMP_PART"]
        self._option = "".join(last.partition("=")[:2]) if last.startswith("-") and "=" in last else ""
        self._before = last.removesuffix(part) if last.endswith(part) else ""
        return words[1:], last

    def format_completion(self, item: CompletionItem) -> str:
        """What stands in the place of the part; a file's name is the shell's."""
        if item.type != "plain":
            return super().format_completion(item)
        return f"plain,{(self._option + item.value).removeprefix(self._before)}"


def answer() -> None:
    """Answer the question of a shell, and end the process."""
    add_completion_class(_Bash)
    app.app.main(prog_name=app.NAME, complete_var=app.COMPLETE_SETTING)


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print a script that completes verbs, options, run ids, aliases, contracts and file names.

    \b
      ~/.bashrc                  eval "$(runstone completion bash)"
      ~/.zshrc                   eval "$(runstone completion zsh)"
      ~/.config/fish/config.fish runstone completion fish | source
    """
    found = _Bash if shell == _Bash.name else get_completion_class(shell)
    assert found is not None
    # the base class's `source`: bash's own starts a shell to ask for its version
    script = ShellComplete.source(found(app.app, {}, app.NAME, app.COMPLETE_SETTING))
    Screen().text(script.rstrip("\n") + "\n")
