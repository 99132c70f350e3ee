"""params.yaml, which says what each param means, as frozen models that say what is allowed.

Only `issuesum.stages` and `issuesum.cli` read the file; library modules are handed values.
"""

import os
import re
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from issuesum.errors import ParamsError, one_line
from issuesum.layout import PARAMS, PIPELINE, parse_yaml, read_stages

_SCHEDULER = r"^(local|(tcp|tls)://[^\s/]+:[0-9]+)$"
# By Docker's rule a name without dot and port is no host, but a namespace of Docker Hub.
_HOST = r"(localhost|[a-z0-9-]+(\.[a-z0-9-]+)+)(:[0-9]+)?|[a-z0-9-]+:[0-9]+"
_REGISTRY = rf"({_HOST})(/[a-z0-9._-]+)*"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _param(default: Any, **limits: Any) -> Any:  # noqa: ANN401 -- as pydantic's Field
    """Declare a param whose default is shown and compared with, and never filled in.

    What params.yaml lacks is an error: DVC would not see a default that changes with the code.
    """
    return Field(json_schema_extra={"default": default}, **limits)


def _override(variable: str, pattern: str, must: str, example: str) -> str | None:
    """Return what an environment variable says instead of params.yaml, if anything."""
    named = os.environ.get(variable)
    if named and not re.fullmatch(pattern, named):
        raise ParamsError(f"{variable} must be {must}. Received: {named}. Try: {example}.")
    return named


class SplitLimits(_Section):
    """Above these the raw data is suspicious and split fails; 1 never fails."""

    rejected: float = _param(0.1, ge=0, le=1)
    repeated: float = _param(0.5, ge=0, le=1)


class SplitParams(_Section):
    """How issues are divided into train, validation and test."""

    group: Literal["issue", "repository"] = _param("issue")
    validation: float = _param(0.1, gt=0, lt=1)
    test: float = _param(0.1, gt=0, lt=1)
    shard_rows: int = _param(2000, gt=0)
    limits: SplitLimits

    @model_validator(mode="after")
    def _leave_rows_for_training(self) -> Self:
        if self.validation + self.test >= 1:
            total = self.validation + self.test
            raise ValueError(f"validation + test must be below 1, received {total}")
        return self


class FieldParams(_Section):
    """How one text field becomes ids; the names are those of ktext's `processor`."""

    keep_n: int = Field(gt=0)
    padding_maxlen: int = Field(gt=2)


class PreprocessLimits(_Section):
    """Above these the data is suspicious and preprocess fails; 1 never fails."""

    unknown: float = _param(0.6, ge=0, le=1)
    drift: float = _param(1, ge=0, le=1)


class PreprocessParams(_Section):
    """Vocabularies and id arrays."""

    body: FieldParams = _param({"keep_n": 8000, "padding_maxlen": 70})
    title: FieldParams = _param({"keep_n": 3000, "padding_maxlen": 12})
    scheduler: str = _param("local", pattern=_SCHEDULER)
    workers: int = _param(0, ge=0)
    limits: PreprocessLimits

    @property
    def cluster(self) -> str | None:
        """The Dask scheduler to use, or None; ParamsError if ISSUESUM_SCHEDULER is no address."""
        must, example = "`local` or the address of a Dask scheduler", "tcp://HOST:8786"
        named = _override("ISSUESUM_SCHEDULER", _SCHEDULER, must, example) or self.scheduler
        return None if named == "local" else named


class TrainParams(_Section):
    """The model and its training."""

    arch: str = _param("pointer", pattern=r"^[A-Za-z][A-Za-z0-9_]*$")
    embedding_dim: int = _param(128, gt=0)
    hidden_units: int = _param(192, gt=0)
    dropout: float = _param(0.3, ge=0, lt=1)
    word_dropout: float = _param(0.1, ge=0, lt=1)
    label_smoothing: float = _param(0.1, ge=0, lt=1)
    batch_size: int = _param(32, gt=0)
    epochs: int = _param(12, gt=0)
    max_steps: int = _param(6000, gt=0)
    eval_steps: int = _param(500, gt=0)
    patience: int = _param(3, ge=0)
    monitor: Literal["loss", "rouge_l"] = _param("loss")
    validation_rows: int = _param(1000, gt=0)
    learning_rate: float = _param(0.002, gt=0)
    warmup_steps: int = _param(200, ge=0)
    clip_norm: float = _param(1.0, gt=0)
    average_decay: float = _param(0.99, ge=0, lt=1)
    precision: Literal["float32", "mixed_bfloat16"] = _param("float32")
    xla: bool = _param(False)
    checkpoint_steps: int = _param(200, gt=0)
    seed: int = _param(2018, ge=0, lt=2**32)


class DecodingParams(_Section):
    """How the bundle searches for titles; the names are those of `inference.rules.Decoding`."""

    beam_width: int = _param(3, ge=1, le=64)
    length_penalty: float = _param(1.0, ge=0)
    min_words: int = _param(2, ge=1)
    max_words: int = _param(15, ge=1, le=64)
    no_repeat: int = _param(2, ge=0)

    @model_validator(mode="after")
    def _allow_a_length(self) -> Self:
        if self.min_words > self.max_words:
            raise ValueError(
                f"min_words must be at most max_words, {self.max_words}, received {self.min_words}"
            )
        return self


class BuildParams(_Section):
    """The bundle that the image carries."""

    opset: int = _param(18, ge=15, le=18)
    parity_rows: int = _param(64, gt=0)
    parity_tolerance: float = _param(0.001, gt=0)
    saved_model: bool = _param(False)
    decoding: DecodingParams


class GateParams(_Section):
    """What the model must reach before export ships it.

    Those of ROUGE-L are points (F1 times 100), the others percent (docs/shipping.md).
    """

    min_rouge_l: float = _param(0.1, ge=0, le=100)
    min_over_lead: float = Field(0, ge=-100, le=100)
    min_over_neighbour: float = Field(0, ge=-100, le=100)
    max_dangling: float = Field(100, ge=0, le=100)
    max_at_limit: float = Field(100, ge=0, le=100)
    max_opening: float = Field(100, ge=0, le=100)
    max_length: float = Field(1000, ge=0)
    max_regression: float = Field(1, ge=0, le=100)


class EvaluateParams(_Section):
    """Scores of the bundle on the test split."""

    max_rows: int = _param(5000, gt=0)
    batch_size: int = _param(64, gt=0)
    lead_words: int = _param(12, gt=0)
    neighbour_rows: int = _param(50000, gt=0)
    examples: int = _param(200, ge=0)
    heat_maps: int = _param(3, ge=0)
    gate: GateParams


class ExportParams(_Section):
    """Where the image goes."""

    registry: str = _param("localhost:5000", pattern=f"^{_REGISTRY}$")
    image: str = _param("issuesummarization", pattern=r"^[a-z0-9]+([._-][a-z0-9]+)*$")
    base_image: str = _param("python:3.12-slim-bookworm")
    platform: Literal["auto", "linux/amd64", "linux/arm64"] = _param("auto")
    smoke_timeout: float = _param(60, gt=0)
    push_patience: float = _param(60, ge=0)
    builder: Literal["auto", "engine", "registry"] = _param("auto")

    @property
    def address(self) -> str:
        """ISSUESUM_REGISTRY, or else `registry`; ParamsError if the variable is no registry."""
        must = "host[:port][/namespace], the host with a dot or a port"
        example = "localhost:5000, or docker.io/NAMESPACE"
        return _override("ISSUESUM_REGISTRY", _REGISTRY, must, example) or self.registry

    @property
    def repository(self) -> str:
        """registry/name; ParamsError as of `address`."""
        return f"{self.address}/{self.image}"


class Params(_Section):
    """The whole of params.yaml; stages that dvc.yaml has besides these have a section there too."""

    model_config = ConfigDict(extra="allow")

    split: SplitParams
    preprocess: PreprocessParams
    train: TrainParams
    build: BuildParams
    evaluate: EvaluateParams
    export: ExportParams

    def section[T: BaseModel](self, stage: str, model: type[T]) -> T:
        """Return the section of another stage, checked by that stage's own model.

        ParamsError: it is missing, or holds a wrong or unknown key.
        """
        return _validated(model, (self.model_extra or {}).get(stage), stage)


def load_params(path: Path = PARAMS, *, root: Path | None = None) -> Params:
    """Read params.yaml; ParamsError if it is missing, no YAML, or has a wrong or unknown key.

    `root`, by default the folder of `path`, has the dvc.yaml whose stages may have further params.
    """
    try:
        values = parse_yaml(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ParamsError(
            f"{path} must exist. Received: no such file in {Path.cwd()}. "
            "Try: run from the root of the repository."
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ParamsError(
            f"{path} must be YAML in UTF-8. Received: {one_line(error)}. Try: fix that line."
        ) from error
    found = _validated(Params, values)
    stages = read_stages(root or path.parent).values()
    known = {name for stage in stages for name in stage.params}
    for name in (found.model_extra or {}).keys() - known:
        raise _mismatch(f"at {name}: no stage of {PIPELINE} has such params")
    return found


def defaults(model: type[BaseModel] = Params) -> dict[str, Any]:
    """Return the params that params.yaml came with."""
    found = {}
    for name, field in model.model_fields.items():
        if isinstance(field.json_schema_extra, dict):
            found[name] = field.json_schema_extra["default"]
        elif isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found[name] = defaults(field.annotation)
        else:
            found[name] = field.default
    return found


def _validated[T: BaseModel](model: type[T], values: object, prefix: str = "") -> T:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in (prefix, *first["loc"]) if part != "")
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise _mismatch(f"at {where or 'its top level'}: {first['msg']}{more}") from error


def _mismatch(received: str) -> ParamsError:
    return ParamsError(
        f"{PARAMS} must match issuesum.stages.params. Received {received}. "
        "Try: compare with docs/params.md."
    )
