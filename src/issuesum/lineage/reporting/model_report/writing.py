"""Report and card as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from issuesum.files import replacing_file
from issuesum.lineage.reporting.model_report import card, markdown, page, revisions
from issuesum.lineage.reporting.model_report.comparison import Comparison, compare
from issuesum.lineage.reporting.model_report.side import Side, read_side

FOLDER = Path("eval/report")
MARKDOWN, PAGE = FOLDER / "report.md", FOLDER / "report.html"
CARD = Path("eval/MODEL_CARD.md")
RESAMPLES = 2_000


def write_report(
    root: Path,
    revision: str | None = None,
    base: str | None = None,
    *,
    as_markdown: Path = MARKDOWN,
    as_page: Path = PAGE,
    resamples: int = RESAMPLES,
) -> Comparison:
    """Write what a change of the model means, as a comment and as a page.

    Args:
        root: of the repository.
        revision: whose model it is, None for that of the working tree.
        base: what it is compared with, None for HEAD or the parent of `revision`.
        as_markdown: where the comment goes.
        as_page: where the page goes.
        resamples: of the bootstrap.

    Returns:
        What is written.

    Raises:
        ArtifactError: there are no scores.
        RepositoryError: there is no repository, or no such revision.
    """
    reported, against = revisions.resolve(root, revision, base)
    before = read_side(root, against) if against else None
    now = read_side(root, reported)
    params = revisions.params_difference(before.params, now.params) if before else {}
    found = compare(now, before, params, resamples=resamples)
    _write(root / as_markdown, markdown.render(found))
    _write(root / as_page, page.render(found))
    return found


def write_card(root: Path, params: dict[str, Any], output: Path = CARD) -> Side:
    """Write the model card of the working tree.

    Args:
        root: of the repository.
        params: the whole of params.yaml.
        output: the card.

    Returns:
        What it was made from.

    Raises:
        ArtifactError: there are no scores.
        RepositoryError: there is no repository.
    """
    side = read_side(root, None)
    _write(root / output, card.render(side, params))
    return side


def _write(path: Path, content: str) -> None:
    with replacing_file(path) as temporary:
        temporary.write_text(content, encoding="utf-8")
