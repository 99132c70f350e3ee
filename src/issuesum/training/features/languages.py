"""In which languages texts are: py3langid's model, over many texts at once.

It knows 97 languages by their byte n-grams (Lui & Baldwin 2011, "Cross-domain Feature Selection for
Language Identification"). An automaton finds these. Its state follows from the last _LONGEST bytes,
so the states at all places of all texts take that many look-ups, not one a byte.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import batched, islice

import numpy as np
import numpy.typing as npt

UNKNOWN_LANGUAGE = "unknown"
_HEAD = 500  # characters looked at: time grows with them
_LETTERS = 3  # at least; arrows alone would be Khmer, and prices Korean
_PROBABILITY = 0.9  # at least; stack traces and mixtures of languages stay below it
_AT_ONCE = 100  # texts, whose weights are at most 80 MB
_LONGEST = 4  # bytes of an n-gram
_BEGIN = 255  # of a text: UTF-8 has no such byte, and it leads to the automaton's first state


@dataclass(frozen=True)
class _Model:
    moves: npt.NDArray[np.uint16]  # (256 * states,), the next state by state and byte
    weights: npt.NDArray[np.float32]  # (states, languages), log-probabilities of a state's n-grams
    heavy: npt.NDArray[np.bool_]  # (states,), whether any n-gram ends there
    priors: npt.NDArray[np.float32]  # (languages,)
    codes: list[str]


def language_counts(texts: Iterable[str]) -> Counter[str]:
    """Return how many texts are in each language, by ISO 639-1 code or `UNKNOWN_LANGUAGE`."""
    counts: Counter[str] = Counter()
    for some in batched(texts, _AT_ONCE):
        counts.update(_languages([text[:_HEAD] for text in some]))
    return counts


def _languages(texts: Sequence[str]) -> Iterator[str]:
    model = _model()
    begin = bytes([_BEGIN])
    raw = np.frombuffer(b"".join(begin + text.encode() for text in texts), np.uint8)
    state = np.zeros(len(raw), np.int32)
    for back in reversed(range(_LONGEST)):
        state = model.moves.take(256 * state + np.roll(raw, back)).astype(np.int32)
    begins = raw == _BEGIN
    seen = np.flatnonzero(begins | model.heavy[state])  # in each text at least its begin
    sums = np.add.reduceat(model.weights[state[seen]], np.flatnonzero(begins[seen]))
    scores = sums + model.priors
    best = scores.argmax(axis=1)
    odds = np.exp(scores - scores.max(axis=1, keepdims=True)).sum(axis=1)
    for text, language, sure in zip(texts, best, 1 / odds >= _PROBABILITY, strict=True):
        letters = islice(filter(str.isalpha, text), _LETTERS)
        known = sure and len(list(letters)) == _LETTERS
        yield model.codes[language] if known else UNKNOWN_LANGUAGE


@cache
def _model() -> _Model:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    found = LanguageIdentifier.from_pickled_model(MODEL_FILE)
    moves = np.frombuffer(found.tk_nextmove, np.uint16)
    weights = np.zeros((len(moves) // 256, len(found.nb_classes)), np.float32)
    for state, features in found.tk_output.items():
        weights[state] = found.nb_ptc[list(features)].sum(axis=0)
    return _Model(moves, weights, weights.any(axis=1), found.nb_pc, found.nb_classes)
