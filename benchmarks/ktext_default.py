"""ktext 0.40's default way from text to words: textacy 0.6.2's cleaner and Keras 2's tokenizer.

The cleaner is textacy's own. Its package imports spaCy 2, which does not run with today's
stack, but its modules `preprocess`, `constants` and `compat` need nothing of that, so they are
imported without running the package's `__init__`. Keras' tokenizer is one line of its
documentation (keras.io, 2.2.4): lower-case, filter characters, split.
"""

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from functools import cache
from types import ModuleType
from typing import Any

import pandas as pd

from issuesum.text.vocabulary import pad
from issuesum.training.features.ktext_adapter import FieldSettings, import_ktext

_FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
_TO_BLANKS = str.maketrans(dict.fromkeys(_FILTERS, " "))


def make_processor(settings: FieldSettings) -> Any:  # noqa: ANN401 -- ktext has no types
    """Return ktext's `processor` with its default cleaner and tokenizer."""
    ktext = import_ktext()
    ktext.pad_sequences, ktext.cpu_count, ktext.pd = _pad_sequences, os.cpu_count, pd
    processor = ktext.processor(**asdict(settings))
    processor.set_cleaner(clean)
    processor.set_tokenizer(tokenize)
    return processor


def clean(text: str) -> str:
    """Return `text` as ktext's `textacy_cleaner` does."""
    return _preprocess_text()(
        text,
        lowercase=True,
        no_urls=True,
        no_emails=True,
        no_phone_numbers=True,
        no_numbers=True,
        no_currency_symbols=True,
        no_punct=True,
        no_contractions=False,
        no_accents=True,
    )


def tokenize(text: str) -> list[str]:
    """Return the words of `text` as Keras 2's `text_to_word_sequence` does."""
    return [word for word in text.lower().translate(_TO_BLANKS).split(" ") if word]


@cache
def _preprocess_text() -> Callable[..., str]:
    spec = importlib.util.find_spec("textacy")
    if spec is None or spec.submodule_search_locations is None:
        sys.exit("textacy must be installed. Received: none. Try: make setup.")
    package = ModuleType("textacy")
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules["textacy"] = package
    function: Callable[..., str] = importlib.import_module("textacy.preprocess").preprocess_text
    return function


def _pad_sequences(rows: Any, *, maxlen: int, padding: Any, value: float, **_: str) -> Any:  # noqa: ANN401
    return pad(rows, maxlen, padding=padding, value=int(value))
