"""What the documentation names exists: links, verbs, options, params, variables, scripts."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import click
import pytest
import yaml

from issuesum.cli import VERBS, cli
from issuesum.stages.params import Params
from projects import ROOT
from source_tree import parsed

DOCS = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md"))
PAGES = ["README.md", "CONTRIBUTING.md", "SECURITY.md", *DOCS]
"""What CHANGELOG.md names may be gone."""
VARIABLE = re.compile(r"\bISSUESUM_[A-Z0-9]+(?:_[A-Z0-9]+)*\b")
PARAM = re.compile(rf"(?<![\w./-])(?:{'|'.join(Params.model_fields)})(?:\.[a-z_]+)+\b(?!\()")
NO_PARAMS = re.compile(r"\.(?:md|py|json)$|^train\.(?:loss|epoch)$")
"""Files, and columns of `dvc exp show`, that look like params."""
COMMAND = re.compile(r"^\$ (.*)$|`(issuesum [^`\n]*|python [^`\n]*)`", re.MULTILINE)
HELP = {"-h", "--help", "-v", "--verbose", "--version"}


def _text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def _tracked() -> list[str]:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in done.stdout.split("\0") if (ROOT / name).is_file()]


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, waiting = set(), ["README.md"]
    while waiting:
        page = waiting.pop()
        if page not in reached and page.endswith(".md"):
            reached.add(page)
            links = re.findall(r"\]\((?!https?://|#)([^)#]+)", _text(page))
            there = [((ROOT / page).parent / link).resolve() for link in links]
            waiting += [path.relative_to(ROOT.resolve()).as_posix() for path in there]
    assert set(DOCS) - reached == set()


@pytest.mark.parametrize("page", PAGES)
def test_params_exist(page: str) -> None:
    params = yaml.safe_load(_text("params.yaml"))
    named = {name for name in PARAM.findall(_text(page)) if not NO_PARAMS.search(name)}
    assert {name for name in named if not _has(params, name.split("."))} == set()


def _has(values: object, keys: list[str]) -> bool:
    for key in keys:
        if not isinstance(values, dict) or key not in values:
            return False
        values = values[key]
    return True


def test_variables_are_read() -> None:
    explained = {name for page in PAGES for name in VARIABLE.findall(_text(page))}
    code = ("src/", "tools/", "serving/", ".ci/", "tests/", "deploy/", ".github/", "Dockerfile")
    files = [name for name in _tracked() if name.startswith(code) and "/unit/" not in name]
    read = {name for file in files for name in VARIABLE.findall(_text(file))}
    assert explained
    assert explained <= read


def _commands(page: str) -> list[list[str]]:
    """Return the words of each command that a page shows, without what is set before it."""
    found = []
    for shown in COMMAND.findall(_text(page).replace("\\\n", " ")):
        line = "".join(shown).replace("…", "")
        for part in re.split(r"&&|\|\||[|;]", re.sub(r"\s#.*", "", line)):
            words = re.sub(r"""['"]""", "", part).split()
            while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                del words[0]
            if words:
                found.append(words)
    return found


@pytest.mark.parametrize("page", PAGES)
def test_options_of_verbs_exist(page: str) -> None:
    for program, *words in _commands(page):
        if program.rpartition("/")[2] != "issuesum":
            continue
        verb = next((word for word in words if not word.startswith("-")), None)
        given = {word.partition("=")[0] for word in words if word.startswith("-") and word != "-"}
        known = set(HELP)
        if verb and verb != "VERB":
            assert verb in VERBS, f"{page}: issuesum {verb}"
            command = cli.get_command(click.Context(cli), verb)
            known |= {
                name for each in command.params for name in (*each.opts, *each.secondary_opts)
            }
        known.add("--josn")  # docs/cli.md shows how a misspelt option is answered
        assert given <= known, f"{page}: issuesum {verb} lacks {given - known}"


@pytest.mark.parametrize("page", PAGES)
def test_scripts_and_their_options_exist(page: str) -> None:
    for program, *words in _commands(page):
        script = words[0] if program == "python" and words else program
        if not script.startswith(("benchmarks/", "tools/", ".ci/", "deploy/")):
            continue
        assert (ROOT / script).exists(), f"{page}: {script}"
        given = {word.partition("=")[0] for word in words if word.startswith("--")}
        if script.endswith(".py"):
            assert given <= _options(ROOT / script), f"{page}: {script}"


def _options(script: Path) -> set[str]:
    """Return the options that a script hands to argparse, without importing what it measures."""
    calls = [node for node in ast.walk(parsed(script)) if isinstance(node, ast.Call)]
    return {
        word.value
        for call in calls
        if getattr(call.func, "attr", "") == "add_argument"
        for word in call.args
        if isinstance(word, ast.Constant) and str(word.value).startswith("--")
    }


@pytest.mark.parametrize("page", [*PAGES, "CHANGELOG.md"])
def test_links_lead_somewhere(page: str, root: Path) -> None:
    text = (root / page).read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", text)
    missing = [link for link in links if not (root / page).parent.joinpath(link).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES)
def test_verbs_and_make_targets_exist(page: str, root: Path) -> None:
    text = (root / page).read_text(encoding="utf-8")
    assert set(re.findall(r"(?:`|\$ |&& )issuesum (?:-v )?([a-z]+)", text)) <= set(VERBS)
    makefile = (root / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"(?:\$ |`)make ([a-z-]+)", text):
        assert f"\n{target}:" in makefile


def test_the_requirements_of_the_image_are_those_of_the_lock(root: Path) -> None:
    lock = (root / "uv.lock").read_text(encoding="utf-8")
    versions = dict(re.findall(r'name = "([^"]+)"\nversion = "([^"]+)"', lock))
    requirements = (root / "serving/requirements.txt").read_text(encoding="utf-8")
    pinned = dict(re.findall(r"^([a-z0-9._-]+)==([^ ]+)", requirements, re.MULTILINE))
    assert {"seldon-core", "onnxruntime", "numpy"} <= pinned.keys()
    assert pinned == {name: versions[name] for name in pinned}
    assert requirements.count("--hash=sha256:") >= len(pinned)


def test_the_tests_that_pages_name_exist() -> None:
    named = {test for page in PAGES for test in re.findall(r"`(test_\w+)`", _text(page))}
    modules = list((ROOT / "tests").rglob("test_*.py"))
    there = {path.stem for path in modules}
    for path in modules:
        there |= set(re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE))
    assert named
    assert named <= there
