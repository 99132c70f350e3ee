"""params.yaml as frozen models, one a stage; unknown keys are refused.

Only `issuesum.stages` and `issuesum.cli` read the file; library modules are handed values.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from issuesum.errors import ParamsError, one_line

PARAMS_FILE = Path("params.yaml")
_SCHEDULER = r"^(local|(tcp|tls)://[^\s/]+:[0-9]+)$"
_REGISTRY = r"[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)*"


class _Section(BaseModel):
    # docs/params.md is made of the strings under the fields (tools/reference.py).
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class SplitLimits(_Section):
    """Above these the raw data is suspicious and split fails; 1 never fails."""

    rejected: float = Field(ge=0, le=1)
    """Share of rows that cannot be used."""
    repeated: float = Field(ge=0, le=1)
    """Share of usable rows that repeat an earlier issue."""


class SplitParams(_Section):
    """How issues are divided into train, validation and test."""

    group: Literal["issue", "repository"]
    """What stays together on one side: equal issues, or all issues of a repository."""
    validation: float = Field(gt=0, lt=1)
    """Share of distinct issues that the training loop watches."""
    test: float = Field(gt=0, lt=1)
    """Share of distinct issues that only evaluate sees."""
    shard_rows: int = Field(gt=0)
    """Rows of the raw file that one shard of each side is cut from."""
    limits: SplitLimits
    """What suspicious raw data may look like before split fails."""

    @model_validator(mode="after")
    def _leave_rows_for_training(self) -> SplitParams:
        if self.validation + self.test >= 1:
            raise ValueError(
                f"validation + test must be below 1, received {self.validation + self.test}"
            )
        return self


class FieldParams(_Section):
    """How one text field becomes ids; the names are those of ktext's `processor`."""

    keep_n: int = Field(gt=0)
    """Words kept, the most frequent first; the others become 1 (unknown)."""
    padding_maxlen: int = Field(gt=2)
    """Ids a row; longer texts lose their end."""


class PreprocessLimits(_Section):
    """Above these the data is suspicious and preprocess fails; 1 never fails."""

    unknown: float = Field(ge=0, le=1)
    """Share of the validation side's body words that the body vocabulary does not hold."""
    drift: float = Field(ge=0, le=1)
    """Jensen-Shannon distance of body lengths from those of the last committed data."""


class PreprocessParams(_Section):
    """Vocabularies and id arrays."""

    body: FieldParams
    """Body vocabulary and ids."""
    title: FieldParams
    """Title vocabulary and ids; `_start_` and `_end_` count as words."""
    scheduler: str = Field(pattern=_SCHEDULER)
    """`local`, or the address of a Dask scheduler; ISSUESUM_SCHEDULER takes precedence."""
    workers: int = Field(ge=0)
    """Local processes; 0 is one a core. The outputs are the same for any number."""
    limits: PreprocessLimits
    """What suspicious data may look like before preprocess fails."""

    @property
    def cluster(self) -> str | None:
        """The Dask scheduler to use, or None; ParamsError if ISSUESUM_SCHEDULER is no address."""
        named = os.environ.get("ISSUESUM_SCHEDULER") or self.scheduler
        if not re.fullmatch(_SCHEDULER, named):
            raise ParamsError(
                "ISSUESUM_SCHEDULER must be `local` or the address of a Dask scheduler. "
                f"Received: {named}. Try: tcp://HOST:8786."
            )
        return None if named == "local" else named


class TrainParams(_Section):
    """The model and its training."""

    arch: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")
    """Module of `issuesum.training.model.architectures` that makes the model."""
    embedding_dim: int = Field(gt=0)
    """Width of the vector that stands for a word."""
    hidden_units: int = Field(gt=0)
    """Width of the recurrent layers; the time of a step grows with its square."""
    dropout: float = Field(ge=0, lt=1)
    """Share of features left out of each row while learning."""
    word_dropout: float = Field(ge=0, lt=1)
    """Share of body words made unknown while learning, which teaches to copy."""
    label_smoothing: float = Field(ge=0, lt=1)
    """Probability spread evenly over all words instead of given to the right one."""
    batch_size: int = Field(gt=0)
    """Rows of an update, over all replicas, whose number must divide it."""
    epochs: int = Field(gt=0)
    """Passes over the train side, at most; the learning rate falls to 0 over them."""
    max_steps: int = Field(gt=0)
    """Updates, at most; where they are fewer than the epochs hold, the rate falls over these."""
    eval_steps: int = Field(gt=0)
    """Updates between validations; an epoch that has fewer ends with one."""
    patience: int = Field(ge=0)
    """Validations without a better one before training stops."""
    monitor: Literal["loss", "rouge_l"]
    """What decides which validation was the best one."""
    validation_rows: int = Field(gt=0)
    """Validation rows that are looked at, the first in file order."""
    learning_rate: float = Field(gt=0)
    """Of Adam, at its highest."""
    warmup_steps: int = Field(ge=0)
    """Updates over which the learning rate rises from 0."""
    clip_norm: float = Field(gt=0)
    """Longest gradient, by its global norm; longer ones are shortened to it."""
    average_decay: float = Field(ge=0, lt=1)
    """Of the moving average of weights that is kept; 0 keeps the weights themselves."""
    precision: Literal["float32", "mixed_bfloat16"]
    """Of activations. mixed_float16 would need loss scaling; bfloat16 has the range of float32."""
    xla: bool
    """Whether to compile the step with XLA."""
    checkpoint_steps: int = Field(gt=0)
    """Updates between checkpoints: what an interruption costs at most."""
    seed: int = Field(ge=0, lt=2**32)
    """Of initial weights, the order of rows, and dropout."""


class DecodingParams(_Section):
    """How the bundle searches for titles; the names are those of `inference.settings.Decoding`."""

    beam_width: int = Field(ge=1, le=64)
    """Beginnings of a title that are followed at once; 1 takes the best word at every step."""
    length_penalty: float = Field(ge=0)
    """A title is judged by its log-probability over its length to this power."""
    min_words: int = Field(ge=1)
    """Words of a title, at least."""
    no_repeat: int = Field(ge=0)
    """Words in a row that a title holds at most once; 0 allows everything."""


class BuildParams(_Section):
    """The bundle that the image carries."""

    opset: int = Field(ge=15, le=18)
    """ONNX operator set; 18 is the newest that tf2onnx 1.17 writes."""
    parity_rows: int = Field(gt=0)
    """Validation rows on which ONNX and Keras must agree."""
    parity_tolerance: float = Field(gt=0)
    """Largest absolute difference of a log-probability that is accepted."""
    saved_model: bool
    """Whether to write the model for TensorFlow Serving too, which decodes greedily."""
    decoding: DecodingParams
    """How evaluate and the image search for titles."""


class GateParams(_Section):
    """What the model must reach before export ships it, in points of ROUGE-L (F1 times 100)."""

    min_rouge_l: float = Field(ge=0, le=100)
    """What the model must reach on the test side."""
    min_over_lead: float = Field(0, ge=-100, le=100)
    """Above copying the first words; negative allows the model to be below."""
    min_over_neighbour: float = Field(0, ge=-100, le=100)
    """Above the title of the most similar issue; negative allows the model to be below."""
    max_regression: float = Field(1, ge=0, le=100)
    """What it may be below the image that is live; 100 compares with none."""


class EvaluateParams(_Section):
    """Scores of the bundle on the test side."""

    max_rows: int = Field(gt=0)
    """Test rows scored, the first in file order."""
    batch_size: int = Field(gt=0)
    """Bodies decoded at once; changes the time and the memory, not the titles."""
    lead_words: int = Field(gt=0)
    """Length of the copy-the-first-words baseline."""
    neighbour_rows: int = Field(gt=0)
    """Train rows that the nearest-neighbour baseline knows, the first in file order."""
    examples: int = Field(ge=0)
    """Rows written to eval/examples.csv."""
    heat_maps: int = Field(ge=0)
    """Test rows, the first in file order, whose attention is drawn."""
    gate: GateParams
    """What export asks for."""


class ExportParams(_Section):
    """Where the image goes."""

    registry: str = Field(pattern=f"^{_REGISTRY}$")
    """Host[:port][/namespace]; the environment variable ISSUESUM_REGISTRY takes precedence."""
    image: str = Field(pattern=r"^[a-z0-9]+([._-][a-z0-9]+)*$")
    """Repository name within the registry."""
    base_image: str
    """What the Dockerfile builds on; it needs Python 3.12."""
    smoke_timeout: float = Field(gt=0)
    """Seconds that the container has to answer a first request."""
    push_patience: float = Field(ge=0)
    """Seconds that the registry may fail before a push is given up."""

    @property
    def address(self) -> str:
        """ISSUESUM_REGISTRY, or else `registry`; ParamsError if the variable is no registry."""
        named = os.environ.get("ISSUESUM_REGISTRY") or self.registry
        if not re.fullmatch(_REGISTRY, named):
            raise ParamsError(
                f"ISSUESUM_REGISTRY must be host[:port][/namespace]. Received: {named}. "
                "Try: localhost:5000."
            )
        return named


class Params(_Section):
    """The whole of params.yaml."""

    split: SplitParams
    preprocess: PreprocessParams
    train: TrainParams
    build: BuildParams
    evaluate: EvaluateParams
    export: ExportParams


Stage = Literal["split", "preprocess", "train", "build", "evaluate", "export"]
STAGES: tuple[Stage, ...] = ("split", "preprocess", "train", "build", "evaluate", "export")


def load_params(path: Path = PARAMS_FILE) -> Params:
    """Read params.yaml; ParamsError if it is missing, no YAML, or has a wrong or unknown key."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ParamsError(
            f"{path} must exist. Received: no such file in {Path.cwd()}. "
            "Try: run from the root of the repository."
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ParamsError(
            f"{path} must be YAML in UTF-8. Received: {one_line(error)}. Try: fix that line."
        ) from error
    try:
        return Params.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "its top level"
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise ParamsError(
            f"{path} must match issuesum.stages.params. Received at {where}: {first['msg']}{more}. "
            "Try: compare with docs/params.md."
        ) from error
