"""The titles of a model and of the live one for the same test issues: how much chance is in it."""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from issuesum.console import with_bar
from issuesum.layout import SCORES, SPLIT
from issuesum.lineage.provenance.lookup import Found
from issuesum.registry.client import Registry
from issuesum.registry.image import RemoteImage, remote_model
from issuesum.training.evaluation.bootstrap import paired_difference
from issuesum.training.evaluation.metrics import PRIMARY, score_of, statistics

if TYPE_CHECKING:
    from issuesum.serving.inference.writer import TitleWriter


def compare_with_live(
    live: Found, root: Path, *, max_rows: int, batch_size: int
) -> tuple[float, tuple[float, float]]:
    """Return ROUGE-L of the live image, and the 95 % interval of ours minus it (paired bootstrap).

    Our titles are those of eval/scores.csv; the live model writes its own for the same issues, the
    `max_rows` first of the test split. Errors are those of `writer_of`.
    """
    from issuesum.training.corpus.shards import read_head

    columns = ["predicted", "issue_title"]
    ours = pd.read_csv(root / SCORES, usecols=columns, dtype=str, keep_default_na=False)
    test = read_head(root / SPLIT / "test", max_rows)
    batches = writer_of(live.image).titles_in_batches(list(test["body"]), batch_size)
    written = [title.text for title in with_bar(batches, "live", len(test))]
    before = statistics(written, list(test["issue_title"]))
    now = statistics(*(list(ours[name]) for name in columns))
    difference = paired_difference(now, before)[PRIMARY]
    reached = score_of(before.sum(axis=0), len(before))[PRIMARY]
    return reached, (difference.low, difference.high)


def writer_of(image: RemoteImage) -> "TitleWriter":
    """Return what writes titles with the model of an image; nothing from it is run.

    Raises:
        ArtifactError: the image holds no model that this code reads.
        RegistryError: the registry is unreachable or refuses us.
    """
    from issuesum.serving.inference.writer import TitleWriter

    with remote_model(Registry(image.reference.host), image) as folder:
        return TitleWriter.tried(folder, of=str(image.reference))
