"""The sections of a report as HTML; what comes from issues and files is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

# Private to the data report for the reason that is given in plots.py.
from issuesum.lineage.reporting.data_page.sections import _figure, _section, _side_by_side, _table
from issuesum.lineage.reporting.model_report import pipeline, plots, wording
from issuesum.lineage.reporting.model_report.comparison import Comparison, Figure, shown_metrics
from issuesum.lineage.reporting.model_report.escaping import plain
from issuesum.lineage.reporting.model_report.titles import Example

_KEY = '<span class="key now"></span> now <span class="key before"></span> before'


def scores_section(of: Comparison) -> str:
    """Show the scores, how they differ and whether by chance."""
    figures = {shown: of.figures[name] for name, shown in shown_metrics().items()}
    if of.before is None:
        table = _table(
            ("", "this model"),
            [(shown, wording.score(figure.now)) for shown, figure in figures.items()],
        )
    else:
        table = _table(
            ("", "before", "now", "difference"),
            [
                (
                    shown,
                    wording.score(figure.before).partition(" ")[0],
                    _pair(wording.score(figure.now)),
                    f"{_pair(wording.change(figure))} {_chance(figure)}",
                )
                for shown, figure in figures.items()
            ],
        )
    differences = {
        shown: figure.difference for shown, figure in figures.items() if figure.difference
    }
    plot = ""
    if differences:
        label = "; ".join(f"{shown} {wording.signed(of)}" for shown, of in differences.items())
        plot = _figure(
            "Differences",
            plots.plot_differences(differences, label),
            "95 % intervals. One that crosses the line may be chance.",
        )
    notes = " ".join(filter(None, (wording.SCALE, of.basis, *wording.against_baselines(of))))
    return _section("Scores", f'<div class="wide">{table}</div>', plot, f"<p>{escape(notes)}</p>")


def changes_section(of: Comparison) -> str:
    """Show the pipeline, what it made anew, and what differs in params and rows."""
    notes = dict.fromkeys(of.changed, "changed")
    drawn = pipeline.draw(of.now.graph, of.changed, notes)
    caption = "A marked stage made something else than before." if of.changed else ""
    params = [
        (f"<code>{escape(name)}</code>", escape(str(old)), escape(str(new)))
        for name, (old, new) in of.params.items()
    ]
    if params:
        table = _table(("", "before", "now"), params)
        told = f'<h3>Params</h3>\n<div class="wide">{table}</div>'
    else:
        told = "<h3>Params</h3>\n<p>None differs.</p>" if of.before else ""
    rows = [(escape(name), _count(old), _count(new)) for name, old, new in wording.rows(of)]
    data = f"<h3>Issues</h3>\n{_table(('', 'before', 'now'), rows)}" if rows else ""
    return _section(
        "What changed",
        _side_by_side([_figure("Pipeline", drawn, caption), f"<div>{told}\n{data}</div>"]),
    )


def lengths_section(of: Comparison) -> str:
    """Show which lengths of body are hard."""
    if not of.bins:
        return ""
    table = _table(
        ("words", "issues", "before", "now"),
        [
            (
                part.label,
                f"{part.issues:,}",
                "" if part.before is None else f"{part.before:.2f}",
                _pair(wording.score(part.now)),
            )
            for part in of.bins
        ],
    )
    label = "; ".join(f"{part.label} words: {wording.score(part.now)}" for part in of.bins)
    plot = _figure(
        "ROUGE-L",
        plots.plot_bins(of.bins, label),
        f"{_KEY + '<br>' if of.before else ''}The lines are 95 % intervals of the present means.",
    )
    return _section(
        "By length of the body", _side_by_side([plot, f'<div class="wide">{table}</div>'])
    )


def training_section(of: Comparison) -> str:
    """Show the curves of loss and ROUGE-L."""
    figures = []
    for title, names, caption in (
        ("Loss", ("loss, validation", "loss, training"), "Nats a word; dashed: training."),
        ("ROUGE-L", ("ROUGE-L, validation",), "Of greedy titles on the validation side."),
    ):
        now = [of.now.curves[name] for name in names if name in of.now.curves]
        earlier = of.before.curves if of.before else {}
        before = [earlier[name] for name in names if name in earlier]
        if not now:
            continue
        same = before == now
        if same:  # one curve would hide the other
            before = []
        label = f"{title} at {len(now[0])} validations, at last {now[0][-1][1]:.2f}."
        plot = plots.plot_curves(f"curves of {title}", now, before, label, dashed=1)
        figures.append(
            _figure(
                title,
                plot,
                f"{caption}{' The same as before.' * same}{'<br>' + _KEY if before else ''}",
            )
        )
    return _section("Training", _side_by_side(figures)) if figures else ""


def titles_section(of: Comparison) -> str:
    """Show titles: those that changed most, the best and the worst."""
    titles = of.titles
    if titles is None:
        return ""
    groups = (
        ("Gained most", titles.improved),
        ("Lost most", titles.worsened),
        ("Best", titles.best),
        ("Worst, and the model was sure of them", titles.worst),
    )
    told = f"<p>{escape(wording.titles_changed(titles))}</p>" if titles.common else ""
    shown = [f"<div><h3>{name}</h3>\n{_examples(group)}</div>" for name, group in groups if group]
    return _section("Titles", told, _side_by_side(shown))


def lineage_section(of: Comparison) -> str:
    """Show hashes, the image, times, and what could not be read."""
    lines = [
        (
            f"<code>{escape(path)}</code>",
            f"<code>{escape(old or '')}</code>",
            f"<code{_marked(old, new, of)}>{escape(new or '')}</code>",
            "" if stage == path else escape(stage),
        )
        for stage, path, old, new in wording.hashes(of)
    ]
    parts = [f'<div class="wide">{_table(("output", "before", "now", "stage"), lines)}</div>']
    if of.now.receipt:
        image, digest = (escape(str(of.now.receipt.get(key, ""))) for key in ("image", "digest"))
        parts.append(
            f"<p>Image of the last export: <code>{image}</code>, digest <code>{digest}</code></p>"
        )
    if times := wording.times(of):
        lines_of_times = [(escape(a), escape(b), f"{c:,.1f} s") for a, b, c in times]
        parts.append(
            "<h3>Last runs here</h3>\n"
            f'<div class="wide">{_table(("stage", "started", "took"), lines_of_times)}</div>'
        )
    if missing := wording.missing(of):
        items = "".join(f"<li>{escape(note)}</li>" for note in missing)
        parts.append(f"<h3>Not available here</h3>\n<ul>{items}</ul>")
    return _section("Image and lineage", *parts)


def _examples(examples: Sequence[Example]) -> str:
    return f'<ol class="titles">{"".join(map(_example, examples))}</ol>'


def _example(of: Example) -> str:
    reference = f"<bdi>{escape(plain(of.reference))}</bdi>"
    if of.url.startswith("https://"):
        reference = f'<a href="{escape(of.url)}" rel="noreferrer">{reference}</a>'
    lines = [f'<p class="author">{reference}</p>']
    if of.before is not None and of.rouge_l_before is not None:
        lines.append(_written("before", of.before, of.rouge_l_before))
    lines.append(_written("now", of.title, of.rouge_l))
    return f"<li>{''.join(lines)}</li>"


def _written(kind: str, title: str, rouge_l: float) -> str:
    return (
        f'<p class="written {kind}"><bdi>{escape(plain(title))}</bdi>'
        f'<span aria-label="ROUGE-L {rouge_l:.0f}, {kind}">{rouge_l:.0f}</span></p>'
    )


def _pair(score: str) -> str:
    """Put an interval on a line of its own where there is little room."""
    value, space, interval = score.partition(" ")
    return f'{value}{space}<span class="interval">{interval}</span>' if interval else value


def _chance(figure: Figure) -> str:
    word = wording.chance(figure)
    return f'<span class="chance {word.split(" ")[0]}">{word}</span>' if word else ""


def _marked(old: str | None, new: str | None, of: Comparison) -> str:
    return ' class="changed"' if of.before is not None and old != new else ""


def _count(number: int | None) -> str:
    return "" if number is None else f"{number:,}"
