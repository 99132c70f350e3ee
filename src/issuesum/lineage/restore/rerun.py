"""Whether an image can be made again: its pipeline, run anew in a tree of its own."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import issuesum
from issuesum.errors import ArtifactError, EngineError
from issuesum.layout import BUNDLE
from issuesum.lineage.dvc import Lock
from issuesum.lineage.provenance.model import Exported

LOG = Path(".issuesum/verify.log")
"""What the pipeline said where there is no terminal."""
# These would have the stages read from, or write to, other places than the tree.
_ELSEWHERE = ("ISSUESUM_CACHE", "DVC_ROOT", "TF_CONFIG", "GIT_DIR", "GIT_WORK_TREE")


@dataclass(frozen=True)
class Comparison:
    """Two runs of one pipeline.

    Attributes:
        before: DVC's hash of the bundle in the image.
        after: that of the bundle made now.
        differing: the outputs of the first stage that made others, as `stage: path, path`.
        gpu: the device that trained the image's model, if it was a GPU.
    """

    before: str
    after: str
    differing: str | None
    gpu: str | None


def rerun(root: Path, provenance: Exported) -> Comparison:
    """Run every stage up to build anew, by the code in `root`, and compare.

    Args:
        root: of a restored tree, with its data.
        provenance: of the image.

    Raises:
        ArtifactError: a stage fails.
        EngineError: the environment of that code cannot be made.
    """
    python = _python(root)
    variables = {key: value for key, value in os.environ.items() if key not in _ELSEWHERE}
    variables["PATH"] = f"{python.parent}{os.pathsep}{variables.get('PATH', os.defpath)}"
    variables["PYTHONPATH"] = str(root.absolute() / "src")
    command = [str(python), "-m", "dvc", "repro", "--force", "build"]
    code = _run(command, root, variables)
    if code:
        raise ArtifactError(
            f"Every stage up to build must run in {root}. Received: dvc repro ended with "
            f"{code}{_last_words(root)}. Try: dvc repro -f build there."
        )
    old, new = Lock.parse(provenance.lock), Lock.read(root)
    return Comparison(
        before=provenance.bundle,
        after=new.md5(BUNDLE) or "",
        differing=_first_difference(old, new),
        gpu=_gpu(provenance),
    )


def _python(root: Path) -> Path:
    """Return a Python with the packages that the tree locks: ours, or one made for it."""
    ours = Path(issuesum.__file__).parents[2] / "uv.lock"
    if ours.is_file() and _sha256(ours) == _sha256(root / "uv.lock"):
        return Path(sys.executable)
    code = _run(["make", "setup"], root, dict(os.environ))
    if code:
        raise EngineError(
            f"{root} locks other packages than those here, so make setup must run there. Received: "
            f"exit code {code}{_last_words(root)}. Try: make setup there."
        )
    return root.absolute() / ".venv/bin/python"


def _run(command: list[str], root: Path, variables: dict[str, str]) -> int:
    """Return the exit code; what is said goes to the terminal, else to a file."""
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
    if not log.is_file():
        return ""
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith(("error:", "ERROR:"))] or lines
    return f" ({' '.join(telling[-1].split())})" if telling else ""


def _first_difference(old: Lock, new: Lock) -> str | None:
    for name, stage in new.stages.items():
        before = old.stages[name].outs if name in old.stages else {}
        paths = [
            path
            for path, item in stage.outs.items()
            if path not in before or before[path].md5 != item.md5
        ]
        if paths:
            return f"{name}: {', '.join(paths)}"
    return None


def _gpu(provenance: Exported) -> str | None:
    devices = (item.device for item in provenance.artefacts or () if item.name == "model")
    return next((device for device in devices if device and "gpu" in device.lower()), None)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
