"""Whatever people have their issues in gives the same rows, or is refused by what it is."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import threading
import time
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tqdm import tqdm

from issuesum.errors import DataError
from issuesum.training.corpus.ingest import ingest
from issuesum.training.corpus.issue import Issue
from issuesum.training.corpus.reading import Form, Reject
from issuesum.training.corpus.sources import read_source

ISSUES = [Issue(f"https://github.com/a/b/issues/{n}", f"T, {n}", f'B "{n}"\nü') for n in range(9)]
OURS = [dict(zip(("issue_url", "issue_title", "body"), row, strict=True)) for row in ISSUES]
GITHUB = [{"title": row.title, "body": row.body, "url": row.url} for row in ISSUES]
REST = [
    {"number": 1, "user": {"login": "x"}, **row, "url": "https://api.x/1", "html_url": row["url"]}
    for row in GITHUB
]


def _csv(rows: list[dict[str, str]] = OURS, separator: str = ",") -> bytes:
    lines = [separator.join(rows[0])]
    lines += [
        separator.join('"' + text.replace('"', '""') + '"' for text in row.values()) for row in rows
    ]
    return ("\n".join(lines) + "\n").encode()


def _lines(rows: list[dict[str, str]] = OURS) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def _zip(**files: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


def _parquet(rows: list[dict[str, str]] = OURS) -> bytes:
    made = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), made)
    return made.getvalue()


def _zstd(content: bytes) -> bytes:
    return bytes(pa.compress(content, codec="zstd", asbytes=True))


TAKEN = {
    "csv": _csv(),
    "csv-of-github": _csv([{"html_url": row["url"], **row, "url": "x"} for row in GITHUB]),
    "semicolon": _csv(separator=";"),
    "tab": _csv(separator="\t"),
    "utf-16": _csv().decode().encode("utf-16"),
    "utf-16-without-mark": _csv().decode().encode("utf-16-be"),
    "blank-first-lines": b"\n \r\n\n" + _csv(),
    "gzip-twice": gzip.compress(gzip.compress(_csv())),
    "bzip2": bz2.compress(_csv()),
    "xz": lzma.compress(_csv()),
    "zstandard": _zstd(_csv()),
    "zstandard-frames": _zstd(_csv()[:99]) + _zstd(_csv()[99:]),
    "zip": _zip(**{"data/": b"", "data/issues.csv": _csv(), "__MACOSX/data/._issues.csv": b"x"}),
    "zip-of-parquet": _zip(**{"issues.parquet": _parquet()}),
    "lines": _lines(),
    "lines-of-rest": _lines(REST),
    "lines-with-mark-and-blank": b"\xef\xbb\xbf\n\n" + _lines(),
    "lines-of-utf-16": _lines().decode().encode("utf-16"),
    "array": json.dumps(GITHUB).encode(),
    "array-indented": json.dumps(REST, indent=2).encode(),
    "arrays": json.dumps(REST[:4]).encode() + b"\n" + json.dumps(REST[4:]).encode(),
    "arrays-in-an-array": json.dumps([REST[:4], REST[4:]]).encode(),
    "objects-indented": "\n".join(json.dumps(row, indent=2) for row in GITHUB).encode(),
    "parquet": _parquet(),
    "parquet-of-rest": _parquet(REST),
}


@pytest.mark.parametrize("piped", [False, True], ids=["file", "pipe"])
@pytest.mark.parametrize("content", TAKEN.values(), ids=TAKEN.keys())
def test_every_kind_gives_the_same_rows(content: bytes, *, piped: bool, tmp_path: Path) -> None:
    path = tmp_path / "issues"
    if not piped:
        path.write_bytes(content)
        assert list(read_source(str(path), Form())) == ISSUES
        return
    os.mkfifo(path)
    # In small parts: a read that gets few bytes is not the end.
    parts = [content[at : at + 100] for at in range(0, len(content), 100)]

    def write() -> None:
        with path.open("wb", buffering=0) as pipe:
            for part in parts:
                pipe.write(part)
                time.sleep(0.0005)

    writer = threading.Thread(target=write)
    writer.start()
    assert list(read_source(str(path), Form())) == ISSUES
    writer.join()


REFUSED = {
    "three-files": (_zip(a=_csv(), b=_csv(), c=_csv()), "a ZIP archive of 3 files: a, b, c. Try"),
    "no-file": (_zip(**{"a/": b""}), "a ZIP archive of 0 files. Try"),
    "excel": (_zip(**{"[Content_Types].xml": b"", "xl/x": b""}), "an Excel or Word document"),
    "tar.gz": (
        gzip.compress(b"a.csv".ljust(257, b"\0") + b"ustar\x0000" + bytes(99)),
        "a tar arch",
    ),
    "sqlite": (b"SQLite format 3\0" + bytes(99), "an SQLite database"),
    "web-page": (b"\n<!DOCTYPE html><title>Sign in", "HTML or XML"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a pointer of Git LFS"),
    "cut-bzip2": (bz2.compress(_csv())[:-9], "must be a whole bzip2 file"),
    "cut-xz": (lzma.compress(_csv())[:-9], "must be a whole xz file"),
    "cut-zstandard": (_zstd(_csv())[:-9], "must be a whole Zstandard file"),
    "cut-zip": (_zip(a=_csv())[:-9], "must be a whole ZIP file"),
    "cut-parquet": (_parquet()[:-9], "must be a whole Parquet file"),
    "cut-array": (json.dumps(OURS).encode()[:-1], "inside an array; it is cut short"),
    "cut-object": (json.dumps(OURS).encode()[:-9], "line 1 of .* must be a JSON object"),
    "endless-json": (b'[{"body": "' + b"x" * 2**25, "line 1 of .* Unterminated string"),
    "search": (b'{"total_count": 1, "items": [{"title": "t"}]}', "0 times in 'total_count,items'"),
    "no-title": (_parquet([{"body": "b", "url": "u"}]), "column issue_title once. Received: 0"),
    "empty-array": (b"[]", "an empty file"),
    "other-header": (_csv() + b"body,issue_title,issue_url\n", "one header. Received: another as"),
}


@pytest.mark.parametrize(("content", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_not_taken_is_refused_by_what_it_is(
    content: bytes, message: str, tmp_path: Path
) -> None:
    source, output = tmp_path / "issues", tmp_path / "out.csv"
    source.write_bytes(content)
    output.write_text("before")
    with pytest.raises(DataError, match=message) as caught:
        ingest([str(source)], output, tmp_path / "rejects.csv")
    assert len(str(caught.value)) < 500
    assert (output.read_text(), {path.name for path in tmp_path.iterdir()}) == (
        "before",
        {"issues", "out.csv"},
    )


def test_null_bodies_and_a_header_in_the_middle_are_rejected_with_their_row(tmp_path: Path) -> None:
    path = tmp_path / "issues"
    path.write_bytes(_lines([{**GITHUB[0], "body": None}, GITHUB[1]]))  # type: ignore[dict-item]
    assert list(read_source(str(path), Form())) == [
        Reject(1, "empty body", ISSUES[0].url, ISSUES[0].title, ""), ISSUES[1]
    ]  # fmt: skip
    path.write_bytes(_csv() + b"\xef\xbb\xbf" + _csv())
    names = ("\ufeffissue_url", "issue_title", "body")
    rows = [*ISSUES, Reject(10, "repeated header", *names), *ISSUES]
    assert list(read_source(str(path), Form())) == rows


def test_a_url_is_not_needed_and_other_names_can_be_given(tmp_path: Path) -> None:
    path = tmp_path / "issues"
    path.write_bytes(b"repo,label,title,body\nr,l,t,b\n")
    assert list(read_source(str(path), Form())) == [Issue("", "t", "b")]
    path.write_bytes(b"Key#Summary#Description#title\nk#s#d#t\n")
    names = {"issue_url": "Key", "issue_title": "Summary", "body": "Description"}
    assert list(read_source(str(path), Form(names=names, separator="#"))) == [Issue("k", "s", "d")]
    with pytest.raises(DataError, match="must have the column Link once"):
        list(read_source(str(path), Form(names={"issue_url": "Link"}, separator="#")))


def test_several_sources_are_taken_together_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(_csv() + b"u,,b\n")
    (tmp_path / "b.json").write_bytes(json.dumps(GITHUB[:2]).encode())
    (tmp_path / "c.csv").write_bytes(b"title,body\n")
    output, rejects = tmp_path / "out.csv", tmp_path / "rejects.csv"
    sources = [str(tmp_path / name) for name in ("a.csv", "b.json", "c.csv")]
    with tqdm(file=io.StringIO()) as bar:
        report = ingest(sources[:2], output, rejects, shown=bar)
    assert (report.read, report.accepted, report.repeated) == (12, 11, 2)
    assert (bar.n, bar.total) == (12, 12)
    assert rejects.read_text().splitlines()[1] == f"{sources[0]}:10,empty title,u,,b"
    before = output.read_bytes()
    with pytest.raises(DataError, match=r"c\.csv must hold at least one usable row"):
        ingest(sources, output, rejects)
    assert output.read_bytes() == before


def test_rows_that_are_there_already_are_not_appended_again(tmp_path: Path) -> None:
    source, output, rejects = (tmp_path / name for name in ("a.csv", "out.csv", "rejects.csv"))
    source.write_bytes(_csv([*OURS, OURS[0]]))
    ingest([str(source)], output, rejects)
    first = output.read_bytes()
    report = ingest([str(source)], output, rejects, after=output)
    assert (report.accepted, report.present, output.read_bytes()) == (0, 10, first)
    source.write_bytes(_csv([{**OURS[0], "issue_url": "other"}]))
    report = ingest([str(source)], output, rejects, after=output)
    assert (report.accepted, report.present, report.repeated) == (1, 0, 1)


def test_the_examples_of_what_people_have(shared: Path) -> None:
    rows = {"push_a.csv": 40, "push_b.csv": 40, "joined.csv": 81, "eight.jsonl": 8}
    for path in (shared / "cases/data").glob("*.[cjt]*"):
        found = list(read_source(str(path), Form()))
        assert len(found) == rows.get(path.name, 30), path.name
        assert sum(isinstance(row, Reject) for row in found) == (path.name == "joined.csv")
