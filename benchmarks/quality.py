"""How good titles are on real issues: this repository's model and what it must beat.

    python benchmarks/quality.py --issues github_issues_medium.csv [--held-out OTHER.csv]

Runs the stages with the repository's params.yaml in a temporary project and prints the ROUGE
(`issuesum.training.evaluation.scores`) of the test side: of the first words of the body, of the
title of the most similar issue, of the 2018 example's model and of ours. The example's model
(`train.arch: seq2seq` at its widths and learning rate, without noise or smoothing) has the same
rows and as many seconds as ours; it keeps its best validation too, and writes through a bundle
with the same search.

Seconds are those of the whole train stage. The reference is given them as a number of updates,
which a short run of its own tells (`pace`), so that its learning rate falls to 0 as ours does.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

import figures
from figures import Ratio
from issuesum.console import bar
from issuesum.errors import DataError, IssuesumError
from issuesum.layout import BUNDLE_MODEL, RAW, SPLIT, SPLIT_SUMMARY
from issuesum.serving.inference.writer import TitleWriter
from issuesum.training.corpus.issue import Issue, issue_key
from issuesum.training.corpus.reading import read_issues
from issuesum.training.corpus.shards import read_head
from issuesum.training.corpus.summary import SplitSummary
from issuesum.training.evaluation import baselines
from issuesum.training.evaluation.scores import Scores, score
from pace import updates_within
from project import Changes, Project

REFERENCE: Changes = {
    "train.arch": "seq2seq",
    "train.embedding_dim": 300,
    "train.hidden_units": 300,
    "train.dropout": 0.0,
    "train.word_dropout": 0.0,
    "train.label_smoothing": 0.0,
    "train.learning_rate": 0.001,
    # Its seconds end it, and nothing else.
    "train.epochs": 1_000_000,
    "train.patience": 1_000_000,
}
FIRST_WORDS = "first {} words of the body"
NEIGHBOUR = "title of the most similar issue"
THEIRS = "seq2seq, as in the 2018 example"
OURS = "{}, params.yaml"
_LEAST = 0.01
"""What a score of 0 counts as where it divides."""


@dataclass(frozen=True)
class Texts:
    """Issues that training never saw."""

    name: str
    bodies: list[str]
    titles: list[str]


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--issues",
        type=Path,
        action="append",
        required=True,
        help="CSV to learn from and to test with; several are put together",
    )
    parser.add_argument("--held-out", type=Path, help="CSV of other issues to test with")
    parser.add_argument(
        "-S",
        "--set-param",
        type=setting,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="use another value of params.yaml for ours, as in train.max_steps=100",
    )
    figures.add_option(parser)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="issuesum-bench-") as folder:
        try:
            ours = Project(Path(folder))
            ours.change(dict(arguments.set_param))
            ours.ingest(arguments.issues)
            models = _train(ours)
            figures.hand_over(_print_scores(ours, models, arguments.held_out), arguments.json)
        except IssuesumError as error:
            sys.exit(f"error: {error}")


def setting(text: str) -> tuple[str, object]:
    """Return the name and the value of `NAME=VALUE`, which is YAML as in params.yaml."""
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"must be NAME=VALUE. Received: {text}.")
    return name, yaml.safe_load(value)


def _train(ours: Project) -> dict[str, Project]:
    """Split, and train and build both models; return where each is, the reference first."""
    ours.stage("split")
    ours.stage("preprocess")
    reference = ours.fork("reference", REFERENCE)
    mine = ours.stage("train")
    reference.change({"train.max_steps": updates_within(mine.seconds, reference)})
    theirs = reference.stage("train")
    models = {THEIRS: reference, OURS.format(ours.params.train.arch): ours}
    sides = SplitSummary.load(ours.folder / SPLIT_SUMMARY)
    print(
        f"{sides.train:,} issues to learn, {sides.validation:,} to choose the best validation by, "
        f"{sides.test:,} to test"
    )
    for (name, project), run in zip(models.items(), (theirs, mine), strict=True):
        print(f"  {name:32}{run.seconds:7.0f} s; {run.output.splitlines()[-1]}")
        project.stage("build")
    return models


def _print_scores(
    ours: Project, models: Mapping[str, Project], held_out: Path | None
) -> list[Ratio]:
    dials = ours.params.evaluate
    test = read_head(ours.folder / SPLIT / "test", dials.max_rows)
    sides = [Texts("test issues", list(test["body"]), list(test["issue_title"]))]
    if held_out:
        sides.append(read_held_out(held_out, ours.folder / RAW, dials.max_rows))
    train = read_head(ours.folder / SPLIT / "train", dials.neighbour_rows)
    ratios: list[Ratio] = []
    for side in sides:
        titles = {
            FIRST_WORDS.format(dials.lead_words): baselines.lead(
                side.bodies, count=dials.lead_words
            ),
            NEIGHBOUR: baselines.neighbour(
                side.bodies, list(train["body"]), list(train["issue_title"])
            ),
            **{
                name: write_titles(project.folder / BUNDLE_MODEL, side.bodies, dials.batch_size)
                for name, project in models.items()
            },
        }
        scores = {name: score(written, side.titles) for name, written in titles.items()}
        print()
        for line in table(f"{len(side.titles):,} {side.name}", scores):
            print(line)
        ratios += rouge_l_ratios(side.name, scores)
    return ratios


def rouge_l_ratios(side: str, scores: Mapping[str, Scores]) -> Iterator[Ratio]:
    """Yield our ROUGE-L, which stands last in `scores`, beside each of the others."""
    *others, (_, ours) = scores.items()
    for name, other in others:
        yield Ratio(f"{side}: ROUGE-L beside {name}", ours.rouge_l / max(other.rouge_l, _LEAST))


def read_held_out(path: Path, known: Path, rows: int) -> Texts:
    """Return issues of a CSV, each once and none of those in another.

    Args:
        path: the CSV, gzipped or not.
        known: the CSV whose issues are passed over.
        rows: how many at most, the first.

    Raises:
        DataError: there is none.
    """
    earlier = {issue_key(issue.title, issue.body) for issue in _usable(known)}
    found = {issue_key(issue.title, issue.body): issue for issue in _usable(path)}
    issues = [issue for key, issue in found.items() if key not in earlier][:rows]
    if not issues:
        raise DataError(
            f"{path} must hold an issue that is not in --issues. Received: none. "
            "Try: another --held-out."
        )
    return Texts(f"issues of {path.name}", [of.body for of in issues], [of.title for of in issues])


def _usable(path: Path) -> Iterator[Issue]:
    return (row for row in read_issues(path) if isinstance(row, Issue))


def write_titles(folder: Path, bodies: Sequence[str], batch_size: int) -> list[str]:
    """Return the titles that a bundle writes."""
    titles: list[str] = []
    with bar("titles", len(bodies)) as shown:
        for batch in TitleWriter(folder).titles_in_batches(bodies, batch_size):
            titles += [title.text for title in batch]
            shown.update(len(batch))
    return titles


def table(name: str, scores: Mapping[str, Scores]) -> Iterator[str]:
    """Yield the lines of a table and of what ours, the last, gains.

    Args:
        name: of the issues.
        scores: of the first words, the most similar issue, the reference and ours, by name.
    """
    yield f"{name:34}  ROUGE-1  ROUGE-2  ROUGE-L"
    rows = {name: (of.rouge_1, of.rouge_2, of.rouge_l) for name, of in scores.items()}
    for name_, values in rows.items():
        yield _line(name_, values, "9.2f")
    first_words, _, theirs, ours = rows.values()
    gained = [mine - other for mine, other in zip(ours, first_words, strict=True)]
    ratios = [mine / max(other, _LEAST) for mine, other in zip(ours, theirs, strict=True)]
    yield _line("ours - first words", gained, "+9.2f")
    yield _line("ours / 2018 example", ratios, "9.2f")


def _line(name: str, values: Sequence[float], form: str) -> str:
    return f"  {name:32}" + "".join(f"{value:{form}}" for value in values)


if __name__ == "__main__":
    main()
