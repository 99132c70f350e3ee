"""The one module that touches ktext.

ktext 0.40 (2019) imports modules that are gone from today's Keras and textacy, so it is imported
with stand-ins for them, and for pandas and pathos, which its indexer does not need. Its
`apply_parallel` returns inside `finally` (a worker's exception is lost) and its dill pickles
execute code when loaded. So workers count the words of a shard at a time, its indexer numbers the
merged counts, and the result is kept as JSON.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Literal

from issuesum.text.vocabulary import Vocabulary

Field = Literal["body", "title"]
_UNUSED = (
    "keras", "keras.preprocessing", "keras.preprocessing.sequence", "keras.preprocessing.text",
    "textacy", "textacy.preprocess", "pandas", "pathos", "pathos.multiprocessing",
)  # fmt: skip


@dataclass(frozen=True)
class FieldSettings:
    """Arguments of ktext's `processor`, by its names."""

    keep_n: int  # words kept at most, the most frequent ones
    padding_maxlen: int  # ids a row; longer rows lose their end
    padding: Literal["pre", "post"]  # end that is filled with 0
    append_indicators: bool  # enclose rows in `_start_` and `_end_`, counted as words


type Fields = dict[Field, FieldSettings]


def field_settings(*, body: Mapping[str, int], title: Mapping[str, int]) -> Fields:
    """Return the settings of both fields, given `keep_n` and `padding_maxlen` of each.

    Bodies are padded in front, so that a recurrent encoder reads their words last; titles at the
    end, so that a decoder begins with `_start_`.
    """
    return {
        "body": FieldSettings(**body, padding="pre", append_indicators=False),
        "title": FieldSettings(**title, padding="post", append_indicators=True),
    }


def number_words(counts: Mapping[str, int], settings: FieldSettings) -> Vocabulary:
    """Let ktext number the most frequent words, given counts in the order of first occurrence.

    Its indexer counts, sorts and numbers in one method. It counts in one process, so it gets
    counts that were taken elsewhere, `_start_` and `_end_` included, and no further text. Its sort
    is stable: words that occur equally often keep the order in which they first occur.
    """
    indexer = import_ktext().custom_Indexer(num_words=settings.keep_n)
    indexer.word_counts.update(counts)
    indexer.fit_on_tokenized_texts([])
    return Vocabulary(
        words=tuple(indexer.word_index),
        maxlen=settings.padding_maxlen,
        padding=settings.padding,
        append_indicators=settings.append_indicators,
    )


def import_ktext() -> Any:  # noqa: ANN401 -- ktext has no types
    """Return `ktext.preprocess`, in which what comes from modules that are `_UNUSED` is missing."""
    if "ktext.preprocess" in sys.modules:
        return sys.modules["ktext.preprocess"]
    earlier = {name: sys.modules[name] for name in _UNUSED if name in sys.modules}
    sys.modules.update({name: _StandIn(name) for name in _UNUSED})
    try:
        from ktext import preprocess

        return preprocess
    finally:
        for name in _UNUSED:
            del sys.modules[name]
        sys.modules.update(earlier)


class _StandIn(ModuleType):
    def __getattr__(self, name: str) -> type:
        return object
