"""What the image runs: inference and the server; nothing here imports TensorFlow or DVC."""
