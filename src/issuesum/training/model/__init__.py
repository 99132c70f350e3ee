"""Keras models: architectures, the training loop, saving. Only train and build import this."""
