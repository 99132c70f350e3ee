"""Titles from a bundle: numpy and onnxruntime only; this is what the image carries."""
