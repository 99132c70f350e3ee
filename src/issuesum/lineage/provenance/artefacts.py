"""What lies between raw data and image, as dvc.lock, summaries and records of runs have it."""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import PurePosixPath
from typing import Any

from issuesum import layout
from issuesum.lineage.dvc import Lock, LockedStage, md5_of
from issuesum.lineage.provenance.model import Artefact
from issuesum.lineage.runs.record import RunRecord

_PARTS: dict[str, str] = {name: (layout.SPLIT / name).as_posix() for name in layout.SPLITS}
# Before 0.1.0 the model was models/ itself.
_NAMES = {path.as_posix(): name for name, path in layout.ARTEFACTS.items()} | {"models": "model"}
# What an artefact has of the run that made it.
RUN = ("started", "seconds", "device", "processor", "user", "host")


def hashes_of(lock: Lock) -> dict[str, str | None]:
    """Return DVC's hashes of what an image can be led back to."""
    return {
        "raw": lock.md5(layout.RAW),
        **{name: lock.md5(path) for name, path in _PARTS.items()},
        "features": lock.md5(layout.ARTEFACTS["features"]),
        "model": lock.md5(layout.ARTEFACTS["model"]) or lock.md5("models"),
    }


def artefacts_of(
    lock: Lock,
    *,
    bundle: str | None,
    rows: Mapping[str, int] | None = None,
    made_by: Iterable[RunRecord] = (),
) -> tuple[Artefact, ...]:
    """Return what each stage up to the image wrote by a lock, from raw data to bundle.

    Of a stage that ARTEFACTS does not name, it is what other stages depend on, or else all
    that it writes. DVC knows the parts of the split and not their folder: its `md5` here is that of
    the line `<md5 of a part> <its name>` of each. `bundle` is DVC's hash, which the lock may not
    know, `rows` are those of `raw` and the parts of the split, as far as they are known, and
    `made_by` records of runs, the latest first, of which only those that ended well count.
    """
    known = dict(rows or {})
    if {"train", "validation"} <= known.keys():
        known["features"] = known["train"] + known["validation"]
    maker = _Maker(lock, known, [run for run in made_by if run.state == "done"])
    found = [maker.named(name) for name in layout.ARTEFACTS]
    if found[-1].md5 != bundle:
        found[-1] = Artefact(name="bundle", path=found[-1].path, md5=bundle, stage="build")
    above = dict[str, set[str]]()  # the stages that each comes from, at any distance
    for name, stage in lock.stages.items():
        direct = {maker.makers[path] for path in stage.deps if path in maker.makers}
        above[name] = direct.union(*map(above.__getitem__, direct))
        named = stage.outs.keys() & {*_NAMES, *_PARTS.values()}
        if not named and name not in (layout.EVALUATE_STAGE, layout.EXPORT_STAGE):
            before = (at for at, each in enumerate(found) if each.stage in above[name])
            place = 1 + max(before, default=0)  # it stands behind what it begins with
            found[place:place] = maker.of_stage(name, stage)
    return tuple(found)


def rows_of(lock: Lock, profile: bytes | None) -> dict[str, int]:
    """Return how many rows raw data and splits have, by eval/data.json if it is the lock's."""
    if profile is not None and md5_of(profile) == lock.md5(layout.DATA_PROFILE):
        with suppress(ValueError, KeyError, TypeError):
            rows = json.loads(profile)["rows"]
            return {"raw": int(rows["read"]), **{name: int(rows[name]) for name in layout.SPLITS}}
    return {}


class _Maker:
    """A lock with what else is known: rows by artefact, and runs that ended well."""

    def __init__(self, lock: Lock, rows: Mapping[str, int], runs: Iterable[RunRecord]) -> None:
        self._items, self._rows, self._runs = lock.items, rows, [*runs]
        self._needed = {path for stage in lock.stages.values() for path in stage.deps}
        self.makers = {out: name for name, stage in lock.stages.items() for out in stage.outs}

    def of_stage(self, name: str, stage: LockedStage) -> list[Artefact]:
        """Return one artefact of all that a stage hands on; none if it writes nothing."""
        paths = [path for path in stage.outs if path in self._needed] or list(stage.outs)
        if len(paths) > 1:
            return [self.whole(name, {PurePosixPath(path).name: path for path in paths})]
        return [self.one(name, path) for path in paths]

    def named(self, name: str) -> Artefact:
        """Return one of ARTEFACTS."""
        if name == "split":
            return self.whole(name, _PARTS)
        paths = [path for path, of in _NAMES.items() if of == name]
        return self.one(name, next((path for path in paths if path in self.makers), paths[0]))

    def one(self, name: str, path: str) -> Artefact:
        """Return what is known of one path."""
        item = self._items.get(path)
        known: dict[str, Any] = {"md5": None} | (item.as_locked() if item else {})
        if name in self._rows:
            known["rows"] = self._rows[name]
        if name not in _PARTS:
            known |= self._run_of(path)
        return Artefact(name=name, path=path, stage=self.makers.get(path), **known)

    def whole(self, name: str, paths: Mapping[str, str]) -> Artefact:
        """Return several outputs of a stage as one artefact with parts."""
        parts = tuple(self.one(part, path) for part, path in paths.items())
        lines = "".join(f"{part.md5} {part.name}\n" for part in parts)
        first = next(iter(paths.values()))
        sums = {
            key: sum(getattr(part, key) for part in parts)
            for key in ("size", "nfiles", "rows")
            if all(getattr(part, key) is not None for part in parts)
        }
        return Artefact(
            name=name,
            path=PurePosixPath(first).parent.as_posix(),
            md5=md5_of(lines.encode()) if any(part.md5 for part in parts) else None,
            stage=parts[0].stage,
            **sums,
            **self._run_of(first),
            parts=parts,
        )

    def _run_of(self, path: str) -> dict[str, Any]:
        md5 = getattr(self._items.get(path), "md5", None)
        those = (run for run in self._runs if path in run.outs and run.outs[path].md5 == md5)
        made = next(those, None)
        return {key: value for key in RUN if (value := getattr(made, key, None)) is not None}
