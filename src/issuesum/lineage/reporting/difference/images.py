"""All that changed between two images, gathered."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from issuesum.lineage.provenance.lookup import Found
from issuesum.lineage.reporting.difference.code import Code, compare_code
from issuesum.lineage.reporting.difference.data import Data, compare_data
from issuesum.lineage.reporting.difference.packages import Packages, compare_packages
from issuesum.lineage.reporting.difference.titles import Titles
from issuesum.lineage.reporting.difference.values import Change, Metric, changes, metric_changes


@dataclass(frozen=True)
class Side:
    """One of the two images.

    Attributes:
        image: registry/name@sha256:….
        tag: registry/name:tag that it was made for.
        created: when.
        size: compressed bytes of all layers.
    """

    image: str
    tag: str
    created: str
    size: int


@dataclass(frozen=True)
class Difference:
    """What changed.

    Attributes:
        old: an image.
        new: the other one.
        data: raw rows.
        params: by dotted names.
        code: commits.
        packages: versions.
        same_test: whether both were scored on the same test side, None if one does not say.
        metrics: scores by dotted names.
        titles: None if they were not compared.
        no_titles: why not; empty if they were.
    """

    old: Side
    new: Side
    data: Data
    params: dict[str, Change]
    code: Code
    packages: Packages
    same_test: bool | None
    metrics: dict[str, Metric]
    titles: Titles | None = None
    no_titles: str = ""


def compare_images(old: Found, new: Found, *, root: Path, examples: int, rows: bool) -> Difference:
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
    tests = [provenance.hashes.get("test") for provenance in (before, after)]
    return Difference(
        old=_side(old),
        new=_side(new),
        data=compare_data(before, after, root=root, examples=examples, look=rows),
        params=changes(before.params or {}, after.params or {}),
        code=compare_code(before, after, root),
        packages=compare_packages(old, new, root),
        same_test=tests[0] == tests[1] if all(tests) else None,
        metrics=metric_changes(before.metrics or {}, after.metrics or {}),
    )


def same_bundle(old: Found, new: Found) -> bool:
    """Tell whether both images carry the same bundle, and so the same model."""
    bundles = [found.provenance.hashes.get("bundle") for found in (old, new)]
    return bool(bundles[0]) and bundles[0] == bundles[1]


def _side(found: Found) -> Side:
    return Side(
        image=str(found.image.reference),
        tag=str(found.provenance.image),
        created=str(found.provenance.created),
        size=found.image.size,
    )
