"""One new file and one line of params.yaml ship the architecture of docs/model.md."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator

import pytest
import requests

import example_architecture
from images import free_port
from projects import Project

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

_FILE = f"src/issuesum/training/model/architectures/{example_architecture.NAME}.py"


@pytest.fixture(scope="module")
def added(finished: Project, tmp_path_factory: pytest.TempPathFactory, engine) -> Iterator[Project]:
    """Return a project of another architecture, to which that one was added; everything has run."""
    project = finished.copy(tmp_path_factory.mktemp("added") / "project")
    # Enough to learn something of a few hundred rows, whatever the architecture.
    project.edit("params.yaml", lambda text: text.replace("epochs: 1\n", "epochs: 20\n"))
    project.edit(
        "params.yaml", lambda text: text.replace("learning_rate: 0.002", "learning_rate: 0.03")
    )
    project.commit("learn longer")
    (project.path / _FILE).write_text(example_architecture.source(), encoding="utf-8")
    project.edit(
        "params.yaml",
        lambda text: text.replace("arch: pointer", f"arch: {example_architecture.NAME}"),
    )
    commit = project.commit("add an architecture")
    assert project.repro() == ["train", "build", "evaluate", "export"]
    yield project
    for image in engine.images.list(filters={"label": f"io.issuesum.git={commit[:12]}"}):
        engine.images.remove(image.id, force=True)


def test_one_file_and_one_line_are_all_that_was_changed(added: Project) -> None:
    changed = added.run("git", "show", "--numstat", "--format=", "HEAD").stdout.splitlines()
    lines = len(example_architecture.source().splitlines())
    assert changed == ["1\t1\tparams.yaml", f"{lines}\t0\t{_FILE}"]


def test_it_learns(added: Project) -> None:
    trained = json.loads((added.path / "eval/train/metrics.json").read_text(encoding="utf-8"))
    vocabulary = json.loads((added.path / "data/features/title_vocabulary.json").read_text())
    evenly = math.log(len(vocabulary["words"]))
    assert trained["best"]["eval"]["loss"] < 0.75 * evenly
    assert (
        json.loads((added.path / "models/trained/config.json").read_text())["arch"]
        == "bag_of_words"
    )


def test_its_image_answers_and_names_its_bundle(added: Project) -> None:
    bundle = next(
        out["md5"] for out in added.lock()["build"]["outs"] if out["path"] == "serving/bundle"
    )
    port = free_port()
    added.issuesum("serve", "--port", str(port))
    try:
        answer = requests.post(
            f"http://127.0.0.1:{port}/api/v1.0/predictions",
            json={"data": {"ndarray": ["The app crashes when I open the settings."]}},
            timeout=30,
        ).json()
    finally:
        added.issuesum("serve", "--stop", "--port", str(port))
    (title,) = answer["data"]["ndarray"]
    assert title
    assert answer["meta"]["tags"]["bundle"] == bundle
    receipt = json.loads((added.path / "serving/image.json").read_text(encoding="utf-8"))
    assert answer["meta"]["tags"]["image"] == receipt["image"]
    assert receipt["dvc"] == bundle[:12]
