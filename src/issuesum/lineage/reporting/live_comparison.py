"""The titles of a model and of the live one for the same test issues: how much chance is in it."""

import io
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from issuesum.console import with_bar
from issuesum.errors import RepositoryError
from issuesum.layout import SCORES, SPLIT
from issuesum.lineage.dvc import Lock, stored_file
from issuesum.lineage.provenance.lookup import Found
from issuesum.registry.client import Registry
from issuesum.registry.image import RemoteImage, remote_model
from issuesum.training.evaluation.bootstrap import paired_difference
from issuesum.training.evaluation.metrics import PRIMARY, score_of, statistics

if TYPE_CHECKING:
    from issuesum.serving.inference.writer import TitleWriter

_COLUMNS = ["predicted", "issue_title"]


def compare_with_live(
    live: Found, root: Path, *, max_rows: int, batch_size: int
) -> tuple[float, tuple[float, float]]:
    """Return ROUGE-L of the live image, and the 95 % interval of ours minus it (paired bootstrap).

    Our titles are those of eval/scores.csv, the live ones those that its evaluate left in DVC's
    cache or remote. Where these are of other issues, or cannot be had, its model writes titles for
    the `max_rows` first test issues.

    Raises:
        ArtifactError: the image holds no model that this code reads.
        RegistryError: the registry is unreachable or refuses us.
    """
    ours = _read((root / SCORES).read_bytes())
    theirs = None
    if md5 := Lock.parse(live.provenance.lock).md5(SCORES) if live.provenance.lock else None:
        with suppress(RepositoryError):  # neither cache nor remote has them
            theirs = _read(stored_file(root, md5).read_bytes())
    if theirs is None or list(theirs["issue_title"]) != list(ours["issue_title"]):
        theirs = _written(live, root, max_rows, batch_size)
    now, before = (statistics(*(list(of[name]) for name in _COLUMNS)) for of in (ours, theirs))
    difference = paired_difference(now, before)[PRIMARY]
    reached = score_of(before.sum(axis=0), len(before))[PRIMARY]
    return reached, (difference.low, difference.high)


def _read(content: bytes) -> pd.DataFrame:
    return pd.read_csv(io.BytesIO(content), usecols=_COLUMNS, dtype=str, keep_default_na=False)


def _written(live: Found, root: Path, max_rows: int, batch_size: int) -> pd.DataFrame:
    from issuesum.training.corpus.shards import read_head

    test = read_head(root / SPLIT / "test", max_rows)
    batches = writer_of(live.image).titles_in_batches(list(test["body"]), batch_size)
    return test.assign(predicted=[of.text for of in with_bar(batches, "live", len(test))])


def writer_of(image: RemoteImage) -> "TitleWriter":
    """Return what writes titles with an image's model; nothing of it is run, errors as above."""
    from issuesum.serving.inference.writer import TitleWriter

    with remote_model(Registry(image.reference.host), image) as folder:
        return TitleWriter.tried(folder, of=str(image.reference))
