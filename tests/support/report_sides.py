"""Sides of a comparison to test reports with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from issuesum.lineage.metrics import Metrics
from issuesum.lineage.receipt import Receipt
from issuesum.lineage.reporting.model_side import ModelSide
from issuesum.training.corpus.shards import SplitSummary
from issuesum.training.evaluation.metrics import METRICS, score
from profiles import profile

HOSTILE = "<script>window.owned=1</script> | @octocat `x` #12 ![a](http://evil.example/b.png)"
_WORDS = (
    "crash",
    "menu",
    "save",
    "login",
    "page",
    "slow",
    "error",
    "dark",
    "mode",
    "window",
    "list",
)


def rows(count: int, *, seed: int = 1, right: float = 0.5) -> pd.DataFrame:
    """Return scores of single titles, each word of which is right with this probability."""
    generator = np.random.default_rng(7)  # the same issues for any seed
    references = [" ".join(generator.choice(_WORDS, 6, replace=False)) for _ in range(count)]
    lengths = generator.integers(1, 400, count)
    generator = np.random.default_rng(seed)
    titles = [
        " ".join(word if generator.random() < right else "other" for word in reference.split())
        for reference in references
    ]
    return pd.DataFrame(
        {
            "issue": [f"{place:032x}" for place in range(count)],
            "words": lengths,
            "rouge_l": METRICS["rouge_l"].of_each(titles, references),
            "lead": 20.0,
            "neighbour": 10.0,
            "score": -generator.random(count),
            "predicted": titles,
            "issue_title": references,
            "issue_url": [f"https://github.com/a/b/issues/{place}" for place in range(count)],
        }
    )


def side(name: str, scores: pd.DataFrame, **changes: Any) -> ModelSide:
    """Return a side with these scores of single titles and the metrics that follow from them."""
    of_model = score(list(scores["predicted"]), list(scores["issue_title"]))
    made = ModelSide(
        name=name,
        metrics=Metrics.read(
            {
                "test_rows": len(scores),
                "model": of_model,
                "lead": {"rouge_1": 3.0, "rouge_2": 2.0, "rouge_l": 1.0, "bleu": 0.5},
                "gate": {"passed": True, "reasons": []},
            }
        ),
        profile=profile(),
        split=SplitSummary(1234, {"empty body": 4}, 30, 1000, 100, 100),
        scores=scores,
        curves={
            "loss, validation": ((0, 5.0), (1, 4.0)),
            "ROUGE-L, validation": ((0, 1.0), (1, 9)),
        },
        nodes={
            "data/raw/github_issues.csv": ("data/raw/github_issues.csv",),
            "train": ("models/trained",),
            "evaluate": ("eval/metrics.json",),
        },
        hashes={
            "data/raw/github_issues.csv": "d" * 32,
            "models/trained": f"{sum(map(ord, name)):032x}",
        },
        receipt=Receipt("localhost:5000/issues:tag", "sha256:" + "b" * 64, "c" * 12, "d" * 12),
        params={},
        runs={},
        refused=None,
        missing=(),
    )
    return replace(made, **changes)
