"""How long an export takes, and how much it sends.

Exports the bundle's model under a name of its own, through the engine and registry that export
would use (`tools/services up`); again with every weight changed a little, as after a retrain; then
with nothing changed. Times are of the whole stage, imports and smoke test included.
"""

import argparse
import os
import shutil
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from common import ANY_MODEL, ROOT, Done, Project, Ratio, print_ratios, run
from issuesum.errors import ArtifactError
from issuesum.files import write_json
from issuesum.layout import BUNDLE, BUNDLE_MODEL, DOCKERFILE, METRICS, RECEIPT, SERVING
from issuesum.lineage.receipt import Receipt
from issuesum.registry.client import Registry
from issuesum.registry.image import RemoteImage, read_image
from issuesum.registry.reference import Reference
from issuesum.shipping.image.engine import engine
from issuesum.training.bundle.assemble import copy_code

NAME = "issuesum-benchmark"
MEGABYTE = 1e6


@contextmanager
def export_project(folder: Path, bundle: Path) -> Iterator[Project]:
    """Give a project with a bundle's model; at the end the engine forgets its images.

    Raises:
        ArtifactError: the bundle holds no model.
    """
    if not (bundle / "model").is_dir():
        raise ArtifactError(
            f"{bundle} must hold a model. Received: none. Try: dvc pull build, or --bundle."
        )
    project = Project.clone(folder)
    project.change({**ANY_MODEL, "export.image": NAME})
    shutil.copyfile(ROOT / "dvc.lock", folder / "dvc.lock")
    passed = {"gate": {"passed": True, "reasons": []}, "model": {"rouge_l": 1.0}, "test_rows": 1}
    write_json(folder / METRICS, passed)
    shutil.copytree(bundle / "model", folder / BUNDLE_MODEL)
    copy_code(folder / BUNDLE, serving=folder / SERVING, dockerfile=folder / DOCKERFILE)
    project.commit("benchmark")
    try:
        yield project
    finally:
        with engine() as client:
            for tag in [tag for image in client.images.list() for tag in image.tags]:
                if f"/{NAME}:" in tag:
                    client.images.remove(tag)


def export(project: Project) -> tuple[Done, RemoteImage]:
    """Run the export stage; return the image that it made as well."""
    done = project.stage("export")
    reference = Reference.parse(Receipt.load(project.path / RECEIPT).image)
    return done, read_image(Registry(reference.host), reference)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bundle", type=Path, default=ROOT / BUNDLE, help="whose model is shipped")
    parser.add_argument("--repeats", type=int, default=3, help="of each; the median is printed")
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        export_project(Path(folder) / "project", given.bundle) as project,
    ):
        made = [export(project)]  # may build the environment, which is not measured
        model = project.path / BUNDLE_MODEL
        for number in range(given.repeats):
            _perturb(model, number)
            made.append(export(project))
        unchanged = [export(project)[0] for _ in range(given.repeats)]
        size = sum(path.stat().st_size for path in model.iterdir())
    done, images = zip(*made, strict=True)
    after = statistics.median(each.seconds for each in done[1:])
    idle = statistics.median(each.seconds for each in unchanged)
    sent = max(_sent(images[:place], images[place]) for place in range(1, len(images)))
    pushes = sum("pushed" in each.output for each in unchanged)
    print(f"{os.cpu_count()} CPUs, model {size / MEGABYTE:.2f} MB, image "
          f"{images[-1].size / MEGABYTE:.1f} MB compressed")  # fmt: skip
    print(f"first export            {done[0].seconds:7.2f} s")
    print(f"export after a retrain  {after:7.2f} s")
    print(f"export of nothing new   {idle:7.2f} s   {pushes} pushes")
    print(f"sent after a retrain    {sent / MEGABYTE:7.2f} MB  "
          f"{(sent - size) / MEGABYTE:+.2f} MB to the model's size")  # fmt: skip
    print_ratios([
        Ratio("export of nothing new: time vs. one after a retrain", idle / after),
        Ratio("sent after a retrain: bytes vs. the model's", sent / size),
    ])  # fmt: skip


def _perturb(model: Path, seed: int) -> None:
    draw = np.random.default_rng(seed)
    for path in sorted(model.glob("*.onnx")):
        graph = onnx.load(path)
        for weights in graph.graph.initializer:
            values = numpy_helper.to_array(weights)
            if values.dtype == np.float32 and values.size > 1:
                noisy = values * (1 + draw.normal(0, 0.01, values.shape)).astype(np.float32)
                weights.CopyFrom(numpy_helper.from_array(noisy, weights.name))
        onnx.save(graph, path)


def _sent(before: Sequence[RemoteImage], image: RemoteImage) -> int:
    """Return the bytes of layers that the registry did not hold before."""
    known = {layer["digest"] for each in before for layer in each.layers}
    return sum(layer["size"] for layer in image.layers if layer["digest"] not in known)


if __name__ == "__main__":
    run(main)
