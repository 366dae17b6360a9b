"""`runstone completion`: scripts for shells, and what they are answered.

Bash parts words at more than blanks: of `@best` and `--as=tar` its script hears the last part alone. So it hands on the
line as it is, and is answered with what stands in the place of that part. In zsh and fish `--as=tar` is one word: its
option is set apart, and the rest is completed as a word of its own.
"""

from __future__ import annotations

import os
from typing import Final

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
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
_ZSH: Final = """\
#compdef %(prog_name)s

%(complete_func)s() {
    local type value description
    local -a response plain described
    (( $+commands[%(prog_name)s] )) || return 1
    local -x COMP_WORDS="${words[*]}" COMP_CWORD=$((CURRENT - 1)) %(complete_var)s=zsh_complete
    response=("${(@f)$(%(prog_name)s)}")
    compset -P '-*='
    for type value description in ${response}; do
        case $type in
            plain) [[ $description == _ ]] && plain+=("$value") || described+=("$value:$description") ;;
            file) _path_files -f ;;
            dir) _path_files -/ ;;
        esac
    done
    (( $#described )) && _describe -V unsorted described
    (( $#plain )) && compadd -V unsorted -a plain
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    %(complete_func)s "$@"
else
    compdef %(complete_func)s %(prog_name)s
fi
"""
_FISH: Final = """\
function %(complete_func)s
    set -l word (commandline --current-token --cut-at-cursor)
    set -l option (string match --regex -- '^-[^=]*=' $word)
    for line in (env %(complete_var)s=fish_complete COMP_WORDS=(commandline -cp) COMP_CWORD=$word %(prog_name)s)
        set -l kind_and_value (string split --max 1 , $line)
        set -l found $kind_and_value[2]
        switch $kind_and_value[1]
            case file
                set found (__fish_complete_path $found)
            case dir
                set found (__fish_complete_directories $found)
        end
        for one in $found
            echo "$option$one"
        end
    end
end
complete --no-files --keep-order --command %(prog_name)s --arguments "(%(complete_func)s)"
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


class _Zsh(ZshComplete):
    """Click's, but for the script."""

    source_template = _ZSH


class _Fish(FishComplete):
    """Click's, but for the script, which takes a line apart at its first comma alone."""

    source_template = _FISH


_SHELLS: Final[dict[str, type[ShellComplete]]] = {"bash": _Bash, "zsh": _Zsh, "fish": _Fish}


def answer() -> None:
    """Answer the question of a shell, and end the process."""
    for shell in _SHELLS.values():
        add_completion_class(shell)
    app.app.main(prog_name=app.NAME, complete_var=app.COMPLETE_SETTING)


@click.command()
@click.argument("shell", type=click.Choice(list(_SHELLS)))
def command(shell: str) -> None:
    """Print a script that completes verbs, options, run ids, aliases, contracts and file names.

    \b
      ~/.bashrc                  eval "$(runstone completion bash)"
      ~/.zshrc                   eval "$(runstone completion zsh)"
      ~/.config/fish/config.fish runstone completion fish | source
    """
    # the base class's `source`: bash's own starts a shell to ask for its version
    script = ShellComplete.source(_SHELLS[shell](app.app, {}, app.NAME, app.COMPLETE_SETTING))
    Screen().text(script.rstrip("\n") + "\n")
