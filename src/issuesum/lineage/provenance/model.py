"""/app/provenance.json as a type: where an image comes from.

docs/tracing.md describes the file. Format 1 lacks most of it; what an older or a stranger's file
lacks, or has of another kind, is None here.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    OnErrorOmit,
    StrictBool,
    StrictFloat,
    StrictInt,
    ValidationError,
    WrapValidator,
)

from issuesum.errors import ArtifactError, one_line

# Since 3 equal inputs give equal bytes: who ran what, when and where is in the attestation.
FORMAT = 3
FILE = "app/provenance.json"  # where the Dockerfile puts it


def _or_none(value: object, validate: Callable[[object], Any]) -> Any:  # noqa: ANN401
    try:
        return validate(value)
    except ValidationError:
        return None


type Known[T] = Annotated[T | None, WrapValidator(_or_none)]
"""A value that may be missing or of another kind in a file that somebody else made."""


def _dict(value: object) -> object:
    return value if isinstance(value, dict) else {}


class Artefact(BaseModel, frozen=True):
    """A thing on the way from raw data to the bundle."""

    name: str  # `raw`, `split`, `features`, `model`, `bundle`, or the stage that wrote it
    path: Known[str] = None  # in the repository
    md5: Known[str] = None  # DVC's hash; of parts, that of the lines `<md5 of a part> <its name>`
    size: Known[StrictInt] = None  # bytes
    nfiles: Known[StrictInt] = None  # files in it
    rows: Known[StrictInt] = None  # issues in it
    stage: Known[str] = None  # that wrote it
    started: Known[str] = None  # when that stage began, ISO 8601
    seconds: Known[StrictFloat] = None  # that it took
    device: Known[str] = None  # what it ran on
    processor: Known[str] = None  # model of the CPU
    user: Known[str] = None  # who ran it
    host: Known[str] = None  # where
    parts: tuple[Artefact, ...] = ()  # outputs that make it up


class Patch(BaseModel, frozen=True):
    """What a dirty tree added to its commit, as `git apply` takes it."""

    sha256: Known[str] = None
    base64: Known[str] = None

    @property
    def content(self) -> bytes:
        """The patch itself, empty if it cannot be decoded."""
        try:
            return base64.b64decode(self.base64 or "", validate=True)
        except ValueError:
            return b""


class Remote(BaseModel, frozen=True):
    """DVC's default remote, without secrets."""

    url: Known[str] = None
    endpointurl: Known[str] = None
    region: Known[str] = None


class Provenance(BaseModel, frozen=True):
    """Where an image, or a bundle without one, comes from."""

    format: Known[StrictInt] = None  # of the file; None for a bundle
    image: Known[str] = None  # registry/name:tag
    git: Known[str] = None  # part of the tag
    dvc: Known[str] = None  # part of the tag
    commit: Known[str] = None  # 40 hex digits
    dirty: Known[StrictBool] = None  # whether code, params, dvc.yaml or a .dvc file differed
    message: Known[str] = None  # first line of the commit's message
    author: Known[str] = None  # of the commit, as `name <address>`
    committed: Known[str] = None  # when, ISO 8601
    source: Known[str] = None  # URL of the repository
    folder: Known[str] = None  # of the project in its repository
    remote: Known[Remote] = None
    patch: Known[Patch] = None
    created: Known[str] = None  # the commit's date; up to format 2, when the image was built
    user: Known[str] = None  # who built it; not in the file since format 3
    # DVC's by artefact, and the SHA-256 of uv.lock
    hashes: Annotated[dict[str, Known[str]], BeforeValidator(_dict)] = {}
    requirements: Known[str] = None  # SHA-256 of serving/requirements.txt
    artefacts: Known[tuple[OnErrorOmit[Artefact], ...]] = None  # from raw data to bundle
    lock: Known[str] = None  # the text of dvc.lock
    params: Known[dict[str, Any]] = None  # the content of params.yaml
    changed_params: Known[dict[str, list[Any]]] = None  # by dotted name: default, what was used
    metrics: Known[dict[str, Any]] = None  # the content of eval/metrics.json
    tools: Known[dict[str, str]] = None  # versions of what decides what model and bundle are

    @classmethod
    def parse(cls, content: bytes, image: str) -> Self:
        """Read the content of /app/provenance.json of any format.

        Raises:
            ArtifactError: that of `image` is none, or lacks what this class needs.
        """
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
    source: str | None = None
    folder: str | None = None
    remote: Remote | None = None
    patch: Patch | None = None
    created: str
    lock: str
    params: dict[str, Any]
    metrics: dict[str, Any]
    tools: dict[str, str]

    @property
    def bundle(self) -> str:
        """DVC's hash of the bundle."""
        return self.hashes.get("bundle") or ""
