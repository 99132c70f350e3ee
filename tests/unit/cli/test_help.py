"""What the command says of itself: sections, sentences, examples, and nothing slow behind it."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from issuesum.cli import SECTIONS, VERBS, cli

LIGHT = {"click", "issuesum"}
"""All that `--help` may import beside the standard library."""
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


def test_the_help_of_the_group_has_the_verbs_by_what_they_are_about() -> None:
    said = help_of()
    places = [said.index(f"\n{heading}:\n") for heading in SECTIONS]
    assert places == sorted(places)
    assert list(SECTIONS) == [
        "Data", "Model", "Image and lineage", "Serving", "Team", "This machine",
    ]  # fmt: skip
    for verb in VERBS:
        assert re.search(rf"^  {verb} +[A-Z]", said, re.MULTILINE), verb


def test_without_arguments_it_shows_the_help() -> None:
    done = CliRunner().invoke(cli, [], prog_name="issuesum")
    assert (done.exit_code, done.output) == (2, help_of())


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_a_verb_is_whole(verb: str) -> None:
    said = help_of(verb)
    assert said.splitlines()[2].startswith("  ")
    assert "\n  Examples:\n    issuesum " in said or '\n    eval "$(issuesum' in said
    assert max(map(len, said.splitlines())) <= 88, "narrower than most terminals"
    for parameter in command_of(verb).params:
        if isinstance(parameter, click.Option):
            told = (parameter.help or "").partition("  [default")[0]
            assert re.fullmatch(r"([A-Z]|registry/).*[.?;]", told, re.DOTALL), parameter.opts


@pytest.mark.parametrize("verb", VERBS)
def test_the_examples_are_calls_that_the_verb_understands(verb: str) -> None:
    lines = re.findall(r"(?<!\S)(?:\$\()?(issuesum .*)", command_of(verb).epilog or "")
    assert lines
    for line in lines:
        call = re.split(r"\s[|]\s|\)\"", line)[0]
        _, called, *arguments = shlex.split(call, comments=True)
        assert called == verb
        command_of(verb).make_context(verb, arguments)


def test_an_option_is_called_alike_in_every_verb() -> None:
    names: dict[str, set[tuple[str, ...]]] = {}
    metavars: dict[str, set[str | None]] = {}
    for verb in VERBS:
        for parameter in command_of(verb).params:
            if isinstance(parameter, click.Option):
                (long,) = (name for name in parameter.opts if name.startswith("--"))
                names.setdefault(long, set()).add(tuple(parameter.opts))
                if not parameter.is_flag:
                    metavars.setdefault(long, set()).add(parameter.metavar)
    assert {long: spelt for long, spelt in names.items() if len(spelt) > 1} == {}
    metavars["--output"] -= {"DIR"}  # of a folder
    several = {long: found for long, found in metavars.items() if len(found) > 1}
    # The URL of data in restore, Git's name elsewhere.
    assert several == {"--remote": {"URL", "NAME"}}
    assert names["--output"] == {("-o", "--output")}
    free = {long for long, found in metavars.items() if None in found}
    assert free == {"--format"}, "every value has a name, but for one that is a choice"


def test_only_verbs_that_tell_a_machine_nothing_lack_json() -> None:
    without = {
        verb
        for verb in VERBS
        if not any("--json" in parameter.opts for parameter in command_of(verb).params)
    }
    assert without == {"completion"}
