"""The bundle: everything that `docker build` needs, and no TensorFlow."""

from __future__ import annotations

import shutil
from pathlib import Path

import issuesum

_PACKAGE = Path(issuesum.__file__).parent
_CARRIED = (
    "__init__.py",
    "errors.py",
    "registry/__init__.py",
    "registry/labels.py",
    "serving",
    "text",
)


def copy_code(target: Path, *, serving: Path, dockerfile: Path) -> None:
    """Put the image's code into the folder of the bundle.

    `serving` is the folder of IssueSummarization.py and requirements.txt.
    """
    shutil.copyfile(dockerfile, target / "Dockerfile")
    for name in ("IssueSummarization.py", "requirements.txt"):
        shutil.copyfile(serving / name, target / name)
    package = target / "issuesum"
    package.mkdir()
    for name in _CARRIED:
        source = _PACKAGE / name
        if source.is_dir():
            shutil.copytree(source, package / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            (package / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(source, package / name)
