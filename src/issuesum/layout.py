"""Where things are: paths, stages and artefacts, relative to the root of the repository.

The chain of stages is read from dvc.yaml, so that what shows or follows it works for a pipeline
with other stages as well.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from issuesum.errors import RepositoryError, one_line

NAME = "issuesummarization"
"""Of the model: as an artifact of dvc.yaml, and by default of the image and what serves it."""
PIPELINE = Path("dvc.yaml")
LOCK = Path("dvc.lock")
PARAMS = Path("params.yaml")
DOCKERFILE = Path("Dockerfile")
UV_LOCK = Path("uv.lock")
LOCKS = Path("locks")
"""Of each stage the libraries that can change its outputs: `make lock` writes it."""

TRAIN_STAGE, EVALUATE_STAGE, EXPORT_STAGE = "train", "evaluate", "export"
TRAINED_ELSEWHERE = "ISSUESUM_TRAINED_ELSEWHERE"
"""Environment variable under which train fails: its result is to come from the run-cache."""
Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")

RAW = Path("data/raw/github_issues.csv")
SAMPLE = Path("data/sample/issues.csv.gz")
"""Synthetic issues, committed."""
SPLIT = Path("data/split")
SPLIT_SUMMARY = SPLIT / "summary.json"
FEATURES = Path("data/features")
MODELS = Path("models/trained")
SERVING = Path("serving")
REQUIREMENTS = SERVING / "requirements.txt"
BUNDLE = SERVING / "bundle"
BUNDLE_MODEL = BUNDLE / "model"
IMAGE_MODEL = "app/model"
"""Where the Dockerfile puts it in the image."""
SAVED_MODEL = BUNDLE / "saved_model" / "1"
ATTESTATIONS = SERVING / "attestations"
RECEIPT = SERVING / "image.json"

DATA_PROFILE = Path("eval/data.json")
DATA_REPORT = Path("eval/data")
CURVES = Path("eval/train")
METRICS = Path("eval/metrics.json")
PLOTS = Path("eval/plots")
EXAMPLES = Path("eval/examples.csv")
SCORES = Path("eval/scores.csv")
REPORT_MARKDOWN, REPORT_PAGE = Path("eval/report/report.md"), Path("eval/report/report.html")
MODEL_CARD = Path("eval/MODEL_CARD.md")

RUNS = Path(".issuesum/runs")
SPEED = RUNS / "train_speed.tsv"
"""Examples per second: no output of train, since it is different each time."""

ARTEFACTS = {"raw": RAW, "split": SPLIT, "features": FEATURES, "model": MODELS, "bundle": BUNDLE}
"""What lies between raw data and image, by the names that provenance and labels have."""


@dataclass(frozen=True)
class StageEntry:
    """A stage as dvc.yaml or dvc.lock has it."""

    name: str
    deps: tuple[str, ...]  # paths that it depends on
    outs: tuple[str, ...]  # paths that it writes
    params: tuple[str, ...] = ()  # its sections of params.yaml


def read_stages(root: Path) -> dict[str, StageEntry]:
    """Return the stages of dvc.yaml, if it is there, `in_order` (RepositoryError: a broken one)."""
    import yaml

    if not (root / PIPELINE).exists():
        return {}
    try:
        content = parse_yaml((root / PIPELINE).read_text(encoding="utf-8"))
        entries = [
            StageEntry(
                name,
                tuple(entry.get("deps") or ()),
                tuple(
                    out if isinstance(out, str) else next(iter(out))
                    for out in entry.get("outs") or ()
                ),
                tuple(each for each in entry.get("params") or () if isinstance(each, str)),
            )
            for name, entry in content["stages"].items()
        ]
        return in_order(entries)
    except (OSError, ValueError, yaml.YAMLError, LookupError, TypeError, AttributeError) as error:
        raise RepositoryError(
            f"Cannot read the stages of {root / PIPELINE}: {one_line(error)}. Try: dvc stage list."
        ) from error


def parse_yaml(text: str) -> Any:  # noqa: ANN401 -- whatever it holds
    """Parse YAML, by libyaml where it is there: Python's own parser takes ten times as long."""
    import yaml

    return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506


def in_order(entries: Iterable[StageEntry]) -> dict[str, StageEntry]:
    """Return stages by name, each after those that it depends on (ValueError: in a circle)."""
    waiting, found = {entry.name: entry for entry in entries}, dict[str, StageEntry]()

    def is_ready(entry: StageEntry) -> bool:
        others = (other for other in waiting.values() if other is not entry)
        return not any(feeds(out, entry.deps) for other in others for out in other.outs)

    while waiting:
        name = next((name for name, entry in waiting.items() if is_ready(entry)), None)
        if name is None:
            raise ValueError(f"a circle of {', '.join(waiting)}")
        found[name] = waiting.pop(name)
    return found


def feeds(out: str, deps: Iterable[str]) -> bool:
    """Return whether a stage with these dependencies needs an output, or a part of it."""
    return any(dep == out or dep.startswith(f"{out}/") for dep in deps)
