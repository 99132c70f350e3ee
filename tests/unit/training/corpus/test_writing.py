"""What is written is read back, here and by other readers."""

from __future__ import annotations

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from issuesum.training.corpus.issue import COLUMNS, Issue
from issuesum.training.corpus.reading import normalise, read_issues, write_issues, writing_rows

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
MARKS = st.text(st.sampled_from(list("\",;'\\ \t\r\n#\ufeff\u2028é😀a")))
WORDS = TEXT | MARKS
NOT_BLANK = WORDS.filter(lambda text: bool(text.strip()))
ISSUES = st.lists(st.builds(Issue, WORDS, NOT_BLANK, NOT_BLANK))


@given(ISSUES)
def test_any_issues_are_read_back_and_none_is_rejected(tmp_path_factory, issues):
    path = tmp_path_factory.mktemp("roundtrip") / "issues.csv"
    write_issues(path, issues)
    assert list(read_issues(path)) == [normalise(issue) for issue in issues]


@given(ISSUES)
def test_another_reader_sees_the_same_rows(tmp_path_factory, issues):
    path = tmp_path_factory.mktemp("pandas") / "issues.csv"
    write_issues(path, issues)
    frame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    assert list(frame.columns) == list(COLUMNS)
    assert [Issue(*row) for row in frame.itertuples(index=False)] == list(map(normalise, issues))


def test_form_is_lf_minimal_quotes_and_utf_8(tmp_path):
    path = tmp_path / "form.csv"
    write_issues(path, [Issue("u", "Größe, neu", 'say "hi"\r\nthen go'), Issue("", "t", "b")])
    assert path.read_bytes() == (
        'issue_url,issue_title,body\nu,"Größe, neu","say ""hi""\nthen go"\n,t,b\n'.encode()
    )


def test_rows_after_earlier_ones_leave_their_bytes(tmp_path):
    earlier, path = tmp_path / "earlier.csv", tmp_path / "both.csv"
    earlier.write_bytes(b'issue_url,issue_title,body\n"u",t,"b\r\nb"\n')
    with writing_rows(path, COLUMNS, after=earlier) as write:
        write(("v", "t", "b"))
    assert path.read_bytes() == earlier.read_bytes() + b"v,t,b\n"
