"""The two text fields of an issue, and how each becomes rows of ids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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


def field_settings(
    *, body_keep_n: int, body_maxlen: int, title_keep_n: int, title_maxlen: int
) -> Fields:
    """Return the settings of both fields.

    Bodies are padded in front, so that a recurrent encoder reads their words last; titles behind,
    so that a decoder begins with `_start_`.
    """
    return {
        "body": FieldSettings(body_keep_n, body_maxlen, "pre", append_indicators=False),
        "title": FieldSettings(title_keep_n, title_maxlen, "post", append_indicators=True),
    }
