"""`gto` and `issuesum release`: from tags to manifests, with a real registry and remote."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gto.api
import pytest
import yaml
from click.testing import CliRunner, Result

import attestations
from issuesum.cli.release import command
from issuesum.errors import IssuesumError
from issuesum.layout import NAME as ARTIFACT
from issuesum.registry.client import Registry
from issuesum.registry.reference import Reference
from issuesum.shipping.attestation.attachments import attest
from own_registry import own_registry
from tags import Tagged

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

GTO = Path(sys.executable).parent / "gto"
RECEIPT, LOCK, METRICS = "serving/image.json", "dvc.lock", "eval/metrics.json"


@dataclass(frozen=True)
class Shipped:
    """A repository with a remote, in which two images were made.

    Attributes:
        repository: the clone.
        remote: the bare repository.
        pinned: both images, by digest.
    """

    repository: Tagged
    remote: Path
    pinned: list[str]

    def copy(self, target: Path) -> Shipped:
        shutil.copytree(self.repository.path, target)
        copied = object.__new__(Tagged)
        copied.__dict__.update({**self.repository.__dict__, "path": target})
        return Shipped(copied, self.remote, self.pinned)

    def gto(self, *arguments: str) -> str:
        time.sleep(1 - time.time() % 1)  # GTO orders tags by the second
        done = subprocess.run(
            [GTO, *arguments],
            cwd=self.repository.path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def assign(self, version: str, **options: bool) -> None:
        time.sleep(1 - time.time() % 1)
        gto.api.assign(str(self.repository.path), ARTIFACT, "prod", version, **options)

    def release(self, *arguments: str) -> Result:
        with contextlib.chdir(self.repository.path):
            return CliRunner().invoke(command, arguments)


def ship(repository: Tagged, host: str, bundle: str) -> str:
    """Make an image of the last commit and commit its results, as retraining does."""
    origin = attestations.provenance(f"{host}/titles", commit=repository.commits[-1])
    tag = f"{origin['git']}-{bundle * 12}"
    hashes = {**origin["hashes"], "bundle": f"{bundle * 32}.dir"}
    origin |= {"dvc": bundle * 12, "hashes": hashes, "image": f"{host}/titles:{tag}"}
    pinned = attestations.push(Reference.parse(origin["image"]), origin)
    attest(
        Registry(host), pinned, attestations.exported(**origin), lambda: attestations.DISTRIBUTIONS,
        folder=repository.path.parent / "attested", key=None,
    )  # fmt: skip
    receipt = {"image": origin["image"], "digest": pinned.digest, "git": origin["git"],
               "dvc": origin["dvc"]}  # fmt: skip
    paths = {"raw": "data/raw/github_issues.csv", "features": "data/features", "model": "models",
             "bundle": "serving/bundle"}  # fmt: skip
    outs = [{"path": path, "md5": hashes[name]} for name, path in paths.items()]
    repository.commit(f"retrain {bundle} [skip ci]", **results(receipt, outs, passed=True))
    return str(pinned)


def results(receipt: dict, outs: list[dict[str, Any]], *, passed: bool) -> dict[str, str]:
    gate = {"passed": passed, "reasons": [] if passed else ["ROUGE-L is 1.00"]}
    return {
        RECEIPT: json.dumps(receipt),
        LOCK: yaml.safe_dump({"schema": "2.0", "stages": {"build": {"cmd": "x", "outs": outs}}}),
        METRICS: json.dumps({"gate": gate}),
    }


@pytest.fixture(scope="module")
def shipped(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shipped]:
    """Ship twice, register both, and put the first and then the second into production."""
    folder = tmp_path_factory.mktemp("shipped")
    (folder / "clone").mkdir()
    (folder / "registry").mkdir()
    repository = Tagged(folder / "clone")
    subprocess.run(["git", "init", "--quiet", "--bare", folder / "bare.git"], check=True)
    repository.git("remote", "add", "origin", str(folder / "bare.git"))
    with own_registry(folder / "registry", password=False) as host:
        repository.commit("code", **{"dvc.yaml": (root / "dvc.yaml").read_text(encoding="utf-8")})
        made = Shipped(repository, folder / "bare.git", [ship(repository, host, "b")])
        made.gto("register", ARTIFACT, "--version", "v1.0.0")
        repository.commit("wider", **{"params.yaml": "train: {hidden_units: 256}\n"})
        made.pinned.append(ship(repository, host, "c"))
        made.gto("register", ARTIFACT)
        made.gto("assign", ARTIFACT, "--version", "v1.0.0", "--stage", "prod")
        yield made


@pytest.fixture
def fresh(shipped: Shipped, tmp_path: Path) -> Shipped:
    return shipped.copy(tmp_path / "clone")


def read(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_gto_knows_the_artifact_of_dvc_yaml_and_its_versions(shipped: Shipped) -> None:
    versions = json.loads(shipped.gto("show", "--json"))[ARTIFACT]
    assert versions["version"] == "v1.0.1"
    assert versions["stage"]["prod"] == "v1.0.0"
    pipeline = yaml.safe_load((shipped.repository.path / "dvc.yaml").read_text(encoding="utf-8"))
    assert pipeline["artifacts"][ARTIFACT]["path"] == "models/trained"


def test_going_on_and_going_back_give_the_manifests_of_each_version(fresh: Shipped) -> None:
    place = fresh.repository.path / "deploy/live/prod"
    first = fresh.release(f"{ARTIFACT}#prod#1", "--push")
    assert first.exit_code == 0, first.exception
    assert first.stdout.startswith("v1.0.0 in stage prod, commit ")
    assert "origin/live is at " in first.stdout
    early = read(place)
    (deployment,) = yaml.safe_load_all(early["seldondeployment.yaml"])
    (component,) = deployment["spec"]["predictors"][0]["componentSpecs"]
    assert component["spec"]["containers"][0]["image"] == fresh.pinned[0]

    fresh.assign("v1.0.1")
    late = fresh.release(f"{ARTIFACT}#prod#1", "--push")
    assert "and v1.0.1 is there" in str(late.exception)
    assert read(place) == early
    assert fresh.release("--stage", "prod", "--push").exit_code == 0
    assert fresh.pinned[1].encode() in read(place)["seldondeployment.yaml"]

    fresh.assign("v1.0.0", force=True)
    assert fresh.release(f"{ARTIFACT}#prod#3", "--push").exit_code == 0
    assert read(place) == early

    branch = ["git", "-C", str(fresh.remote)]
    log = subprocess.check_output([*branch, "log", "--format=%s", "live"], text=True)
    assert log.splitlines() == [
        f"Release {version} to prod [skip ci]" for version in ("v1.0.0", "v1.0.1", "v1.0.0")
    ]
    names = subprocess.check_output([*branch, "ls-tree", "-r", "--name-only", "live"], text=True)
    assert names.split() == ["prod/seldondeployment.yaml", "prod/servicemonitor.yaml"]
    held = subprocess.check_output([*branch, "show", "live:prod/seldondeployment.yaml"])
    assert held == early["seldondeployment.yaml"]
    again = fresh.release("--stage", "prod", "--push")
    assert "origin/live had the same already" in again.stdout
    assert fresh.repository.git("status", "--porcelain", "--untracked-files=no") == ""


def test_a_registered_version_is_written_and_code_that_differs_is_reported(
    fresh: Shipped, tmp_path: Path
) -> None:
    done = fresh.release(f"{ARTIFACT}@v1.0.1", "--output", str(tmp_path / "look"))
    note = "note: to a node, localhost is the node itself (ISSUESUM_REGISTRY)\n"
    assert (done.exit_code, done.stderr) == (0, note)
    assert fresh.pinned[1].encode() in read(tmp_path / "look")["seldondeployment.yaml"]
    fresh.repository.commit("deeper", **{"params.yaml": "train: {hidden_units: 512}\n"})
    fresh.repository.tag(f"{ARTIFACT}@v2.0.0")
    done = fresh.release(f"{ARTIFACT}@v2.0.0", "--output", str(tmp_path / "other"))
    assert done.exit_code == 0
    assert "note: at that commit is other code than in its image: params.yaml" in done.stderr


def without_receipt(repository: Tagged) -> None:
    repository.commit("no receipt", **{RECEIPT: None})


def of_another_bundle(repository: Tagged) -> None:
    lock = (repository.path / LOCK).read_text(encoding="utf-8")
    repository.commit("built, not exported", **{LOCK: lock.replace("c" * 32, "e" * 32)})


def refused(repository: Tagged) -> None:
    repository.commit("worse", **{METRICS: results({}, [], passed=False)[METRICS]})


def unknown_digest(repository: Tagged) -> None:
    receipt = json.loads((repository.path / RECEIPT).read_text(encoding="utf-8"))
    changed = json.dumps({**receipt, "digest": f"sha256:{'0' * 64}"})
    repository.commit("lost", **{RECEIPT: changed})


def of_another_image(repository: Tagged) -> None:
    receipt = json.loads((repository.path / RECEIPT).read_text(encoding="utf-8"))
    early = json.loads(repository.git("show", f"{ARTIFACT}@v1.0.0:{RECEIPT}"))
    changed = json.dumps({**receipt, "digest": early["digest"]})
    repository.commit("mixed up", **{RECEIPT: changed})


@pytest.mark.parametrize(
    ("make", "code", "reason"),
    [
        (without_receipt, 4, "must hold serving/image.json. Received: none"),
        (of_another_bundle, 4, "of one bundle. Received: cccccccccccc and eeeeeeeeeeee"),
        (refused, 5, "must have passed the gate. Received: ROUGE-L is 1.00"),
        (unknown_digest, 7, "no such image"),
        (of_another_image, 10, "must be what it says"),
    ],
)
def test_what_must_not_be_served_is_refused(
    fresh: Shipped, make: Any, code: int, reason: str
) -> None:
    make(fresh.repository)
    fresh.repository.tag(f"{ARTIFACT}@v3.0.0")
    done = fresh.release(f"{ARTIFACT}@v3.0.0")
    assert isinstance(done.exception, IssuesumError)
    assert (done.exception.exit_code, reason in str(done.exception)) == (code, True)
    assert not (fresh.repository.path / "deploy").exists()
