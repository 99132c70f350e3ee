"""Keras models: architectures, the training loop, saving. Only train and build import this."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["hidden", "keras"]


@contextmanager
def hidden(*libraries: str) -> Iterator[None]:
    """Let an import not find libraries that it loads for features that are not used here.

    Those of Keras take as long to load as TensorFlow. What is loaded already stays.
    """
    names = [name for name in libraries if name not in sys.modules]
    sys.modules.update(dict.fromkeys(names))  # type: ignore[arg-type] # None: not found
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]


with hidden("matplotlib", "pandas", "sklearn"):
    import keras
