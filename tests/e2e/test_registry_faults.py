"""A real registry behind a proxy with the faults of others: success, or one true line."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from images import remove_images
from issuesum.layout import RECEIPT
from issuesum.registry import client
from projects import Project
from registry_faults import (
    Fault,
    Faults,
    cuts,
    faulty,
    first,
    forbids_what_is_absent,
    keeps_tags,
    limits,
    moves_uploads,
    refuses,
)
from tiny_images import build_base, export, make_project

NAME = f"issuesum-test-{uuid4().hex[:8]}"
pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@dataclass(frozen=True)
class Shipped:
    """A project whose image was exported through every fault that passes.

    Attributes:
        project: with the receipt.
        registry: host:port of the registry behind the proxy.
        faults: of the proxy during the export.
        message: of the export, on standard error.
    """

    project: Project
    registry: str
    faults: Faults
    message: str

    def image(self, host: str) -> str:
        """Return the image's name as another proxy has it."""
        receipt = json.loads((self.project.path / RECEIPT).read_text(encoding="utf-8"))
        return f"{host}/{receipt['image'].partition('/')[2]}"


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory, services, engine) -> Iterator[Shipped]:
    build_base(engine)
    project = make_project(tmp_path_factory.mktemp("registry") / "project", image=NAME)
    passing = (
        first(2, "PUT", "uploads", limits(1)),
        first(1, "HEAD", "/manifests/", limits(1)),
        first(1, "PUT", "/manifests/sha256-", refuses(403, "DENIED")),
        *(first(1, "PUT", f"/manifests/{of}", cuts) for of in ("runtime-", "sha256-")),
        forbids_what_is_absent,
        keeps_tags(),
        moves_uploads(services.registry),
    )
    with faulty(services.registry, *passing) as faults:
        there = {"ISSUESUM_REGISTRY": f"{faults.host}/team/deep"}
        refused = export(project, ok=False, **there)
        assert refused.returncode == 7, refused.stderr
        assert refused.stderr.splitlines()[-1].startswith(f"error: export: {faults.host} must")
        assert (project.path / RECEIPT).exists(), refused.stderr
        receipt = (project.path / RECEIPT).read_bytes()  # the image is there
        done = export(project, **there)
        assert "holds" in done.stdout
        assert (project.path / RECEIPT).read_bytes() == receipt
    yield Shipped(project, services.registry, faults, refused.stderr)
    remove_images(engine, f"/{NAME}:")


def test_no_tag_is_put_twice_but_where_an_answer_was_lost(shipped: Shipped) -> None:
    tags = shipped.faults.puts_of_tags()
    (of_image,) = (tag for tag in tags if not tag.startswith(("runtime-", "sha256-")))
    assert shipped.image("x").endswith(f":{of_image}")
    # One answer was lost, and one refusal was ours to complete.
    assert sorted(tags.count(tag) for tag in set(tags)) == [1, 1, 2, 3]
    assert "429 Too Many Requests" in shipped.message


class Hurried:
    """The client's clock: a wait is over at once, and counts."""

    waited = 0.0

    def sleep(self, seconds: float) -> None:
        self.waited += seconds

    def monotonic(self) -> float:
        return time.monotonic() + self.waited


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "time", Hurried())


VERBS = (("verify",), ("provenance",), ("restore", "--no-data"))


@pytest.mark.parametrize("verb", VERBS)
def test_what_was_shipped_is_found_through_faults_that_pass(
    verb: tuple[str, ...], shipped: Shipped, tmp_path: Path
) -> None:
    passing = (
        first(1, "GET", "/blobs/", limits(1)),
        first(1, "GET", "/manifests/", cuts),
        first(9, "GET", "/referrers/", refuses(403, "DENIED")),
        forbids_what_is_absent,
    )
    with faulty(shipped.registry, *passing) as faults:
        done = run(shipped, faults, verb, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("verb", [*VERBS, ("export",)])
@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (limits(3600), "it asks to wait 3,600 s"),
        (refuses(403, "DENIED"), "must accept our credentials"),
        (refuses(500, "UNKNOWN"), "500 Internal Server Error"),
        (cuts, "no answer"),
    ],
    ids=["limited", "denied", "broken", "cut"],
)
def test_what_stays_is_one_line(
    fault: Fault, message: str, verb: tuple[str, ...], shipped: Shipped, tmp_path: Path
) -> None:
    with faulty(shipped.registry, fault) as faults:
        done = run(shipped, faults, verb, tmp_path)
    assert done.returncode == 7, done.stdout + done.stderr
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert message in line
    assert "Try: " in line


def run(shipped: Shipped, faults: Faults, verb: tuple[str, ...], folder: Path):
    """Run a verb on the image by the name that it has through the proxy."""
    where = {"ISSUESUM_REGISTRY": f"{faults.host}/team/deep"}
    if verb == ("export",):
        return shipped.project.stage("export", ok=False, **where)
    name, *options = verb
    if name == "restore":
        options += [str(folder / "back"), "--source", str(shipped.project.path)]
    nowhere = Project(folder)
    return nowhere.issuesum(name, shipped.image(faults.host), *options, ok=False, **where)
