"""What a model must beat: copying the first words, and the title of the most similar issue."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.neighbors import NearestNeighbors

from issuesum.text.tokens import words


def lead(bodies: Sequence[str], *, count: int) -> list[str]:
    """Return the first `count` words of each body."""
    return [" ".join(words(body)[:count]) for body in bodies]


def neighbour(
    bodies: Sequence[str], known_bodies: Sequence[str], known_titles: Sequence[str]
) -> list[str]:
    """Return for each body the title of the known issue whose body is most similar.

    Similarity is the cosine of TF-IDF vectors over our words, learnt from the known bodies.

    Args:
        bodies: the issues to be titled.
        known_bodies: bodies of the train side.
        known_titles: their titles, in the same order.
    """
    vectoriser = TfidfVectorizer(
        analyzer=words, dtype=np.float32, sublinear_tf=True, max_features=50_000
    )
    index = NearestNeighbors(n_neighbors=1, metric="cosine")
    index.fit(vectoriser.fit_transform(known_bodies))
    nearest = index.kneighbors(vectoriser.transform(bodies), return_distance=False)
    return [known_titles[row] for row in nearest[:, 0]]
