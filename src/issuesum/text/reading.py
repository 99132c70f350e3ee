"""From raw bodies to what an encoder reads: the ids that preprocess writes, for any text.

A title's words come from the title vocabulary or from the body, so what is read also says which
word each extended id means in its row, and where every word stands in the raw text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from issuesum.text.tokens import Token, tokens
from issuesum.text.vocabulary import PADDING, Ids, Vocabulary, pad

MAX_WORDS = 1000
"""Words of a body that are looked at; a title hardly ever says what stands behind them."""


@dataclass(frozen=True)
class Reading:
    """Bodies as a model is given them.

    Attributes:
        tokens: the first MAX_WORDS words of each body with their places.
        body: int32 (bodies, body maxlen), as `Features.body`.
        body_extended: int32 (bodies, body maxlen), as `Features.body_extended`.
        oov: for each body the words that the title vocabulary does not hold, among those that the
            model reads: the n-th has the id `size + n` of that vocabulary.
    """

    tokens: list[list[Token]]
    body: Ids
    body_extended: Ids
    oov: list[list[str]]


def read(bodies: Sequence[str], body: Vocabulary, title: Vocabulary) -> Reading:
    """Find the words of raw bodies and look them up.

    Args:
        bodies: any texts.
        body: vocabulary of bodies; a model reads their first `body.maxlen` words.
        title: vocabulary of titles, which extended ids begin with.
    """
    looked_at = max(MAX_WORDS, body.maxlen)
    seen = [list(islice(tokens(text), looked_at)) for text in bodies]
    rows = [[token.word for token in row[: body.maxlen]] for row in seen]
    extended, oov = [], []
    for row in rows:
        ids: dict[str, int] = {}
        extended.append(
            [title.ids.get(word) or ids.setdefault(word, title.size + len(ids)) for word in row]
        )
        oov.append(list(ids))
    return Reading(
        tokens=seen,
        body=body.encode(rows),
        body_extended=pad(extended, body.maxlen, padding=body.padding, value=PADDING),
        oov=oov,
    )
