"""Rows in, issues and rejects out."""

from __future__ import annotations

import csv
import gzip
import io
import os
import random

import pytest
from tqdm import tqdm

from issuesum.errors import DataError
from issuesum.training.corpus.issue import Issue
from issuesum.training.corpus.reading import MAX_FIELD, Form, Reject, normalise, read_issues
from issuesum.training.corpus.sources import read_source

HEADER = b"issue_url,issue_title,body\n"


@pytest.fixture
def read(tmp_path):
    def read(content: bytes) -> list[Issue | Reject]:
        path = tmp_path / "upload.csv"
        path.write_bytes(content)
        return list(read_issues(path))

    return read


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(HEADER + b"u,t,b\n", id="plain"),
        pytest.param(HEADER + b"u,t,b", id="no-end-of-line"),
        pytest.param(b"\xef\xbb\xbf" + HEADER + b"u,t,b\n", id="bom"),
        pytest.param(HEADER.replace(b"\n", b"\r\n") + b"u,t,b\r\n", id="crlf"),
        pytest.param(HEADER.replace(b"\n", b"\r") + b"u,t,b\r", id="cr"),
        pytest.param(HEADER + b"\n\nu,t,b\n\n", id="blank-lines"),
        pytest.param(b"body,issue_url,issue_title\nb,u,t\n", id="other-order"),
        pytest.param(b",issue_url,issue_title,body\n0,u,t,b\n", id="empty-index-column"),
        pytest.param(
            b"Unnamed: 0,issue_url,issue_title,body\n0,u,t,b\n", id="unnamed-index-column"
        ),
        pytest.param(b"issue_url,stars,issue_title,body\nu,5,t,b\n", id="extra-column"),
        pytest.param(HEADER + b'"""u""",t,b\n', id="quoted-url"),
        pytest.param(HEADER + b' """ u""" ,  t ,b\n', id="white-space-around-url-and-title"),
        pytest.param(gzip.compress(HEADER + b"u,t,b\n"), id="gzip"),
    ],
)
def test_every_accepted_form_gives_the_same_issue(read, content):
    assert read(content) == [Issue("u", "t", "b")]


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_line_ends_inside_a_quoted_field_become_lf(read, line_end):
    row = b'u,t,"one' + line_end + b'two"' + line_end
    assert read(HEADER + row) == [Issue("u", "t", "one\ntwo")]


def test_row_numbers_count_rows_not_lines(read):
    rows = read(HEADER + b'u,t,"1\n2\n3"\n\nu,,b\n')
    assert rows[1] == Reject(2, "empty title", "u", "", "b")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"u,,b", "empty title"),
        (b"u,\xc2\xa0 ,b", "empty title"),
        (b"u,t,", "empty body"),
        (b'u,t," \n\t"', "empty body"),
        (b"u,t", "too few fields"),
        (b"u,t,b,and more", "too many fields"),
        (b"u,t,b\0", "NUL character"),
        (b"u,t," + b"b" * (MAX_FIELD + 1), "field too long"),
        (b"u,t," + b"b" * (2 * MAX_FIELD), "field too long"),
    ],
)
def test_unusable_row_is_set_aside_and_reading_goes_on(read, row, reason):
    first, last = read(HEADER + row + b"\nu,t,b\n")
    assert isinstance(first, Reject)
    assert (first.row, first.reason) == (1, reason)
    assert last == Issue("u", "t", "b")


def test_longest_field_is_accepted(read):
    (issue,) = read(HEADER + b"u,t," + b"b" * MAX_FIELD)
    assert isinstance(issue, Issue)
    assert len(issue.body) == MAX_FIELD


def test_nul_in_a_column_that_is_not_needed_does_not_matter(read):
    assert read(b"x,issue_url,issue_title,body\n\0,u,t,b\n") == [Issue("u", "t", "b")]


def test_cut_quoted_field_is_named_with_its_row(read):
    with pytest.raises(DataError, match="end of the file inside row 2; it is cut short"):
        read(HEADER + b'u,t,b\nu,t,"the download stopped he')


def test_quote_that_opens_in_the_middle_of_a_field_is_text(read):
    assert read(HEADER + b'u,t,5" disk') == [Issue("u", "t", '5" disk')]


@pytest.mark.parametrize(
    ("endless", "message"),
    [
        pytest.param(b'"' + b"word\n" * 2**22, "field larger than field limit", id="many-lines"),
        pytest.param(b'"' + b"word " * 2**22, "line of 16,777,216 characters", id="one-line"),
        pytest.param(b"word " * 2**22, "line of 16,777,216 characters", id="no-quote"),
    ],
)
def test_text_without_an_end_does_not_swallow_all_memory(read, endless, message):
    with pytest.raises(DataError, match=f"row 2: {message}"):
        read(HEADER + b"u,t,b\nu,t," + endless)


def test_bad_byte_is_named_with_its_offset_far_into_the_file(read):
    start = HEADER + b"u,t,b\n" * 50_000
    with pytest.raises(DataError, match=f"byte 0xe9 at offset {len(start) + 7:,}, in or after row"):
        read(start + b"u,t,abc\xe9 au lait\n" + b"u,t,b\n" * 50_000)


def test_bad_byte_offset_does_not_count_the_decoder_s_leftovers(read):
    # The last byte of the first 8,192 is the first half of a character whose second half is bad.
    start = HEADER + b"u,t," + b"b" * (8191 - len(HEADER) - 4)
    with pytest.raises(DataError, match="byte 0xc3 at offset 8,191"):
        read(start + b"\xc3(\n")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"body\nb\n", Issue("", "", "b")),
        (b"body,issue_url\nb,u\n", Issue("u", "", "b")),
        (b"issue_url,issue_title,body\nu,,b\n", Issue("u", "", "b")),
        (b"issue_title,issue_title,body\n\0,t,b\n", Issue("", "", "b")),
        (b'body\n""\n', Reject(1, "empty body", "", "", "")),
        (b"body,issue_url\nb\n", Reject(1, "too few fields", "", "", "b")),
        (b"issue_title,body\nt,b,u\n", Reject(1, "too many fields", "", "", "b")),
    ],
)
def test_columns_that_are_not_needed_need_not_be_there(tmp_path, content, expected):
    path = tmp_path / "upload.csv"
    path.write_bytes(content)
    assert list(read_source(str(path), Form(columns=("issue_url", "body")))) == [expected]


@pytest.mark.parametrize(("header", "times"), [(b"issue_url", 0), (b"body,issue_url,issue_url", 2)])
def test_a_column_that_need_not_be_there_is_not_there_twice(tmp_path, header, times):
    path = tmp_path / "upload.csv"
    path.write_bytes(header)
    with pytest.raises(DataError, match=f"once. Received: {times} times .* to issue_url,body"):
        list(read_source(str(path), Form(columns=("issue_url", "body"))))


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_pipe_is_read_as_a_file(pack):
    for rows, found in ((b"u,t,b\n", [Issue("u", "t", "b")]), (b"u,t,b\nu,t,\xe9\n", None)):
        ours, theirs = os.pipe()
        with os.fdopen(theirs, "wb") as file:
            file.write(pack(HEADER + rows))
        try:
            if found:
                assert list(read_source(f"/dev/fd/{ours}", Form())) == found
            else:
                with pytest.raises(DataError, match=rf"/dev/fd/{ours} must be UTF-8\."):
                    list(read_source(f"/dev/fd/{ours}", Form()))
        finally:
            os.close(ours)


def test_csv_module_is_left_as_it_was_found(read):
    before = csv.field_size_limit()
    read(HEADER + b"u,t,b\n")
    with pytest.raises(DataError, match="cut short"):
        read(HEADER + b'u,t,"b')
    assert csv.field_size_limit() == before


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_bar_shows_the_rows_that_were_read_of_how_many(tmp_path, pack):
    path = tmp_path / "upload.csv"
    chance = random.Random(7)  # noqa: S311 -- bytes that gzip cannot shorten
    rows = b"".join(b"u,t,%s\n" % chance.randbytes(40).hex().encode() for _ in range(20_500))
    path.write_bytes(pack(HEADER + rows))
    with tqdm(file=io.StringIO()) as bar:
        totals = [bar.total for _ in read_issues(path, shown=bar)]
        assert bar.n == bar.total == 20_500
    assert len(totals) == 20_500
    assert totals[10_001] == pytest.approx(20_500, rel=0.2)


def test_the_bar_of_a_header_alone_ends(tmp_path):
    path = tmp_path / "upload.csv"
    path.write_bytes(HEADER)
    with tqdm(file=io.StringIO()) as bar:
        assert list(read_issues(path, shown=bar)) == []
        assert (bar.n, bar.total) == (0, 0)


def test_normalise_can_be_repeated():
    once = normalise(Issue('"" "u"" "\r', "\r\n t\rt ", "b\r\n\r"))
    assert once == Issue("u", "t\nt", "b\n\n")
    assert normalise(once) == once
