"""From text to ids and back, with numpy alone: preprocess, evaluate and the image share it."""
