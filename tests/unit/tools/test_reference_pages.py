"""Pages of docs/ of which a part is made from the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from issuesum.cli import VERBS
from reference import MARK, PAGES, verbs, written


@pytest.mark.parametrize("page", PAGES)
def test_the_page_is_as_the_code_says(page: str, root: Path) -> None:
    text = (root / page).read_text(encoding="utf-8")
    assert text.count(MARK) == 1
    assert text == written(page), "make docs"


def test_every_verb_has_usage_options_and_an_example() -> None:
    sections = re.split(r"^### issuesum (\w+)\n", verbs(), flags=re.MULTILINE)
    by_verb = dict(zip(sections[1::2], sections[2::2], strict=True))
    assert list(by_verb) == list(VERBS)
    for verb, section in by_verb.items():
        usage, *examples = re.findall(r"```console\n(.+?)```", section, re.DOTALL)
        assert usage.startswith(f"$ issuesum {verb} [OPTIONS]")
        assert len(examples) == 1
        assert f"issuesum {verb}" in examples[0]
        assert "| `-v, --verbose` | Show the traceback of a failure. |\n" in section
    assert "| `--format [csv\\|jsonl]` |" in by_verb["predict"]
    assert "[env var: ISSUESUM_VERIFY_KEY]" in by_verb["verify"]
