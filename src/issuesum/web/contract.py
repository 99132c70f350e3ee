"""What the page sends and the endpoint answers, checked as it arrives."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

MAX_BODY = 65_536
"""Characters of a body: as many as GitHub takes."""
_MAX_TITLE = 1_024

type _Body = Annotated[str, StringConstraints(pattern=r"\S", max_length=MAX_BODY)]
type _Text = Annotated[str, StringConstraints(max_length=_MAX_TITLE)]


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Wish(_Request):
    """A body that wants titles."""

    body: _Body


class Verdict(_Request):
    """What a person thinks of a title."""

    body: _Body
    title: _Text
    good: bool
    truth: Annotated[_Text, StringConstraints(strip_whitespace=True, min_length=1)] | None = None
    """The title that the person would have written."""


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class Word(_Answer):
    """A word of a title; see `issuesum.serving.inference.title.Word`."""

    word: str
    copied: bool
    span: tuple[int, int] | None


class Title(_Answer):
    """A title; `score` is its log-probability, None if the model has no title."""

    title: str
    score: float | None = Field(allow_inf_nan=False)
    words: list[Word]


class _Titles(_Answer):
    titles: list[Title] = Field(min_length=1)


class _Meta(_Answer):
    tags: dict[str, Any] = {}


class Prediction(_Answer):
    """What the endpoint answers to a body."""

    data: _Titles = Field(alias="jsonData")
    meta: _Meta = _Meta()


class Metadata(_Answer):
    """What the endpoint says of itself."""

    name: str = ""
    versions: list[str] = []
    custom: dict[str, Any] = {}


class _Status(_Answer):
    info: str


class Refusal(_Answer):
    """What the endpoint answers to a request that it does not take."""

    status: _Status
