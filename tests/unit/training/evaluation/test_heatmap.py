"""Pictures of attention."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.image import imread

from issuesum.serving.inference.writer import Attention
from issuesum.training.evaluation.per_row import draw_attention


def _attention(places: int = 5) -> Attention:
    weights = np.zeros((2, places), np.float32)
    weights[0, 1], weights[1, 2] = 1.0, 0.5
    # A dollar sign begins a formula in Matplotlib, and a word may be of any length.
    body = tuple(["the", "$cost", "x" * 5000, "$^", "end"][:places])
    return Attention(title=("$cost", "x" * 5000), body=body, weights=weights)


def test_equal_attention_gives_equal_bytes(tmp_path: Path) -> None:
    draw_attention(_attention(), tmp_path / "a.png")
    draw_attention(_attention(), tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_what_is_looked_at_is_dark(tmp_path: Path) -> None:
    draw_attention(_attention(), tmp_path / "a.png")
    pixels = imread(tmp_path / "a.png")
    dark = (pixels[..., 2] < 0.5) & (pixels[..., 0] < 0.1)  # the last of Matplotlib's blues
    cell = 0.24 * 110
    assert 0.7 * cell**2 < dark.sum() < 2 * cell**2, "one word of five is looked at fully"


def test_one_word_is_enough(tmp_path: Path) -> None:
    one = Attention(title=("bug",), body=("bug",), weights=np.ones((1, 1), np.float32))
    draw_attention(one, tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
