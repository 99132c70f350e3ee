"""Score what is shipped, the bundle, on issues that training never saw."""

import pandas as pd

from issuesum.console import with_bar
from issuesum.files import replacing_directory, replacing_file, write_json
from issuesum.layout import BUNDLE_MODEL, EXAMPLES, METRICS, PLOTS, SCORES, SPLIT
from issuesum.lineage.metrics import GateResult, Metrics
from issuesum.serving.inference.writer import TitleWriter
from issuesum.stages.params import Params
from issuesum.training.corpus.shards import read_head
from issuesum.training.evaluation import metrics, per_row
from issuesum.training.evaluation.baselines import BASELINES, shortfalls


def main(params: Params) -> dict[str, int]:
    """Read serving/bundle and data/split/{test,train}; write eval."""
    settings = params.evaluate
    test = read_head(SPLIT / "test", settings.max_rows)
    train = read_head(SPLIT / "train", settings.neighbour_rows)
    bodies, references = list(test["body"]), list(test["issue_title"])
    writer = TitleWriter(BUNDLE_MODEL)
    batches = writer.titles_in_batches(bodies, settings.batch_size)
    titles = with_bar(batches, "evaluate", len(bodies))
    baselines = {key: of.write(train, bodies, settings) for key, of in BASELINES.items()}
    written = {"model": [title.text for title in titles], **baselines}
    facts = metrics.Facts(bodies=bodies, max_words=writer.max_words)
    scores = {method: metrics.score(of, references, **facts) for method, of in written.items()}
    primary = metrics.METRICS[metrics.PRIMARY]
    rows = test.assign(
        predicted=written["model"],
        score=[title.score for title in titles],
        **{method: primary.of_each(of, references) for method, of in written.items()},
    ).rename(columns={"model": primary.key})
    reasons = tuple(shortfalls(scores, settings.gate.model_dump()))
    result = GateResult(passed=not reasons, reasons=reasons)
    write_json(METRICS, Metrics(test_rows=len(test), scores=scores, gate=result).content())
    attention = [writer.attend(body) for body in bodies[: settings.heat_maps]]
    with replacing_directory(PLOTS) as plots:
        table = pd.DataFrame(scores).T
        table.to_csv(plots / "scores.csv", index_label="method", lineterminator="\n")
        rows[[primary.key]].to_csv(plots / "rouge_l.csv", index=False, float_format="%.4f")
        (plots / "attention").mkdir()
        for number, of_title in enumerate(filter(None, attention), start=1):
            per_row.draw_attention(of_title, plots / "attention" / f"{number}.png")
    with replacing_file(EXAMPLES) as examples:
        columns = ["issue_url", "issue_title", "predicted", "score", primary.key]
        rows[columns].head(settings.examples).to_csv(examples, index=False, float_format="%.2f")
    per_row.write(SCORES, rows)
    for method, of in scores.items():
        shown = "  ".join(f"{m.title} {of[key]:5.2f}" for key, m in metrics.METRICS.items())
        print(f"evaluate: {method:10s} {shown}")
    return {"rows": len(test)}
