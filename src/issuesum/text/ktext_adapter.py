"""The one module that touches ktext.

ktext 0.40 (2019) imports `keras.preprocessing.{text,sequence}` and `textacy.preprocess`, which are
gone from today's Keras and textacy. It inherits from one of their classes, calls one of their
functions (`pad_sequences`) and otherwise only names them, so small stand-ins during its import are
enough, and neither Keras nor TensorFlow is loaded. Its `apply_parallel` returns inside `finally`
(a worker's exception is lost) and its dill pickles execute code when loaded, so neither is used:
we feed its indexer a stream and keep the result as JSON.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Literal

import numpy as np

from issuesum.text.tokens import END, START, clean, tokenize
from issuesum.text.vocabulary import Ids, Vocabulary


def build_vocabulary(
    texts: Iterable[str],
    *,
    keep_n: int,
    padding_maxlen: int,
    padding: Literal["pre", "post"],
    append_indicators: bool,
) -> Vocabulary:
    """Count the words of `texts` as ktext does and keep the most frequent.

    Words that occur equally often keep the order in which they first occur.

    Args:
        texts: raw texts, read once and not kept.
        keep_n: words kept at most.
        padding_maxlen: ids a row.
        padding: side that is filled with 0.
        append_indicators: enclose rows in `_start_` and `_end_`, counted as words.
    """
    processor = make_processor(
        keep_n=keep_n,
        padding_maxlen=padding_maxlen,
        padding=padding,
        append_indicators=append_indicators,
    )
    indexer = _ktext().custom_Indexer(num_words=processor.keep_n)
    indexer.fit_on_tokenized_texts(processor.process_text([text])[0] for text in texts)
    return Vocabulary(
        words=tuple(indexer.word_index),
        maxlen=processor.padding_maxlen,
        padding=processor.padding,
        append_indicators=processor.append_indicators,
    )


def make_processor(
    *,
    keep_n: int,
    padding_maxlen: int,
    padding: Literal["pre", "post"],
    append_indicators: bool,
) -> Any:  # noqa: ANN401 -- ktext has no types
    """Return ktext's `processor` with our cleaner and tokenizer."""
    processor = _ktext().processor(
        keep_n=keep_n,
        padding_maxlen=padding_maxlen,
        padding=padding,
        append_indicators=append_indicators,
    )
    # Passing them to the constructor leaves the attributes unset (ktext 0.40).
    processor.set_cleaner(clean)
    processor.set_tokenizer(tokenize)
    assert (processor.start_tok, processor.end_tok) == (START, END)  # noqa: S101
    return processor


def _ktext() -> ModuleType:
    if "ktext.preprocess" in sys.modules:
        return sys.modules["ktext.preprocess"]
    with _stand_ins():
        return importlib.import_module("ktext.preprocess")


@contextmanager
def _stand_ins() -> Iterator[None]:
    modules = {
        "keras": _module("keras"),
        "keras.preprocessing": _module("keras.preprocessing"),
        "keras.preprocessing.sequence": _module(
            "keras.preprocessing.sequence", pad_sequences=_pad_sequences
        ),
        "keras.preprocessing.text": _module(
            "keras.preprocessing.text", text_to_word_sequence=str.split, Tokenizer=object
        ),
        "textacy": _module("textacy"),
        "textacy.preprocess": _module("textacy.preprocess", preprocess_text=_no_textacy),
    }
    earlier = {name: sys.modules[name] for name in modules if name in sys.modules}
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name in modules:
            del sys.modules[name]
        sys.modules.update(earlier)


def _module(name: str, **attributes: Callable[..., Any] | type) -> ModuleType:
    module = ModuleType(name)
    vars(module).update(attributes)
    return module


def _no_textacy(*_: object, **__: object) -> str:
    raise NotImplementedError("ktext's own cleaner needs textacy; call set_cleaner first")


def _pad_sequences(
    sequences: Sequence[Sequence[int]],
    *,
    maxlen: int,
    dtype: str,
    padding: str,
    truncating: str,
    value: float,
) -> Ids:
    """Do what Keras 2's `pad_sequences` did, as far as ktext calls it (keras.io, 2.2.4)."""
    out = np.full((len(sequences), maxlen), value, dtype=dtype)
    for row, sequence in zip(out, sequences, strict=True):
        kept = sequence[:maxlen] if truncating == "post" else sequence[-maxlen:]
        if padding == "post":
            row[: len(kept)] = kept
        else:
            row[maxlen - len(kept) :] = kept
    return out
