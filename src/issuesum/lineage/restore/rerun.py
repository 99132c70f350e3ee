"""Whether an image can be made again: its pipeline, run again in a tree of its own."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import issuesum
from issuesum.errors import ArtifactError, EngineError
from issuesum.layout import BUNDLE, UV_LOCK
from issuesum.lineage.dvc import Lock
from issuesum.lineage.provenance.model import Exported

LOG = Path(".issuesum/verify.log")
"""What the pipeline printed where there is no terminal."""
# These would have the stages read from, or write to, other places than the tree.
_ELSEWHERE = ("ISSUESUM_CACHE", "DVC_ROOT", "TF_CONFIG", "GIT_DIR", "GIT_WORK_TREE")


@dataclass(frozen=True)
class Rerun:
    """DVC's hashes of the bundle in the image and of the one made now."""

    before: str
    after: str
    differing: str | None
    """The outputs of the first stage that made others, as `stage: path, path`."""
    gpu: str | None
    """The device that trained the image's model, if it was a GPU."""


def rerun(root: Path, provenance: Exported) -> Rerun:
    """Run every stage up to build again, by the code in a restored tree with its data, and compare.

    Raises:
        ArtifactError: a stage fails.
        EngineError: the environment of that code cannot be made.
    """
    python = _python(root)
    variables = {key: value for key, value in os.environ.items() if key not in _ELSEWHERE}
    variables["PATH"] = f"{python.parent}{os.pathsep}{variables.get('PATH', os.defpath)}"
    variables["PYTHONPATH"] = str(root.absolute() / "src")
    code = _run([str(python), "-m", "dvc", "repro", "--force", "build"], root, variables)
    if code:
        raise ArtifactError(
            f"Every stage up to build must run in {root}. Received: dvc repro ended with "
            f"{code}{_last_words(root)}. Try: dvc repro -f build there."
        )
    old, new = Lock.parse(provenance.lock), Lock.read(root)
    differing = (
        f"{name}: {', '.join(paths)}"
        for name, stage in new.stages.items()
        if (paths := [path for path, item in stage.outs.items() if old.md5(path) != item.md5])
    )
    devices = (item.device for item in provenance.artefacts or () if item.name == "model")
    return Rerun(
        before=provenance.bundle,
        after=new.md5(BUNDLE) or "",
        differing=next(differing, None),
        gpu=next((device for device in devices if device and "gpu" in device.lower()), None),
    )


def _python(root: Path) -> Path:
    """Return a Python with the packages that the tree locks: ours, or one made for it."""
    ours = Path(issuesum.__file__).parents[2] / UV_LOCK
    if ours.is_file() and _sha256(ours) == _sha256(root / UV_LOCK):
        return Path(sys.executable)
    code = _run(["make", "setup"], root, dict(os.environ))
    if code:
        raise EngineError(
            f"{root} locks other packages than those here, so make setup must run there. Received: "
            f"exit code {code}{_last_words(root)}. Try: make setup there."
        )
    return root.absolute() / ".venv/bin/python"


def _run(command: list[str], root: Path, variables: dict[str, str]) -> int:
    """Return the exit code; what is printed goes to the terminal, else to a file."""
    if sys.stderr.isatty():
        return subprocess.run(command, cwd=root, env=variables, check=False).returncode
    log = root / LOG
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as file:
        return subprocess.run(
            command, cwd=root, env=variables, stdout=file, stderr=subprocess.STDOUT, check=False
        ).returncode


def _last_words(root: Path) -> str:
    log = root / LOG
    lines = log.read_text(errors="replace").splitlines() if log.is_file() else []
    lines = [" ".join(line.split()) for line in lines if line.strip()]
    errors = [line for line in lines if line.startswith(("error:", "ERROR:"))]
    return f" ({(errors or lines)[-1]})" if lines else ""


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
