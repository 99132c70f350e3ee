"""/app/provenance.json as a type: where an image comes from.

docs/tracing.md describes the file. Format 1 lacks most of it; what a file lacks is None here.
"""

from __future__ import annotations

import base64
import json
from typing import Any, Self

from pydantic import BaseModel, Field, StrictBool, ValidationError

from issuesum.errors import ArtifactError, one_line

# Since 3 equal inputs give equal bytes: who ran what, when and where is in the attestation.
FORMAT = 3
FILE = "app/provenance.json"  # where the Dockerfile puts it


class Artefact(BaseModel, frozen=True):
    """A thing on the way from raw data to the bundle."""

    name: str  # `raw`, `split`, `features`, `model`, `bundle`, or the stage that wrote it
    path: str | None = None  # in the repository
    md5: str | None = None  # DVC's hash; of parts, that of the lines `<md5 of a part> <its name>`
    size: int | None = None  # bytes
    nfiles: int | None = None  # files in it
    rows: int | None = None  # issues in it
    stage: str | None = None  # that wrote it
    started: str | None = None  # when that stage began, ISO 8601
    seconds: float | None = None  # that it took
    device: str | None = None  # what it ran on
    processor: str | None = None  # model of the CPU
    user: str | None = None  # who ran it
    host: str | None = None  # where
    parts: tuple[Artefact, ...] = ()  # outputs that make it up


class Patch(BaseModel, frozen=True):
    """What a dirty tree added to its commit, as `git apply` takes it."""

    sha256: str | None = None
    base64: str | None = None

    @property
    def content(self) -> bytes:
        """The patch itself, empty if it cannot be decoded."""
        try:
            return base64.b64decode(self.base64 or "", validate=True)
        except ValueError:
            return b""


class Remote(BaseModel, frozen=True):
    """DVC's default remote, without secrets."""

    url: str | None = None
    endpointurl: str | None = None
    region: str | None = None


class Provenance(BaseModel, frozen=True):
    """Where an image, or a bundle without one, comes from."""

    format: int | None = None  # of the file; None for a bundle
    image: str | None = None  # registry/name:tag
    git: str | None = None  # part of the tag
    dvc: str | None = None  # part of the tag
    commit: str | None = None  # 40 hex digits
    dirty: StrictBool | None = None  # whether code, params, dvc.yaml or a .dvc file differed
    message: str | None = None  # first line of the commit's message
    author: str | None = None  # of the commit, as `name <address>`
    committed: str | None = None  # when, ISO 8601
    source: str | None = None  # URL of the repository
    folder: str | None = None  # of the project in its repository
    remote: Remote | None = None
    patch: Patch | None = None
    created: str | None = None  # the commit's date; up to format 2, when the image was built
    user: str | None = None  # who built it; not in the file since format 3
    # DVC's by artefact, and the SHA-256 of uv.lock
    hashes: dict[str, str | None] = {}
    requirements: str | None = None  # SHA-256 of serving/requirements.txt
    artefacts: tuple[Artefact, ...] | None = None  # from raw data to bundle
    lock: str | None = None  # the text of dvc.lock
    params: dict[str, Any] | None = None  # the content of params.yaml
    changed_params: dict[str, list[Any]] | None = None  # by dotted name: default, what was used
    metrics: dict[str, Any] | None = None  # the content of eval/metrics.json
    tools: dict[str, str] | None = None  # versions of what decides what model and bundle are

    @classmethod
    def parse(cls, content: bytes, image: str) -> Self:
        """Read one of any format (ArtifactError: it lacks what this class needs)."""
        try:
            values = json.loads(content)
            if not isinstance(values, dict) or "commit" not in values:
                raise ValueError("no commit in it")
            return cls.model_validate(values)
        except ValidationError as error:
            names = dict.fromkeys(str(each["loc"][0]) for each in error.errors())
            received = ", ".join(
                f"no {name}" if values.get(name) is None else f"{name} of the wrong kind"
                for name in names
            )
        except (ValueError, RecursionError) as error:
            received = one_line(error)
        raise ArtifactError(
            f"/{FILE} of {image} must be a provenance as export writes it. Received: {received}. "
            "Try: an image that the export stage made."
        )

    def to_json(self) -> bytes:
        """Return the bytes of /app/provenance.json."""
        return json.dumps(self.model_dump(exclude_unset=True), indent=2).encode()

    def score_on(self, test: str | None, rows: int) -> float | None:
        """Return the model's ROUGE-L, if it is of `rows` issues of the test split of that hash."""
        metrics = self.metrics or {}
        if test is None or (self.hashes.get("test"), metrics.get("test_rows")) != (test, rows):
            return None
        reached: float | None = (metrics.get("model") or {}).get("rouge_l")
        return reached


class Exported(Provenance):
    """A provenance with all that export has written since the first format."""

    image: str
    git: str
    dvc: str
    commit: str = Field(pattern=r"^[0-9a-f]{40}([0-9a-f]{24})?$")
    dirty: StrictBool
    created: str
    lock: str
    params: dict[str, Any]
    metrics: dict[str, Any]
    tools: dict[str, str]

    @property
    def bundle(self) -> str:
        """DVC's hash of the bundle."""
        return self.hashes.get("bundle") or ""
