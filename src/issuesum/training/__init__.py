"""How a model is made: corpus, features, model, evaluation, bundle."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def hidden(*libraries: str) -> Iterator[None]:
    """Let an import not find libraries that it loads for features that are not used here.

    They take longer to load than what is used. What is loaded already stays.
    """
    names = [name for name in libraries if name not in sys.modules]
    sys.modules.update(dict.fromkeys(names))  # type: ignore[arg-type] # None: not found
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]
