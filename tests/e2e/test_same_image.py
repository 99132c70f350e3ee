"""Equal inputs give an equal image, whoever makes it, and what was changed in one is found."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import docker
import docker.errors
import pytest
import s3fs
from dvc.repo import Repo

from images import remove_images
from issuesum.registry.canonical import CanonicalImage, pack, push, read_canonical
from issuesum.registry.client import Registry, digest_of
from issuesum.registry.reference import Reference
from issuesum.shipping.attestation.rebuild import _difference
from own_registry import own_registry
from projects import Project
from tiny_images import TINY_BASE, build_base, export, make_project, write_dockerfile

NAME = f"issuesum-test-{uuid4().hex[:8]}"
pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, engine, services) -> Iterator[Project]:
    """Return a project whose bundle is in the remote, as its dvc.lock says."""
    build_base(engine)
    made = make_project(tmp_path_factory.mktemp("same") / "project", image=NAME)
    folder = "import os; os.makedirs('/app/made/__pycache__'); open('/app/made/a', 'w')"
    write_dockerfile(
        made, f"LABEL made-by={NAME}", f'RUN ["python3", "-c", "{folder}"]',
        "RUN [\"python3\", \"-c\", \"open('/app/made/__pycache__/a.pyc', 'w')\"]",
    )  # fmt: skip
    bucket = f"{os.environ.get('ISSUESUM_S3_BUCKET', 'issuesum')}/same-{uuid4().hex[:8]}"
    made.dvc("remote", "modify", "--local", "storage", "url", f"s3://{bucket}")
    with contextlib.chdir(made.path), Repo() as repo:
        (stage,) = (stage for stage in repo.index.stages if stage.addressing.endswith("build"))
        for out in stage.outs:
            out.save()
            out.commit()
        stage.dump(update_pipeline=False)
    made.dvc("push", "--quiet", "build")
    made.run("git", "remote", "add", "origin", str(made.path))  # as every clone of it has
    made.commit("run")
    yield made
    s3fs.S3FileSystem(endpoint_url=services.s3).rm(bucket, recursive=True)
    forget(engine)


def test_with_everything_pruned_and_in_another_clone_it_is_the_same(
    project: Project, engine: docker.DockerClient, tmp_path: Path
) -> None:
    with own_registry(tmp_path, password=False) as address:
        export(project, ISSUESUM_REGISTRY=address)
        first = receipt(project)
        image = Reference.parse(first["image"])
        layers = read_canonical(Registry(address), image).layers
        assert contents(engine, first) >= {"app/made/a", "app/weights", "app/provenance.json"}
        assert not any("pycache" in name for name in contents(engine, first))

        forget(engine)
        shutil.rmtree(tmp_path / "data")  # as if the registry were another, empty one
        project.run("git", "clone", "--quiet", str(project.path), str(tmp_path / "clone"))
        clone = Project(tmp_path / "clone")
        clone.env["PYTHONPATH"] = project.env["PYTHONPATH"]
        shutil.copy(project.path / ".dvc/config.local", clone.path / ".dvc")
        clone.run("git", "config", "user.name", "Somebody Else")
        clone.dvc("pull", "--quiet", "build")
        (clone.path / "serving/bundle/server.py").chmod(0o600)
        export(clone, ISSUESUM_REGISTRY=address)
        assert read_canonical(Registry(address), image).layers == layers
        assert receipt(clone) == first
        known = clone.issuesum("provenance", "--json", ISSUESUM_REGISTRY=address).stdout
        assert json.loads(known)["provenance"]["user"] == "Somebody Else"


def test_a_byte_that_was_changed_in_a_copy_is_found_and_its_file_is_named(
    project: Project, tmp_path: Path
) -> None:
    export(project)
    made = Reference.parse(receipt(project)["image"])
    registry = Registry(made.host)
    good = read_canonical(registry, made)
    assert verified(project, str(made)) == ("ok", "made again, it has the same digest")

    packed = io.BytesIO()
    (weights,) = (layer for layer in good.layers if "weights" in layer.made_by)
    registry.download(made, weights.digest, packed, most=weights.size)
    plain = bytearray(gzip.decompress(packed.getvalue()))
    plain[-20_000] ^= 1
    bad = pack(io.BytesIO(plain), tmp_path / "layer", weights.made_by)
    layers = tuple(bad if layer == weights else layer for layer in good.layers)
    state, detail = verified(project, str(pushed(registry, made, replace(good, layers=layers))))
    assert (state, f"(COPY weights /app/), {bad.digest}, differs in app/weights" in detail) == (
        "failed",
        True,
    ), detail

    env = {**good.settings, "Env": [*good.settings["Env"], "LD_PRELOAD=/tmp/x"]}
    other = pushed(registry, made, replace(good, settings=env))
    assert _difference(registry, other, good, tmp_path) == "its config differs in config.config.Env"

    # What another zlib makes of the same bytes is no other image.
    path = tmp_path / "again"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(gzip.decompress(packed.getvalue()))
    again = replace(weights, digest=digest_of(path.read_bytes()), size=path.stat().st_size)
    layers = tuple(replace(again, path=path) if of == weights else of for of in good.layers)
    other = pushed(registry, made, replace(good, layers=layers))
    assert str(other) != str(made.at(good.digest))
    layers = tuple(replace(of, path=tmp_path / "weights") for of in good.layers)
    (tmp_path / "weights").write_bytes(packed.getvalue())
    assert _difference(registry, other, replace(good, layers=layers), tmp_path) is None


def test_podman_can_take_the_place_of_docker(
    project: Project, engine: docker.DockerClient, tmp_path: Path
) -> None:
    base = b"".join(engine.images.get(TINY_BASE).save(named=True))
    with own_registry(tmp_path, password=False) as address, podman(tmp_path, address) as host:
        with contextlib.closing(docker.DockerClient(host)) as client:
            client.images.load(base)
        done = export(project, ISSUESUM_REGISTRY=address, DOCKER_HOST=host)
        assert "the container's first title: A title\nexport: pushed" in done.stdout
        made = receipt(project)
        assert Registry(address).digest(Reference.parse(made["image"])) == made["digest"]


@contextlib.contextmanager
def podman(folder: Path, registry: str) -> Iterator[str]:
    """Run a Podman of this test's own, which may ask the registry by HTTP; give its address."""
    if os.geteuid() or not shutil.which("podman"):
        pytest.skip("no podman here, or no root to run one")
    (folder / "registries.conf").write_text(f'[[registry]]\nlocation="{registry}"\ninsecure=true\n')
    limits = '[containers]\ndefault_ulimits=["nofile=1024:1024", "nproc=1024:1024"]\n'
    (folder / "containers.conf").write_text(limits)  # its own are more than a sandbox may set
    known = {
        "CONTAINERS_REGISTRIES_CONF": str(folder / "registries.conf"),
        "CONTAINERS_CONF": str(folder / "containers.conf"),
    }
    with tempfile.TemporaryDirectory(prefix="issuesum-") as short:  # a socket's path must be short
        host = f"unix://{short}/podman.sock"
        storage = (
            "--root",
            f"{short}/root",
            "--runroot",
            f"{short}/run",
            "--storage-driver",
            "vfs",
        )
        command = ("podman", *storage, "system", "service", "--time=0", host)
        process = subprocess.Popen(command, env={**os.environ, **known}, stderr=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + 30
            while not Path(f"{short}/podman.sock").exists() and time.monotonic() < deadline:
                time.sleep(0.1)
            yield host
        finally:
            process.terminate()
            process.wait()


def verified(project: Project, image: str) -> tuple[str, str]:
    """Return what `verify --rebuild` says of its check."""
    done = project.issuesum("verify", image, "--rebuild", "--json", ok=False)
    (check,) = (item for item in json.loads(done.stdout)["checks"] if item["name"] == "rebuild")
    return check["state"], check["detail"]


def pushed(registry: Registry, image: Reference, made: CanonicalImage) -> Reference:
    pinned = image.at(made.digest)
    push(registry, pinned, made)
    return pinned


def forget(engine: docker.DockerClient) -> None:
    """Remove this file's images from the engine, and what it would build them from again."""
    remove_images(engine, f"/{NAME}")
    for _ in range(2):  # parents after their children
        for image in engine.api.images(all=True, filters={"label": f"made-by={NAME}"}):
            with contextlib.suppress(docker.errors.APIError):
                engine.api.remove_image(image["Id"], force=True)
    assert engine.api.images(all=True, filters={"label": f"made-by={NAME}"}) == []


def contents(engine: docker.DockerClient, made: dict) -> set[str]:
    container = engine.containers.create(made["image"], ["never"])
    try:
        chunks, _ = container.get_archive("/app")
        with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as tar:
            return set(tar.getnames())
    finally:
        container.remove()


def receipt(project: Project) -> dict:
    return json.loads((project.path / "serving/image.json").read_text(encoding="utf-8"))
