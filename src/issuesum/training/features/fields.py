"""The two text fields of an issue, and how each becomes rows of ids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

Field = Literal["body", "title"]


@dataclass(frozen=True)
class FieldSettings:
    """Arguments of ktext's `processor`, by its names.

    Attributes:
        keep_n: words kept at most, the most frequent ones.
        padding_maxlen: ids a row; longer rows lose their end.
        padding: side that is filled with 0.
        append_indicators: enclose rows in `_start_` and `_end_`, counted as words.
    """

    keep_n: int
    padding_maxlen: int
    padding: Literal["pre", "post"]
    append_indicators: bool


type Fields = dict[Field, FieldSettings]


class Dials(Protocol):
    """What params say of a field."""

    @property
    def keep_n(self) -> int: ...  # noqa: D102

    @property
    def padding_maxlen(self) -> int: ...  # noqa: D102


def field_settings(*, body: Dials, title: Dials) -> Fields:
    """Return the settings of both fields.

    Bodies are padded in front, so that a recurrent encoder reads their words last; titles behind,
    so that a decoder begins with `_start_`.
    """
    return {
        "body": _settings(body, "pre", append_indicators=False),
        "title": _settings(title, "post", append_indicators=True),
    }


def _settings(
    dials: Dials, padding: Literal["pre", "post"], *, append_indicators: bool
) -> FieldSettings:
    return FieldSettings(dials.keep_n, dials.padding_maxlen, padding, append_indicators)
