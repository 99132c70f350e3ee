"""One shard, as a worker sees it."""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from issuesum.errors import ArtifactError, ClusterError
from issuesum.text.tokens import words
from issuesum.training.features import tokenise
from issuesum.training.features.tokenise import (
    code_digest,
    entry_key,
    find_words,
    tokenise_shard,
)
from shards import put_entry, shard, small_fields

FIELDS = small_fields()


def test_an_entry_holds_rows_words_and_sums(tmp_path: Path) -> None:
    content = shard([(3, "Foo crashes", "the app Foo crashes, the app"), (7, "It", "bar")])
    folder = put_entry(tmp_path / "entry", content, FIELDS)

    table = tokenise.read_words(folder).sort_by("number").to_pydict()
    assert table["word"] == [
        "the", "app", "foo", "crashes", "bar", "_start_", "_end_", "it",
    ]  # fmt: skip
    assert table["body_count"] == [2, 2, 1, 1, 1, 0, 0, 0]
    assert table["title_count"] == [0, 0, 1, 1, 0, 2, 2, 1]
    first = dict(zip(table["word"], table["title_first"], strict=True))
    assert (first["_start_"], first["foo"], first["crashes"], first["it"]) == (0, 1, 2, 5)

    rows = tokenise.read_rows(folder)
    assert rows.row.tolist() == [3, 7]
    assert rows.body.tolist() == [[0, 1, 2, 3], [-1, -1, -1, 4]]
    assert rows.title.tolist() == [[5, 2, 3, 6, -1], [5, 7, 6, -1, -1]]

    sums = tokenise.read_statistics(folder)
    assert (sums.rows, sums.body_words, sums.title_words) == (2, 7, 3)
    assert np.flatnonzero(sums.body_lengths).tolist() == [1, 6]
    assert np.flatnonzero(sums.title_lengths).tolist() == [1, 2]
    assert sums.copyable == 2
    assert sum(sums.languages.values()) == 1


pieces = st.sampled_from(
    ["www.", "WWW.", "http://", "@", "a", "B-", ".", ":", "/", "'", " ", "\x1c", "\n", "\t", "_",
     "x.y", "é", "中", "ア", "\u3099", "\u2019", "-", "a@b.c", "1", "\u0301", "İ", "Σ", "\xa0", "ÿ"]
)  # fmt: skip
texts = st.text(st.characters(exclude_categories=["Cs"])) | st.lists(pieces).map("".join)


@given(st.lists(texts, max_size=4))
@example(["don't -x- (WWW.x.org), a.b@c.de: Foo", "", "é"])
def test_words_of_many_texts_are_those_of_each(texts: list[str]) -> None:
    found, lengths = find_words(texts)
    expected = [words(text) for text in texts]
    assert found.to_pylist() == [word for row in expected for word in row]
    assert lengths.tolist() == [len(row) for row in expected]


def test_a_word_is_in_its_bucket_alone(tmp_path: Path) -> None:
    rows = [(1, "a b c", "d e f g h"), (2, "h c x", "f a y é a1 1a")]
    folders = [
        put_entry(tmp_path / str(number), shard(some), FIELDS)
        for number, some in enumerate((rows, rows[:1], rows[::-1]))
    ]
    buckets: dict[str, set[int]] = defaultdict(set)
    for bucket in range(tokenise.BUCKETS):
        for folder in folders:
            for word in tokenise.read_words(folder, [bucket])["word"].to_pylist():
                buckets[word].add(bucket)
    assert buckets.keys() == {*"abcdefghxyé", "a1", "1a", "_start_", "_end_"}
    assert {len(found) for found in buckets.values()} == {1}
    assert len(set.union(*buckets.values())) > 1


def test_equal_shards_give_equal_bytes_and_keys_follow_what_matters() -> None:
    first, other = shard([(1, "a", "b")]), shard([(1, "a", "c")])
    made = [tokenise_shard("x", first, FIELDS, code_digest()) for _ in range(2)]
    assert made[0] == made[1]
    keys = {
        entry_key(first, FIELDS), entry_key(other, FIELDS),
        entry_key(first, small_fields(body_maxlen=5)),
        entry_key(first, small_fields(title_maxlen=6)),
    }  # fmt: skip
    assert len(keys) == 4


def test_from_shard_to_ids_nothing_imports_pandas_which_takes_as_long_as_many_rows(
    tmp_path: Path,
) -> None:
    (tmp_path / "shard").write_bytes(shard([(1, "a b", "b c")]))
    code = """if True:
        import sys
        from pathlib import Path
        from issuesum.training.features.counting import count_words
        from issuesum.training.features.encoding import encode_entry
        from issuesum.training.features.ktext_adapter import field_settings, number_words
        from issuesum.training.features.tokenise import code_digest, tokenise_shard
        size = {"keep_n": 9, "padding_maxlen": 4}
        fields, content = field_settings(body=size, title=size), Path("shard").read_bytes()
        for name, data in tokenise_shard("x", content, fields, code_digest()).items():
            Path(name).write_bytes(data)
        counts = count_words([Path()], dict.fromkeys(fields, 9))
        words = {field: number_words(counts[field].top, of) for field, of in fields.items()}
        print(encode_entry(Path(), words).features.body, "pandas" in sys.modules)
    """
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout == "[[0 0 2 3]] False\n"


def test_a_worker_with_other_code_refuses() -> None:
    with pytest.raises(ClusterError, match="must have the same issuesum and packages"):
        tokenise_shard("x", shard([(1, "a", "b")]), FIELDS, "other")


def test_the_code_behind_entries_is_all_of_ours_that_tokenise_imports(root: Path) -> None:
    code = (
        "import sys, issuesum.training.features.tokenise; "
        "print(*[m.__file__ for n, m in sys.modules.items() if n.startswith('issuesum.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    source = root / "src/issuesum"
    loaded = {Path(name).relative_to(source).as_posix() for name in done.stdout.split()}
    inert = {name for name in loaded if name.endswith("__init__.py")} | {"errors.py"}
    assert loaded - inert == set(tokenise._CODE)


@pytest.mark.parametrize(
    "content",
    [b"PAR1 cut", shard([(1, "a", None)])],
    ids=["cut", "null"],
)
def test_a_shard_that_split_did_not_write_is_named_in_one_line(content: bytes) -> None:
    with pytest.raises(ArtifactError, match=r"^part-1 must be a Parquet shard of issues.+$"):
        tokenise_shard("part-1", content, FIELDS, code_digest())


def test_a_broken_entry_is_named(tmp_path: Path) -> None:
    folder = put_entry(tmp_path / "entry", shard([(1, "a", "b")]), FIELDS)
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes()[:20])
    for read in (tokenise.read_words, tokenise.read_rows, tokenise.read_statistics):
        with pytest.raises(ArtifactError, match="entry must hold a tokenised shard"):
            read(folder)
