"""The sections of the data report as HTML; what comes from issues is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from issuesum.lineage.reporting.data_page.plots import plot_growth, plot_languages, plot_lengths
from issuesum.training.corpus.profile import DataProfile, Drift


def rows_section(profile: DataProfile) -> str:
    """Tell what became of the rows of the raw file."""
    rows = profile.rows
    lines = [
        ("read", rows.read, ""),
        ("rejected", rows.rejected, ""),
        *((reason, count, "part") for reason, count in rows.reasons.items()),
        ("repeat an earlier issue", rows.repeated, ""),
        ("train side", rows.train, ""),
        ("validation side", rows.validation, ""),
        ("test side", rows.test, ""),
    ]
    body = "".join(
        f'<tr class="{kind}"><th scope="row">{escape(name)}</th><td>{count:,}</td>'
        f"<td>{_percent(count / rows.read if rows.read else 0)}</td></tr>\n"
        for name, count, kind in lines
    )
    return _section("Rows", f"<table>\n{_head('', 'rows', 'share')}<tbody>\n{body}</tbody></table>")


def lengths_section(profile: DataProfile) -> str:
    """Show how long texts are, beside how long they were."""
    drift = profile.drift
    caption = "Share of texts by length: 8 stands for 8 to 11 words, the next bar for 12 to 15."
    if drift:
        caption += (
            '<br><span class="key now"></span> now <span class="key before"></span> in '
            f"<code>{escape(drift.commit[:12])}</code>"
        )
    figures = []
    for name, field, before in (
        ("Bodies", profile.body, drift.body.histogram_before if drift else None),
        ("Titles", profile.title, drift.title.histogram_before if drift else None),
    ):
        label = (
            f"{name} have {field.words_median:,} words in the median, {field.words_p95:,} at the "
            "95th percentile."
        )
        plot = plot_lengths(f"lengths of {name}", field.histogram, before, label)
        figures.append(_figure(name, plot, caption))
    table = _table(
        ("words in a text", "body", "title"),
        [
            ("mean", f"{profile.body.words_mean:,.1f}", f"{profile.title.words_mean:,.1f}"),
            ("median", f"{profile.body.words_median:,}", f"{profile.title.words_median:,}"),
            ("95th percentile", f"{profile.body.words_p95:,}", f"{profile.title.words_p95:,}"),
        ],
    )
    return _section(
        "Lengths",
        "<p>Of whole texts, train and validation side.</p>",
        table,
        _side_by_side(figures),
    )


def vocabulary_section(profile: DataProfile) -> str:
    """Show how many words there are, how many are kept and what that misses."""
    body, title = profile.body, profile.title
    table = _table(
        ("words", "body", "title"),
        [
            ("distinct, train side", f"{body.distinct:,}", f"{title.distinct:,}"),
            ("kept in the vocabulary", f"{body.kept:,}", f"{title.kept:,}"),
            ("unknown, validation side", _percent(body.unknown), _percent(title.unknown)),
            ("also in the issue's body", "", _percent(profile.copyable)),
        ],
    )
    figures = [
        _figure(
            name,
            plot_growth(
                f"growth of {name}",
                field.growth,
                f"{field.distinct:,} distinct words in {profile.rows.train:,} issues.",
            ),
            "Distinct words in the first issues of the train side.",
        )
        for name, field in (("Bodies", body), ("Titles", title))
    ]
    return _section(
        "Vocabulary",
        "<p>A curve that still climbs says that more issues will bring more words that the "
        "vocabulary does not hold.</p>",
        table,
        _side_by_side(figures),
    )


def languages_section(profile: DataProfile) -> str:
    """Show which languages bodies are in."""
    shares = profile.languages.shares
    label = ", ".join(f"{code} {share:.1%}" for code, share in shares.items())
    plot = plot_languages("languages", shares, label)
    caption = "ISO 639-1 codes; unknown: too short or too mixed to tell."
    return _section(
        "Languages",
        f"<p>Of {profile.languages.sampled:,} bodies, evenly chosen.</p>",
        f"<figure>{plot}<figcaption>{caption}</figcaption></figure>",
    )


def drift_section(drift: Drift | None) -> str:
    """Show how the data differs from earlier data, or say that there is none."""
    heading = "Compared with earlier data"
    if drift is None:
        return _section(heading, "<p>There is no earlier data in Git to compare with.</p>")
    body, title = drift.body, drift.title
    table = _table(
        ("", "body", "title"),
        [
            (
                "distance of lengths",
                f"{body.length_distance:.4f}",
                f"{title.length_distance:.4f}",
            ),
            (
                "mean length before",
                f"{body.words_mean_before:,.1f}",
                f"{title.words_mean_before:,.1f}",
            ),
            ("mean length now", f"{body.words_mean_after:,.1f}", f"{title.words_mean_after:,.1f}"),
            ("unknown words before", _percent(body.unknown_before), _percent(title.unknown_before)),
            ("unknown words now", _percent(body.unknown_after), _percent(title.unknown_after)),
        ],
    )
    if drift.new_words:
        items = "".join(
            f"<li><bdi>{escape(word)}</bdi> <span>{often:,.1f}</span></li>\n"
            for word, often in drift.new_words
        )
        words = (
            '<p class="faint">Occurrences in 10,000 words of bodies; none was among the most '
            f'frequent before.</p>\n<ul class="words">\n{items}</ul>'
        )
    else:
        words = "<p>None.</p>"
    return _section(
        heading,
        f"<p>The earlier data is that of commit <code>{escape(drift.commit[:12])}</code>. Its raw "
        f"file had {drift.rows_before:,} rows; {drift.rows_added:+,} since. Distances are those of "
        "Jensen and Shannon, 0 for equal and 1 for disjoint distributions; that of the languages "
        f"is {drift.language_distance:.4f}.</p>",
        table,
        f"<h3>New frequent words</h3>\n{words}",
    )


def _section(heading: str, *parts: str) -> str:
    inner = "\n".join(parts)
    return f"<section>\n<h2>{heading}</h2>\n{inner}\n</section>"


def _side_by_side(figures: Iterable[str]) -> str:
    return '<div class="side-by-side">\n' + "\n".join(figures) + "\n</div>"


def _figure(name: str, plot: str, caption: str) -> str:
    return f"<figure>\n<h3>{name}</h3>\n{plot}<figcaption>{caption}</figcaption>\n</figure>"


def _table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    body = "".join(
        f'<tr><th scope="row">{name}</th>'
        + "".join(f"<td>{cell}</td>" for cell in cells)
        + "</tr>\n"
        for name, *cells in lines
    )
    return f"<table>\n{_head(*head)}<tbody>\n{body}</tbody></table>"


def _head(*names: str) -> str:
    cells = "".join(f'<th scope="col">{name}</th>' if name else "<td></td>" for name in names)
    return f"<thead><tr>{cells}</tr></thead>\n"


def _percent(share: float) -> str:
    text = f"{100 * share:.1f} %"
    return "&lt; 0.1 %" if share and text == "0.0 %" else text
