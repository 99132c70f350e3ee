"""The group of verbs: sections in its help, a module imported only when its verb is called."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from typing import Any

import click
from click.shell_completion import CompletionItem

from issuesum.console import VERBOSE, reader_gone


def _set_verbose(context: click.Context, parameter: click.Parameter, value: bool) -> None:  # noqa: ARG001
    if value:
        os.environ[VERBOSE] = "1"  # stages that the verb runs read it as well


VERBOSE_OPTION = click.Option(
    ["-v", "--verbose"],
    is_flag=True,
    expose_value=False,
    callback=_set_verbose,
    help="Show the traceback of a failure.",
)


class Verbs(click.Group):
    """A group that imports a verb's module when the verb is called, so `--help` stays fast.

    Attributes:
        sections: for each heading of the help its verbs, each with what it does.
        verbs: all of these in their order.
    """

    def __init__(self, *, sections: Mapping[str, Mapping[str, str]], **settings: Any) -> None:  # noqa: ANN401
        """Make a group whose verbs are modules of issuesum.cli; the settings are click's."""
        super().__init__(**settings)
        self.params.append(VERBOSE_OPTION)
        self.sections = sections
        self.verbs = {name: told for verbs in sections.values() for name, told in verbs.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names of all verbs."""
        return list(self.verbs)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a verb; it takes -v as the group does."""
        if cmd_name not in self.verbs:
            return None
        command = importlib.import_module(f"issuesum.cli.{cmd_name}").command
        assert isinstance(command, click.Command)  # noqa: S101
        if VERBOSE_OPTION not in command.params:
            command.params.append(VERBOSE_OPTION)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb that is called.

        Raises:
            click.NoSuchCommand: there is none of that name; it names what is spelt alike.
        """
        name = args[0]
        if name not in self.verbs and not name.startswith("-"):
            raise click.NoSuchCommand(name, possibilities=self.verbs, ctx=ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401
        """Call the verb.

        Raises:
            click.Abort: somebody pressed Ctrl+C; else click would write an empty line first.
            click.exceptions.Exit: nobody reads standard output any more, as after `| head`.
        """
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise click.Abort from error
        except BrokenPipeError:
            ctx.exit(reader_gone())

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[Any]]:
        """Complete the name of a verb, or an option of the group, without importing any verb."""
        verbs = self.verbs.items()
        found = [CompletionItem(name, help=told) for name, told in verbs]
        return [
            *(item for item in found if item.value.startswith(incomplete)),
            *click.Command.shell_complete(self, ctx, incomplete),
        ]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the verbs under their headings, all in one column."""
        width = max(map(len, self.verbs))
        for heading, verbs in self.sections.items():
            with formatter.section(heading):
                formatter.write_dl([(f"{name:{width}}", told) for name, told in verbs.items()])
