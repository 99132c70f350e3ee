"""From text to ids and back, with numpy alone: the same in preprocess, evaluate and the image."""
