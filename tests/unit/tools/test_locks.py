"""locks/STAGE.txt: what a stage imports, by uv.lock, and which stages a new library makes stale."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from unittest import mock

import pytest
import yaml
from packaging.markers import default_environment
from packaging.utils import canonicalize_name

import locks
from projects import ROOT
from source_tree import imported, third_party

ALL = {"split", "preprocess", "train", "build", "evaluate", "export"}


def project(folder: Path, *updated: str) -> Path:
    """Make a project with a uv.lock in which these packages have another version."""
    text = (ROOT / "uv.lock").read_text(encoding="utf-8")
    for name in updated:
        head = rf'(\[\[package\]\]\nname = "{name}"\nversion = )'
        text, count = re.subn(rf'{head}"[^"]+"', r'\1"99.9"', text)
        assert count == 1, name
    (folder / "uv.lock").write_text(text, encoding="utf-8")
    for name in ("dvc.yaml", "src"):
        (folder / name).symlink_to(ROOT / name)
    return folder


@pytest.fixture(scope="module", autouse=True)
def _read_once() -> Iterator[None]:
    """Read each module once: to parse all that the stages import takes a second."""
    read = cache(locks.imported)
    with mock.patch.object(locks, "imported", lambda path: read(path.resolve())):
        yield


def committed() -> dict[str, str]:
    """Return what the first test compares, and the others take for what `stage_locks` returns."""
    return {path.stem: path.read_text(encoding="utf-8") for path in ROOT.glob("locks/*")}


def test_those_of_this_repository_are_up_to_date() -> None:
    assert committed() == locks.stage_locks(ROOT)


@pytest.mark.parametrize(
    ("updated", "stages"),
    [
        (("ruff",), set()),
        (("dvc", "botocore", "tqdm", "werkzeug"), {"build"}),  # werkzeug is in the image
        (("onnxruntime",), {"build", "evaluate", "export"}),
        (("tensorflow", "tensorflow-cpu"), {"train", "build"}),  # evaluate follows by the bundle
        (("ktext",), {"preprocess"}),
        (("numpy",), ALL),
    ],
)
def test_a_new_version_makes_the_stages_stale_whose_outputs_it_can_change(
    updated: tuple[str, ...], stages: set[str], tmp_path: Path
) -> None:
    before, after = committed(), locks.stage_locks(project(tmp_path, *updated))
    assert {stage for stage in before if before[stage] != after[stage]} == stages


def test_the_flavours_of_tensorflow_are_one_line_and_must_be_of_one_version(tmp_path: Path) -> None:
    lines = committed()["train"]
    assert re.findall(r"^tensorflow.*==", lines, re.MULTILINE) == ["tensorflow=="]
    assert "nvidia" not in lines
    with pytest.raises(ValueError, match=r"must be of one version in uv\.lock\. Received: 2"):
        locks.stage_locks(project(tmp_path, "tensorflow-cpu"))


def test_every_machine_writes_the_same() -> None:
    elsewhere = default_environment() | {"sys_platform": "darwin", "platform_machine": "arm64"}
    with mock.patch("packaging.markers.default_environment", return_value=elsewhere):
        assert locks.stage_locks(ROOT) == committed()


def test_imports_are_led_back_to_the_right_distributions() -> None:
    known = packages_distributions()
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"].values()
    for dep in {dep for stage in stages for dep in stage["deps"] if dep.startswith("src/")}:
        path = ROOT / dep
        modules = path.rglob("*.py") if path.is_dir() else [path]
        names = {name for module in modules if module.suffix == ".py"
                 for name in third_party(imported(module))}  # fmt: skip
        found = {canonicalize_name(each) for name in names for each in known[name]}
        # The flavour that is installed here may have another name.
        assert locks.imported(path) <= {*found, "tensorflow"}, dep


def test_what_uv_lock_lacks_is_refused(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src/stage.py").write_text("def main():\n    import unheard_of\n")
    (tmp_path / "dvc.yaml").write_text("stages: {one: {deps: [data, src/stage.py]}}\n")
    (tmp_path / "uv.lock").symlink_to(ROOT / "uv.lock")
    with pytest.raises(ValueError, match=r"what a stage imports.* no unheard-of"):
        locks.stage_locks(tmp_path)


def test_a_check_names_what_is_out_of_date_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = project(tmp_path, "ktext")
    (root / "locks").mkdir()
    for stage, text in committed().items():
        (root / f"locks/{stage}.txt").write_text(text)
    (root / "locks/gone.txt").touch()
    monkeypatch.setattr("sys.argv", ["locks.py", "--check", str(root)])
    assert locks.main() == 1
    errors = capsys.readouterr().err
    assert "Received: other content of gone.txt, preprocess.txt. Try: make lock." in errors
    monkeypatch.setattr("sys.argv", ["locks.py", str(root)])
    assert locks.main() == 0
    assert {path.stem for path in (root / "locks").iterdir()} == ALL
    assert "ktext==99.9" in (root / "locks/preprocess.txt").read_text()
    monkeypatch.setattr("sys.argv", ["locks.py", "--check", str(root)])
    assert (locks.main(), capsys.readouterr().err) == (0, "")
