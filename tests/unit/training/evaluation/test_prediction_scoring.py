"""One prediction for each row, whatever the rows and the batches are."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from issuesum.serving.inference.writer import NO_TITLE, TitleWriter
from issuesum.training.corpus.issue import Issue
from issuesum.training.corpus.opening import Place
from issuesum.training.corpus.reading import Form, Reject, csv_issues, normalise, read_issues
from issuesum.training.evaluation.predicting import Format, Prediction, predictions, writing
from toy_bundle import write_bundle

BODIES = [
    "The App crashes on start of macOS, see README.md.",
    "NullPointerException in foo_bar\r\n\r\nsecond paragraph",
    "https://example.org/x someone@example.org fails",
    "Приложение\u2028падает при запуске",
    'say "on, start"',
    "a\x85b\x0bc\x1cd",
    "...",
]
# Rows of any width, of fields that CSV, lines and JSON have trouble with.
TEXTS = [*BODIES, "", " \n", '"https://example.org/1"', "a\0b", "\r", "u\u2028v"]
ROWS = st.lists(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=4), max_size=8)
HEADERS = st.sampled_from(
    [
        ("issue_url", "issue_title", "body"),
        ("body", "issue_url"),
        ("body",),
        ("", "body", "issue_title"),
    ]
)


@pytest.fixture(scope="module")
def writer(tmp_path_factory: pytest.TempPathFactory) -> TitleWriter:
    return TitleWriter(write_bundle(tmp_path_factory.mktemp("model")))


@pytest.fixture(scope="module")
def titles(writer: TitleWriter) -> dict[str, str]:
    """The title of every body that a row of ROWS may have."""
    return {body: writer.titles([normalise(Issue("", "", body)).body])[0] for body in TEXTS}


def read(content: bytes) -> list[Issue | Reject]:
    text, form = io.StringIO(content.decode(), newline=""), Form(columns=("issue_url", "body"))
    return list(csv_issues(text, Place("x"), form))


def test_titles_are_those_of_the_writer_in_batches_of_any_size(writer: TitleWriter) -> None:
    rows: list[Issue | Reject] = []
    for number, body in enumerate(BODIES):
        rows += [Issue(f"u{number}", "", body), Reject(1, "empty body", "r", "", "")]
    expected = writer.titles(BODIES)
    ways = [list(predictions(rows, writer, size)) for size in (1, 3, 14, 100)]
    assert [len(batches) for batches in ways] == [14, 5, 1, 1]
    for batches in ways:
        found = [one for batch in batches for one in batch]
        assert [one.title for one in found[::2]] == expected
        assert [one.issue_url for one in found[::2]] == [f"u{n}" for n in range(len(BODIES))]
        assert found[1::2] == [Prediction("r", "", None)] * len(BODIES)
        assert found == [one for batch in ways[0] for one in batch], "scores too"


def test_no_more_rows_are_read_than_a_batch_needs(writer: TitleWriter) -> None:
    taken = []

    def rows():
        for number in range(100):
            taken.append(number)
            yield Issue("", "", "app")

    batches = predictions(rows(), writer, 5)
    for count in (5, 10):
        next(batches)
        assert len(taken) == count


def test_a_row_without_a_title_has_no_score() -> None:
    class Silent:
        def write(self, bodies):
            return [[NO_TITLE] for _ in bodies]

    ((found,),) = predictions([Issue("u", "", "app")], Silent(), 2)
    assert found == Prediction("u", "", None)


@settings(max_examples=60)
@given(header=HEADERS, rows=ROWS, size=st.integers(1, 5), form=st.sampled_from(["csv", "jsonl"]))
def test_there_is_one_line_a_row(
    *,
    header: tuple[str, ...],
    rows: list[list[str]],
    size: int,
    form: Format,
    writer: TitleWriter,
    titles: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    given_ = io.StringIO(newline="")
    csv.writer(given_, quoting=csv.QUOTE_ALL).writerows([header, *rows])
    output = tmp_path_factory.getbasetemp() / "one_line_a_row"
    with writing(output, form) as write:
        for batch in predictions(read(given_.getvalue().encode()), writer, size):
            write(batch)
    lines = output.read_text(encoding="utf-8").splitlines()
    if form == "csv":
        assert lines.pop(0) == "issue_url,title,score"
        found = [Prediction(*row) for line in lines for row in csv.reader([line])]
    else:
        found = [Prediction(**json.loads(line, parse_constant=pytest.fail)) for line in lines]
    assert len(found) == len(lines) == len(rows)
    for row, one in zip(rows, found, strict=True):
        body = row[header.index("body")] if len(row) == len(header) else ""
        url = row[header.index("issue_url")] if "issue_url" in header[: len(row)] else ""
        usable = body.strip() and "\0" not in body and ("\0" not in url or len(row) != len(header))
        assert one.title == (titles[body] if usable else "")
        assert one.issue_url == " ".join(normalise(Issue(url, "", "")).url.split())
        assert (one.score in ("", None)) == (not usable)


def test_real_issues_get_the_titles_of_the_writer(writer: TitleWriter, shared: Path) -> None:
    rows = []
    for row in read_issues(shared / "data/github_issues_medium.csv"):
        rows.append(row)
        if len(rows) == 100:
            break
    found = [one.title for batch in predictions(rows, writer, 7) for one in batch]
    assert found == writer.titles([row.body for row in rows])
