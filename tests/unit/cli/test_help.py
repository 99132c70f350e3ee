"""The help: verbs, examples that work, and nothing slow behind it."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from issuesum.cli import VERBS, cli

LIGHT = {"click", "issuesum"}
"""All that `--help` may import in addition to the standard library."""
_WATCH = """
import json, sys
added = {"before": sorted({name.partition(".")[0] for name in sys.modules})}
from issuesum.cli import VERBS, cli
for verb in [None, *VERBS]:
    before = set(sys.modules)
    try:
        cli.main([*([verb] if verb else []), "--help"], "issuesum", standalone_mode=False)
    finally:
        names = {name.partition(".")[0] for name in set(sys.modules) - before}
        added[str(verb)] = sorted(names - sys.stdlib_module_names)
added["at all"] = sorted({name.partition(".")[0] for name in sys.modules})
print("LOADED", json.dumps(added))
"""


def command_of(verb: str) -> click.Command:
    command = cli.get_command(click.Context(cli), verb)
    assert command is not None
    return command


def help_of(*arguments: str) -> str:
    done = CliRunner().invoke(cli, [*arguments, "--help"], prog_name="issuesum")
    assert done.exit_code == 0, done.output
    return done.output


def test_no_help_imports_anything_but_click() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _WATCH], capture_output=True, text=True, check=True
    )
    added = json.loads(done.stdout.split("LOADED ")[1])
    # Coverage, if it is measured, is loaded before.
    everything = set(added.pop("at all")) - set(added.pop("before"))
    assert {verb: names for verb, names in added.items() if not set(names) <= LIGHT} == {}
    slow_even_so = {"asyncio", "http", "multiprocessing", "ssl", "unittest", "urllib3", "yaml"}
    assert not slow_even_so & everything


def test_the_help_of_the_group_lists_the_verbs() -> None:
    shown = help_of()
    for verb in VERBS:
        assert re.search(rf"^  {verb} +[A-Z]", shown, re.MULTILINE), verb


def test_without_arguments_it_shows_the_help() -> None:
    done = CliRunner().invoke(cli, [], prog_name="issuesum")
    assert (done.exit_code, done.output) == (2, help_of())


@pytest.mark.parametrize("verb", VERBS)
def test_the_examples_are_calls_that_the_verb_understands(verb: str) -> None:
    lines = re.findall(r"(?<!\S)(?:\$\()?(issuesum .*)", command_of(verb).epilog or "")
    assert lines
    for line in lines:
        call = re.split(r"\s[|]\s|\)\"", line)[0]
        _, called, *arguments = shlex.split(call, comments=True)
        assert called == verb
        command_of(verb).make_context(verb, arguments)
