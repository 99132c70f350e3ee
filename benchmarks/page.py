"""docs/benchmarks.md, from the results that are kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from textwrap import shorten

from catalogue import BENCHMARKS, Benchmark
from results import Result

_HEAD = """\
# Benchmarks

`make benchmarks` runs all of them and writes this page. `ISSUES=github_issues.csv` behind it takes
issues of yours, `ONLY=serving` runs one and leaves the other sections as they are, `QUICK=1` gives
each less to do, `ONLY=preprocess ARGS="--rows 100000 5000000"` hands arguments on. Seconds differ
from machine to machine, and on a busy one from minute to minute. Ratios, of which both sides are
taken in one run, differ less; they are also in [results.json](../benchmarks/results.json).

Without `ISSUES` the issues are synthetic, those of `issuesum sample`. Their titles are made to be
learnt, so `quality` is left out: its figures would mean nothing. `serving` and `export` take the
model of `serving/bundle`, or, if there is none, one that is trained for a minute. `command_line`,
`preprocess` and `end_to_end` work in a clone of the commit; where that is called `-dirty`, only the
others ran what differs from it.
"""
_LONGEST = 120
_QUICK = "quick: less to do than by default"


def render(results: Mapping[str, Result]) -> str:
    """Return the page.

    Args:
        results: by the benchmark's name; those without one are named as not run.
    """
    known = {of.name: results[of.name] for of in BENCHMARKS if of.name in results}
    if not known:
        return f"{_HEAD}\nNone was run yet.\n"
    newest = max(known.values(), key=lambda of: of.date)
    return "\n".join(_lines(known, newest.machine)) + "\n"


def _lines(known: Mapping[str, Result], machine: Mapping[str, str]) -> Iterator[str]:
    yield _HEAD
    yield "## Ratios\n"
    yield "| what | ratio | promised | command |\n|---|---|---|---|"
    for name, result in known.items():
        for ratio in result.ratios:
            promised = "" if ratio.at_most is None else f"at most {ratio.at_most:g}"
            kept = "" if ratio.kept else ", **not kept**"
            yield f"| {ratio.what} | {_short(ratio.value)} | {promised}{kept} | [{name}](#{name}) |"
    for name, result in known.items():
        if result.failure:
            reason = shorten(_cell(result.failure), _LONGEST)
            yield f"| none: {reason} | | | [{name}](#{name}) |"
    yield "\n## Machine\n"
    yield from _table(machine)
    for benchmark in BENCHMARKS:
        yield ""
        yield from _section(benchmark, known.get(benchmark.name), machine)


def _section(
    benchmark: Benchmark, result: Result | None, machine: Mapping[str, str]
) -> Iterator[str]:
    yield f"## {benchmark.name}\n"
    yield f"{benchmark.about}\n"
    if not result:
        yield "Not run yet."
        return
    facts = [
        result.date[:10],
        f"commit {result.commit}",
        result.input,
        *([_QUICK] if result.quick else []),
        _duration(result.seconds),
    ]
    yield f"{'; '.join(facts)}.\n"
    if result.machine != machine:
        yield "It was another machine:\n"
        yield from _table(result.machine)
        yield ""
    if result.failure:
        yield f"It failed: {result.failure}\n"
    yield f"```console\n$ {result.command}\n{result.output.rstrip()}".rstrip()
    yield "```"


def _table(machine: Mapping[str, str]) -> Iterator[str]:
    yield "| | |\n|---|---|"
    for name, value in machine.items():
        yield f"| {name} | {_cell(value)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _short(value: float) -> str:
    """Return three digits that count; thousands in full."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"  # noqa: PLR2004


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
