"""All that changed between two images, titles included: from registry, Git and DVC."""

import hashlib
import json
import os
import re
import shlex
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import files
from itertools import batched, islice
from pathlib import Path

from issuesum.console import bar
from issuesum.errors import DataError, RepositoryError, one_line
from issuesum.layout import REQUIREMENTS
from issuesum.lineage import git
from issuesum.lineage.dvc import Change, dotted, params_diff, stored_file
from issuesum.lineage.metrics import Metrics
from issuesum.lineage.provenance.lookup import Found
from issuesum.lineage.provenance.model import Provenance
from issuesum.registry.client import Registry
from issuesum.serving.inference.writer import TitleWriter
from issuesum.training.corpus.issue import Issue, issue_key, seen_issues
from issuesum.training.corpus.reading import Reject, read_issues, sample_issues

SBOM = "application/vnd.cyclonedx+json"
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)
_PACKAGES = ("library", "framework", "application")
_SYNTHETIC = 88  # issues to title, next to a dozen written by hand
_BATCH = 32


@dataclass(frozen=True)
class RowDifference:
    """Distinct issues; equal are those that split takes for repeats of each other."""

    old: int  # in the old data
    new: int
    added: int  # only in the new data
    removed: int  # only in the old data
    added_titles: tuple[str, ...]  # of the first few of them
    removed_titles: tuple[str, ...]


@dataclass(frozen=True)
class TitleDifference:
    """How far two models agree."""

    issues: int  # that both wrote a title for
    differing: int  # of them with two titles
    pairs: tuple[Change, ...]  # the two titles of the first of these


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
class PackageDifference:
    """What is known by the best source that both images have; None is unknown."""

    by: str | None  # sbom or requirements
    same: bool | None
    changed: dict[str, Change]  # versions by name


@dataclass(frozen=True)
class ImageDifference:
    """What changed from image `old` to image `new`."""

    old: ImageSide
    new: ImageSide
    data: DataDifference
    params: dict[str, Change]  # by dotted names
    code: CodeDifference
    packages: PackageDifference
    same_test: bool | None  # whether both were scored on the same test split, if both record it
    metrics: dict[str, MetricChange]  # by dotted names
    titles: TitleDifference | None = None  # None if they were not compared
    no_titles: str = ""  # why not


def compare_images(
    old: Found, new: Found, *, root: Path, examples: int, rows: bool
) -> ImageDifference:
    """Compare all but titles, by commits of the repository at `root` and, if asked, by its `rows`.

    Of added and of removed rows so many `examples` are kept. RegistryError: a registry fails.
    """
    before, after = old.provenance, new.provenance
    one, other = (
        ImageSide(str(of.image.reference), str(known.image), str(known.created), of.image.size)
        for of, known in ((old, before), (new, after))
    )
    return ImageDifference(
        old=one,
        new=other,
        data=compare_data(before, after, root=root, examples=examples, look=rows),
        params=params_diff(before.params or {}, after.params or {}),
        code=compare_code(before, after, root),
        packages=compare_packages(old, new, root),
        same_test=same_hash(before, after, "test"),
        metrics=metric_changes(before.metrics, after.metrics),
    )


def same_hash(old: Provenance, new: Provenance, name: str) -> bool | None:
    """Return whether an artefact is the same in both images; None if one does not say."""
    before, after = (of.hashes.get(name) for of in (old, new))
    return before == after if before and after else None


def compare_data(
    old: Provenance, new: Provenance, *, root: Path, examples: int, look: bool
) -> DataDifference:
    """Compare the raw data of two provenances; if asked to `look`, by the rows themselves."""
    before, after = (
        next((item.rows for item in of.artefacts or () if item.name == "raw"), None)
        for of in (old, new)
    )
    same, rows, why_not = same_hash(old, new, "raw"), None, ""
    if same is None:
        why_not = "an image names no raw data"
    elif not same and not look:
        why_not = "not asked for"
    elif not same:
        try:
            files = [stored_file(root, str(of.hashes["raw"])) for of in (old, new)]
            rows = compare_rows(*files, examples=examples, scratch=root)
        except (RepositoryError, DataError) as error:
            why_not = one_line(error)
    return DataDifference(same, rows, (before, after), why_not)


def compare_rows(old: Path, new: Path, *, examples: int, scratch: Path) -> RowDifference:
    """Compare two CSVs that `issuesum ingest` wrote, in memory that does not grow with them.

    The keys are kept meanwhile in the existing folder `scratch`, some 30 bytes an issue (DataError:
    a file is no CSV of issues, or the disk is full).
    """
    with seen_issues(scratch) as in_old, seen_issues(scratch) as in_new:
        before = sum(in_old(key, 0) is None for key, _ in _issues(old, "old data"))
        found = (title for key, title in _issues(new, "new data")
                 if in_new(key, 0) is None and in_old(key, 0) is None)  # fmt: skip
        added_titles = tuple(islice(found, examples))
        added = len(added_titles) + sum(1 for _ in found)
        found = (title for key, title in _issues(old, "removed") if in_new(key, 0) is None)
        removed_titles = tuple(islice(found, examples))
        removed = len(removed_titles) + sum(1 for _ in found)
    after = before - removed + added
    return RowDifference(before, after, added, removed, added_titles, removed_titles)


def _issues(path: Path, what: str) -> Iterator[tuple[bytes, str]]:
    with bar(what) as shown:
        for row in read_issues(path, shown=shown):
            if isinstance(row, Issue):
                yield issue_key(row.title, row.body), row.title


def compare_code(old: Provenance, new: Provenance, root: Path) -> CodeDifference:
    """Compare the commits of two provenances in the repository around `root`."""
    names, sources = (_named(old), _named(new)), {str(of.commit): of.source for of in (old, new)}
    if len(sources) == 1:
        return CodeDifference(*names, "", ())
    if lacking := [commit for commit in sources if not git.has_commit(root, commit)]:
        calls = (["git", "fetch", sources[commit] or "origin", commit] for commit in lacking)
        pairs = zip(lacking, map(shlex.join, calls), strict=True)
        missing = tuple(f"{commit} is not in this repository: {call}" for commit, call in pairs)
        return CodeDifference(*names, None, missing)
    options = ("--stat=78", "--no-color", "--no-ext-diff")
    stat = os.fsdecode(git.run(root, "diff", *options, *sources, "--", *git.CODE))
    return CodeDifference(*names, stat.rstrip("\n"), ())


def _named(of: Provenance) -> str:
    if not of.dirty:
        return str(of.commit)
    patch = of.patch.sha256 if of.patch else None
    return f"{of.commit} + {f'patch {patch[:12]}' if patch else 'changes that nothing recorded'}"


def metric_changes(old: object, new: object) -> dict[str, MetricChange]:
    """Return the scores in two eval/metrics.json: of the model and of the baselines."""
    before, after = (
        dotted({"test_rows": of.test_rows, **of.scores}) for of in map(Metrics.read, (old, new))
    )
    pairs = {name: (before.get(name), after.get(name)) for name in {**after, **before}}
    return {
        name: MetricChange(was, now, None if was is None or now is None else round(now - was, 4))
        for name, (was, now) in pairs.items()
        if (was, now) != (None, None)
    }


def compare_packages(old: Found, new: Found, root: Path) -> PackageDifference:
    """Compare by SBOMs, or by serving/requirements.txt of both commits."""
    for by, source in (("sbom", _of_sbom), ("requirements", _of_requirements)):
        before, after = source(old, root), source(new, root)
        if before is not None and after is not None:
            # A dot in a name is no level: the values are flat.
            changed = dict(sorted(params_diff(before, after).items()))
            return PackageDifference(by, not changed, changed)
    return PackageDifference(None, None, {})


def _of_sbom(found: Found, _root: Path) -> dict[str, str] | None:
    image = found.image.reference
    registry = Registry(image.host)
    for descriptor in registry.referrers(image):
        if descriptor.get("artifactType") == SBOM:
            _, manifest = registry.manifest(image.at(descriptor["digest"]))
            versions = defaultdict[str, set[str]](set)
            # Others may have attached what is no SBOM after all.
            with suppress(ValueError, KeyError, IndexError, TypeError, AttributeError):
                sbom = json.loads(registry.blob(image, manifest["layers"][0]["digest"]))
                for component in sbom.get("components") or ():
                    if component.get("type") in _PACKAGES:
                        versions[str(component.get("name"))].add(str(component.get("version")))
                return {name: ", ".join(sorted(of_name)) for name, of_name in versions.items()}
    return None


def _of_requirements(found: Found, root: Path) -> dict[str, str] | None:
    """Return what the image's commit pins, if that is what the image was built from."""
    recorded = found.provenance.requirements
    content = git.file_at(root, str(found.provenance.commit), REQUIREMENTS.as_posix())
    if content is None or (not recorded and found.provenance.dirty):
        return None
    if recorded and recorded != hashlib.sha256(content).hexdigest():
        return None
    return dict(_PINNED.findall(content.decode("utf-8")))


def fixed_issues() -> Iterator[Issue]:
    """Yield 100 issues, always the same: a dozen written by hand, then synthetic ones."""
    written = files("issuesum.lineage.reporting").joinpath("issues.jsonl")
    for line in written.read_text(encoding="utf-8").splitlines():
        yield Issue("", "", json.loads(line)["body"])
    yield from sample_issues(_SYNTHETIC)


def compare_titles(
    rows: Iterable[Issue | Reject], old: TitleWriter, new: TitleWriter, *, examples: int
) -> TitleDifference:
    """Have both models title issues, a batch at a time, and keep some pairs that differ."""
    issues, differing, pairs = 0, 0, list[Change]()
    bodies = (row.body for row in rows if isinstance(row, Issue))
    with bar("titles") as shown:
        for batch in batched(bodies, _BATCH):
            for pair in map(Change, old.titles(batch), new.titles(batch)):
                issues += 1
                differing += pair.old != pair.new
                if pair.old != pair.new and differing <= examples:
                    pairs.append(pair)
            shown.update(len(batch))
    return TitleDifference(issues, differing, tuple(pairs))
