"""From raw bodies to what an encoder reads: the ids that preprocess writes, for any text.

A title's words come from the title vocabulary or from the body, so what is read also holds the word
behind each extended id of a row, and the place of every word in the raw text.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from issuesum.text.prose import prose
from issuesum.text.tokens import Token, tokens
from issuesum.text.vocabulary import PADDING, Ids, Vocabulary, pad

MAX_WORDS = 1000
"""Words of a body that are looked at; a title hardly ever repeats what comes later."""


@dataclass(frozen=True)
class Reading:
    """Bodies as a model is given them."""

    tokens: list[list[Token]]
    """The first MAX_WORDS words of each body's prose with their places in the raw body."""
    body: Ids  # (bodies, body maxlen), as `Features.body`
    body_extended: Ids  # (bodies, body maxlen), as `Features.body_extended`
    oov: list[list[str]]
    """For each body the words that the title vocabulary does not hold, among those that the model
    reads: the n-th has the id `size + n` of that vocabulary."""


def read(bodies: Sequence[str], body: Vocabulary, title: Vocabulary) -> Reading:
    """Find the words of bodies' prose and look them up; a model reads the first `body.maxlen`."""
    looked_at = max(MAX_WORDS, body.maxlen)
    seen = [list(islice(tokens(prose(text)), looked_at)) for text in bodies]
    rows = [[token.word for token in row[: body.maxlen]] for row in seen]
    extended, oov = [], []
    for row in rows:
        ids: dict[str, int] = {}
        extended.append(
            [title.ids.get(word) or ids.setdefault(word, title.size + len(ids)) for word in row]
        )
        oov.append(list(ids))
    padded = pad(extended, body.maxlen, padding=body.padding, value=PADDING)
    return Reading(seen, body.encode(rows), padded, oov)
