"""Synthetic issues for a first look: their titles can be learnt from their bodies.

A title is made of two or three facts in one house style; the body states the same facts in other
words, in varying order, after some chatter and among facts that do not count. So a small model can
learn the way from one to the other, while neither the first words of the body nor the title of the
most similar issue is the answer.

Only `random.Random` decides, and nothing depends on hashes or on the order of sets, so a seed
gives the same bytes on every machine.
"""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Iterator

from issuesum.training.corpus.issue import Issue
from issuesum.training.corpus.sampling.composing import (
    Text,
    compose,
    compose_foreign,
    compose_noise,
)
from issuesum.training.corpus.sampling.prose import PRODUCTS, REPOSITORY_ENDINGS

_REPEATED = 0.01
_NOISE = 0.02
_FOREIGN = 0.04
_REMEMBERED = 500
"""Earlier issues that may come again; bounds the memory."""


def generate(rows: int, seed: int) -> Iterator[Issue]:
    """Yield `rows` synthetic issues.

    Args:
        rows: how many; more rows of a seed begin with the same issues.
        seed: another seed gives other issues.
    """
    rng = random.Random(seed)  # noqa: S311 -- reproducible on purpose
    numbers: Counter[str] = Counter()
    earlier: deque[Text] = deque(maxlen=_REMEMBERED)
    for _ in range(rows):
        product = rng.choice(PRODUCTS)
        text = _text(rng, product, earlier)
        earlier.append(text)
        repository = product.lower() + rng.choice(REPOSITORY_ENDINGS)
        numbers[repository] += rng.randint(1, 9)
        url = f"https://github.com/example-org/{repository}/issues/{numbers[repository]}"
        yield Issue(url, *text)


def _text(rng: random.Random, product: str, earlier: deque[Text]) -> Text:
    draw = rng.random()
    if draw < _NOISE:
        return compose_noise(rng, product)
    draw -= _NOISE
    if draw < _FOREIGN:
        return compose_foreign(rng, product)
    draw -= _FOREIGN
    if draw < _REPEATED and earlier:
        return rng.choice(earlier)
    return compose(rng, product)
