"""params.yaml is checked before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from issuesum.errors import ParamsError
from issuesum.stages.params import defaults, load_params


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("  epochs: 12 ", "  epochs: 0 ", r"at train\.epochs: Input should be greater than 0"),
        ("  epochs: 12 ", "  epoch: 12 ", r"at train\.epochs: Field required \(and 1 more\)"),
        ("    max_words: 15 ", "    max_words: 1 ", r"at build.decoding: .*at most max_words, 1,"),
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


@pytest.mark.parametrize(
    "named",
    [
        "https://localhost:5000",
        "localhost:5000/",
        "Localhost x",
        "somebody",
        "service/team",
    ],
)
def test_an_environment_that_names_no_registry_is_refused(
    named: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export = load_params(root / "params.yaml").export
    monkeypatch.setenv("ISSUESUM_REGISTRY", named)
    with pytest.raises(ParamsError, match=r"ISSUESUM_REGISTRY must be host\[:port\]"):
        _ = export.address


def test_the_defaults_are_valid_and_whole(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(defaults()), encoding="utf-8")
    assert load_params(path).model_dump() == defaults()


def test_another_stage_of_dvc_yaml_has_a_section_of_its_own(tmp_path: Path) -> None:
    class CensusParams(BaseModel, extra="forbid"):
        rows: int

    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump({**defaults(), "census": {"rows": 5}}), encoding="utf-8")
    with pytest.raises(ParamsError, match=r"at census: no stage of dvc\.yaml has such params"):
        load_params(path)
    stage = {"cmd": "x", "params": ["census"]}
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"census": stage}}))
    assert load_params(path).section("census", CensusParams) == CensusParams(rows=5)
    path.write_text(yaml.safe_dump({**defaults(), "census": {"row": 5}}), encoding="utf-8")
    with pytest.raises(ParamsError, match=r"at census\.rows: Field required \(and 1 more\)"):
        load_params(path).section("census", CensusParams)
    (tmp_path / "copy").mkdir()  # as retrain checks params that are to be set
    copy = path.rename(tmp_path / "copy/params.yaml")
    assert load_params(copy, root=tmp_path).model_extra == {"census": {"row": 5}}
