"""The pipeline image trains, alone and as one of two, from and to the real S3 server.

The containers are held as tightly as the pods of deploy/training.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import socket
import socketserver
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from docker.errors import BuildError, NotFound
from docker.models.containers import Container

from issuesum.shipping.image.container import HARDENED
from projects import Project, pushed_project

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

NAME = f"issuesum-test-{uuid4().hex[:8]}"
CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
TIMEOUT = 300
PORT = 29400
TRAIN = "+ dvc repro --single-item train"
PUSH = "+ dvc push --run-cache train"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, tiny_params: str, services) -> Project:  # noqa: ARG001
    """Return a clone that has pushed what training needs, to a remote of its own."""
    return pushed_project(tmp_path_factory.mktemp("training") / "project", tiny_params, NAME)


@pytest.fixture(scope="module")
def build(engine, project: Project) -> Iterator[Callable[..., str]]:
    """Build the image of the commit that is checked out, as docs/kubernetes.md does."""
    images = []

    def build(**arguments: str) -> str:
        commit = project.run("git", "rev-parse", "HEAD").stdout.strip()
        context = subprocess.Popen(
            ["git", "archive", commit], cwd=project.path, stdout=subprocess.PIPE
        )
        with context:
            engine.images.build(
                fileobj=context.stdout,
                custom_context=True,
                dockerfile="deploy/training/Dockerfile",
                buildargs={"COMMIT": commit, **arguments},
                tag=f"{NAME}:{commit}",
                rm=True,
                forcerm=True,
            )
        images.append(f"{NAME}:{commit}")
        return images[-1]

    yield build
    for image in images:
        engine.images.remove(image, force=True, noprune=True)  # the libraries take minutes


@pytest.fixture(scope="module")
def image(build: Callable[..., str]) -> str:
    return build()


@pytest.fixture(scope="module")
def network(engine, services) -> Iterator[dict[str, str]]:
    """Make a Docker network in which S3 can be reached; return what containers need to know."""
    made = engine.networks.create(NAME, driver="bridge")
    try:
        made.reload()
        with relay(made.attrs["IPAM"]["Config"][0]["Gateway"], services.s3) as endpoint:
            yield {"network": NAME, "endpoint": endpoint}
    finally:
        made.remove()


@pytest.fixture
def start(engine, network, services) -> Iterator[Callable[..., Container]]:  # noqa: ARG001
    """Start a process of a job in a container, with a volume of its own as /work."""
    with contextlib.ExitStack() as stack:

        def start(image: str, endpoint: str = services.s3, **options) -> Container:
            volume = engine.volumes.create()
            stack.callback(volume.remove)
            environment = {
                "AWS_ENDPOINT_URL_S3": endpoint,
                **{name: os.environ[name] for name in CREDENTIALS},
                **options.pop("environment", {}),
            }
            container = engine.containers.run(
                image,
                detach=True,
                environment=environment,
                volumes={volume.name: {"bind": "/work", "mode": "rw"}},
                **HARDENED,
                **options,
            )
            stack.callback(container.remove, force=True)
            return container

        yield start


def test_the_image_is_the_commit_and_nothing_else(engine, image: str, project: Project) -> None:
    commit = project.run("git", "rev-parse", "HEAD").stdout.strip()
    config = engine.images.get(image).attrs["Config"]
    assert config["Labels"]["org.opencontainers.image.revision"] == commit
    assert f"ISSUESUM_COMMIT={commit}" in config["Env"]
    assert not any(variable.startswith("AWS_") for variable in config["Env"])
    assert config["User"] == "10001:10001"
    script = "cd /app && find * .dvc .dvcignore -type f | sort | xargs md5sum"
    output = engine.containers.run(image, ["-c", script], entrypoint="sh", remove=True, **HARDENED)
    held = dict(line.split()[::-1] for line in output.decode().splitlines())
    tracked = set(project.run("git", "ls-files").stdout.splitlines())
    assert set(held) <= tracked
    for name, digest in held.items():
        assert hashlib.md5((project.path / name).read_bytes()).hexdigest() == digest, name  # noqa: S324


def test_without_its_commit_no_image_is_built(build: Callable[..., str], image: str) -> None:  # noqa: ARG001
    with pytest.raises(BuildError, match="returned a non-zero code: 2"):
        build(COMMIT="")


def test_one_process_trains_and_another_clone_gets_the_model(
    start: Callable[..., Container], image: str, project: Project, services, tmp_path: Path
) -> None:
    job = start(image, services.s3, network_mode="host")
    log = finish(job)
    assert TRAIN in log
    assert PUSH in log
    assert services.secret not in log
    got = restored(project, tmp_path)
    assert {path.name for path in (got / "models/trained").iterdir()} == {
        "config.json",
        "model.weights.h5",
    }
    assert (got / "eval/train/metrics.json").is_file()


def test_of_two_processes_on_one_network_the_chief_pushes(
    start: Callable[..., Container],
    build: Callable[..., str],
    network: dict[str, str],
    project: Project,
    tmp_path: Path,
) -> None:
    # Another seed, or the model of the process alone would do as well.
    project.edit("params.yaml", lambda text: text.replace("seed: 2018", "seed: 2019"))
    project.commit("seed")
    image = build()
    hosts = [f"{NAME}-worker-{index}" for index in range(2)]
    cluster = {"worker": [f"{host}:{PORT}" for host in hosts]}
    jobs = []
    for index, host in enumerate(hosts):
        place = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}})
        jobs.append(start(image, name=host, environment={"TF_CONFIG": place}, **network))
    chief, worker = (finish(job) for job in jobs)
    assert TRAIN in chief
    assert PUSH in chief
    assert "-m issuesum.stages train" in worker
    assert "push" not in worker
    with pytest.raises(NotFound):
        jobs[1].get_archive("/work/models/trained")
    assert (restored(project, tmp_path) / "models/trained/model.weights.h5").is_file()


def finish(job: Container) -> str:
    """Return the log of a process that must succeed."""
    code = job.wait(timeout=TIMEOUT)["StatusCode"]
    log = job.logs().decode()
    assert code == 0, log
    return log


def restored(project: Project, folder: Path) -> Path:
    """Return a fresh clone that took the model from the remote, without training."""
    project.run("git", "clone", "--quiet", ".", str(folder / "clone"))
    clone = Project(folder / "clone")
    done = clone.dvc("repro", "--pull", "train")
    assert "Stage 'train' is cached - skipping run" in done.stdout
    assert "Running stage" not in done.stdout
    return clone.path


@contextlib.contextmanager
def relay(address: str, url: str) -> Iterator[str]:
    """Let a Docker network reach a server that listens on the loopback address only."""
    target = urlsplit(url)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection((target.hostname, target.port)) as server:
                back = threading.Thread(target=pump, args=(server, self.request))
                back.start()
                pump(self.request, server)
                back.join()

    with socketserver.ThreadingTCPServer((address, 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://{address}:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
