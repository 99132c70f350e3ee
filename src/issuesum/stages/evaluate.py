"""Score what is shipped, the bundle, on issues that training never saw."""

from __future__ import annotations

from dataclasses import asdict

import pandas as pd
from tqdm import tqdm

from issuesum.files import replacing_directory, replacing_file, write_json
from issuesum.layout import BUNDLE_MODEL, EXAMPLES, METRICS, PLOTS, SCORES, SPLIT
from issuesum.serving.inference.title import Attention, Title
from issuesum.serving.inference.writer import TitleWriter
from issuesum.stages.params import EvaluateParams, Params
from issuesum.stages.runner import run
from issuesum.training.corpus.shards import read_head
from issuesum.training.evaluation import baselines, gate, heatmap, per_row
from issuesum.training.evaluation.scores import Scores, rouge_l, score


def main(params: Params) -> dict[str, int]:
    """Read serving/bundle and data/split/{test,train}; write eval."""
    dials = params.evaluate
    test = read_head(SPLIT / "test", dials.max_rows)
    writer = TitleWriter(BUNDLE_MODEL)
    titles = _titles(writer, list(test["body"]), dials.batch_size)
    train = read_head(SPLIT / "train", dials.neighbour_rows)
    references = list(test["issue_title"])
    predicted = [title.text for title in titles]
    candidates = {
        "model": predicted,
        "lead": baselines.lead(list(test["body"]), count=dials.lead_words),
        "neighbour": baselines.neighbour(
            list(test["body"]), list(train["body"]), list(train["issue_title"])
        ),
    }
    scores = {name: score(written, references) for name, written in candidates.items()}
    written = test.assign(
        predicted=predicted,
        score=[title.score for title in titles],
        **{name: rouge_l(of_name, references) for name, of_name in candidates.items()},
    ).rename(columns={"model": "rouge_l"})
    attention = [writer.attend(body) for body in test["body"].head(dials.heat_maps)]
    _write(written, scores, [of for of in attention if of], dials)
    for name, values in scores.items():
        print(f"evaluate: {name:10s} ROUGE-L {values.rouge_l:5.2f}  BLEU {values.bleu:5.2f}")
    return {"rows": len(test)}


def _titles(writer: TitleWriter, bodies: list[str], batch_size: int) -> list[Title]:
    titles: list[Title] = []
    with tqdm(desc="evaluate", total=len(bodies), unit=" titles", disable=None) as progress:
        for batch in writer.titles_in_batches(bodies, batch_size):
            titles += batch
            progress.update(len(batch))
    return titles


def _write(
    rows: pd.DataFrame,
    scores: dict[str, Scores],
    attention: list[Attention],
    dials: EvaluateParams,
) -> None:
    verdict = gate.judge(
        scores,
        min_rouge_l=dials.gate.min_rouge_l,
        min_over_lead=dials.gate.min_over_lead,
        min_over_neighbour=dials.gate.min_over_neighbour,
    )
    values = {name: asdict(of_name) for name, of_name in scores.items()}
    write_json(METRICS, {"test_rows": len(rows), **values, "gate": asdict(verdict)})
    with replacing_directory(PLOTS) as plots:
        table = pd.DataFrame(values).T.rename_axis("method")
        table.to_csv(plots / "scores.csv", lineterminator="\n")
        rows[["rouge_l"]].to_csv(plots / "rouge_l.csv", index=False, float_format="%.4f")
        (plots / "attention").mkdir()
        for number, of_title in enumerate(attention, start=1):
            heatmap.draw(of_title, plots / "attention" / f"{number}.png")
    with replacing_file(EXAMPLES) as examples:
        columns = ["issue_url", "issue_title", "predicted", "score", "rouge_l"]
        rows[columns].head(dials.examples).to_csv(examples, index=False, float_format="%.2f")
    per_row.write(SCORES, rows)


if __name__ == "__main__":
    run("evaluate", main)
