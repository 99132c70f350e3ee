"""A trace in few words: facts for terminals and pages alike, and the text for a terminal."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import batched
from typing import Any

from issuesum.console import printable
from issuesum.lineage.metrics import UNKNOWN, Metrics
from issuesum.lineage.provenance.model import Artefact, Provenance
from issuesum.lineage.provenance.trace import Trace
from issuesum.lineage.tag import patched_files

_KILO = 1000


@dataclass(frozen=True)
class Fact:
    """What is known of one thing on the way from raw data to the image; the rest is empty."""

    name: str  # `image`, or that of an artefact
    hash: str | None  # whole
    measure: str  # size, and rows or files
    making: str  # stage, duration and device
    when: str  # that stage began
    who: str  # user and host

    @property
    def title(self) -> str:
        """The name for people."""
        return "raw data" if self.name == "raw" else self.name

    @property
    def short(self) -> str:
        """The first 12 digits of the hash."""
        return (self.hash or UNKNOWN).removeprefix("sha256:")[:12]


def facts_of(trace: Trace) -> list[Fact]:
    """Return what is known of each thing, the image first and the raw data last."""
    known, image = trace.provenance, trace.image
    facts = [_fact(item) for item in reversed(known.artefacts or ())]
    if image is None:
        return facts
    size, made = human_size(image.size), _when(known.created)
    return [Fact("image", image.digest, size, "export", made, known.user or ""), *facts]


def human_size(size: int) -> str:
    """Return bytes in the largest unit that leaves a number of at least 1."""
    if size < _KILO:
        return f"{size} B"
    number = float(size)
    for unit in ("kB", "MB", "GB"):
        number /= _KILO
        if number < _KILO - 0.05:  # which would be shown as 1000.0
            return f"{number:.1f} {unit}"
    return f"{number / _KILO:.1f} TB"


def duration(seconds: float) -> str:
    """Return a duration in at most two units."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"


def dirty_files(provenance: Provenance) -> list[str] | None:
    """Return the files of the patch, none for a clean tree, or None if they are not known."""
    patch = provenance.patch
    if patch is None:
        return None if provenance.dirty is not False else []
    try:
        return patched_files(patch.content) or None
    except (ValueError, SyntaxError):
        return None


def change(values: list[Any]) -> str:
    """Return a changed param as `default → used`."""
    return " → ".join("none" if value is None else str(value) for value in values)


def _fact(item: Artefact) -> Fact:
    size = None if item.size is None else human_size(item.size)
    files = None if item.nfiles is None else f"{item.nfiles:,} files"
    amount = files if item.rows is None else f"{item.rows:,} rows"
    took = None if item.seconds is None else duration(item.seconds)
    return Fact(
        name=item.name,
        hash=item.md5,
        measure=", ".join(filter(None, (size, amount))),
        making=", ".join(filter(None, (item.stage, took, item.device))),
        when=_when(item.started),
        who=" @ ".join(filter(None, (item.user, item.host))),
    )


def _when(text: object) -> str:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return ""
    moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def text_of(trace: Trace, methods: Mapping[str, str], metrics: Mapping[str, str]) -> str:
    """Return the trace as lines; what came from elsewhere cannot move the cursor.

    `methods` and `metrics` are titles by the names in eval/metrics.json.
    """
    known, image = trace.provenance, trace.image
    lines = [known.image or UNKNOWN, image.reference, ""] if image else []
    lines += [*_tree(facts_of(trace)), ""]
    for name, values in _entries(known, methods, metrics):
        lines += [f"{'' if at else name:9s} {value}" for at, value in enumerate(values)]
    lines += [f"warning   {line}" for line in (image.disagreements if image else ())]
    return "\n".join(printable(line).rstrip() for line in lines) + "\n"


def _entries(
    known: Provenance, methods: Mapping[str, str], metrics: Mapping[str, str]
) -> Iterator[tuple[str, list[str]]]:
    by = filter(None, (known.author or "author unknown", known.committed, known.source))
    message = known.message or "message unknown"
    yield "commit", [known.commit or UNKNOWN, message, ", ".join(by)]
    yield "remote", [(known.remote and known.remote.url) or UNKNOWN]
    files = dirty_files(known)
    yield "patch", [UNKNOWN] if files is None else files or ["none: the tree was clean"]
    params = known.changed_params
    differing = [f"{name}: {change(values)}" for name, values in (params or {}).items()]
    unknown = f"{UNKNOWN} which differ from the defaults"
    yield "params", [unknown] if params is None else differing or ["all as by default"]
    if known.metrics:
        found, wide = Metrics.read(known.metrics), max(map(len, methods.values())) + 1
        yield (
            "metrics",
            [
                f"{title:{wide}s}{''.join(f'{cell:>9s}' for cell in cells)}"
                for table in score_tables(found, methods, metrics)
                for title, *cells in table
            ],
        )
        yield "gate", [str(found.gate or UNKNOWN)]
    else:
        yield "metrics", [UNKNOWN]
    tools = (f"{name} {version}" for name, version in (known.tools or {}).items())
    yield "tools", [", ".join(tools) or UNKNOWN]


def _tree(found: list[Fact]) -> Iterator[str]:
    names = [
        f"{'   ' * (depth - 1)}{'└─ ' if depth else ''}{fact.title}"
        for depth, fact in enumerate(found)
    ]
    wide = max([22, *map(len, names)])
    measures = max((len(fact.measure) for fact in found), default=0)
    makings = max((len(fact.making) for fact in found), default=0)
    for name, of in zip(names, found, strict=True):
        yield (
            f"{name:{wide}s} {of.short:12s}  {of.measure:{measures}s}  {of.making:{makings}s}  "
            f"{of.when:20s}  {of.who}"
        )


def score_tables(
    found: Metrics, methods: Mapping[str, str], metrics: Mapping[str, str]
) -> Iterator[list[list[str]]]:
    """Yield tables of at most four metrics each, which fit 80 columns; headings are the first row.

    `methods` and `metrics` are titles by the names in eval/metrics.json.
    """
    for part in batched(found.known(metrics).items(), 4):
        titles = dict(part)
        yield [["", *titles.values()], *found.table(methods, titles)]
