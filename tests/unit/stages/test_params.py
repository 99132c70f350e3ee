"""params.yaml is checked before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from issuesum.errors import ParamsError
from issuesum.stages.params import load_params


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("  epochs: 12 ", "  epochs: 0 ", r"at train\.epochs: Input should be greater than 0"),
        ("  epochs: 12 ", "  epoch: 12 ", r"at train\.epochs: Field required \(and 1 more\)"),
        ("  validation: 0.1 ", "  validation: 0.95 ", r"at split: .*validation \+ test must be"),
        ("arch: pointer", "arch: ../evil", r"at train\.arch: String should match"),
        ("registry: localhost:5000", "registry: http://x", r"at export\.registry: String should"),
        ("split:", "split: [", "must be YAML in UTF-8"),
    ],
)
def test_a_wrong_value_is_named(
    old: str, new: str, message: str, root: Path, tmp_path: Path
) -> None:
    text = (root / "params.yaml").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "params.yaml").write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ParamsError, match=message):
        load_params(tmp_path / "params.yaml")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match=r"params\.yaml must exist.*root of the repository"):
        load_params(tmp_path / "params.yaml")


def test_the_environment_names_another_registry(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export = load_params(root / "params.yaml").export
    monkeypatch.delenv("ISSUESUM_REGISTRY", raising=False)
    assert export.address == "localhost:5000"
    monkeypatch.setenv("ISSUESUM_REGISTRY", "registry.example.com/team")
    assert export.address == "registry.example.com/team"


@pytest.mark.parametrize("named", ["https://localhost:5000", "localhost:5000/", "Localhost x"])
def test_an_environment_that_names_no_registry_is_refused(
    named: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export = load_params(root / "params.yaml").export
    monkeypatch.setenv("ISSUESUM_REGISTRY", named)
    with pytest.raises(ParamsError, match=r"ISSUESUM_REGISTRY must be host\[:port\]"):
        _ = export.address
