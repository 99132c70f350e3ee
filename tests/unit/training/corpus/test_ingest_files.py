"""What `ingest` leaves on disk, above all when it fails."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import pytest

from issuesum.errors import DataError
from issuesum.training.corpus.ingest import IngestReport, ingest
from issuesum.training.corpus.reading import MAX_FIELD

HEADER = b"issue_url,issue_title,body\n"
GOOD = HEADER + b"https://example.org/1,First,one\nhttps://example.org/2,Second,two\n"
EARLIER_REJECTS = b"row,reason,issue_url,issue_title,body\n7,empty body,,Earlier,\n"
EARLIER = HEADER + b"https://example.org/0,Earlier,zero\n"


@pytest.fixture
def raw(tmp_path):
    """A data/raw folder with earlier data and earlier rejects."""
    folder = tmp_path / "data" / "raw"
    folder.mkdir(parents=True)
    (folder / "github_issues.csv").write_bytes(EARLIER)
    (folder / "rejects.csv").write_bytes(EARLIER_REJECTS)
    return folder


def run(raw: Path, content: bytes, *, append: bool = False) -> IngestReport:
    source = raw.parents[1] / "upload.csv"
    source.write_bytes(content)
    output = raw / "github_issues.csv"
    after = output if append else None
    return ingest([str(source)], output, raw / "rejects.csv", after=after)


def files(raw: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in raw.iterdir()}


MALFORMED = {
    "empty": (b"", "Received: an empty file"),
    "blank-lines-only": (b"\n\n\r\n", "Received: an empty file"),
    "header-only": (HEADER, "Received: a header and no row"),
    "missing-column": (b"issue_url,body\nu,b\n", "column issue_title once. Received: 0 times"),
    "duplicate-column": (b"issue_url,issue_title,body,body\n", "column body once. Received: 2"),
    "latin-1": (HEADER + b"u,t,abc\xe9\n", "UTF-8. Received: byte 0xe9 at offset 34"),
    "cut-utf-16": (GOOD.decode().encode("utf-16")[:-1], "UTF-16. Received: byte 0x0a at offset"),
    "cut-quoted-field": (GOOD + b'u,t,"cut he', "end of the file inside row 3"),
    "cut-quoted-header": (b'issue_url,issue_title,"body', "end of the file inside the header"),
    "cut-gzip": (gzip.compress(GOOD * 100)[:-20], "must be a whole gzip file"),
    "gzip-with-bad-checksum": (gzip.compress(GOOD)[:-8] + b"12345678", "whole gzip file"),
    "gzip-with-broken-data": (gzip.compress(GOOD)[:10] + b"\xff" * 90, "whole gzip file"),
    "nul-everywhere": (HEADER + b"u,t\0,b\nu,t,b\0\n", "2 rows, all rejected, 2 .* NUL"),
    "field-of-2-mib": (HEADER + b"u,t," + b"b" * 2 * MAX_FIELD, "all rejected, .* field too long"),
    "every-row-rejected": (
        HEADER + b"u,,b\nu,t,\nu,t,\n",
        "3 rows, all rejected, 2 of them because of: empty body",
    ),
}


@pytest.mark.parametrize("append", [False, True], ids=["replace", "append"])
@pytest.mark.parametrize(("content", "message"), MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_source_changes_nothing(raw, content, message, append):
    before = files(raw)
    with pytest.raises(DataError, match=message) as caught:
        run(raw, content, append=append)
    assert "\n" not in str(caught.value)
    assert "Try: " in str(caught.value)
    assert "upload.csv" in str(caught.value)
    assert files(raw) == before


@pytest.mark.parametrize("name", ["absent.csv", "data"])
def test_source_that_is_no_file_changes_nothing(raw, name):
    before = files(raw)
    with pytest.raises(DataError, match=f"{name} must be a file that can be read"):
        ingest([str(raw.parents[1] / name)], raw / "github_issues.csv", raw / "rejects.csv")
    assert files(raw) == before


def test_good_source_replaces_the_data_and_removes_old_rejects(raw):
    report = run(raw, GOOD)
    assert files(raw) == {"github_issues.csv": GOOD}
    assert report == IngestReport(
        read=2, accepted=2, rejected={}, repeated=0, without_url=0, earlier=0
    )


def test_same_source_twice_gives_the_same_bytes(raw):
    messy = HEADER + b'"""u""", t ,"b\r\nb"\r\n,t,b\r'
    run(raw, messy)
    first = files(raw)
    run(raw, messy)
    assert files(raw) == first


def test_own_output_comes_out_unchanged(raw):
    run(raw, GOOD)
    own = raw / "github_issues.csv"
    ingest([str(own)], own, raw / "rejects.csv")
    assert own.read_bytes() == GOOD


def test_rejects_name_row_reason_and_the_start_of_the_text(raw):
    report = run(raw, GOOD + b"u,," + b"x" * 10_000 + b"\nu\nu,t,\n")
    with (raw / "rejects.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["row", "reason", "issue_url", "issue_title", "body"]
    assert rows == [
        ["3", "empty title", "u", "", "x" * 500],
        ["4", "too few fields", "u", "", ""],
        ["5", "empty body", "u", "t", ""],
    ]
    assert report.read == 5
    assert report.accepted == 2
    assert report.rejected == {"empty title": 1, "too few fields": 1, "empty body": 1}
    assert (raw / "github_issues.csv").read_bytes() == GOOD


def test_append_keeps_the_earlier_bytes_first(raw):
    report = run(raw, GOOD, append=True)
    assert (raw / "github_issues.csv").read_bytes() == EARLIER + GOOD.removeprefix(HEADER)
    assert (report.earlier, report.accepted) == (1, 2)


def test_append_counts_repeats_of_earlier_rows(raw):
    assert run(raw, EARLIER, append=True).repeated == 1
    assert run(raw, HEADER + b",Earlier,zero\n,Other,zero\n", append=True).repeated == 1


def test_append_to_nothing_starts_the_file(tmp_path):
    raw = tmp_path / "new" / "raw"
    run(raw, GOOD, append=True)
    assert files(raw) == {"github_issues.csv": GOOD}


@pytest.mark.parametrize(
    "present",
    [
        pytest.param(b"", id="empty"),
        pytest.param(EARLIER.replace(b"\n", b"\r\n"), id="crlf"),
        pytest.param(b"\xef\xbb\xbf" + EARLIER, id="bom"),
        pytest.param(EARLIER.rstrip(), id="no-last-line-end"),
        pytest.param(b"body,issue_title,issue_url\nb,t,u\n", id="other-order"),
        pytest.param(EARLIER + b"u,,b\n", id="unusable-row"),
    ],
)
def test_append_refuses_a_file_that_ingest_did_not_write(raw, present):
    (raw / "github_issues.csv").write_bytes(present)
    before = files(raw)
    with pytest.raises(DataError, match="must be as `issuesum ingest` wrote it"):
        run(raw, GOOD, append=True)
    assert files(raw) == before


def test_rejects_must_not_overwrite_source_or_output(raw):
    with pytest.raises(DataError, match="neither the source nor the output"):
        ingest(["x.csv"], raw / "github_issues.csv", raw / "github_issues.csv")


def test_link_to_a_cache_is_replaced_not_written_through(raw, tmp_path):
    cached = tmp_path / "cache-object"
    cached.write_bytes(EARLIER)
    cached.chmod(0o444)
    for link in (Path.symlink_to, Path.hardlink_to):
        output = raw / "github_issues.csv"
        output.unlink()
        link(output, cached)
        run(raw, GOOD)
        assert output.read_bytes() == GOOD
        assert not output.is_symlink()
        assert cached.read_bytes() == EARLIER


def test_unwritable_target_is_one_line(tmp_path):
    (tmp_path / "occupied").write_text("a file where a folder should be")
    source = tmp_path / "upload.csv"
    source.write_bytes(GOOD)
    with pytest.raises(DataError, match=r"must be writable\. Received: .* File exists"):
        ingest(
            [str(source)],
            tmp_path / "occupied" / "issues.csv",
            tmp_path / "occupied" / "rejects.csv",
        )


def test_every_row_of_the_original_example_goes_through(tmp_path, shared):
    report = ingest(
        [str(shared / "data" / "github_issues_medium.csv")],
        tmp_path / "out.csv",
        tmp_path / "no.csv",
    )
    assert report == IngestReport(
        read=5_000, accepted=5_000, rejected={}, repeated=93, without_url=0, earlier=0
    )
