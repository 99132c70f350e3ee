"""How long an export takes, and how much it sends, beside the 2018 example's fifteen minutes.

    python benchmarks/export.py [--bundle serving/bundle] [--repeats 3]

Exports the bundle's model with this checkout's code from a project of its own, through the engine
and to the registry that export would use (`tools/services up`), under the name issuesum-benchmark.
Then, as after a retrain, every weight is changed a little and it is exported again; then it is
exported with nothing changed. Times are of the whole command, imports and smoke test included.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

import figures
from figures import Ratio
from issuesum.errors import IssuesumError
from issuesum.layout import BUNDLE
from issuesum.registry.image import RemoteImage
from project import ROOT
from shop import Export, opened

THEIRS = 15 * 60.0
"""Seconds: what the example itself says that building and pushing its image takes."""
MEGABYTE = 1e6


def main() -> None:
    """Export thrice or more and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bundle", type=Path, default=ROOT / BUNDLE, help="whose model is shipped")
    parser.add_argument("--repeats", type=int, default=3, help="of each; the median is printed")
    figures.add_option(parser)
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        opened(Path(folder) / "project", given.bundle) as shop,
    ):
        made = [shop.export()]  # may build the environment: not what is asked
        retrained = []
        for number in range(given.repeats):
            _perturb(shop.model, number)
            retrained.append(shop.export())
            made.append(retrained[-1])
        unchanged = [shop.export() for _ in range(given.repeats)]
        size = sum(path.stat().st_size for path in shop.model.iterdir())
    figures.hand_over(_print(made, retrained, unchanged, size), given.json)


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


def _print(
    made: list[Export], retrained: list[Export], unchanged: list[Export], size: int
) -> list[Ratio]:
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
    return [
        Ratio("the 2018 example's own time for build and push beside an export", THEIRS / after),
        Ratio("export of nothing new: time beside one after a retrain", idle / after),
        Ratio("sent after a retrain: bytes beside the model's", max(sent) / size),
    ]


if __name__ == "__main__":
    try:
        main()
    except IssuesumError as error:
        sys.exit(f"error: {error}")
