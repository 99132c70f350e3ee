"""`issuesum diff` of two small images that the real registry holds, without Docker Engine."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from issuesum.registry.client import Registry
from issuesum.registry.image import read_image, remote_model
from issuesum.registry.reference import Reference
from issuesum.serving.inference.writer import TitleWriter
from projects import Project
from stored_images import model_files, tar
from toy_bundle import write_bundle

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("elsewhere")


@pytest.fixture(scope="module")
def images(engine, services, folder: Path) -> list[str]:
    """Push two images with a model and a provenance each; the engine keeps neither."""
    name = f"{services.registry}/issuesum-test-{uuid4().hex[:8]}"
    for number in range(2):
        (model := folder / f"model{number}").mkdir()
        write_bundle(model, seed=number)
        provenance = {
            "image": f"{name}:v{number}",
            "commit": f"{number}" * 40,
            "dirty": False,
            "source": "https://example.com/r.git",
            "created": "2026-01-02T03:04:05+00:00",
            "hashes": {"bundle": f"{number}" * 32, "raw": f"{number}" * 32, "test": "7" * 32},
            "artefacts": [{"name": "raw", "rows": 1000 + number}],
            "params": {"train": {"epochs": 12 - number, "seed": 1}},
            "metrics": {"test_rows": 9, "model": {"rouge_l": 20.0 + number}},
        }
        files = {**model_files(model), "app/provenance.json": json.dumps(provenance).encode()}
        engine.api.import_image_from_data(tar(files), name, f"v{number}")
        for answer in engine.images.push(name, f"v{number}", stream=True, decode=True):
            assert "error" not in answer
        engine.images.remove(f"{name}:v{number}", force=True)
    return [f"{name}:v0", f"{name}:v1"]


def diff(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    nowhere = {"DOCKER_HOST": "unix:///nowhere", "GIT_CEILING_DIRECTORIES": "/"}
    return Project(folder).issuesum("diff", *arguments, ok=False, **nowhere)


def test_everything_that_two_registries_hold(images: list[str], folder: Path) -> None:
    issues = folder / "issues.jsonl"
    issues.write_text('{"body": "the app crashes"}\n{"body": ""}\n{"body": "error on start"}\n')
    done = diff(folder, *images, "--json", "--on", str(issues))
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["params"] == {"train.epochs": {"old": 12, "new": 11}}
    assert found["metrics"]["model.rouge_l"] == {"old": 20.0, "new": 21.0, "difference": 1.0}
    assert found["same_test"] is True
    assert found["data"]["counted"] == [1000, 1001]
    assert "must be inside a DVC repository" in found["data"]["why_not"]
    assert len(found["code"]["missing"]) == 2
    bodies = ["the app crashes", "error on start"]
    old, new = (TitleWriter(folder / f"model{number}").titles(bodies) for number in range(2))
    pairs = [{"old": a, "new": b} for a, b in zip(old, new, strict=True) if a != b]
    assert pairs
    assert found["titles"] == {"issues": 2, "differing": len(pairs), "pairs": pairs}


def test_it_is_printed_for_people_and_for_the_same_image_too(
    images: list[str], folder: Path
) -> None:
    done = diff(folder, *images, "--no-titles", "--no-rows")
    assert done.returncode == 0, done.stderr
    assert "  1,000 → 1,001 rows (+1), by what the images say of themselves\n" in done.stdout
    assert f"git fetch https://example.com/r.git {'1' * 40}\n" in done.stdout
    assert done.stdout.endswith("\ntitles\n  not compared: --no-titles\n")
    same = diff(folder, images[0], images[0])
    assert same.returncode == 0, same.stderr
    assert "  the same image\n" in same.stdout
    assert same.stdout.endswith("\ntitles\n  the same: both images carry the same bundle\n")


def test_a_model_comes_from_the_registry(images: list[str], folder: Path) -> None:
    reference = Reference.parse(images[1])
    registry = Registry(reference.host)
    with remote_model(registry, read_image(registry, reference)) as model:
        assert sorted(path.name for path in model.iterdir()) == sorted(
            path.name for path in (folder / "model1").iterdir()
        )
