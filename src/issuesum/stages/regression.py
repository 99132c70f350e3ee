"""Part of export: the model must not be much worse than that of the image that is live.

Evaluate cannot judge this: its verdict is a function of what dvc.yaml lists, and what is live is
none of that.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from issuesum.console import bar
from issuesum.errors import ArtifactError, ParamsError, RegistryError
from issuesum.layout import SPLIT
from issuesum.lineage.dvc import Lock
from issuesum.lineage.provenance.lookup import Found, look_up
from issuesum.lineage.registered import LIVE, live_image
from issuesum.lineage.tag import Version
from issuesum.registry.client import Registry
from issuesum.registry.reference import Reference
from issuesum.serving.inference.writer import TitleWriter
from issuesum.shipping.image.unpacking import remote_model
from issuesum.stages.params import EvaluateParams, Params
from issuesum.training.corpus.shards import read_head
from issuesum.training.evaluation.regression import Judged, regressions
from issuesum.training.evaluation.scores import score

_ANYTHING = 100
"""ROUGE-L points that no model can lose more of."""


def check_regression(
    params: Params, metrics: dict[str, Any], root: Path, *, made_from: Version
) -> list[str]:
    """Return why the model of `root` should not take the place of what is live.

    Where nothing is live, or the receipt names our own bundle, no registry is asked. The live
    image's own score counts if it is of the same rows, else its model is scored on them now. A
    receipt of an image on loopback that is not here was written on another machine.

    Args:
        params: whose `evaluate` says what may be lost and how many rows are scored.
        metrics: eval/metrics.json.
        root: of the repository.
        made_from: what the image is to be made from.

    Raises:
        ArtifactError: the live image holds no provenance or no model that this code reads.
        ParamsError: ISSUESUM_LIVE names no image.
        RegistryError: the live image cannot be had.
        RepositoryError: there is no commit or no dvc.lock.
    """
    allowed = params.evaluate.gate.max_regression
    live = live_image(root) if allowed < _ANYTHING else None
    if live is None or live.dvc == made_from.dvc:
        return []
    repository = f"{params.export.address}/{params.export.image}"
    try:
        found = look_up(live.image, default=repository)
        if found.provenance.hashes.get("bundle") == made_from.bundle:
            return []
        test = Lock.read(root).md5(SPLIT / "test")
        reached = found.provenance.score_on(test, metrics["test_rows"])
        if reached is None:
            reached = _score_anew(found, params.evaluate, root)
    except (ArtifactError, ParamsError, RegistryError) as error:
        by_receipt = not os.environ.get(LIVE)
        if isinstance(error, RegistryError) and by_receipt and Reference.parse(live.image).is_local:
            print(f"export: {live.image} of the last commit is not here: nothing to compare with")
            return []
        said = str(error).partition(" Try: ")[0]
        raise type(error)(
            f"The live image {live.image} must be known, so that no worse one takes its place. "
            f"Received: {said} Try: the same again when it can be had, or {LIVE}=none to ship "
            "without comparing."
        ) from error
    return regressions(
        Judged(f"{repository}:{made_from.tag}", metrics["model"]["rouge_l"]),
        Judged(found.provenance.image or live.image, reached),
        rows=metrics["test_rows"],
        max_regression=allowed,
    )


def _score_anew(found: Found, dials: EvaluateParams, root: Path) -> float:
    image = found.image
    print(f"export: {image.reference} has no scores on these test issues: they are made now")
    with remote_model(Registry(image.reference.host), image) as folder:
        writer = TitleWriter.tried(folder, of=str(image.reference))
    test = read_head(root / SPLIT / "test", dials.max_rows)
    titles: list[str] = []
    with bar("live", len(test)) as shown:
        for batch in writer.titles_in_batches(list(test["body"]), dials.batch_size):
            titles += [title.text for title in batch]
            shown.update(len(batch))
    return score(titles, list(test["issue_title"])).rouge_l
