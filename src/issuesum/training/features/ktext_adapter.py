"""The one module that touches ktext.

ktext 0.40 (2019) imports `keras.preprocessing.{text,sequence}` and `textacy.preprocess`, which are
gone from today's Keras and textacy. It calls only `pad_sequences`, so small stand-ins during its
import are enough, and neither Keras nor TensorFlow is loaded. Its `apply_parallel` returns inside
`finally` (a worker's exception is lost) and its dill pickles execute code when loaded, so neither
is used: workers tokenise a shard at a time with its `process_text`, its indexer numbers the merged
counts, and the result is kept as JSON.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from types import ModuleType
from typing import Any, Literal

from issuesum.text.tokens import END, START, clean, tokenize
from issuesum.text.vocabulary import Ids, Vocabulary, pad

Field = Literal["body", "title"]
Padding = Literal["pre", "post"]


@dataclass(frozen=True)
class FieldSettings:
    """Arguments of ktext's `processor`, by its names."""

    keep_n: int  # words kept at most, the most frequent ones
    padding_maxlen: int  # ids a row; longer rows lose their end
    padding: Padding  # end that is filled with 0
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
    indexer = _ktext().custom_Indexer(num_words=settings.keep_n)
    indexer.word_counts.update(counts)
    indexer.fit_on_tokenized_texts([])
    return Vocabulary(
        words=tuple(indexer.word_index),
        maxlen=settings.padding_maxlen,
        padding=settings.padding,
        append_indicators=settings.append_indicators,
    )


def make_processor(settings: FieldSettings) -> Any:  # noqa: ANN401 -- ktext has no types
    """Return ktext's `processor` with our cleaner and tokenizer."""
    processor = _ktext().processor(**asdict(settings))
    # Passing them to the constructor leaves the attributes unset (ktext 0.40).
    processor.set_cleaner(clean)
    processor.set_tokenizer(tokenize)
    assert (processor.start_tok, processor.end_tok) == (START, END)  # noqa: S101
    return processor


def _ktext() -> Any:  # noqa: ANN401 -- ktext has no types
    with _IMPORTING:  # a Dask worker may have several threads
        if "ktext.preprocess" in sys.modules:
            return sys.modules["ktext.preprocess"]
        with _stand_ins():
            from ktext import preprocess

            return preprocess


_IMPORTING = threading.Lock()


@contextmanager
def _stand_ins() -> Iterator[None]:
    contents: dict[str, dict[str, Any]] = {
        "keras": {},
        "keras.preprocessing": {},
        "keras.preprocessing.sequence": {"pad_sequences": _pad_sequences},
        "keras.preprocessing.text": {"text_to_word_sequence": str.split, "Tokenizer": object},
        "textacy": {},
        "textacy.preprocess": {"preprocess_text": _no_textacy},
    }
    modules = {name: ModuleType(name) for name in contents}
    for name, attributes in contents.items():
        vars(modules[name]).update(attributes)
    earlier = {name: sys.modules[name] for name in modules if name in sys.modules}
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name in modules:
            del sys.modules[name]
        sys.modules.update(earlier)


def _no_textacy(*_: object, **__: object) -> str:
    raise NotImplementedError("ktext's own cleaner needs textacy; call set_cleaner first")


def _pad_sequences(
    sequences: Sequence[Sequence[int]], *, maxlen: int, padding: Padding, value: float, **other: str
) -> Ids:
    """Do what Keras 2's `pad_sequences` did, as far as ktext calls it (keras.io, 2.2.4)."""
    if other != {"truncating": "post", "dtype": "int32"}:
        raise NotImplementedError(str(other))
    return pad(sequences, maxlen, padding=padding, value=int(value))
