"""A push to a bare repository leads to an image, as new data did in Pachyderm; nobody else acts.

With its hook, the real S3 server, registry and engine. The tests go on from one another.
"""

from __future__ import annotations

import csv
import json
import os
import secrets
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from images import remove_images
from issuesum.errors import RegistryError
from issuesum.registry.client import Registry
from issuesum.registry.image import read_image
from issuesum.registry.reference import Reference
from projects import ROOT, Project

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
RAW = "data/raw/github_issues.csv"
WHO = ("-c", "user.name=Test", "-c", "user.email=test@example.com")


@dataclass
class Forge:
    """A bare repository with the hook, and a clone that pushes to it."""

    bare: Project
    clone: Project

    def push(self, message: str) -> str:
        """Commit everything in the clone, push it and return what the remote printed."""
        self.clone.commit(message)
        started = time.monotonic()
        output = self.clone.run("git", "push", "origin", "main").stderr
        assert time.monotonic() - started < 5, "a push must not wait for a retraining"
        return output

    def log(self) -> str:
        path = self.bare.path / "issuesum/retrain.log"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def wait(self) -> str:
        """Wait until the hook's worker has emptied the queue, and return how its last run ended."""
        until = time.monotonic() + 300
        state = self.bare.path / "issuesum"
        while (state / "queue").exists() or (state / "taken").exists():
            assert time.monotonic() < until, self.log()
            time.sleep(0.2)
        return self.ended()[-1]

    def ended(self) -> list[str]:
        return [line for line in self.log().splitlines() if " ended with " in line]

    def head(self) -> str:
        return self.bare.run("git", "rev-parse", "main").stdout.strip()

    def show(self, path: str) -> str:
        return self.bare.run("git", "show", f"main:{path}").stdout

    def receipt(self) -> dict:
        return json.loads(self.show("serving/image.json"))


@pytest.fixture(scope="module")
def forge(
    finished: Project, tmp_path_factory: pytest.TempPathFactory, services, engine
) -> Iterator[Forge]:
    folder = tmp_path_factory.mktemp("forge")
    name = f"test-{secrets.token_hex(6)}"
    origin = finished.copy(folder / "origin")
    origin.dvc("remote", "modify", "storage", "url", f"s3://issuesum/{name}")
    origin.commit("begin")
    origin.dvc("push", "--quiet")
    origin.run("git", "clone", "--quiet", "--bare", ".", str(folder / "bare.git"))
    bare = Project(folder / "bare.git")
    (bare.path / "hooks/post-receive").symlink_to(ROOT / "tools/post-receive")
    env = folder / "credentials.env"
    env.write_text(
        f"PYTHONPATH={bare.path}/issuesum/work/src\nISSUESUM_REGISTRY={services.registry}\n"
        f"AWS_SECRET_ACCESS_KEY={services.secret}\n"
    )
    for key, value in {"debounce": "1", "setup": "true", "env": str(env)}.items():
        bare.run("git", "config", f"issuesum.{key}", value)
    bare.run("git", "clone", "--quiet", ".", str(folder / "clone"))
    yield Forge(bare, Project(folder / "clone"))
    import s3fs

    s3fs.S3FileSystem().rm(f"s3://issuesum/{name}", recursive=True)
    # Of the same name as those of other tests, since the registry has the runtime of that name.
    for commit in bare.run("git", "rev-list", "--all").stdout.split():
        remove_images(engine, f":{commit[:12]}-")


def test_pushed_data_becomes_an_image_that_names_the_push(forge: Forge, services) -> None:
    env = forge.bare.path.parent / "credentials.env"
    forge.clone.dvc("pull", "--quiet", f"{RAW}.dvc")
    more = forge.clone.path / "tmp/more.csv"
    more.parent.mkdir()
    _write(more, [[f"https://example.com/{n}", f"Fix {n}", f"Broken {n}"] for n in range(40)])
    forge.clone.issuesum("ingest", "--append", str(more))
    forge.clone.dvc("push", "--quiet")

    env.chmod(0o644)
    assert "must be readable by its owner alone" in forge.push("Take more issues, openly")
    env.chmod(0o600)
    forge.clone.edit("params.yaml", lambda text: text.replace("examples: 5", "examples: 6"))
    assert "remote: issuesum: retraining queued, log in " in forge.push("Take more issues")
    pushed = forge.head()
    assert forge.wait().endswith(" 0: done"), forge.log()

    receipt = forge.receipt()
    assert receipt["git"] == pushed[:12]
    image = read_image(Registry(services.registry), Reference.parse(receipt["image"]))
    assert image.reference.digest == receipt["digest"]
    assert image.labels["org.opencontainers.image.revision"] == pushed
    raw = forge.show(f"{RAW}.dvc").split("md5: ")[1].split()[0]
    assert image.labels["io.issuesum.hash.raw"] == raw
    parent, subject, body = forge.bare.run(
        "git", "log", "-1", "--format=%P%x00%s%x00%b", "main", "--", "dvc.lock"
    ).stdout.split("\0")
    assert parent == pushed
    assert subject.startswith("Retrain: ROUGE-L ")
    rows = json.loads(forge.show("eval/metrics.json"))["test_rows"]
    assert f" on {rows} issues" in subject
    assert subject.endswith(" [skip ci]")
    assert f"Digest: {receipt['digest']}\nData: {raw}, 340 rows\n" in body
    assert "Param: evaluate.examples from 5 to 6" in body
    assert services.secret not in forge.log()


def test_what_changes_no_input_starts_nothing(forge: Forge) -> None:
    ended = forge.ended()
    forge.clone.run("git", "pull", "--quiet")
    forge.clone.edit("README.md", lambda text: text + "\n")
    assert "issuesum" not in forge.push("Say more")
    forge.clone.edit("params.yaml", lambda text: text.replace("examples: 6", "examples: 7"))
    assert "issuesum" not in forge.push("Set examples [skip ci]")
    forge.clone.run("git", "push", "--quiet", "origin", "main:other")
    assert forge.ended() == ended


def test_two_pushes_within_a_second_end_with_the_second(forge: Forge) -> None:
    for rows in (29, 28):
        forge.clone.edit(
            "params.yaml",
            lambda text, to=rows: text.replace(f"max_rows: {to + 1}", f"max_rows: {to}"),
        )
        assert "queued" in forge.push(f"Score {rows} rows")
    second = forge.head()
    forge.wait()
    assert "max_rows: 28" in forge.show("dvc.lock")
    assert forge.receipt()["git"] == second[:12]
    done = forge.bare.run("hooks/post-receive", "--now")
    assert " ended with 11: nothing to do" in done.stdout


def test_results_of_another_clone_are_kept_and_a_killed_run_goes_on(
    forge: Forge, tmp_path: Path, services
) -> None:
    """Both change a param of evaluate, so that their dvc.lock, scores and receipts conflict."""
    clones = {name: tmp_path / name for name in ("theirs", "ours")}
    for path in clones.values():
        forge.bare.run("git", "clone", "--quiet", "--depth=1", f"file://{forge.bare.path}", path)
    theirs, ours = (Project(path) for path in clones.values())
    for each in (theirs, ours):
        each.env["ISSUESUM_REGISTRY"] = services.registry
    theirs.run("issuesum", "retrain", "--no-push", "-S", "evaluate.examples=3")
    hook = ours.path / ".git/hooks/pre-push"
    hook.write_text(f"#!/bin/sh\ncd {theirs.path} && env -u GIT_DIR git push -q || true\n")
    hook.chmod(0o755)
    (ours.path / "NOTES.md").write_text("A commit of the user's own.\n")
    ours.commit("Take notes")

    command = ("issuesum", "retrain", "--json", "-S", "evaluate.max_rows=20")
    killed = ours.start(*command, PYTHONUNBUFFERED="1")
    second = None
    for line in killed.stderr:
        if "Running stage 'evaluate'" in line:
            second = ours.run(*command, ok=False)
            os.kill(killed.pid, signal.SIGKILL)
            break
    assert second is not None
    assert second.returncode == 8
    assert second.stderr.startswith("error: One retraining at a time must run in ")
    assert second.stderr.count("\n") == 1
    assert f"{ours.path}/.issuesum/retrain.lock" in second.stderr
    killed.communicate()  # the pipeline, which goes on and holds the lock

    stopped = ours.run(*command, ok=False)
    assert stopped.returncode == 8
    assert "others have pushed to main: catching up" in stopped.stderr
    assert "nothing is lost" in stopped.stderr
    document = json.loads(ours.run(*command).stdout)
    assert document["commit"] == forge.head()
    log = forge.bare.run("git", "log", "-5", "--format=%s", "main").stdout.splitlines()
    assert [line.split(" ROUGE")[0] for line in log] == [
        "Retrain:", "Set evaluate.max_rows to 20", "Take notes",
        "Retrain:", "Set evaluate.examples to 3",
    ]  # fmt: skip
    lock = forge.show("dvc.lock")
    assert "examples: 3" in lock
    assert "max_rows: 20" in lock
    assert forge.receipt()["git"] == forge.bare.run("git", "rev-parse", "main^").stdout[:12]
    again = ours.run("issuesum", "retrain", ok=False)
    assert (again.returncode, again.stderr) == (11, "")
    assert again.stdout.startswith("nothing to do")


def test_a_model_that_the_gate_refuses_changes_nothing(forge: Forge, services) -> None:
    forge.clone.run("git", "pull", "--quiet", "--rebase")
    before = forge.receipt()
    forge.clone.edit(
        "params.yaml", lambda text: text.replace("min_rouge_l: 0.0", "min_rouge_l: 90")
    )
    assert "queued" in forge.push("Ask for more than it can")
    pushed = forge.head()
    assert forge.wait().endswith(" 5: the gate refused the model: nothing was shipped")
    assert "error: The model must pass the gate. Received: ROUGE-L" in forge.log()
    assert forge.head() == pushed
    assert forge.receipt() == before
    held = Reference.parse(before["image"])
    assert Registry(services.registry).digest(held) == before["digest"]
    tag = f"{before['image'].rsplit(':', 1)[0]}:{pushed[:12]}"
    with pytest.raises(RegistryError):
        read_image(Registry(services.registry), Reference.parse(f"{tag}-{before['dvc']}"))
    listed = forge.clone.issuesum("jobs", "--sync", "--stage", "export").stdout
    assert "failed  The model must pass the gate." in listed


def _write(path: Path, rows: list[list[str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["issue_url", "issue_title", "body"], *rows])
