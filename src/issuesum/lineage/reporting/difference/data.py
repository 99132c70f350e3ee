"""The raw data of two images: by its rows where DVC has both files, else by what was recorded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from issuesum.errors import DataError, RepositoryError, one_line
from issuesum.lineage.dvc import stored_file
from issuesum.lineage.provenance.model import Provenance
from issuesum.lineage.reporting.difference.rows import Rows, compare_rows


@dataclass(frozen=True)
class Data:
    """What is known of the raw data.

    Attributes:
        same: whether both images come from the same bytes; None if one does not say.
        rows: by the rows themselves; None unless both files are at hand.
        counted: rows that each image's provenance records, old and new.
        why_not: why the rows themselves were not compared; empty if they were, or are the same.
    """

    same: bool | None
    rows: Rows | None
    counted: tuple[int | None, int | None]
    why_not: str


def compare_data(
    old: Provenance, new: Provenance, *, root: Path, examples: int, look: bool
) -> Data:
    """Compare the raw data of two provenances.

    Args:
        old: a provenance.
        new: another one.
        root: of the repository whose DVC cache and remote are asked.
        examples: titles of added and of removed rows.
        look: whether to read the rows.
    """
    hashes = [provenance.hashes.get("raw") for provenance in (old, new)]
    counted = (_rows(old), _rows(new))
    if not all(hashes):
        return Data(None, None, counted, "an image names no raw data")
    if hashes[0] == hashes[1]:
        return Data(same=True, rows=None, counted=counted, why_not="")
    if not look:
        return Data(False, None, counted, "not asked for")
    try:
        files = [stored_file(root, str(md5)) for md5 in hashes]
        rows = compare_rows(*files, examples=examples, scratch=root)
    except (RepositoryError, DataError) as error:
        return Data(False, None, counted, one_line(error))
    return Data(same=False, rows=rows, counted=counted, why_not="")


def _rows(provenance: Provenance) -> int | None:
    for artefact in provenance.artefacts or ():
        if artefact.name == "raw":
            return artefact.rows
    return None
