"""What TensorFlow, tf2onnx and Keras warn of in their own code is no failure of ours."""

from __future__ import annotations

from pathlib import Path

import pytest

import tiny_models

OWN = ("DeprecationWarning", "FutureWarning", "UserWarning")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            for name in OWN:
                item.add_marker(pytest.mark.filterwarnings(f"ignore::{name}"))


@pytest.fixture
def simple(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return the shape of the example of docs/model.md, which TensorFlow traces fastest."""
    return tiny_models.simple(tmp_path, monkeypatch)
