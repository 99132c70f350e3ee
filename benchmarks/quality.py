"""How good titles are on real issues: this repository's model and what it must beat.

Prints the scores of the test split: of the first words of the body, of the title of the most
similar issue, of the 2018 example's model and of ours. `--seeds` shows how much is chance.

The example's model (seq2seq at its widths, without noise or smoothing) has the same vocabularies,
rows and search, and as many seconds of the train stage as ours. Two short runs turn the seconds
into a number of updates, so that its learning rate falls to 0 as ours does.
"""

import argparse
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import yaml

from common import EXAMPLE, Project, Ratio, print_ratios, run, usable
from issuesum.errors import DataError
from issuesum.layout import BUNDLE_MODEL, RAW, SPLIT, SPLIT_SUMMARY
from issuesum.serving.inference.writer import TitleWriter
from issuesum.training.corpus.issue import issue_key
from issuesum.training.corpus.shards import SplitSummary, read_head
from issuesum.training.evaluation.baselines import BASELINES
from issuesum.training.evaluation.metrics import METRICS, Facts, Scores, score

# Its seconds end the reference, and nothing else.
REFERENCE = {**EXAMPLE, "train.epochs": 1_000_000, "train.patience": 1_000_000}
_LEAST = 0.01  # what a score of 0 counts as where it divides
_UPDATES = (20, 120)  # of the two short runs


class Texts(NamedTuple):
    """Issues that training never saw."""

    name: str
    bodies: list[str]
    titles: list[str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--issues", type=Path, action="append", required=True, help="CSV (repeatable)"
    )
    parser.add_argument("--held-out", type=Path, help="CSV of other issues to test with")
    parser.add_argument("--seeds", type=int, default=1, help="how often ours is trained")
    parser.add_argument(
        "-S", "--set-param", type=setting, action="append", default=[], metavar="NAME=VALUE",
        help="use another value of params.yaml for ours, as in train.max_steps=100",
    )  # fmt: skip
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="issuesum-bench-") as folder:
        ours = Project.clone(Path(folder) / "ours")
        ours.change(dict(given.set_param))
        ours.ingest(given.issues)
        _print_scores(ours, _train(ours, given.seeds), given.held_out)


def setting(text: str) -> tuple[str, object]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"must be NAME=VALUE. Received: {text}.")
    return name, yaml.safe_load(value)


def _train(ours: Project, seeds: int) -> dict[str, list[Project]]:
    """Split, train and build; return where the models of both kinds are, the reference first."""
    ours.stage("split")
    ours.stage("preprocess")
    reference = ours.fork("reference", REFERENCE)
    mine = ours.stage("train")
    reference.change({"train.max_steps": updates_within(mine.seconds, reference)})
    theirs = reference.stage("train")
    train = ours.params.train
    made = [("seq2seq, as in the 2018 example", reference, theirs)]
    made.append((f"{train.arch}, params.yaml", ours, mine))
    for seed in range(train.seed + 1, train.seed + seeds):
        other = ours.fork(f"seed-{seed}", {"train.seed": seed})
        made.append((made[1][0], other, other.stage("train")))
    rows = SplitSummary.load(ours.path / SPLIT_SUMMARY)
    print(f"{rows.train:,} issues to learn, {rows.validation:,} to validate, {rows.test:,} to test")
    models = defaultdict[str, list[Project]](list)
    for name, project, of in made:
        print(f"  {name:32}{of.seconds:7.0f} s; {of.output.splitlines()[-1]}")
        project.stage("build")
        models[name].append(project)
    return models


def updates_within(seconds: float, project: Project) -> int:
    """Return how many updates the train stage can make in a time, from two short runs of it."""
    few, many = (
        project.fork(f"probe-{updates}", {"train.max_steps": updates}).stage("train").seconds
        for updates in _UPDATES
    )
    return updates_in(seconds, few, many)


def updates_in(seconds: float, few: float, many: float) -> int:
    """Return how many updates fit into a time, from the seconds of _UPDATES.

    Both compile and validate once. A longer run validates more often, which gives it more time.
    """
    per_update = (many - few) / (_UPDATES[1] - _UPDATES[0])
    return max(1, round(_UPDATES[0] + (seconds - few) / max(per_update, 1e-3)))


def _print_scores(
    ours: Project, models: Mapping[str, Sequence[Project]], held_out: Path | None
) -> None:
    params, max_words = ours.params.evaluate, ours.params.build.decoding.max_words
    words, lead, neighbour = params.lead_words, BASELINES["lead"], BASELINES["neighbour"]
    test = read_head(ours.path / SPLIT / "test", params.max_rows)
    texts = [Texts("test issues", list(test["body"]), list(test["issue_title"]))]
    if held_out:
        texts.append(read_held_out(held_out, ours.path / RAW, params.max_rows))
    train = read_head(ours.path / SPLIT / "train", params.neighbour_rows)
    ratios: list[Ratio] = []
    for each in texts:
        titles = {
            f"first {words} words of the body": [lead.write(train, each.bodies, params)],
            "title of the most similar issue": [neighbour.write(train, each.bodies, params)],
        }
        for name, projects in models.items():
            folders = [project.path / BUNDLE_MODEL for project in projects]
            titles[name] = [write_titles(of, each.bodies, params.batch_size) for of in folders]
        facts = Facts(bodies=each.bodies, max_words=max_words)
        scores = {
            name: [score(of, each.titles, **facts) for of in written]
            for name, written in titles.items()
        }
        heads = "".join(f"{metric.title:>9}" for metric in METRICS.values())
        print(f"\n{f'{len(each.titles):,} {each.name}':34}{heads}")
        for name, of in scores.items():
            print(f"  {name:32}{_cells(mean_of(of))}")
            if len(of) > 1:
                print(f"{f'standard deviation, {len(of)} seeds':>34}{_cells(spread_of(of))}")
        ratios += rouge_l_ratios(each.name, {name: mean_of(of) for name, of in scores.items()})
    print_ratios(ratios)


def mean_of(scores: Sequence[Scores]) -> Scores:
    return {key: statistics.mean(of[key] for of in scores) for key in scores[0]}


def spread_of(scores: Sequence[Scores]) -> Scores:
    return {key: statistics.stdev(of[key] for of in scores) for key in scores[0]}


def _cells(scores: Scores) -> str:
    return "".join(f"{scores[key]:9.2f}" for key in METRICS)


def rouge_l_ratios(issues: str, scores: Mapping[str, Scores]) -> Iterator[Ratio]:
    """Yield our ROUGE-L, which is the last of `scores`, divided by each of the others."""
    *others, (_, ours) = scores.items()
    for name, other in others:
        yield Ratio(
            f"{issues}: ROUGE-L vs. {name}", ours["rouge_l"] / max(other["rouge_l"], _LEAST)
        )


def read_held_out(path: Path, known: Path, rows: int) -> Texts:
    """Return the first issues of a CSV, each once, and none of those in `known`."""
    earlier = {issue_key(issue.title, issue.body) for issue in usable(known)}
    found = {issue_key(issue.title, issue.body): issue for issue in usable(path)}
    issues = [issue for key, issue in found.items() if key not in earlier][:rows]
    if not issues:
        raise DataError(
            f"{path} must hold an issue that is not in --issues. Received: none. "
            "Try: another --held-out."
        )
    return Texts(f"issues of {path.name}", [of.body for of in issues], [of.title for of in issues])


def write_titles(folder: Path, bodies: Sequence[str], batch_size: int) -> list[str]:
    batches = TitleWriter(folder).titles_in_batches(bodies, batch_size)
    return [title.text for batch in batches for title in batch]


if __name__ == "__main__":
    run(main)
