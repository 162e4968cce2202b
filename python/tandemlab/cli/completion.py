"""``tandemlab completion``: the script that teaches a shell to complete commands."""

from __future__ import annotations

import click

from tandemlab.cli.commands import verb


@verb(
    "completion",
    'eval "$(tandemlab completion bash)"',
    "tandemlab completion zsh > ~/.zfunc/_tandemlab",
    "tandemlab completion fish > ~/.config/fish/completions/tandemlab.fish",
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script that makes SHELL complete commands.

    It completes options too, and the names of workspaces, experiments and runs.

    For bash, put the first line of the examples into ~/.bashrc. For zsh and fish, save the
    script where the shell looks for completions.
    """
    from click.shell_completion import get_completion_class

    from tandemlab.cli.program import COMPLETION, root

    shell_class = get_completion_class(shell)
    assert shell_class is not None
    click.echo(shell_class(root, {}, "tandemlab", COMPLETION).source())
