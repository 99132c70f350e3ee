"""Split that do not move."""

from __future__ import annotations

import gzip
import itertools
from collections import defaultdict
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from issuesum.errors import ArtifactError, DataError
from issuesum.layout import SPLITS, Split
from issuesum.training.corpus import shards
from issuesum.training.corpus.issue import (
    COLUMNS,
    Issue,
    digest,
    issue_key,
    repository_of,
)
from issuesum.training.corpus.reading import read_issues, write_issues
from issuesum.training.corpus.shards import (
    SplitSummary,
    count_rows,
    read_head,
    read_shards,
    shard_paths,
)
from issuesum.training.corpus.splitting import split_csv, split_of

ISSUES = [Issue(f"https://example.com/{n}", f"title {n}", f"body of {n}") for n in range(400)]
PARAMS = {"validation": 0.1, "test": 0.1, "shard_rows": 100}


def _split(folder: Path, issues: list[Issue], **params) -> tuple[SplitSummary, dict[Split, Path]]:
    """Split `issues`, unusable ones included, within the empty or absent folder."""
    targets = {split: folder / split for split in SPLITS}
    for target in targets.values():
        target.mkdir(parents=True)
    write_issues(folder / "raw.csv", issues)
    return split_csv(folder / "raw.csv", targets, **{**PARAMS, **params}), targets


def _rows(targets: dict[Split, Path]) -> dict[Split, pd.DataFrame]:
    return {split: pd.concat(read_shards(folder)) for split, folder in targets.items()}


def _splits(targets: dict[Split, Path]) -> dict[bytes, set[str]]:
    """Return the splits on which each key stands."""
    found = defaultdict(set)
    for split, rows in _rows(targets).items():
        for title, body in zip(rows["issue_title"], rows["body"], strict=True):
            found[issue_key(title, body)].add(split)
    return found


def _files(targets: dict[Split, Path]) -> dict[str, bytes]:
    return {
        f"{split}/{path.name}": path.read_bytes()
        for split, folder in targets.items()
        for path in shard_paths(folder)
    }


def test_every_row_stands_on_one_side(tmp_path: Path) -> None:
    summary, targets = _split(tmp_path, ISSUES)
    splits = _rows(targets)
    found = pd.concat(splits.values()).sort_values("row")
    assert list(found["row"]) == list(range(1, 401))
    assert [Issue(*row) for row in found[list(COLUMNS)].itertuples(index=False)] == ISSUES
    assert summary == SplitSummary(400, {}, 0, *(len(splits[split]) for split in SPLITS))
    assert 20 <= summary.test <= 60
    assert 20 <= summary.validation <= 60


def test_rows_are_int64_and_texts_are_strings(tmp_path: Path) -> None:
    _, targets = _split(tmp_path, ISSUES)
    schema = pq.read_schema(shard_paths(targets["test"])[0])
    assert [(field.name, str(field.type)) for field in schema] == [
        ("row", "int64"),
        *((name, "string") for name in COLUMNS),
    ]
    assert not any(field.nullable for field in schema)


def test_texts_that_look_like_missing_values_stay_texts(tmp_path: Path) -> None:
    _, targets = _split(tmp_path, [Issue("", "NA", f"null {n}") for n in range(400)])
    found = pd.concat(_rows(targets).values())
    assert set(found["issue_title"]) == {"NA"}
    assert set(found["issue_url"]) == {""}


def test_the_first_of_equal_issues_is_kept_and_the_others_are_counted(tmp_path: Path) -> None:
    again = [Issue("https://mirror.example.com/7", "Title  7 ", "BODY of\n7"), ISSUES[8]]
    summary, targets = _split(tmp_path, [*ISSUES, *again])
    assert (summary.rows, summary.repeated) == (402, 2)
    found = set(pd.concat(_rows(targets).values())["issue_url"])
    assert "https://mirror.example.com/7" not in found


def test_unusable_rows_are_counted_by_reason_and_left_out(tmp_path: Path) -> None:
    unusable = [Issue("u", " ", "b"), Issue("u", "t", ""), Issue("u", "", "c")]
    summary, targets = _split(tmp_path, [*unusable, *ISSUES])
    assert summary.rejected == {"empty title": 2, "empty body": 1}
    assert list(summary.rejected) == ["empty title", "empty body"]
    assert summary.rows == 403
    assert pd.concat(_rows(targets).values())["row"].min() == 4


def test_shards_are_cut_by_position_in_the_file(tmp_path: Path) -> None:
    # Unusable and repeated rows count as positions.
    unusable, repeated = [Issue("u", "", "b")] * 60, [ISSUES[0]] * 60
    _, targets = _split(tmp_path, [*ISSUES[:50], *unusable, *repeated, *ISSUES[50:200]])
    for folder in targets.values():
        for path in shard_paths(folder):
            number = int(path.stem.removeprefix("part-"))
            rows = pd.read_parquet(path)["row"]
            assert rows.is_monotonic_increasing
            assert set((rows - 1) // 100) == {number}
    names = [path.name for path in shard_paths(targets["train"])]
    assert names == [f"part-{number:05d}.parquet" for number in (0, 1, 2, 3)]


def test_a_shard_without_rows_has_no_file(tmp_path: Path) -> None:
    unusable = [Issue("u", "", "b")] * 200
    _, targets = _split(tmp_path, [*unusable, *ISSUES[:100]])
    assert [path.name for path in shard_paths(targets["train"])] == ["part-00002.parquet"]


def test_long_rows_are_written_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, whole = _split(tmp_path / "whole", ISSUES)
    monkeypatch.setattr(shards, "_HELD", 1_000)
    _, parts = _split(tmp_path / "parts", ISSUES)
    path = shard_paths(parts["train"])[0]
    assert pq.ParquetFile(path).num_row_groups > 1
    assert pq.ParquetFile(shard_paths(whole["train"])[0]).num_row_groups == 1
    for split in SPLITS:
        assert _rows(whole)[split].equals(_rows(parts)[split])


def test_equal_files_give_equal_bytes(tmp_path: Path) -> None:
    _, first = _split(tmp_path / "a", ISSUES)
    _, second = _split(tmp_path / "b", ISSUES)
    assert _files(first) == _files(second)


def test_a_zipped_file_gives_the_same_bytes(tmp_path: Path) -> None:
    _, plain = _split(tmp_path / "a", ISSUES)
    source = tmp_path / "raw.csv"
    source.write_bytes(gzip.compress((tmp_path / "a/raw.csv").read_bytes()))
    targets = {split: tmp_path / "b" / split for split in SPLITS}
    for target in targets.values():
        target.mkdir(parents=True)
    split_csv(source, targets, **PARAMS)
    assert _files(targets) == _files(plain)


def test_sides_follow_the_key_alone() -> None:
    key = issue_key("A title", "a body")
    assert key == issue_key("a TITLE", " a\n body ")
    assert key != issue_key("a title a", "body")
    assert split_of(bytes(16), validation=0.1, test=0.1) == "test"
    assert split_of(b"\x20" + bytes(15), validation=0.1, test=0.1) == "validation"
    assert split_of(b"\xff" * 16, validation=0.1, test=0.1) == "train"


@pytest.mark.parametrize(
    ("place", "split"),
    [
        (0, "test"),
        (0x3FFF, "test"),
        (0x4000, "validation"),
        (0xBFFF, "validation"),
        (0xC000, "train"),
    ],
)
def test_a_side_ends_where_its_share_does(place: int, split: Split) -> None:
    key = place.to_bytes(2, "big") + bytes(14)
    assert split_of(key, validation=0.5, test=0.25) == split
    assert split_of(key, validation=0, test=0) == "train"
    assert split_of(key, validation=0, test=1) == "test"


@pytest.mark.parametrize(
    ("url", "repository"),
    [
        ("https://github.com/Owner/Name/issues/12", "github.com/owner/name"),
        ("https://github.com/owner/name/pull/3", "github.com/owner/name"),
        ("http://GitHub.com/owner/name/issues/12#issuecomment-5", "github.com/owner/name"),
        ("https://github.com/owner/name/pull/3/files?w=1", "github.com/owner/name"),
        ("https://github.com/issues/7/issues/1", "github.com/issues/7"),
        ("https://gitlab.com/group/sub/name/-/issues/4", "gitlab.com/group/sub/name"),
        ("https://jira.example.org/browse/PROJ-123", "jira.example.org/browse/proj"),
        ("https://jira-archive.titaniumsdk.com/TIMOB-60", "jira-archive.titaniumsdk.com/timob"),
        ("https://bugzilla.mozilla.org/show_bug.cgi?id=19", "bugzilla.mozilla.org/show_bug.cgi"),
        ("https://redmine.org/issues/8", "redmine.org/issues"),
        ("https://example.org/", "example.org"),
        ("", None),
        ("no URL at all", None),
        ("https://[broken/issues/1", None),
    ],
)
def test_repository_is_read_from_the_url(url: str, repository: str | None) -> None:
    assert repository_of(url) == repository


@given(st.text())
def test_any_text_may_stand_where_a_url_should(text: str) -> None:
    repository = repository_of(text)
    assert repository is None or (repository and repository == repository.lower())


def _of_repositories(repositories: int) -> list[Issue]:
    return [
        Issue(f"https://github.com/o/{n % repositories}/issues/{n}", f"title {n}", f"body {n}")
        for n in range(400)
    ]


def test_a_repository_stays_on_one_side(tmp_path: Path) -> None:
    _, targets = _split(tmp_path, _of_repositories(40), group="repository")
    found = defaultdict(set)
    for split, rows in _rows(targets).items():
        for url in rows["issue_url"]:
            found[repository_of(url)].add(split)
    assert len(found) == 40
    for repository, splits in found.items():
        assert splits == {split_of(digest(repository), validation=0.1, test=0.1)}


def test_issues_without_a_repository_stand_for_themselves(tmp_path: Path) -> None:
    issues = [Issue("", title, body) for _, title, body in ISSUES]
    _, by_issue = _split(tmp_path / "a", issues)
    _, by_repository = _split(tmp_path / "b", issues, group="repository")
    assert _files(by_issue) == _files(by_repository)


def test_an_empty_side_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Every split must hold at least one issue"):
        _split(tmp_path, ISSUES[:2])


def test_an_absent_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"raw.csv must be a CSV .* Received: no such file\."):
        split_csv(tmp_path / "raw.csv", {}, **PARAMS)


def test_too_many_rejected_rows_are_refused_by_number_and_reason(tmp_path: Path) -> None:
    unusable = [Issue("u", "t", ""), *[Issue("u", "", "b")] * 99]
    with pytest.raises(DataError) as caught:
        _split(tmp_path, [*ISSUES, *unusable], max_rejected=0.19)
    assert str(caught.value) == (
        f"The share of rows of {tmp_path}/raw.csv that cannot be used must be at most 0.19 "
        "(split.limits.rejected). Received: 0.2 (100 of 500): row 401 (empty body), "
        "row 402 (empty title), row 403 (empty title), …. "
        "Try: fix the source and ingest it again, or raise split.limits.rejected."
    )


def test_too_many_repeats_are_refused_with_the_row_that_each_repeats(tmp_path: Path) -> None:
    rows = [*ISSUES, Issue("u", "", ""), ISSUES[7], ISSUES[3]]
    with pytest.raises(DataError) as caught:
        _split(tmp_path, rows, max_repeated=0.001)
    assert str(caught.value) == (
        f"The share of usable rows of {tmp_path}/raw.csv that repeat an earlier one must be at "
        "most 0.001 (split.limits.repeated). Received: 0.00498 (2 of 402): row 402 repeats row 8, "
        "row 403 repeats row 4. "
        "Try: fix the source and ingest it again, or raise split.limits.repeated."
    )


def test_shares_at_the_limit_are_accepted(tmp_path: Path) -> None:
    rows = [*ISSUES, *[Issue("u", "", "b")] * 100, *ISSUES[:100]]
    summary, _ = _split(tmp_path, rows, max_rejected=100 / 600, max_repeated=0.2)
    assert (summary.rejected, summary.repeated) == ({"empty title": 100}, 100)


def test_head_reads_across_shards(tmp_path: Path) -> None:
    _, targets = _split(tmp_path, ISSUES, shard_rows=50)
    head = read_head(targets["train"], 60)
    assert list(head["issue_url"]) == list(_rows(targets)["train"]["issue_url"])[:60]
    assert len(read_head(targets["test"], 10_000)) == len(_rows(targets)["test"])


def test_absent_and_broken_shards_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"must hold shards part-\*\.parquet"):
        shard_paths(tmp_path)
    (tmp_path / "part-00000.parquet").write_bytes(b"PAR1 no more")
    for read in (lambda: list(read_shards(tmp_path)), lambda: count_rows(*shard_paths(tmp_path))):
        with pytest.raises(ArtifactError, match=r"part-00000.parquet must be .*: Parquet magic"):
            read()


def test_rows_are_counted_from_the_footer(tmp_path: Path) -> None:
    _, targets = _split(tmp_path, ISSUES)
    for split, rows in _rows(targets).items():
        assert sum(map(count_rows, shard_paths(targets[split]))) == len(rows)


# Few words, so that rows repeat, differ only in case and white space, or cannot be used.
_WORDS = st.sampled_from(["", "a", "A ", "b", "b c", "b\nc", "é", "x" * 200])
_URLS = st.sampled_from(["", *(f"https://github.com/o/{name}/issues/1" for name in "pqrs")])
_ANY_ISSUES = st.lists(st.builds(Issue, _URLS, _WORDS, _WORDS), max_size=30)


def _in_one_repository(title: str, body: str) -> Issue:
    """Return an issue whose repository follows from its key, so none repeats in another one."""
    name = issue_key(title, body).hex()[:1]
    return Issue(f"https://github.com/o/{name}/issues/1", title, body)


_OWN_REPOSITORIES = st.lists(st.builds(_in_one_repository, _WORDS, _WORDS), max_size=30)
_ENOUGH = [_in_one_repository("t", f"number {n}") for n in range(60)]
"""Rows that make sure that no split is empty."""
_HALVES = {"validation": 0.3, "test": 0.3, "shard_rows": 20}


@settings(max_examples=30)
@given(issues=_ANY_ISSUES, group=st.sampled_from(["issue", "repository"]))
def test_every_row_is_accounted_for_and_no_issue_stands_on_two_sides(
    issues: list[Issue], group: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("any")
    summary, targets = _split(folder, [*_ENOUGH, *issues], group=group, **_HALVES)
    splits = _rows(targets)
    assert [summary.train, summary.validation, summary.test] == [len(splits[s]) for s in SPLITS]
    standing = sum(map(len, splits.values()))
    assert summary.rows == standing + summary.repeated + sum(summary.rejected.values())
    assert summary.rows == len(_ENOUGH) + len(issues)
    by_key = _splits(targets)
    assert all(len(found) == 1 for found in by_key.values())
    assert len(by_key) == standing


@pytest.mark.parametrize(
    ("group", "rows"), [("issue", _ANY_ISSUES), ("repository", _OWN_REPOSITORIES)]
)
@settings(max_examples=30)
@given(data=st.data())
def test_no_old_row_changes_side_when_rows_are_added_or_reordered(
    group: str,
    rows: st.SearchStrategy[list[Issue]],
    data: st.DataObject,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    old = [*_ENOUGH, *data.draw(rows, label="old")]
    after = data.draw(st.permutations([*old, *data.draw(rows, label="new")]), label="after")
    folder = tmp_path_factory.mktemp("moved")
    _, before_targets = _split(folder / "a", old, group=group, **_HALVES)
    _, after_targets = _split(folder / "b", after, group=group, **{**_HALVES, "shard_rows": 33})
    assert _splits(before_targets).items() <= _splits(after_targets).items()


@pytest.mark.parametrize("group", ["issue", "repository"])
@pytest.mark.parametrize("added", ["of-the-same", "of-another"])
def test_500_more_real_rows_move_no_row_and_touch_only_the_last_shards(
    group: str, added: str, shared: Path, tmp_path: Path
) -> None:
    rows = list(read_issues(shared / "data/github_issues_medium.csv"))
    if added == "of-the-same":
        old, new = rows[:4_500], rows
    else:
        other = read_issues(shared / "data/issues_35k.csv.gz")
        old, new = rows, [*rows, *itertools.islice(other, 500)]
    params = {"shard_rows": 400, "group": group}
    _, before = _split(tmp_path / "a", old, **params)
    _, after = _split(tmp_path / "b", new, **params)
    assert _splits(before).items() <= _splits(after).items()
    files_before, files_after = _files(before), _files(after)
    last = len(old) // 400
    changed = {name for name in files_before if files_before[name] != files_after.get(name, b"")}
    assert changed == {f"{split}/part-{last:05d}.parquet" for split in SPLITS}
    assert len(files_before) == 3 * (last + 1)
