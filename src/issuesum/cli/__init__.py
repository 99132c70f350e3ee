"""The `issuesum` command: one thin module a verb, imported only when that verb is called."""

import importlib
import os
import sys
import traceback
from io import TextIOWrapper
from typing import Any

import click
from click.shell_completion import CompletionItem

from issuesum.console import VERBOSE, coloured, explained, interrupted, reader_gone, say
from issuesum.errors import IssuesumError

SECTIONS = {
    "Data": {
        "ingest": "Validate issues and store them as the raw data.",
        "sample": "Write synthetic issues as the raw data, for a first look.",
    },
    "Model": {
        "retrain": "Train and ship a new model if anything is stale, commit and push.",
        "submit": "Train this commit in a Kubernetes cluster, and bring the model back.",
        "summary": "Show what the last run made: image, scores, times.",
        "predict": "Write titles for a file of issues, without a server.",
    },
    "Image and lineage": {
        "export": "Build, check and push the image, as the export stage does.",
        "provenance": "Show where an image or a bundle comes from: data, params, commit, scores.",
        "verify": "Check an image, its provenance and its attestations.",
        "diff": "Show what changed between two images, titles included.",
        "restore": "Restore the working tree that an image was built from.",
    },
    "Serving": {
        "serve": "Run the exported image; print its page and a request that works.",
        "manifests": "Write Kubernetes manifests that serve an image, pinned by digest.",
        "release": "Write the manifests of a version that a Git tag registers or puts in a stage.",
    },
    "Team": {
        "jobs": "List the runs of stages, the newest first: results, commits, times, images.",
        "report": "Summarise a change of the model for a reviewer.",
        "card": "Write the model card.",
    },
    "This machine": {
        "doctor": "List what is missing before a run, and what to do about it.",
        "completion": "Print a script that lets a shell complete verbs, options and values.",
    },
}
VERBS = {name: about for verbs in SECTIONS.values() for name, about in verbs.items()}


def _set_verbose(context: click.Context, parameter: click.Parameter, value: bool) -> None:  # noqa: ARG001
    if value:
        os.environ[VERBOSE] = "1"  # stages that the verb runs read it as well


_VERBOSE_OPTION = click.Option(
    ["-v", "--verbose"], is_flag=True, expose_value=False, callback=_set_verbose,
    help="Show the traceback of a failure.",
)  # fmt: skip


class Verbs(click.Group):
    """Imports a verb's module when the verb is called, so `--help` and completion stay fast."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a verb; give it -v, as the group has it, and its line of SECTIONS as help."""
        if cmd_name not in VERBS:
            return None
        command = importlib.import_module(f"issuesum.cli.{cmd_name}").command
        assert isinstance(command, click.Command)  # noqa: S101
        command.help = command.help or VERBS[cmd_name]
        if _VERBOSE_OPTION not in command.params:
            command.params.append(_VERBOSE_OPTION)
        return command

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401
        """Call the verb; end quietly after Ctrl+C or `| head`, where click would print a line."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise click.Abort from error
        except BrokenPipeError:
            ctx.exit(reader_gone())

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[Any]]:
        """Complete the name of a verb, or an option of the group, without importing any verb."""
        found = [CompletionItem(verb, help=about) for verb, about in VERBS.items()]
        options = click.Command.shell_complete(self, ctx, incomplete)
        return [*(each for each in found if each.value.startswith(incomplete)), *options]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the verbs under their headings, all in one column."""
        width = max(map(len, VERBS))
        for heading, verbs in SECTIONS.items():
            with formatter.section(heading):
                formatter.write_dl([(f"{name:{width}}", about) for name, about in verbs.items()])


@click.group(
    cls=Verbs,
    commands={name: click.Command(name) for name in VERBS},  # for click to suggest a verb
    context_settings={"help_option_names": ["-h", "--help"]},
    subcommand_metavar="VERB [ARGS]...",
    epilog="`issuesum VERB --help` lists the options of a verb and shows examples; docs/cli.md has "
    "all of them, and the exit codes.",
)
@click.version_option(package_name="issuesum")
def cli() -> None:
    """Train, version, ship and trace a model that writes titles for GitHub issues."""


cli.params.append(_VERBOSE_OPTION)


def main() -> None:
    """Run the command line; a foreseeable failure becomes one line and its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # escape what its encoding lacks
            stream.reconfigure(errors="backslashreplace")
    try:
        sys.exit(cli.main(prog_name="issuesum", standalone_mode=False, color=coloured()) or 0)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(error.exit_code)
    except click.ClickException as error:
        message = error.format_message()
        if isinstance(error, click.UsageError):
            message += f" Try: {error.ctx.command_path if error.ctx else 'issuesum'} --help."
        say("error", message)
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        sys.exit(interrupted())
    except (IssuesumError, OSError) as error:
        if os.environ.get(VERBOSE):
            traceback.print_exc()
        known = explained(error)
        say("error", str(known))
        sys.exit(known.exit_code)
