"""Mutants of a module: its text with one small change each, by the operators of mutmut."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

import libcst as cst
from libcst import matchers as m
from libcst.metadata import MetadataWrapper, WhitespaceInclusivePositionProvider
from mutmut.mutation.mutators import mutation_operators

_HARMLESS = ("encoding", "strict", "usedforsecurity")
"""Arguments that make no difference where all is well: UTF-8 is the default of every machine that
this runs on, and `zip` is told to be strict where nothing else can happen."""


@dataclass(frozen=True)
class Mutant:
    """A module with one change.

    Attributes:
        line: of the first line that differs, counted from 1.
        diff: those that go and those that come, without context.
        code: the whole module.
    """

    line: int
    diff: str
    code: str


def mutants_of(code: str) -> list[Mutant]:
    """Return all mutants of a module in the order of its text, each of them once.

    What no test of behaviour can tell is left out: docstrings, annotations and aliases of types,
    decorators, the messages of errors, and the arguments in `_HARMLESS`.
    """
    wrapper = MetadataWrapper(cst.parse_module(code), unsafe_skip_copy=True)
    places = wrapper.resolve(WhitespaceInclusivePositionProvider)
    starts = [0, *accumulate(map(len, code.splitlines(keepends=True)))]
    found = {}
    for node in _nodes(wrapper.module, top=True):
        for mutated in _changes(node):
            place = places[node]
            start, end = (starts[at.line - 1] + at.column for at in (place.start, place.end))
            if place.start.line == place.end.line:  # quicker: the other walks the whole module
                text = code[:start] + wrapper.module.code_for_node(mutated) + code[end:]
            else:
                text = cst.ensure_type(wrapper.module.deep_replace(node, mutated), cst.Module).code
            if text != code and _compiles(text):
                found[text] = _mutant(code, text)
    return sorted(found.values(), key=lambda mutant: mutant.line)


def _nodes(node: cst.CSTNode, *, top: bool = False) -> Iterator[cst.CSTNode]:
    if _is_text(node) or (top and _is_alias(node)):
        return
    yield node
    for child in node.children:
        yield from _nodes(child, top=isinstance(node, cst.Module | cst.SimpleStatementLine) and top)


def _is_text(node: cst.CSTNode) -> bool:
    """Tell whether a node is for people and type checkers, or an argument that is harmless."""
    if isinstance(node, cst.Arg):
        return node.keyword is not None and node.keyword.value in _HARMLESS
    if isinstance(node, cst.Call):
        name = node.func.value if isinstance(node.func, cst.Name) else ""
        return isinstance(name, str) and name.endswith("Error")
    return isinstance(node, cst.Annotation | cst.Decorator | cst.TypeAlias | cst.TypeParameters)


def _is_alias(node: cst.CSTNode) -> bool:
    return m.matches(node, m.Assign(value=m.Subscript()))


def _changes(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    for kind, operator in mutation_operators:
        if isinstance(node, kind):
            for mutated in operator(node):
                if not (isinstance(mutated, cst.Call) and _bare(mutated).deep_equals(_bare(node))):
                    yield mutated


def _bare(node: cst.CSTNode) -> cst.CSTNode:
    """Return a call without its harmless arguments."""
    if not isinstance(node, cst.Call):
        return node
    kept = [arg for arg in node.args if not _is_text(arg)]
    kept = [arg.with_changes(comma=cst.MaybeSentinel.DEFAULT) for arg in kept]
    return node.with_changes(args=kept)


def _compiles(code: str) -> bool:
    try:
        compile(code, "<mutant>", "exec")
    except SyntaxError:
        return False
    return True


def _mutant(old: str, new: str) -> Mutant:
    lines = list(difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=0))[2:]
    line = int(lines[0].split()[1].removeprefix("-").split(",")[0])
    return Mutant(line, "\n".join(line for line in lines if not line.startswith("@@")), new)
