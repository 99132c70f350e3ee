"""From a Keras model to the folder that `docker build` needs."""
