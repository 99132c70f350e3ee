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
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    ValidationError,
    WrapValidator,
)

from issuesum.errors import ArtifactError, one_line

FORMAT = 3
"""Since 3 equal inputs give equal bytes: who ran what, when and where is in the attestation."""
FILE = "app/provenance.json"
"""Where the Dockerfile puts it."""


def _or_none(value: object, validate: Callable[[object], Any]) -> Any:  # noqa: ANN401
    try:
        return validate(value)
    except ValidationError:
        return None


type Known[T] = Annotated[T | None, WrapValidator(_or_none)]
"""A value that may be missing or of another kind in a file that somebody else made."""


def _texts(value: object) -> dict[str, str | None]:
    items = value.items() if isinstance(value, dict) else ()
    return {str(key): text if isinstance(text, str) else None for key, text in items}


def _named(value: object) -> object:
    if not isinstance(value, list):
        return value
    return [item for item in value if isinstance(item, dict) and isinstance(item.get("name"), str)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)


class Artefact(_Frozen):
    """A thing on the way from raw data to the bundle."""

    name: str
    """`raw`, `split`, `features`, `model`, `bundle`, or the stage that wrote it."""
    path: Known[str] = None
    """In the repository."""
    md5: Known[str] = None
    """DVC's hash."""
    size: Known[StrictInt] = None
    """Bytes."""
    nfiles: Known[StrictInt] = None
    """Files in it."""
    rows: Known[StrictInt] = None
    """Issues in it."""
    stage: Known[str] = None
    """That wrote it."""
    started: Known[str] = None
    """When that stage began, ISO 8601."""
    seconds: Known[StrictFloat] = None
    """That it took."""
    device: Known[str] = None
    """What it ran on."""
    processor: Known[str] = None
    """Model of the CPU."""
    user: Known[str] = None
    """Who ran it."""
    host: Known[str] = None
    """Where."""
    parts: tuple[Artefact, ...] = ()
    """Outputs that make it up; then `md5` is that of the lines `<md5 of a part> <its name>`."""


class Patch(_Frozen):
    """What a dirty tree added to its commit."""

    sha256: Known[str] = None
    """Of the patch."""
    base64: Known[str] = None
    """The patch, as `git apply` takes it."""

    @property
    def content(self) -> bytes:
        """The patch itself, empty if it cannot be decoded."""
        try:
            return base64.b64decode(self.base64 or "", validate=True)
        except ValueError:
            return b""


class Remote(_Frozen):
    """DVC's default remote, without secrets."""

    url: Known[str] = None
    endpointurl: Known[str] = None
    region: Known[str] = None


class Provenance(_Frozen):
    """Where an image, or a bundle without one, comes from."""

    format: Known[StrictInt] = None
    """Of the file; None for a bundle."""
    image: Known[str] = None
    """registry/name:tag."""
    git: Known[str] = None
    """Git part of the tag."""
    dvc: Known[str] = None
    """DVC part of the tag."""
    commit: Known[str] = None
    """40 hex digits."""
    dirty: Known[StrictBool] = None
    """Whether code, params, dvc.yaml or a .dvc file differed from it."""
    message: Known[str] = None
    """First line of the commit's message."""
    author: Known[str] = None
    """Of the commit, as `name <address>`."""
    committed: Known[str] = None
    """When, ISO 8601."""
    source: Known[str] = None
    """URL of the repository."""
    folder: Known[str] = None
    """Of the project in its repository."""
    remote: Known[Remote] = None
    """DVC's default remote."""
    patch: Known[Patch] = None
    """What a dirty tree added to the commit."""
    created: Known[str] = None
    """The commit's date, ISO 8601; up to format 2, when the image was built."""
    user: Known[str] = None
    """Who built it; not in the file since format 3."""
    hashes: Annotated[dict[str, str | None], BeforeValidator(_texts)] = {}
    """DVC's hashes by artefact, and the SHA-256 of uv.lock."""
    requirements: Known[str] = None
    """SHA-256 of serving/requirements.txt."""
    artefacts: Annotated[Known[tuple[Artefact, ...]], BeforeValidator(_named)] = None
    """From raw data to bundle."""
    lock: Known[str] = None
    """The text of dvc.lock."""
    params: Known[dict[str, Any]] = None
    """The content of params.yaml."""
    changed_params: Known[dict[str, list[Any]]] = None
    """Params that differ from the defaults by dotted name: the default and what was used."""
    metrics: Known[dict[str, Any]] = None
    """The content of eval/metrics.json."""
    tools: Known[dict[str, str]] = None
    """Versions of the libraries that decide what a model and a bundle are."""

    @classmethod
    def parse(cls, content: bytes, image: str) -> Self:
        """Read /app/provenance.json of any format.

        Args:
            content: of the file.
            image: that holds it, for the message.

        Raises:
            ArtifactError: it is none, or lacks what this class needs.
        """
        try:
            values = json.loads(content)
            if not isinstance(values, dict) or "commit" not in values:
                raise ValueError("no commit in it")
        except (ValueError, RecursionError) as error:
            raise ArtifactError(
                f"/{FILE} of {image} must be a provenance. Received: {one_line(error)}. "
                "Try: an image that the export stage made."
            ) from error
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            names = dict.fromkeys(str(each["loc"][0]) for each in error.errors())
            wrong = [
                f"no {name}" if values.get(name) is None else f"{name} of the wrong kind"
                for name in names
            ]
            raise ArtifactError(
                f"The provenance of {image} must hold {', '.join(cls.needed())}. Received: "
                f"{', '.join(wrong)}. Try: an image that the export stage made."
            ) from error

    @classmethod
    def needed(cls) -> list[str]:
        """Return the names of what may not be missing."""
        return [name for name, field in cls.model_fields.items() if field.is_required()]

    def to_json(self) -> bytes:
        """Return the bytes of /app/provenance.json."""
        return json.dumps(self.model_dump(exclude_unset=True), indent=2).encode()

    def score_on(self, test: str | None, rows: int) -> float | None:
        """Return the ROUGE-L of the model, if it is of these test issues.

        Args:
            test: DVC's hash of the test split.
            rows: how many of its issues are scored.
        """
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
