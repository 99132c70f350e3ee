"""Keras models: architectures, the training loop, saving. Only train and build import this."""

from issuesum.training import hidden

__all__ = ["keras"]

with hidden("matplotlib", "pandas", "scipy", "sklearn"):
    import keras
