"""The messages that docs/troubleshooting.md quotes are those of the code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import dvc
import pytest

from issuesum import errors
from issuesum.errors import IssuesumError

_VALUE = "\0"
_DVC = (
    "*.py",
    "cli/*.py",
    "commands/*.py",
    "repo/*.py",
    "stage/*.py",
    "utils/*.py",
    "utils/serialize/*.py",
)


def _texts_of(path: Path) -> Iterator[str]:
    yield from _texts(ast.parse(path.read_text(encoding="utf-8")))


def _texts(tree: ast.AST) -> Iterator[str]:
    """Yield every string of a piece of code; what is put into it when it runs is _VALUE."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else _VALUE
                for part in node.values
            )


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    return (root / "docs/troubleshooting.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def trees(root: Path) -> list[ast.AST]:
    folders = (root / "src", root / "tools/local_services")
    paths = [path for folder in folders for path in folder.rglob("*.py")]
    return [ast.parse(path.read_text(encoding="utf-8")) for path in paths]


@pytest.fixture(scope="module")
def ours(trees: list[ast.AST], root: Path) -> list[str]:
    """Return what this repository may say."""
    texts = {text for tree in trees for text in _texts(tree)}
    return [*texts, (root / "tools/services").read_text(encoding="utf-8")]


def _rows(page: str) -> list[list[str]]:
    """Return the cells of the tables whose first column is a message of ours."""
    found = []
    for table in re.split(r"\n\n", page):
        lines = table.splitlines()
        if lines and lines[0].startswith("| message | exit code |"):
            found += [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[2:]]
    return found


def _says(text: str, message: str) -> bool:
    """Return whether the constant parts of a message stand in a text, in their order."""
    place = 0
    for part in message.split("…"):
        place = text.find(part, place)
        if place < 0:
            return False
        place += len(part)
    return True


def _kinds(trees: list[ast.AST]) -> Iterator[tuple[int, str]]:
    """Yield the exit code and the text of every error that is made from a text."""
    codes = {name: kind.exit_code for name, kind in vars(errors).items()
             if isinstance(kind, type) and issubclass(kind, IssuesumError)}  # fmt: skip
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
            code = codes.get(node.func.id)
            if code:
                yield from ((code, text) for text in _texts(node.args[0]))


def test_every_message_is_in_the_code(page: str, ours: list[str]) -> None:
    messages = [quoted for row in _rows(page) for quoted in re.findall("`([^`]+)`", row[0])]
    assert len(messages) > 25
    lost = [one for one in messages if not any(_says(text, one) for text in ours)]
    assert lost == []


def test_exit_codes_are_those_of_the_errors(page: str, trees: list[ast.AST]) -> None:
    kinds = list(_kinds(trees))
    checked = 0
    for row in _rows(page):
        (message,) = re.findall("`([^`]+)`", row[0])
        codes = {code for code, text in kinds if _says(text, message)}
        told = {int(code) for code in re.findall(r"\d+", row[1])}
        assert codes <= told, message
        checked += bool(codes)
    assert checked > 25


def test_messages_of_dvc_are_those_of_the_installed_one(page: str) -> None:
    section = page.partition("## DVC's own messages")[2].partition("\n## ")[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    quoted = [text for cell in cells for text in re.findall("`([^`]+)`", cell)]
    # Said by S3's client, whose words DVC passes on.
    quoted = [text for text in quoted if text not in {"Forbidden", "Unable to locate credentials"}]
    folder = Path(dvc.__file__).parent
    texts = [text for glob in _DVC for path in folder.glob(glob) for text in _texts_of(path)]
    assert len(quoted) >= 6
    assert [one for one in quoted if not any(_says(text, one) for text in texts)] == []


def test_links_within_the_page_lead_to_its_headings(page: str) -> None:
    headings = {
        re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
        for title in re.findall(r"^## (.+)$", page, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", page)) <= headings
