"""What export writes into the image, from a real repository and no network."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

import provenances
from issuesum.layout import DATA_PROFILE, RUNS
from issuesum.lineage.dvc import Item, Lock
from issuesum.lineage.provenance import artefacts
from issuesum.lineage.provenance.artefacts import RUN
from issuesum.lineage.provenance.collect import changed_params, collect
from issuesum.lineage.provenance.model import Artefact, Exported
from issuesum.lineage.runs.record import read_all
from issuesum.lineage.tag import Version, dirty_patch
from issuesum.registry.labels import labels_of
from issuesum.registry.reference import Reference
from issuesum.shipping.attestation.statement import metadata_of, slsa_statement, with_runs

SECRETS = ("hunter2", "AKIAEXAMPLE", "tok3n")
PROFILE = {"rows": {"read": 4000, "train": 3174, "validation": 390, "test": 398}}


def git(root: Path, *command: str) -> str:
    done = subprocess.run(["git", *command], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project whose configuration is full of secrets."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("DVC_GLOBAL_CONFIG_DIR", str(tmp_path / "nobody"))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    root = tmp_path / "project"
    files = {
        "dvc.lock": provenances.LOCK,
        "src/a.py": "1\n",
        "uv.lock": "lock\n",
        "serving/requirements.txt": "numpy\n",
        ".dvc/config": "[core]\nremote = storage\n['remote \"storage\"']\nurl = s3://bucket/dvc\n",
        ".dvc/config.local": (
            "['remote \"storage\"']\nendpointurl = http://key:hunter2@127.0.0.1:8333?t=tok3n\n"
            "access_key_id = AKIAEXAMPLE\nsecret_access_key = hunter2\nregion = eu-north-1\n"
        ),
        ".gitignore": "/.dvc/config.local\n/.issuesum\n",
        ".issuesum/runs/broken.json": "{",
        ".issuesum/runs/list.json": "[]",
        ".issuesum/runs/other.json": '{"stage": "train", "state": "done", "outs": null}',
    }
    for run in provenances.RUNS:
        files[f".issuesum/runs/{run['id']}.json"] = json.dumps(run | {"password": "hunter2"})
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    git(root, "init", "--quiet")
    for key, value in (("name", "Ada"), ("email", "ada@example.com")):
        git(root, "config", f"user.{key}", value)
    git(
        root, "remote", "add", "origin", "https://ada:hunter2@example.com/t.git?private_token=tok3n"
    )
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "Say ü and <b>\n\nnot this")
    return root


def collected(root: Path, *, is_dirty: bool = False) -> dict:
    made_from = Version(git(root, "rev-parse", "HEAD"), dirty=is_dirty, bundle=provenances.BUNDLE)
    found = collect(
        root,
        image="registry.example.com/name:tag",
        made_from=made_from,
        patch=dirty_patch(root) if is_dirty else b"",
        params={"train": {"epochs": 3}},
        defaults={},
        metrics=provenances.METRICS,
    )
    return json.loads(found.to_json())


def test_it_has_commit_people_remote_and_requirements(root: Path) -> None:
    found = collected(root)
    assert found["format"] == 3
    assert (found["message"], found["author"]) == ("Say ü and <b>", "Ada <ada@example.com>")
    assert found["committed"] == git(root, "show", "-s", "--format=%cI")
    assert datetime.fromisoformat(found["created"]) == datetime.fromisoformat(found["committed"])
    assert found["source"] == "https://example.com/t.git"
    assert found["remote"] == {
        "url": "s3://bucket/dvc",
        "endpointurl": "http://127.0.0.1:8333",
        "region": "eu-north-1",
    }
    assert found["requirements"] == hashlib.sha256(b"numpy\n").hexdigest()
    assert found["patch"] is None
    assert found["hashes"]["train"] == "2ddc3c2d63901772e6c2b9daaa71f0f5.dir"


def test_no_secret_gets_in(root: Path) -> None:
    text = json.dumps(collected(root))
    assert [secret for secret in SECRETS if secret in text] == []


def test_a_dirty_tree_is_there_as_its_patch(root: Path) -> None:
    (root / "src/a.py").write_text("2\n")
    found = collected(root, is_dirty=True)
    patch = base64.b64decode(found["patch"]["base64"])
    assert patch == dirty_patch(root)
    assert found["patch"]["sha256"] == hashlib.sha256(patch).hexdigest()
    assert labels_of(json.dumps(found).encode())["io.issuesum.patch"] == found["patch"]["sha256"]


def test_artefacts_go_from_raw_to_bundle_with_the_runs_that_made_them(root: Path) -> None:
    made = collected(root)
    assert not any(RUN[0] in item for item in made["artefacts"])  # these differ for equal inputs
    origin = Exported.model_validate(made)
    listed = artefacts.artefacts_of(
        Lock.parse(origin.lock), bundle=origin.bundle, made_by=read_all(root / RUNS)
    )
    metadata = metadata_of(origin.image, "2026-11-25T14:00:00+00:00", listed, "Bob")
    pinned = Reference("r.io", "name").at(f"sha256:{'0' * 64}")
    known = with_runs(origin, slsa_statement(pinned, origin, metadata))
    assert (known.user, known.created) == ("Bob", "2026-11-25T14:00:00Z")
    raw, split, features, model, bundle = known.model_dump(exclude_unset=True)["artefacts"]
    assert raw == {
        "name": "raw", "path": "data/raw/github_issues.csv", "stage": None,
        "md5": "ad365add0125817dba630f33e7075c95", "size": 2537199,
    }  # fmt: skip
    assert (split["name"], split["size"], split["nfiles"]) == ("split", 375500, 6)
    assert [part["name"] for part in split["parts"]] == ["train", "validation", "test"]
    assert split["seconds"] == 0.9
    assert (features["stage"], features["seconds"]) == ("preprocess", 2.2)
    assert (model["path"], model["device"], model["host"]) == ("models", "cpu", "engine-1")
    assert (bundle["md5"], bundle["nfiles"]) == (provenances.BUNDLE, 40)


def test_what_differs_for_equal_inputs_is_not_in_it(root: Path) -> None:
    before = collected(root)
    shutil.rmtree(root / ".issuesum")
    git(root, "config", "user.name", "Bob")
    export = "  export:\n    cmd: x\n    outs:\n    - path: serving/image.json\n      md5: 1\n"
    lock = root / "dvc.lock"
    lock.write_text(lock.read_text() + export + "  later:\n    cmd: y\n")
    assert collected(root) == before | {"lock": provenances.LOCK + "  later:\n    cmd: y\n"}


def test_the_model_is_found_below_models_and_in_earlier_commits_in_models_itself() -> None:
    lock = Lock.parse(provenances.LOCK.replace("path: models,", "path: models/trained,"))
    found = {item.name: item for item in artefacts.artefacts_of(lock, bundle="")}
    assert (found["model"].path, found["model"].nfiles) == ("models/trained", 2)
    earlier = artefacts.hashes_of(Lock.parse(provenances.LOCK))["model"]
    assert artefacts.hashes_of(lock)["model"] == earlier is not None


def test_rows_are_those_of_the_data_that_the_lock_records(root: Path) -> None:
    assert not any("rows" in item for item in collected(root)["artefacts"])
    content = json.dumps(PROFILE).encode()
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    (root / "eval").mkdir()
    (root / "eval/data.json").write_bytes(content)
    assert not any("rows" in item for item in collected(root)["artefacts"])  # of other data
    record = f"    - {{path: eval/data.json, md5: {md5}, size: 1}}\n"
    (root / "dvc.lock").write_text(provenances.LOCK.replace("  train:\n", f"{record}  train:\n"))
    found = {item["name"]: item.get("rows") for item in collected(root)["artefacts"]}
    assert found == {"raw": 4000, "split": 3962, "features": 3564, "model": None, "bundle": None}


def shown(item: Artefact) -> dict:
    return item.model_dump(exclude_unset=True)


def test_the_split_is_listed_as_a_whole_and_by_its_parts() -> None:
    lock = Lock.parse(provenances.LOCK)
    (of_test, *_) = provenances.records()
    other = replace(of_test, outs={"data/split/train": Item("0" * 32)}, user="Bob")
    found = artefacts.artefacts_of(
        lock, bundle="", rows=provenances.ROWS, made_by=[other, of_test, replace(other, outs={})]
    )
    raw, split, features, *_ = found
    assert (raw.rows, features.rows) == (4000, 3174 + 390)
    sides = {"train": (269045, 3174), "validation": (53436, 390), "test": (53019, 398)}
    md5s = {side: lock.md5(f"data/split/{side}") for side in sides}
    lines = "".join(f"{md5} {side}\n" for side, md5 in md5s.items())
    assert shown(split) == {
        "name": "split", "path": "data/split", "stage": "split", "size": 375500, "nfiles": 6,
        "md5": hashlib.md5(lines.encode(), usedforsecurity=False).hexdigest(),
        "rows": 3962, "seconds": 0.9, "started": "2026-11-25T13:09:45+00:00",
        "user": "Ada Lovelace", "host": "engine-1",
        "parts": tuple(
            {"name": side, "path": f"data/split/{side}", "stage": "split", "nfiles": 2,
             "md5": md5s[side], "size": size, "rows": rows}
            for side, (size, rows) in sides.items()
        ),
    }  # fmt: skip


def test_where_nothing_is_recorded_every_hash_is_unknown() -> None:
    nothing = Lock.parse("stages: {}")
    found = artefacts.artefacts_of(nothing, bundle="b", rows={"train": 5})
    assert [item.name for item in found] == ["raw", "split", "features", "model", "bundle"]
    assert [item.md5 for item in found] == [None, None, None, None, "b"]
    assert [item.size for item in found] == [None] * 5
    assert [item.rows for item in found] == [None] * 5
    assert set(artefacts.hashes_of(nothing).values()) == {None}
    assert artefacts.hashes_of(Lock.parse(provenances.LOCK)) == {
        "raw": "ad365add0125817dba630f33e7075c95",
        "train": "2ddc3c2d63901772e6c2b9daaa71f0f5.dir",
        "validation": "0a68c07005eb1521660be0472a8ab281.dir",
        "test": "d609076a6eac810c2462619916160dc1.dir",
        "features": "e0403b1a18995b0ab3fe3ee3a8d32ec0.dir",
        "model": "b7cde7b7ad5818a2f4f5e1806cf55f86.dir",
    }


def test_rows_are_read_from_the_profile_that_the_lock_records() -> None:
    def rows(content: bytes, recorded: bytes) -> dict[str, int]:
        md5 = hashlib.md5(recorded, usedforsecurity=False).hexdigest()
        lock = f"stages: {{x: {{outs: [{{path: {DATA_PROFILE}, md5: {md5}}}]}}}}"
        return artefacts.rows_of(Lock.parse(lock), content)

    output = {"rows": {"read": 9, "train": 5, "validation": 3, "test": 1}}
    good = json.dumps(output).encode()
    assert rows(good, good) == {"raw": 9, "train": 5, "validation": 3, "test": 1}
    assert rows(good, b"other") == {}
    for broken in (b"{", b"[]", b"{}", b'{"rows": null}'):
        assert rows(broken, broken) == {}


def test_another_bundle_than_that_of_the_lock_has_only_its_hash() -> None:
    *_, bundle = artefacts.artefacts_of(Lock.parse(provenances.LOCK), bundle="0" * 32)
    assert shown(bundle) == {
        "name": "bundle", "path": "serving/bundle", "md5": "0" * 32, "stage": "build",
    }  # fmt: skip


def test_the_hash_of_the_split_is_that_of_its_parts() -> None:
    def md5(lock: str) -> str | None:
        found = artefacts.artefacts_of(Lock.parse(lock), bundle="")
        return {item.name: item.md5 for item in found}["split"]

    other = provenances.LOCK.replace("d609076a6eac", "000000000000")
    assert md5(provenances.LOCK) != md5(other)
    assert md5(provenances.LOCK) == md5(provenances.LOCK.replace("ad365add0125", "000000000000"))


def test_params_that_differ_from_the_defaults_are_listed() -> None:
    before = {"train": {"epochs": 12, "arch": "pointer"}, "export": {"image": "titles"}}
    assert changed_params(before, before) == {}
    now = {"train": {"epochs": 3, "arch": "pointer"}, "split": {"limits": {"new": [1]}}}
    assert changed_params(now, before) == {
        "train.epochs": [12, 3],
        "export.image": ["titles", None],
        "split.limits.new": [None, [1]],
    }


def test_a_stage_that_leads_nowhere_stands_next_to_what_it_begins_with() -> None:
    census = (
        "  census: {cmd: x, deps: [{path: data/split/train, md5: '1'}],"
        " outs: [{path: data/census.json, md5: '2', size: 7}, {path: data/words, md5: '3'}]}\n"
    )
    lock = provenances.LOCK.replace("    cmd: x\n    outs:\n    - {path: data/features", (
        "    cmd: x\n    deps: [{path: data/split/train, md5: '1'}]\n"
        "    outs:\n    - {path: data/features"
    ))  # fmt: skip
    found = artefacts.artefacts_of(Lock.parse(lock + census), bundle=provenances.BUNDLE)
    names = [item.name for item in found]
    assert names.index("census") == names.index("split") + 1
    assert names[-1] == "bundle"
    made = found[names.index("census")]
    assert (made.path, made.stage) == ("data", "census")
    assert [part.name for part in made.parts] == ["census.json", "words"]
