"""What keeps a model from being shipped: evaluate's gate, and a better model that is live.

Evaluate cannot compare with what is live: its result depends on what dvc.yaml lists alone.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from issuesum.errors import ArtifactError, GateError, ParamsError, RegistryError, reading_artifact
from issuesum.layout import METRICS, SPLIT
from issuesum.lineage.dvc import Lock
from issuesum.lineage.metrics import Metrics
from issuesum.lineage.provenance.lookup import Found, look_up
from issuesum.lineage.registered import LIVE, live_image
from issuesum.lineage.runs.record import REFUSAL
from issuesum.lineage.tag import Version
from issuesum.registry.reference import Reference

_ANYTHING = 100  # ROUGE-L points: no model can lose more


def check_gate() -> dict[str, Any]:
    """Return eval/metrics.json (GateError: the gate refuses the model; ArtifactError: none)."""
    with reading_artifact(f"{METRICS} must hold the gate's verdict", "dvc repro evaluate"):
        content: dict[str, Any] = json.loads(METRICS.read_text(encoding="utf-8"))
        if (gate := Metrics.read(content).gate) is None:
            raise ValueError("none")
    if not gate.passed:
        raise refused(gate.reasons)
    return content


def refused(reasons: tuple[str, ...]) -> GateError:
    """Return the error for a model that is not shipped."""
    return GateError(
        f"{REFUSAL} Received: {'; '.join(reasons)}. "
        "Try: more or better data, other train params, or another evaluate.gate."
    )


def check_regression(
    image: str,
    rouge_l: float,
    root: Path,
    *,
    made_from: Version,
    rows: int,
    max_regression: float,
    compare: Callable[[Found], tuple[float, tuple[float, float]]],
    note: Callable[[str], None],
) -> None:
    """Check that the model of `image`, registry/name:tag, may replace the live one.

    It is refused if its `rouge_l` (F1 times 100, on `rows` test issues) is more than
    `max_regression` points lower, and by more than chance explains: then the 95 % interval of the
    difference, new minus live, lies below 0.

    Where nothing is live, or the receipt names our own bundle, no registry is asked. The live
    image's own score counts if it is of the same test issues; else, and where that is more than
    `max_regression` above the new one, `compare` gives its score on them and the interval. `note`
    takes a line about what is done.

    Raises:
        GateError: it is refused.
        IssuesumError: the live image cannot be had or read, or there is no commit or no dvc.lock.
    """
    live = live_image(root) if max_regression < _ANYTHING else None
    if live is None or live.dvc == made_from.dvc:
        return
    try:
        found = look_up(live.image, default=image.rpartition(":")[0])
        if found.provenance.hashes.get("bundle") == made_from.bundle:
            return
        name = found.provenance.image or live.image
        reached = found.provenance.score_on(Lock.read(root).md5(SPLIT / "test"), rows)
        if reached is None:
            shown = str(found.image.reference)
            note(f"export: {shown} has no scores on these test issues: they are made now")
        if reached is None or round(reached - rouge_l, 4) > max_regression:
            reached, (low, high) = compare(found)
    except (ArtifactError, ParamsError, RegistryError) as error:
        by_receipt = live.dvc is not None
        if isinstance(error, RegistryError) and by_receipt and Reference.parse(live.image).is_local:
            # The receipt was written on another machine.
            note(f"export: {live.image} of the last commit is not here: nothing to compare with")
            return
        cause = str(error).partition(" Try: ")[0]
        raise type(error)(
            f"The live image {live.image} must be known, so that no worse one takes its place. "
            f"Received: {cause} Try: the same again when it is available, or {LIVE}=none to ship "
            "without comparing."
        ) from error
    if (lost := round(reached - rouge_l, 4)) > max_regression:
        reason = (
            f"ROUGE-L of {image} is {rouge_l:.2f} and that of the live {name} is {reached:.2f} on "
            f"the same {rows:,} test issues: {lost:.2f} lost, more than "
            f"evaluate.gate.max_regression = {max_regression:g}"
        )
        between = f"95 % interval of the difference {low:+.2f} to {high:+.2f}"
        if high < 0:
            raise refused((f"{reason}, and more than chance explains ({between})",))
        note(f"export: {reason}, but no more than chance explains ({between}): it is shipped")
