"""The few words in which a trace tells of each thing, for terminals and pages alike."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeGuard

from issuesum.lineage.patch import patched_files
from issuesum.lineage.provenance.model import Artefact, Provenance
from issuesum.lineage.provenance.trace import Trace

UNKNOWN = "unknown"
TITLES = {
    "raw": "raw data",
    "split": "split",
    "features": "features",
    "model": "model",
    "bundle": "bundle",
    "image": "image",
}
_KILO, _MINUTE, _HOUR = 1000, 60, 3600


@dataclass(frozen=True)
class Fact:
    """What is known of one thing on the way from raw data to the image.

    Attributes:
        name: one of TITLES.
        hash: whole; None if it is unknown.
        measure: size, rows and files.
        making: stage, duration, and device.
        when: it was begun.
        who: user and host.
    """

    name: str
    hash: str | None
    measure: str
    making: str
    when: str
    who: str

    @property
    def short(self) -> str:
        """The first 12 digits of the hash."""
        return (self.hash or UNKNOWN).removeprefix("sha256:")[:12]


def facts_of(trace: Trace) -> list[Fact]:
    """Return what is known of each thing, the image first and the raw data last."""
    known = trace.provenance
    found = []
    if trace.image:
        image = trace.image
        size = human_size(image.size)
        made = _when(known.created)
        found.append(Fact("image", image.digest, size, "export", made, known.user or ""))
    return found + [_fact(item) for item in reversed(known.artefacts or ())]


def human_size(size: int) -> str:
    """Return bytes in the largest unit that leaves a number of at least 1."""
    if size < _KILO:
        return f"{size} B"
    number = float(size)
    for unit in ("kB", "MB", "GB", "TB"):
        number /= _KILO
        if number < _KILO - 0.05 or unit == "TB":
            break
    return f"{number:.1f} {unit}"


def duration(seconds: float) -> str:
    """Return a duration in at most two units."""
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{seconds:.1f} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"


def dirty_files(provenance: Provenance) -> list[str] | None:
    """Return the files of the patch, none for a clean tree, or None if they are not known."""
    patch = provenance.patch
    if patch is None:
        return None if provenance.dirty is not False else []
    try:
        return patched_files(patch.content) or None
    except (ValueError, SyntaxError):
        return None


def _fact(item: Artefact) -> Fact:
    measure = [] if item.size is None else [human_size(item.size)]
    if item.rows is not None:
        measure.append(f"{item.rows:,} rows")
    elif item.nfiles is not None:
        measure.append(f"{item.nfiles:,} files")
    took = None if item.seconds is None else duration(item.seconds)
    return Fact(
        name=item.name,
        hash=item.md5,
        measure=", ".join(measure),
        making=", ".join(part for part in (item.stage, took, item.device) if part),
        when=_when(item.started),
        who=" @ ".join(part for part in (item.user, item.host) if part),
    )


def _when(text: object) -> str:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return ""
    moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def change(values: object) -> str:
    """Return a changed param as `default → used`."""
    if not isinstance(values, list):
        return str(values)
    return " → ".join("none" if value is None else str(value) for value in values)
