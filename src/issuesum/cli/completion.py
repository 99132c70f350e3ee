"""`issuesum completion`."""

import click

from issuesum.cli.shared import verb


@verb(
    'eval "$(issuesum completion bash)" # for the current shell; the same in zsh',
    "issuesum completion fish | source # the same in fish",
    json=False,
)
@click.argument("shell", metavar="SHELL", type=click.Choice(("bash", "zsh", "fish")))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print a script that lets SHELL complete verbs, options and values.

    Tags of images are completed from the runs and the receipt of the current folder.

    \b
    Where the script goes, for every later shell:
      bash  ~/.local/share/bash-completion/completions/issuesum
      zsh   _issuesum in a folder of $fpath, before compinit runs
      fish  ~/.config/fish/completions/issuesum.fish
    """  # noqa: D301 -- click reads \b as a character
    from click.shell_completion import get_completion_class

    root = context.find_root().command
    completing = get_completion_class(shell)
    assert completing is not None  # noqa: S101 -- click has all three
    click.echo(completing(root, {}, "issuesum", "_ISSUESUM_COMPLETE").source(), nl=False)
