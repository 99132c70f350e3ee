"""The bundle: everything that `docker build` needs, and no TensorFlow."""

import shutil
from pathlib import Path

import issuesum

_PACKAGE = Path(issuesum.__file__).parent
_SUFFIXES = (".py", ".css", ".html", ".js", ".svg")  # modules, and the page
_CARRIED = (
    "__init__.py", "errors.py", "registry/__init__.py", "registry/labels.py", "serving", "text",
)  # fmt: skip


def copy_code(target: Path, *, serving: Path, dockerfile: Path) -> None:
    """Put the image's code into the folder of a bundle; `serving` holds the component."""
    for path in (dockerfile, serving / "IssueSummarization.py", serving / "requirements.txt"):
        shutil.copyfile(path, target / path.name)
    for name in _CARRIED:
        source, copy = _PACKAGE / name, target / "issuesum" / name
        if source.is_dir():
            shutil.copytree(source, copy, ignore=_not_of_package)
        else:
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)


def _not_of_package(folder: str, names: list[str]) -> list[str]:
    """Return what an editor or a system left in a folder of the package, and bytecode."""
    return [
        name
        for name in names
        if name.startswith(".")
        or not (name.endswith(_SUFFIXES) or (Path(folder) / name / "__init__.py").is_file())
    ]
