"""A report as Markdown that a pull request takes as a comment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from issuesum.lineage.reporting.model_report import wording
from issuesum.lineage.reporting.model_report.comparison import Comparison, shown_metrics
from issuesum.lineage.reporting.model_report.escaping import markdown as safe
from issuesum.lineage.reporting.model_report.graph import to_mermaid
from issuesum.lineage.reporting.model_report.titles import SHOWN, Example

LIMIT = 60_000
"""Characters; GitHub takes 65,536."""
_SPARKS = "▁▂▃▄▅▆▇█"
_SIGNS = {"better": "🟢", "worse": "🔴", "even": "⚪", "first": "🔵", "unknown": "⚪"}
_WIDTH = 20


def render(of: Comparison) -> str:
    """Return the report; it has fewer examples rather than more than `LIMIT` characters."""
    for shown in range(SHOWN, -1, -1):
        text = _render(of, shown)
        if len(text) < LIMIT:
            break
    return text


def _render(of: Comparison, shown: int) -> str:
    kind, sentence = wording.verdict(of)
    parts = [
        f"## Model report\n\n{wording.heading(of)}\n",
        f"{_SIGNS[kind]} **{sentence}** {wording.gate(of)}\n",
        _scores(of),
        _lengths(of),
        _changes(of),
        _curves(of),
        _titles(of, shown),
        _lineage(of),
    ]
    return "\n".join(part for part in parts if part)


def _scores(of: Comparison) -> str:
    if of.before is None:
        now = {shown: of.figures[name].now for name, shown in shown_metrics().items()}
        lines = [(shown, wording.score(figure)) for shown, figure in now.items()]
        table = _table(("", "this model"), lines)
    else:
        table = _table(
            ("", "before", "now", "difference", ""),
            [
                (
                    shown,
                    wording.score(figure.before),
                    wording.score(figure.now),
                    wording.change(figure),
                    wording.chance(figure),
                )
                for name, shown in shown_metrics().items()
                for figure in (of.figures[name],)
            ],
        )
    notes = [wording.SCALE, of.basis, *wording.against_baselines(of)]
    return f"### Scores\n\n{table}\n{' '.join(filter(None, notes))}\n"


def _lengths(of: Comparison) -> str:
    if not of.bins:
        return ""
    lines = [
        (
            part.label,
            f"{part.issues:,}",
            "" if part.before is None else f"{part.before:.2f}",
            wording.score(part.now),
            _bar(part.now.value),
        )
        for part in of.bins
    ]
    table = _table(("words in the body", "issues", "before", "now", ""), lines)
    return _folded("ROUGE-L by length of the body", table)


def _changes(of: Comparison) -> str:
    parts = [f"```mermaid\n{to_mermaid(of.now.graph, set(of.changed))}\n```\n"]
    if of.changed:
        parts.append("● made something else than before.\n")
    if of.params:
        lines = [(_code(name), _code(old), _code(new)) for name, (old, new) in of.params.items()]
        parts.append(_table(("param", "before", "now"), lines, words=3))
    elif of.before is not None:
        parts.append("No param differs.\n")
    lines = [(label, _count(old), _count(new)) for label, old, new in wording.rows(of)]
    if lines:
        parts.append(_table(("issues", "before", "now"), lines))
    return "### What changed\n\n" + "\n".join(parts)


def _curves(of: Comparison) -> str:
    lines = []
    for name, curve in of.now.curves.items():
        values = [value for _, value in curve]
        best = max(values) if "ROUGE" in name else min(values)
        before = [value for _, value in (of.before.curves if of.before else {}).get(name, ())]
        lines.append(
            (name, _spark(before), _spark(values), f"{values[0]:.2f}", f"{best:.2f}",
             f"{values[-1]:.2f}")
        )  # fmt: skip
    if not lines:
        return ""
    return _folded(
        "Training", _table(("at each validation", "before", "now", "first", "best", "last"), lines)
    )


def _titles(of: Comparison, shown: int) -> str:
    titles = of.titles
    if titles is None or not shown:
        return ""
    parts = []
    if titles.common:
        parts.append(f"### Titles\n\n{wording.titles_changed(titles)}\n")
    else:
        parts.append("### Titles\n")
    groups = (
        ("Gained most", titles.improved),
        ("Lost most", titles.worsened),
        ("Best", titles.best),
        ("Worst, and the model was sure of them", titles.worst),
    )
    parts += [_folded(name, _examples(examples[:shown])) for name, examples in groups if examples]
    return "\n".join(parts)


def _examples(examples: Sequence[Example]) -> str:
    if examples[0].before is None:
        return _table(
            ("the author's title", "the model's", "ROUGE-L"),
            [(safe(of.reference), safe(of.title), f"{of.rouge_l:.0f}") for of in examples],
            words=2,
        )
    return _table(
        ("the author's title", "before", "now", "ROUGE-L"),
        [
            (
                safe(of.reference),
                safe(of.before or ""),
                safe(of.title),
                f"{of.rouge_l_before:.0f} → {of.rouge_l:.0f}",
            )
            for of in examples
        ],
        words=3,
    )


def _lineage(of: Comparison) -> str:
    lines = [
        (
            safe(stage),
            _code(path),
            _code(old) if old else "",
            _code(new) if new else "",
            "●" if old != new and of.before is not None else "",
        )
        for stage, path, old, new in wording.hashes(of)
    ]
    parts = [_table(("stage", "output", "before", "now", ""), lines, words=5)]
    if of.now.receipt:
        parts.append(f"Image of the last export: {_code(of.now.receipt.get('image', ''))}, "
                     f"digest {_code(of.now.receipt.get('digest', ''))}\n")  # fmt: skip
    parts += [f"Not available here: {_code(note)}\n" for note in wording.missing(of)]
    return _folded("Image and lineage", "\n".join(parts))


def _folded(summary: str, content: str) -> str:
    return f"<details><summary>{summary}</summary>\n\n{content}\n</details>\n"


def _table(head: Sequence[str], lines: Iterable[Sequence[str]], *, words: int = 1) -> str:
    """Write a table, the first `words` columns of which are words and the others numbers."""
    rows = [head, [":--"] * words + ["--:"] * (len(head) - words), *lines]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _code(value: object) -> str:
    return f"<code>{safe(str(value))}</code>"


def _count(number: int | None) -> str:
    return "" if number is None else f"{number:,}"


def _bar(score: float) -> str:
    return "█" * max(1, round(score / 100 * _WIDTH))


def _spark(values: Sequence[float]) -> str:
    if not values:
        return ""
    low, width = min(values), (max(values) - min(values)) or 1.0
    return "".join(_SPARKS[round((value - low) / width * (len(_SPARKS) - 1))] for value in values)
