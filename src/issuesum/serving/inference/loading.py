"""The model that predicts, tried once, so that what does not fit is found before the first row."""

from __future__ import annotations

from pathlib import Path

from issuesum.errors import ArtifactError, one_line
from issuesum.serving.inference.check import PROBE
from issuesum.serving.inference.writer import TitleWriter


def load(folder: Path, *, of: str) -> TitleWriter:
    """Load a `model` folder.

    Args:
        folder: of a bundle, or out of an image.
        of: what holds it, for messages.

    Raises:
        ArtifactError: there is none, or it is broken or of another version of this code.
    """
    if not folder.is_dir():
        raise ArtifactError(
            f"{of} must hold a folder {folder.name}. Received: none. "
            "Try: dvc repro build, dvc pull build, another --bundle, or --image."
        )
    try:
        writer = TitleWriter(folder)
        writer.titles([PROBE])
    except Exception as error:  # onnxruntime's own errors share no base class
        found = one_line(error).partition(" Try: ")[0].replace(f"{folder}/", "")
        raise ArtifactError(
            f"{of} must hold a model that this code reads. Received: {found} "
            "Try: dvc repro build, or the commit that made it (an image has it in its labels)."
        ) from error
    return writer
