"""The `issuesum` command: one thin module a verb, imported only when that verb is called."""

from __future__ import annotations

import os
import sys
import traceback
from io import TextIOWrapper

import click

from issuesum.cli.group import Verbs
from issuesum.console import VERBOSE, coloured, explained, say
from issuesum.errors import IssuesumError

SECTIONS = {
    "Data": {
        "ingest": "Check a CSV of issues and make it the raw data.",
        "sample": "Write synthetic issues as the raw data, for a first look.",
    },
    "Model": {
        "retrain": "Make a new model and image if anything is stale, commit and push.",
        "summary": "Tell what the last run made: image, scores, times.",
        "predict": "Write titles for a file of issues, offline.",
    },
    "Image and lineage": {
        "export": "Build, check and push the image, as the export stage does.",
        "provenance": "Tell where an image or a bundle comes from: data, params, commit, scores.",
        "verify": "Check an image, its provenance and its attestations, without Docker.",
        "diff": "Tell what changed between two images, titles included.",
        "restore": "Make the working tree that an image was made from.",
    },
    "Serving": {
        "serve": "Run the exported image and print a request that works.",
        "web": "Serve a page on which people try the model and send feedback.",
        "manifests": "Write Kubernetes manifests that serve an image, pinned by digest.",
        "release": "Write the manifests of a version that a Git tag registers or puts in a stage.",
    },
    "Team": {
        "jobs": "List the runs of stages: results, commits, times, images.",
        "report": "Tell a reviewer what a change of the model means.",
        "card": "Write the model card.",
    },
    "This machine": {
        "doctor": "Tell what is missing before a run, and what to do about it.",
        "completion": "Print a script that lets a shell complete verbs, options and values.",
    },
}
VERBS = {name: told for verbs in SECTIONS.values() for name, told in verbs.items()}

INTERRUPTED = 130
"""Exit code after Ctrl+C: 128 and the number of SIGINT, as a shell has it."""
_EPILOG = (
    "`issuesum VERB --help` tells the options of a verb and shows examples; docs/cli.md has all "
    "of them, and the exit codes."
)


@click.group(
    cls=Verbs,
    sections=SECTIONS,
    context_settings={"help_option_names": ["-h", "--help"]},
    subcommand_metavar="VERB [ARGS]...",
    epilog=_EPILOG,
)
@click.version_option(package_name="issuesum")
def cli() -> None:
    """Train, version, ship and trace a model that writes titles for GitHub issues."""


def main() -> None:
    """Run the command line; a foreseeable failure becomes one line and its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # what its encoding lacks is no failure
            stream.reconfigure(errors="backslashreplace")
    try:
        sys.exit(cli.main(prog_name="issuesum", standalone_mode=False, color=coloured()) or 0)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(error.exit_code)
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "issuesum"
        say("error", f"{error.format_message()} Try: {path} --help.")
        sys.exit(error.exit_code)
    except click.ClickException as error:
        say("error", error.format_message())
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        if sys.stderr.isatty():
            click.echo(err=True)  # ends the line on which the terminal shows ^C
        say("error", "interrupted")
        sys.exit(INTERRUPTED)
    except (IssuesumError, OSError) as error:
        if os.environ.get(VERBOSE):
            traceback.print_exc()
        known = explained(error)
        say("error", str(known))
        sys.exit(known.exit_code)
