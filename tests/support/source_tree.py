"""What the code of issuesum says, read without running it."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from functools import cache
from pathlib import Path

from projects import ROOT

PACKAGE = ROOT / "src/issuesum"


def modules(*packages: str) -> list[Path]:
    """Return the modules of these packages, or of all."""
    folders = [PACKAGE / name for name in packages] or [PACKAGE]
    return sorted(path for folder in folders for path in folder.rglob("*.py"))


def dotted(path: Path) -> str:
    """Return the name by which a module is imported."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def names_imported(node: ast.AST) -> list[str]:
    """Return `a.b` of `import a.b`, and both `a` and `a.b` of `from a import b`."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module:
        return [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return []


@cache
def imported(path: Path) -> frozenset[str]:
    """Return all that a module imports, wherever the import stands."""
    return frozenset(name for node in ast.walk(parsed(path)) for name in names_imported(node))


def imported_at_once(path: Path) -> set[str]:
    """Return what a module imports when it is imported itself, as modules and never names."""
    found = set()
    for node in _run_at_once(parsed(path).body):
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found


def third_party(names: AbstractSet[str]) -> set[str]:
    """Return the first words of what is neither ours nor of Python."""
    return {name.split(".")[0] for name in names} - {"issuesum", *sys.stdlib_module_names}


def _run_at_once(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        yield node
        for block in ("body", "orelse", "finalbody"):
            if isinstance(node, (ast.If, ast.Try, ast.With)):
                yield from _run_at_once(getattr(node, block, []))
