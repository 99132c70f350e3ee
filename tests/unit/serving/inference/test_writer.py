"""Titles from real ONNX graphs, tiny and untrained."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from issuesum.errors import ArtifactError
from issuesum.serving.inference import writer as module
from issuesum.serving.inference.rules import CUT_OFF, Decoding
from issuesum.serving.inference.writer import NO_TITLE, TitleWriter
from issuesum.text.reading import read
from issuesum.text.tokens import END, START, UNSPEAKABLE, words
from issuesum.text.vocabulary import Vocabulary
from toy_bundle import BODY, DEFAULT, TITLE, write_bundle

BODIES = [
    "The App crashes on start of macOS, see README.md.",
    "NullPointerException in foo_bar",
    "https://example.org/x someone@example.org https://example.org/y fails",
    "",
    "_start_ _end_ _url_ on on on",
    "the the the",
    "Приложение падает при запуске",
    "a b c d e f g h i j k l macOS",
]


@pytest.fixture(scope="module", params=[True, False], ids=["copies", "no copying"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(tmp_path_factory.mktemp("model"), copies=request.param)


def test_each_body_gets_its_titles_best_first(folder: Path) -> None:
    found = TitleWriter(folder).write(BODIES, alternatives=3)
    assert len(found) == len(BODIES)
    for body, titles in zip(BODIES, found, strict=True):
        assert len(titles) == 3
        assert len({title.text for title in titles}) == 3
        scores = [title.score for title in titles]
        assert scores == sorted(scores, reverse=True)
        assert all(score < 0 for score in scores)
        read = words(body)[: BODY.maxlen]
        for title in titles:
            written = [word.word for word in title.words]
            assert words(title.text) == written
            assert 2 <= len(written) <= TITLE.maxlen - 1
            assert not UNSPEAKABLE & set(written)
            for word in title.words:
                assert word.word in TITLE.ids or word.word in read
                assert word.copied == (word.word in read)
                assert (word.span is None) == (word.word not in words(body))
                assert word.span is None or words(body[slice(*word.span)]) == [word.word]


def test_words_that_no_vocabulary_holds_are_copied_as_their_author_wrote_them(
    tmp_path: Path,
) -> None:
    ((title,),) = TitleWriter(write_bundle(tmp_path, seed=1)).write(BODIES[1:2])
    assert title.text.startswith("in foo_bar NullPointerException")


def test_a_title_depends_on_nothing_but_its_body(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = TitleWriter(folder)
    together = writer.write(BODIES, alternatives=2)
    alone = [writer.write([body], alternatives=2)[0] for body in BODIES]
    backwards = writer.write(BODIES[::-1], alternatives=2)[::-1]
    best = [[title] for (title,) in writer.write(BODIES)]
    monkeypatch.setattr(module, "_AT_ONCE", 3)
    in_parts = writer.write(BODIES, alternatives=2)
    for other in (alone, backwards, in_parts, best):
        for titles, same in zip(together, other, strict=True):
            assert [title.text for title in same] == [title.text for title in titles][: len(same)]
            expected = [title.score for title in titles][: len(same)]
            assert [title.score for title in same] == pytest.approx(expected, abs=1e-5)


def _plain_search(writer: TitleWriter, body: str) -> list[str]:
    """Words of the best title: one body and one hypothesis at a time, to the last step."""
    graphs, title, settings = writer._graphs, writer._title, writer._settings
    reading = read([body], writer._body, title)
    own = {title.size + n for n, word in enumerate(reading.oov[0]) if word not in UNSPEAKABLE}
    start, end = title.ids[START], title.ids[END]
    allowed = {*range(2, title.size), *own} - {start}
    going = [(0.0, (start,), graphs.encode(reading.body, reading.body_extended))]
    ended = [(-np.inf, ())]
    for said in range(settings.max_words):
        grown = []
        for total, ids, state in going:
            (probabilities,), after = graphs.step(np.array(ids[-1:], np.int32), state)
            pairs = set(pairwise(ids))
            for index in np.argsort(-probabilities, kind="stable").tolist():
                again = index == ids[-1] or (ids[-1], index) in pairs
                early = index == end and said < settings.min_words
                if index in allowed and not again and not early:
                    log_prob = float(np.log(probabilities[index]))
                    grown.append((total + log_prob, (*ids, index), after))
        best = sorted(grown, key=lambda one: -one[0])[: settings.beam_width]
        length = (said + 1) ** settings.length_penalty
        ended += [(total / length, ids[1:-1]) for total, ids, _ in best if ids[-1] == end]
        going = [one for one in best if one[1][-1] != end]
    length = (settings.max_words + 1) ** settings.length_penalty
    ended += [((total + CUT_OFF) / length, ids[1:]) for total, ids, _ in going]
    return title.decode(list(max(ended, key=lambda one: one[0])[1]), reading.oov[0])


def test_two_thousand_titles_are_those_of_a_plain_search(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    pool = (*BODY.words, *TITLE.words[2:], "foo_bar", "macOS", "README.md", "_url_", "x@y.org")
    bodies = [" ".join(draw.choice(pool, draw.integers(0, 9))) for _ in range(2000)]
    writer = TitleWriter(write_bundle(tmp_path), threads=2)
    found = [[word.word for word in title.words] for (title,) in writer.write(bodies)]
    assert found == [_plain_search(writer, body) for body in bodies]


def test_the_best_titles_come_as_texts_and_in_batches(folder: Path) -> None:
    writer = TitleWriter(folder)
    texts = writer.titles(BODIES)
    assert texts == [title.text for title, *_ in writer.write(BODIES, alternatives=3)]
    batches = list(writer.titles_in_batches(BODIES, 3))
    assert [len(batch) for batch in batches] == [3, 3, 2]
    assert [title.text for batch in batches for title in batch] == texts
    assert writer.titles([]) == []
    assert list(writer.titles_in_batches([], 3)) == []


def test_there_are_no_more_alternatives_than_the_beam_is_wide(folder: Path) -> None:
    assert [len(of_body) for of_body in TitleWriter(folder).write(BODIES[:2], alternatives=9)] == [
        3, 3,
    ]  # fmt: skip


def test_a_wider_beam_finds_no_worse_titles_than_greedy(tmp_path: Path) -> None:
    scores = {}
    for width in (1, 3, 60):
        folder = write_bundle(tmp_path, settings=replace(DEFAULT, beam_width=width))
        found = TitleWriter(folder).write(BODIES, alternatives=2)
        scores[width] = [titles[0].score for titles in found]
        assert {len(titles) for titles in found} == {min(width, 2)}
    assert all(wide >= greedy - 1e-6 for wide, greedy in zip(scores[60], scores[1], strict=True))
    assert scores[60] != pytest.approx(scores[1])


def test_where_no_title_is_possible_there_is_an_empty_one(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path, copies=False)
    marks = Vocabulary(("_start_", "_end_", "_url_", "app"), 6, "post", append_indicators=True)
    writer = TitleWriter(folder)
    writer._title = marks
    assert writer.write(["app"]) == [[NO_TITLE]]
    assert writer.titles(["app"]) == [""]


def test_a_bundle_without_settings_or_marks_is_refused(tmp_path: Path) -> None:
    write_bundle(tmp_path)
    settings = tmp_path / "decoding.json"
    for content in ("", "[]", '{"format": 9}', '{"format": 2, "beam": 4}'):
        settings.write_text(content)
        with pytest.raises(ArtifactError, match=r"decoding\.json must hold settings of format 2"):
            TitleWriter(tmp_path)
    settings.unlink()
    with pytest.raises(ArtifactError, match=r"No such file.*Try: dvc repro -f build"):
        TitleWriter(tmp_path)
    write_bundle(tmp_path)
    replace(TITLE, words=("app",)).save(tmp_path / "title_vocabulary.json")
    with pytest.raises(ArtifactError, match="must hold _start_ and _end_"):
        TitleWriter(tmp_path)


def test_settings_are_written_as_the_same_bytes_and_read_back(tmp_path: Path) -> None:
    first, second = tmp_path / "1.json", tmp_path / "2.json"
    DEFAULT.save(first)
    Decoding.load(first).save(second)
    assert Decoding.load(first) == DEFAULT
    assert first.read_bytes() == second.read_bytes()
    Decoding(4, 0.9, 2, 10, 3).save(first)
    assert first.read_text() == (
        '{\n  "format": 2,\n  "beam_width": 4,\n  "length_penalty": 0.9,\n'
        '  "min_words": 2,\n  "max_words": 10,\n  "no_repeat": 3\n}\n'
    )


def test_a_model_that_copies_shows_where_it_looks(tmp_path: Path) -> None:
    writer = TitleWriter(write_bundle(tmp_path))
    # As many words as it reads: this toy does not align its rows.
    body = "The App crashes on start of macOS"
    attention = writer.attend(body)
    assert attention is not None
    assert list(attention.title) == words(writer.titles([body])[0])
    assert attention.body == ("the", "app", "crashes", "on", "start", "of")
    assert attention.weights.shape == (len(attention.title), 6)
    np.testing.assert_allclose(attention.weights.sum(axis=1), 1, rtol=1e-5)
    assert writer.attend("") is None, "there is nothing to look at"


def test_a_model_without_attention_shows_nothing(tmp_path: Path) -> None:
    assert TitleWriter(write_bundle(tmp_path, copies=False)).attend("App crashes") is None


@pytest.mark.parametrize("filler", [" ", "a", "a b ", "@", "\u0915\u0941"])
def test_of_a_huge_body_only_the_beginning_is_looked_at(folder: Path, filler: str) -> None:
    writer = TitleWriter(folder, threads=1)
    start = (BODIES[0] + "\n" + filler * module.MAX_CHARACTERS)[: module.MAX_CHARACTERS]
    begun = time.process_time()
    found = writer.write([start + filler * 10_000_000])
    assert time.process_time() - begun < 0.5
    assert found == writer.write([start])
