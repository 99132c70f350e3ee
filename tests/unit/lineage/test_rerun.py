"""What a rerun is compared by, and how it is described; tests/e2e runs it."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest
import yaml

from issuesum.errors import ArtifactError
from issuesum.lineage.provenance.model import Exported
from issuesum.lineage.restore import restoring
from issuesum.lineage.runs.record import processor
from provenances import exported


def _lock(**hashes: str) -> str:
    stages = {
        stage: {"outs": [{"path": f"out/{stage}", "md5": digest}]}
        for stage, digest in hashes.items()
    }
    stages["build"]["outs"].append({"path": "serving/bundle", "md5": hashes["build"]})
    return yaml.safe_dump({"stages": stages}, sort_keys=False)


@pytest.fixture
def restored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a function that restores a tree in which `dvc repro` writes the lock it is given."""

    def restore(after: str | None) -> Path:
        code = "sys.exit('error: train: no')" if after is None else (
            f"import pathlib; pathlib.Path('dvc.lock').write_text({after!r}); "
            "import os; env = os.environ; "
            "seen = env['PYTHONPATH'], *sys.argv, 'ISSUESUM_CACHE' in env; "
            "pathlib.Path('seen').write_text(' '.join(map(str, seen)))"
        )  # fmt: skip
        python = tmp_path / "bin/python"
        python.parent.mkdir()
        python.write_text(f"#!{sys.executable}\nimport sys; {code}\n")
        python.chmod(python.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setattr(restoring, "_python", lambda _: python)
        monkeypatch.setenv("ISSUESUM_CACHE", "/elsewhere")
        return tmp_path

    return restore


def _provenance(**changes: object) -> Exported:
    lock = _lock(split="1", train="2", build="3")
    return exported(lock=lock, hashes={"bundle": "3"}, **changes)


def test_the_same_bundle_is_the_same(restored) -> None:
    root = restored(_lock(split="1", train="2", build="3"))
    assert restoring.rerun(root, _provenance()) is None
    seen = (root / "seen").read_text()
    assert seen.startswith(str(root / "src"))
    assert seen.endswith("-m dvc repro --force build False")


def test_the_first_stage_that_differs_is_named_and_the_gpu(restored) -> None:
    artefacts = [{"name": "model", "device": "GPU: A100"}]
    root = restored(_lock(split="1", train="7", build="8"))
    expected = (
        "make the bundle 3 again. Received: 8; first other outputs: train: out/train. "
        "It was trained on GPU: A100, not as here"
    )
    with pytest.raises(ArtifactError, match=expected):
        restoring.rerun(root, _provenance(artefacts=artefacts))


def test_the_processor_that_trained_is_named_if_this_is_another(restored) -> None:
    root = restored(_lock(split="1", train="2", build="3"))
    for name, recorded in (("Z80", "Z80"), (processor(), None)):
        known = _provenance(artefacts=[{"name": "model", "processor": name}])
        assert restoring.rerun(root, known) == recorded


def test_a_stage_that_fails_is_reported_in_one_line(restored) -> None:
    root = restored(None)
    with pytest.raises(ArtifactError, match=r"ended with 1 \(error: train: no\)") as raised:
        restoring.rerun(root, _provenance())
    assert "\n" not in str(raised.value)
