"""What an encoder is given is what preprocess writes."""

from __future__ import annotations

import csv
from collections import Counter
from itertools import chain, islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from issuesum.text import reading
from issuesum.text.prose import body_words, prose
from issuesum.text.reading import read
from issuesum.text.tokens import END, START, words
from issuesum.text.vocabulary import PADDING, UNKNOWN, Vocabulary, pad
from issuesum.training.features.encoding import encode_entry, extend_pair, look_up
from issuesum.training.features.ktext_adapter import Fields, FieldSettings
from issuesum.training.features.tokenise import ABSENT, find_words
from shards import WordTable, put_entry, shard

BODY = Vocabulary(("the", "app", "crashes"), 4, "pre", append_indicators=False)
TITLE = Vocabulary((START, END, "app", "crash"), 5, "post", append_indicators=True)


def test_words_that_titles_do_not_hold_are_numbered_in_each_row() -> None:
    found = read(["Foo the APP, Foo!", "x.py", ""], BODY, TITLE)
    assert found.body.tolist() == [[1, 2, 3, 1], [0, 0, 0, 1], [0, 0, 0, 0]]
    assert found.body_extended.tolist() == [[6, 7, 4, 6], [0, 0, 0, 6], [0, 0, 0, 0]]
    assert found.oov == [["foo", "the"], ["x.py"], []]
    assert found.body.dtype == found.body_extended.dtype == np.int32


def test_only_what_the_model_reads_can_be_copied_but_more_is_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = read(["a b c d e f g"], BODY, TITLE)
    assert found.oov == [["a", "b", "c", "d"]]
    assert [token.word for token in found.tokens[0]] == list("abcdefg")
    for looked_at, seen in ((5, 5), (2, 4)):  # never less than the model reads
        monkeypatch.setattr(reading, "MAX_WORDS", looked_at)
        assert len(read(["a b c d e f g"], BODY, TITLE).tokens[0]) == seen


def test_no_body_gives_no_row() -> None:
    found = read([], BODY, TITLE)
    assert found.body.shape == found.body_extended.shape == (0, 4)


texts = st.text() | st.lists(
    st.sampled_from(
        [
            "### Version\n",
            "<!-- x -->",
            "app",
            "Crash",
            "the",
            "x.py",
            "http://x.org",
            "a@b.org",
            "don\u2019t",
            "é",
        ]
    )
).map(" ".join)


@given(st.lists(texts, min_size=1, max_size=5))
@example(["App app _start_ Cafe\u0301 café www.x.org", ""])
def test_ids_are_those_of_preprocess(bodies: list[str]) -> None:
    table = WordTable()
    flat, lengths = find_words(map(prose, bodies))
    numbered = iter(table.numbers(flat.to_pylist()))
    rows = [list(islice(numbered, length)) for length in lengths]
    numbers = pad(rows, BODY.maxlen, padding=BODY.padding, value=ABSENT)
    of_body, of_title = (
        np.array([ids.get(word, UNKNOWN) for word in list(table)], np.int32)
        for ids in (BODY.ids, TITLE.ids)
    )
    found = read(bodies, BODY, TITLE)
    np.testing.assert_array_equal(found.body, look_up(numbers, of_body))
    extended, _ = extend_pair(numbers, numbers[:, :0], of_title, TITLE.size)
    np.testing.assert_array_equal(found.body_extended, extended)
    for row, oov, body in zip(found.body_extended, found.oov, bodies, strict=True):
        decoded = TITLE.decode(row[row != PADDING].tolist(), oov)
        assert decoded == body_words(body)[: BODY.maxlen]


def test_template_text_is_not_read_and_places_are_those_of_the_raw_body() -> None:
    body = "<!-- be brief -->\r\n### Expected behavior\r\nThe app crashes at ![x](a.png) start"
    found = read([body], BODY, TITLE)
    assert found.body.tolist() == [[2, 3, 4, 1]]
    assert [body[start:end] for _, start, end in found.tokens[0]] == [
        "The", "app", "crashes", "at", "start"
    ]  # fmt: skip


def test_ids_are_those_of_preprocess_on_real_issues(shared: Path, tmp_path: Path) -> None:
    with (shared / "data/github_issues_medium.csv").open(encoding="utf-8", newline="") as file:
        issues = [(row["issue_title"], row["body"]) for row in csv.DictReader(file)][:500]
    fields: Fields = {
        "body": FieldSettings(1000, 70, "pre", append_indicators=False),
        "title": FieldSettings(500, 12, "post", append_indicators=True),
    }

    def vocabulary(texts: list[str], of: FieldSettings) -> Vocabulary:
        common = Counter(chain.from_iterable(map(words, texts))).most_common(of.keep_n)
        marks = [START, END] if of.append_indicators else []
        known = (*marks, *(word for word, _ in common))
        return Vocabulary(known, of.padding_maxlen, of.padding, of.append_indicators)

    titles, bodies = map(list, zip(*issues, strict=True))
    both = {
        "body": vocabulary(bodies, fields["body"]),
        "title": vocabulary(titles, fields["title"]),
    }
    content = shard((number, *issue) for number, issue in enumerate(issues))
    expected = encode_entry(put_entry(tmp_path / "entry", content, fields), both).features
    found = read(bodies, both["body"], both["title"])
    np.testing.assert_array_equal(found.body, expected.body)
    np.testing.assert_array_equal(found.body_extended, expected.body_extended)
