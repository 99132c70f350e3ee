"""All that changed between two images, gathered from registry, Git and DVC."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from issuesum.errors import DataError, RepositoryError, one_line
from issuesum.lineage import git
from issuesum.lineage.dvc import stored_file
from issuesum.lineage.metrics import Metrics
from issuesum.lineage.provenance.lookup import Found
from issuesum.lineage.provenance.model import Provenance
from issuesum.lineage.provenance.params_diff import Change, dotted, params_diff
from issuesum.lineage.reporting.issue_difference import (
    RowDifference,
    TitleDifference,
    compare_rows,
)
from issuesum.lineage.reporting.package_difference import PackageDifference, compare_packages


@dataclass(frozen=True)
class ImageSide:
    """One of the two images."""

    image: str  # registry/name@sha256:…
    tag: str  # registry/name:tag that it was made for
    created: str
    size: int  # compressed bytes of all layers


@dataclass(frozen=True)
class DataDifference:
    """What is known of the raw data."""

    same: bool | None  # whether both come from the same bytes; None if an image does not say
    rows: RowDifference | None  # None unless both files are at hand
    counted: tuple[int | None, int | None]  # rows that each image's provenance records
    why_not: str  # why rows were not compared; empty if they were, or are the same


@dataclass(frozen=True)
class CodeDifference:
    """What is known of the code."""

    old: str  # commit, with `+ patch …` if the tree differed from it
    new: str
    stat: str | None  # `git diff --stat` of what makes an image; None if a commit is not here
    missing: tuple[str, ...]  # commits that are not here, each with what may fetch it


@dataclass(frozen=True)
class MetricChange:
    """A figure of both images; None where an image has none."""

    old: float | None
    new: float | None
    difference: float | None  # new - old


@dataclass(frozen=True)
class ImageDifference:
    """What changed from image `old` to image `new`."""

    old: ImageSide
    new: ImageSide
    data: DataDifference
    params: dict[str, Change]  # by dotted names
    code: CodeDifference
    packages: PackageDifference
    same_test: bool | None  # whether both were scored on the same test split, if both say
    metrics: dict[str, MetricChange]  # by dotted names
    titles: TitleDifference | None = None  # None if they were not compared
    no_titles: str = ""  # why not


def compare_images(
    old: Found, new: Found, *, root: Path, examples: int, rows: bool
) -> ImageDifference:
    """Compare all but titles.

    Args:
        old: an image.
        new: the other one.
        root: of the repository whose commits and data are looked at.
        examples: titles of added and of removed rows.
        rows: whether to read the raw data.

    Raises:
        RegistryError: a registry is unreachable or refuses us.
    """
    before, after = old.provenance, new.provenance
    return ImageDifference(
        old=_side(old),
        new=_side(new),
        data=compare_data(before, after, root=root, examples=examples, look=rows),
        params=params_diff(before.params or {}, after.params or {}),
        code=compare_code(before, after, root),
        packages=compare_packages(old, new, root),
        same_test=_same(before, after, "test"),
        metrics=metric_changes(before.metrics, after.metrics),
    )


def same_bundle(old: Found, new: Found) -> bool:
    """Return whether both images carry the same bundle, and so the same model."""
    return _same(old.provenance, new.provenance, "bundle") is True


def compare_data(
    old: Provenance, new: Provenance, *, root: Path, examples: int, look: bool
) -> DataDifference:
    """Compare the raw data of two provenances; if asked to `look`, by the rows themselves."""
    same, counted = _same(old, new, "raw"), (_rows(old), _rows(new))
    if same is None:
        return DataDifference(None, None, counted, "an image names no raw data")
    if same or not look:
        return DataDifference(same, None, counted, "" if same else "not asked for")
    try:
        files = [stored_file(root, str(of.hashes["raw"])) for of in (old, new)]
        rows = compare_rows(*files, examples=examples, scratch=root)
    except (RepositoryError, DataError) as error:
        return DataDifference(False, None, counted, one_line(error))
    return DataDifference(False, rows, counted, "")


def compare_code(old: Provenance, new: Provenance, root: Path) -> CodeDifference:
    """Compare the commits of two provenances in the repository around `root`."""
    sources = {str(of.commit): of.source for of in (old, new)}
    missing, stat = tuple[str, ...](), ""
    if len(sources) > 1:
        missing = tuple(
            f"{commit} is not in this repository{_how_to_fetch(commit, source)}"
            for commit, source in sources.items()
            if not git.has_commit(root, commit)
        )
        if not missing:
            options = ("--stat=100", "--no-color", "--no-ext-diff")
            stat = os.fsdecode(git.run(root, "diff", *options, *sources, "--", *git.CODE))
    return CodeDifference(_named(old), _named(new), None if missing else stat.rstrip("\n"), missing)


def metric_changes(old: object, new: object) -> dict[str, MetricChange]:
    """Return the scores in two eval/metrics.json: of the model and of the baselines."""
    before, after = _figures(old), _figures(new)
    return {name: _metric(before.get(name), after.get(name)) for name in {**after, **before}}


def _metric(old: float | None, new: float | None) -> MetricChange:
    difference = None if old is None or new is None else round(new - old, 4)
    return MetricChange(old, new, difference)


def _figures(content: object) -> dict[str, float]:
    metrics = Metrics.read(content)
    rows = {} if metrics.test_rows is None else {"test_rows": metrics.test_rows}
    return {**rows, **dotted(metrics.scores)}


def _side(found: Found) -> ImageSide:
    tag, created = found.provenance.image, found.provenance.created
    return ImageSide(str(found.image.reference), str(tag), str(created), found.image.size)


def _same(old: Provenance, new: Provenance, name: str) -> bool | None:
    hashes = [of.hashes.get(name) for of in (old, new)]
    return hashes[0] == hashes[1] if all(hashes) else None


def _rows(of: Provenance) -> int | None:
    return next((item.rows for item in of.artefacts or () if item.name == "raw"), None)


def _how_to_fetch(commit: str, source: str | None) -> str:
    if source:
        return f": {shlex.join(['git', 'fetch', source, commit])}"  # an image says both
    return ", and its image names no source: git fetch --all"


def _named(of: Provenance) -> str:
    if not of.dirty:
        return str(of.commit)
    patch = of.patch.sha256 if of.patch else None
    return f"{of.commit} + {f'patch {patch[:12]}' if patch else 'changes that nothing recorded'}"
