"""The `issuesum` command: one thin module a verb, imported only when that verb is called."""

from __future__ import annotations

import importlib
import sys

import click

from issuesum.errors import ArtifactError, IssuesumError, one_line
from issuesum.terminal import printable

VERBS = {
    "doctor": "Tell what is missing before a run, and what to do about it.",
    "ingest": "Check a CSV of issues and make it the raw data.",
    "sample": "Write synthetic issues as the raw data, for a first look.",
    "provenance": "Tell where an image or a bundle comes from: data, params, commit, scores.",
    "summary": "Tell what the last run made: image, scores, times.",
    "jobs": "List the runs of stages: results, commits, times, images.",
    "report": "Tell a reviewer what a change of the model means.",
    "card": "Write the model card.",
    "predict": "Write titles for a file of issues, offline.",
    "retrain": "Make a new model and image if anything is stale, commit and push.",
    "export": "Build, check and push the image, as the export stage does.",
    "serve": "Run the exported image and print a request that works.",
    "verify": "Check an image, its provenance and its attestations, without Docker.",
    "diff": "Tell what changed between two images, titles included.",
    "restore": "Make the working tree that an image was made from.",
    "manifests": "Write Kubernetes manifests that serve an image, pinned by digest.",
    "release": "Write the manifests of a version that a Git tag registers or puts in a stage.",
    "web": "Serve a page on which people try the model and send feedback.",
}


class _LazyGroup(click.Group):
    """A group that imports a verb's module when the verb is called, so `--help` stays fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in VERBS:
            return None
        command = importlib.import_module(f"issuesum.cli.{cmd_name}").command
        assert isinstance(command, click.Command)  # noqa: S101
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="issuesum")
@click.option(
    "-v", "--verbose", is_flag=True, expose_value=False, help="Show the traceback of a failure."
)
def cli() -> None:
    """Train, version, ship and trace a model that writes titles for GitHub issues."""


def main() -> None:
    """Run the command line; a foreseeable failure becomes one line and its exit code."""
    try:
        cli(prog_name="issuesum")
    except IssuesumError as error:
        if {"-v", "--verbose"} & set(sys.argv):
            raise
        click.echo(f"error: {printable(one_line(error))}", err=True)
        sys.exit(error.exit_code)
    except OSError as error:
        if {"-v", "--verbose"} & set(sys.argv):
            raise
        click.echo(
            "error: The command must be able to read its inputs and write its outputs. Received: "
            f"{printable(one_line(error))}. Try: check free space and permissions.",
            err=True,
        )
        sys.exit(ArtifactError.exit_code)
