"""`runstone completion`: scripts for shells."""

from __future__ import annotations

import click
from click.shell_completion import ShellComplete, get_completion_class

from runstone.cli import app
from runstone.cli.rendering import Screen


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print a script that completes verbs, options, run ids, contracts and file names.

    \b
      ~/.bashrc                  eval "$(runstone completion bash)"
      ~/.zshrc                   eval "$(runstone completion zsh)"
      ~/.config/fish/config.fish runstone completion fish | source
    """
    found = get_completion_class(shell)
    assert found is not None
    # the base class's `source`: bash's own starts a shell to ask for its version
    script = ShellComplete.source(found(app.app, {}, app.NAME, app.COMPLETE_SETTING))
    Screen().text(script.rstrip("\n") + "\n")
