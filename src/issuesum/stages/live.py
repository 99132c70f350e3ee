"""Part of export: score the model that is live, where its image has no scores on these issues."""

from __future__ import annotations

from pathlib import Path

from issuesum.console import with_bar
from issuesum.layout import SPLIT
from issuesum.serving.inference.writer import TitleWriter
from issuesum.stages.params import EvaluateParams
from issuesum.training.corpus.shards import read_head
from issuesum.training.evaluation.metrics import score


def rouge_l(model: Path, name: str, params: EvaluateParams) -> float:
    """Return what the model in a folder, that of the image `name`, reaches on the test split."""
    writer = TitleWriter.tried(model, of=name)
    test = read_head(SPLIT / "test", params.max_rows)
    batches = writer.titles_in_batches(list(test["body"]), params.batch_size)
    titles = [title.text for title in with_bar(batches, "live", len(test))]
    return score(titles, list(test["issue_title"]))["rouge_l"]
