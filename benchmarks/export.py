"""How long an export takes, and how much it sends, beside the 2018 example's fifteen minutes.

    python benchmarks/export.py [--bundle serving/bundle] [--repeats 3]

Exports the bundle's model with this checkout's code from a project of its own, through the engine
and to the registry that export would use (`tools/services up`), under the name issuesum-benchmark.
Then, as after a retrain, every weight is changed a little and it is exported again; then it is
exported with nothing changed. Times are of the whole command, imports and smoke test included.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from issuesum.bundle.assemble import copy_code
from issuesum.errors import IssuesumError
from issuesum.image.engine import engine
from issuesum.lineage.receipt import RECEIPT, Receipt
from issuesum.registry.client import Registry
from issuesum.registry.image import RemoteImage, read_image
from issuesum.registry.reference import Reference
from issuesum.stages.paths import BUNDLE, METRICS, SERVING
from project import ROOT, Project

NAME = "issuesum-benchmark"
THEIRS = 15 * 60.0
"""Seconds: what the example itself says that building and pushing its image takes."""
MEGABYTE = 1e6
_COPIED = ("uv.lock", "dvc.lock", "dvc.yaml", ".dvc/config", ".gitignore", ".dvcignore")
_WHO = ("-c", "user.name=Benchmark", "-c", "user.email=benchmark@example.com")


@dataclass(frozen=True)
class Export:
    """An export, and what the registry held after it."""

    seconds: float
    output: str
    image: RemoteImage


def main() -> None:
    """Export thrice or more and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bundle", type=Path, default=ROOT / BUNDLE, help="whose model is shipped")
    parser.add_argument("--repeats", type=int, default=3, help="of each; the median is printed")
    given = parser.parse_args()
    if not (given.bundle / "model").is_dir():
        sys.exit(f"{given.bundle} must hold a model. Try: dvc pull build, or --bundle.")
    with tempfile.TemporaryDirectory() as folder:
        project = _project(Path(folder), given.bundle / "model")
        made: list[Export] = []
        try:
            made.append(_export(project))  # may build the environment: not what is asked
            retrained = []
            for number in range(given.repeats):
                _perturb(project.folder / BUNDLE / "model", number)
                retrained.append(_export(project))
                made.append(retrained[-1])
            unchanged = [_export(project) for _ in range(given.repeats)]
        finally:
            _remove([each.image.reference for each in made])
        size = sum(path.stat().st_size for path in (project.folder / BUNDLE / "model").iterdir())
    _print(made, retrained, unchanged, size)


def _project(folder: Path, model: Path) -> Project:
    project = Project(folder)
    project.change({"export.image": NAME})
    for name in _COPIED:
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)
    (folder / METRICS).parent.mkdir()
    verdict = {"gate": {"passed": True, "reasons": []}}
    (folder / METRICS).write_text(json.dumps(verdict), encoding="utf-8")
    bundle = folder / BUNDLE
    shutil.copytree(model, bundle / "model")
    copy_code(bundle, serving=ROOT / SERVING, dockerfile=ROOT / "Dockerfile")
    (folder / SERVING / ".gitignore").write_text("/attestations\n/bundle\n", encoding="utf-8")
    for command in (("init", "--quiet"), ("add", "--all"), (*_WHO, "commit", "-qm", "benchmark")):
        subprocess.run(["git", "-C", str(folder), *command], check=True)
    return project


def _export(project: Project) -> Export:
    done = project.stage("export")
    reference = Reference.parse(Receipt.load(project.folder / RECEIPT).image)
    return Export(done.seconds, done.output, read_image(Registry(reference.host), reference))


def _perturb(model: Path, seed: int) -> None:
    """Change every weight by about a hundredth, as training on would."""
    draw = np.random.default_rng(seed)
    for path in sorted(model.glob("*.onnx")):
        graph = onnx.load(path)
        for weights in graph.graph.initializer:
            values = numpy_helper.to_array(weights)
            if values.dtype == np.float32 and values.size > 1:
                noisy = values * (1 + draw.normal(0, 0.01, values.shape)).astype(np.float32)
                weights.CopyFrom(numpy_helper.from_array(noisy, weights.name))
        onnx.save(graph, path)


def _sent(before: list[RemoteImage], image: RemoteImage) -> int:
    """Return the bytes of layers that the registry did not hold before."""
    known = {layer["digest"] for each in before for layer in each.layers}
    return sum(layer["size"] for layer in image.layers if layer["digest"] not in known)


def _remove(images: list[Reference]) -> None:
    with engine() as client:
        for image in set(map(str, images)):
            tags = [tag for tag in client.images.get(image).tags if f"/{NAME}:" in tag]
            for tag in tags:
                client.images.remove(tag)


def _print(made: list[Export], retrained: list[Export], unchanged: list[Export], size: int) -> None:
    after = statistics.median(each.seconds for each in retrained)
    idle = statistics.median(each.seconds for each in unchanged)
    sent = [
        _sent([before.image for before in made[: made.index(each)]], each.image)
        for each in retrained
    ]
    pushed = [each.output for each in unchanged if "pushed" in each.output]
    print(f"{os.cpu_count()} CPUs, model {size / MEGABYTE:.2f} MB, image "
          f"{retrained[-1].image.size / MEGABYTE:.1f} MB compressed")  # fmt: skip
    print(f"first export            {made[0].seconds:7.2f} s")
    print(f"export after a retrain  {after:7.2f} s   {THEIRS / after:6.0f} times the example's "
          f"speed (its own figure: {THEIRS:.0f} s)")  # fmt: skip
    print(f"export of nothing new   {idle:7.2f} s   {len(pushed)} pushes")
    print(f"sent after a retrain    {max(sent) / MEGABYTE:7.2f} MB  "
          f"{(max(sent) - size) / MEGABYTE:+.2f} MB to the model's size")  # fmt: skip


if __name__ == "__main__":
    try:
        main()
    except IssuesumError as error:
        sys.exit(f"error: {error}")
