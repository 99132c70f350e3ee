"""What export does when a real part fails in the middle of it, and what one rerun makes of that."""

from __future__ import annotations

import base64
import contextlib
import importlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import CodeType
from uuid import uuid4

import docker
import pytest
import requests
import yaml
from docker.models.containers import Container

from images import remove_images
from issuesum.layout import RECEIPT
from issuesum.lineage.receipt import Receipt
from issuesum.registry.client import Registry
from issuesum.registry.image import read_image
from issuesum.registry.reference import Reference
from missing import without
from own_registry import Line, own_registry
from projects import ROOT, Project
from tiny_images import TINY_BASE, build_base, export, make_project, write_dockerfile

NAME = f"issuesum-test-{uuid4().hex[:8]}"
"""Of the image; other workers export others at the same time."""
pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, engine) -> Iterator[Project]:
    """Return a project whose first image, and so its base, the registry holds."""
    build_base(engine)
    made = make_project(tmp_path_factory.mktemp("faults") / "project", image=NAME)
    # Whether another test has imported it must not matter: to be imported is not to be called.
    importlib.import_module("issuesum.shipping.image.process")
    with watched() as FIRST["ran"]:
        export(made)
    yield made
    remove_images(engine, f"/{NAME}:")


FIRST: dict[str, set[Path]] = {}
"""The files of which the first export called a function."""


@contextlib.contextmanager
def watched() -> Iterator[set[Path]]:
    """Collect the files of which a function is called in the block."""
    ran: set[Path] = set()
    watch, tool, begin = sys.monitoring, sys.monitoring.PROFILER_ID, sys.monitoring.events.PY_START

    def note(code: CodeType, _: int) -> object:
        if code.co_name != "<module>":
            ran.add(Path(code.co_filename))
        return watch.DISABLE

    watch.use_tool_id(tool, "issuesum")
    watch.register_callback(tool, begin, note)
    watch.set_events(tool, begin)
    try:
        yield ran
    finally:
        watch.set_events(tool, watch.events.NO_EVENTS)
        watch.free_tool_id(tool)


@pytest.mark.usefixtures("project")
def test_a_first_export_runs_code_of_all_that_it_depends_on() -> None:
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    code = [ROOT / dep for dep in stages["export"]["deps"] if dep.startswith("src/")]
    modules = {
        module for path in code for module in (path.rglob("*.py") if path.is_dir() else [path])
    }
    idle = {path.relative_to(ROOT / "src/issuesum").as_posix() for path in modules - FIRST["ran"]}
    # Of a live image that is better, or has no scores on these issues, titles are compared here.
    scoring = ("serving/", "text/", "training/", "lineage/reporting/live_comparison.py")
    # What tries an image without an engine: tests/e2e/test_export_without_engine.py.
    alone = {"shipping/image/process.py", "registry/__init__.py"}
    assert {name for name in idle if not name.startswith(scoring)} == alone


@pytest.fixture
def fresh(project: Project) -> Iterator[Project]:
    """Return the project with a bundle that nobody exported; it is left whole."""
    weights = project.path / "serving/bundle/weights"
    weights.write_bytes(os.urandom(3_000_000))
    yield project
    write_dockerfile(project)
    project.run("git", "checkout", "--quiet", ".")


def test_a_bundle_of_links_into_the_cache_is_built(fresh: Project, tmp_path: Path) -> None:
    write_dockerfile(fresh, "LABEL of=links")
    for path in (fresh.path / "serving/bundle").iterdir():
        if path.is_file():
            path.rename(tmp_path / path.name)
            path.symlink_to(tmp_path / path.name)
    try:
        assert "export: pushed" in export(fresh).stdout
        assert is_whole(fresh)
    finally:
        for path in tmp_path.iterdir():
            path.replace(fresh.path / "serving/bundle" / path.name)


@pytest.fixture
def line(services) -> Iterator[Line]:
    """Return a line to the registry that can be cut."""
    found = Line(services.registry)
    yield found
    found.close()


def test_a_push_that_is_cut_off_is_tried_again_until_it_is_through(
    fresh: Project, line: Line
) -> None:
    line.left = 1_000_000
    process = start(fresh, ISSUESUM_REGISTRY=line.address)
    assert line.was_cut.wait(60)
    time.sleep(1)
    line.repair()
    output, notices = process.communicate()
    assert process.returncode == 0, notices
    assert "export: pushed" in output
    retries = [text for text in notices.splitlines() if text.startswith("registry: ")]
    assert retries
    assert all("again in" in text for text in retries)
    assert is_whole(fresh)


def test_a_registry_that_stays_away_is_one_line_and_the_rerun_pushes(
    fresh: Project, line: Line
) -> None:
    fresh.edit("params.yaml", lambda text: text.replace("push_patience: 60", "push_patience: 1"))
    line.left = 1_000_000
    done = export(fresh, ok=False, ISSUESUM_REGISTRY=line.address)
    assert_refused(done, 7, f"{line.address} must take or give {line.address}/")
    assert "in 1 s" in done.stderr
    line.repair()
    assert "export: pushed" in export(fresh, ISSUESUM_REGISTRY=line.address).stdout
    assert is_whole(fresh)


def test_a_tag_of_other_changes_is_never_moved_and_both_are_shown(fresh: Project) -> None:
    def dial(seconds: int) -> None:
        fresh.run("git", "checkout", "--quiet", "params.yaml")
        fresh.edit("params.yaml", lambda text: text.replace("_timeout: 60", f"_timeout: {seconds}"))

    dial(61)
    assert "export: pushed" in export(fresh).stdout
    first = receipt(fresh)
    dial(62)
    done = export(fresh, ok=False)
    assert_refused(done, 7, f"{first['image']} must be free, or made from commit")
    assert first["digest"] in done.stderr
    assert done.stderr.count("patch ") == 2
    assert "git commit" in done.stderr
    assert digest_of(first["image"]) == first["digest"]
    dial(61)
    assert "holds" in export(fresh).stdout
    assert receipt(fresh) == first


def test_two_exports_at_once_push_once_and_leave_equal_receipts(fresh: Project) -> None:
    processes = [start(fresh), start(fresh)]
    outputs = [process.communicate() for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert sum("export: pushed" in output for output, _ in outputs) == 1
    assert is_whole(fresh)
    shown = fresh.issuesum("export", "--dry-run", DOCKER_HOST="unix:///nowhere").stdout
    assert f"registry holds it as {receipt(fresh)['digest']}" in shown
    assert "nothing is built or pushed" in shown


def test_a_dry_run_needs_no_engine_and_changes_nothing(fresh: Project) -> None:
    before = receipt(fresh)
    fresh.edit("params.yaml", lambda text: text + "# a remark\n")
    shown = fresh.issuesum("export", "--dry-run", DOCKER_HOST="unix:///nowhere").stdout
    assert "gate     passed" in shown
    assert "dirty    params.yaml" in shown
    assert "would    build on issuesum-test-base:tiny from serving/bundle (3.0 MB)" in shown
    image = next(text.split()[1] for text in shown.splitlines() if text.startswith("image"))
    assert "-dirty-" in image
    assert digest_of(image) is None
    assert receipt(fresh) == before


def test_whatever_fails_leaves_no_name_behind_and_one_rerun_pushes(
    fresh: Project, engine, tmp_path: Path
) -> None:
    write_dockerfile(fresh, 'ENTRYPOINT ["python3", "-c", "import time; time.sleep(600)"]')
    process = start(fresh)
    wait_for(lambda: running(engine))
    process.kill()
    process.communicate()
    assert leftovers(engine)  # the next export takes them away

    fill = "open('/dev/shm/full', 'wb').write(bytes(1 << 30))"
    broken = {
        "No space left on device": f'RUN ["python3", "-c", "{fill}"]',
        "must keep running": 'ENTRYPOINT ["python3", "-c", "raise SystemExit(3)"]',
    }
    for reason, step in broken.items():
        write_dockerfile(fresh, step)
        done = export(fresh, ok=False)
        assert_refused(done, 6, "")
        assert reason in done.stderr
        assert leftovers(engine) == []
        assert digest_of(fresh_image(fresh)) is None

    write_dockerfile(fresh)
    with small_disk(tmp_path) as full:
        if full:
            done = export(fresh, ok=False, TMPDIR=str(tmp_path))
            assert_refused(done, 4, "Inputs must be readable and outputs writable")
            assert "No space left on device" in done.stderr
    assert "export: pushed" in export(fresh).stdout
    assert is_whole(fresh)


def test_an_engine_that_is_restarted_is_one_line_and_goes_on_after(fresh: Project, engine) -> None:
    with tempfile.TemporaryDirectory(prefix="issuesum-") as folder:  # a socket's path must be short
        own = OwnEngine(Path(folder))
        try:
            own.start()
            with own.client() as client:
                client.images.load(b"".join(engine.images.get(TINY_BASE).save(named=True)))
            write_dockerfile(fresh, 'RUN ["python3", "-c", "import time; time.sleep(4)"]')
            before = runtimes(fresh)
            process = start(fresh, DOCKER_HOST=own.host)
            with own.client() as client:
                wait_for(client.containers.list)
            own.stop()
            output, notices = process.communicate()
            assert process.returncode == 6, output + notices
            assert notices.startswith("error: export: ")
            assert notices.count("\n") == 1
            own.start()
            # It has no network, so that what it does to networks is not done to those of the
            # machine; all but its pull succeeds.
            fresh.edit("params.yaml", lambda text: text.replace("patience: 60", "patience: 0"))
            assert_refused(export(fresh, ok=False, DOCKER_HOST=own.host), 7, "")
            assert len(runtimes(fresh)) > len(before)  # what the engine built is in the registry
            with own.client() as client:
                assert leftovers(client) == []
        finally:
            own.stop()
    assert "export: pushed" in export(fresh).stdout
    assert is_whole(fresh)


def test_no_secret_is_anywhere_and_a_wrong_password_is_one_line(
    fresh: Project, services, engine, tmp_path: Path
) -> None:
    with own_registry(tmp_path, password=True) as address:
        for password in ("", "wrong-one"):
            wrong = {"ISSUESUM_REGISTRY_USERNAME": "tester", "ISSUESUM_REGISTRY_PASSWORD": password}
            done = export(fresh, ok=False, ISSUESUM_REGISTRY=address, **wrong)
            assert_refused(done, 7, f"{address} must accept our credentials")
            assert "docker login" in done.stderr
        # What a Secret of type kubernetes.io/dockerconfigjson is mounted as.
        login = base64.b64encode(b"tester:right").decode()
        config = tmp_path / "docker/config.json"
        config.parent.mkdir()
        config.write_text(json.dumps({"auths": {address: {"auth": login}}}))
        known = {"ISSUESUM_REGISTRY": address, "DOCKER_CONFIG": str(config.parent)}
        ended = [done, export(fresh, **known)]
        ended.append(export(fresh, DOCKER_HOST="unix:///nowhere", **known))
        assert "holds" in ended[-1].stdout
        image = engine.images.get(receipt(fresh)["image"])
        secrets = (services.secret, "wrong-one", login)
        seen = [json.dumps([image.attrs, image.history()]).encode(), *image.save()]
        seen += [text.encode() for each in ended for text in (each.stdout, each.stderr)]
        skipped = fresh.path / ".dvc"  # DVC's own; config.local is where the S3 keys belong
        seen += [
            path.read_bytes()
            for path in fresh.path.rglob("*")
            if path.is_file() and skipped not in path.parents
        ]
        for secret in secrets:
            assert not any(secret.encode() in data for data in seen), secret


def test_a_registry_that_lost_the_image_gets_it_again(fresh: Project, tmp_path: Path) -> None:
    export(fresh)
    with own_registry(tmp_path, password=False) as address:
        there = {"ISSUESUM_REGISTRY": address}
        done = fresh.issuesum("summary", "--verify", ok=False, **there)
        assert done.returncode == 7
        assert done.stderr.startswith(f"error: {address} must hold ")
        tag = Receipt.load(fresh.path / RECEIPT).image.rpartition(":")[2]
        done = fresh.issuesum("provenance", tag, ok=False, **there)
        assert (done.returncode, len(done.stderr.splitlines())) == (7, 1)
        assert "is made again by dvc repro -f -s export where its commit" in done.stderr
        export(fresh, **there)
        assert tag in fresh.issuesum("provenance", tag, **there).stdout
        fresh.issuesum("summary", "--verify", **there)


def test_an_s3_that_refuses_keeps_nothing_and_the_rerun_stores_it(fresh: Project, services) -> None:
    raw = fresh.path / "data/raw/new.csv"
    raw.parent.mkdir(parents=True)
    raw.write_text("issue_url,issue_title,body\n")
    fresh.edit(".dvc/config", lambda text: text.replace("issuesum/dvc", f"issuesum/{uuid4().hex}"))
    fresh.dvc("add", "--quiet", str(raw))
    push = ("push", "data/raw/new.csv.dvc")
    done = fresh.run("dvc", *push, ok=False, AWS_SECRET_ACCESS_KEY="f" * 40)
    assert done.returncode != 0
    assert done.stderr.count("ERROR") == 1, done.stderr
    assert services.secret not in done.stdout + done.stderr
    assert "1 file pushed" in fresh.dvc(*push).stdout


class OwnEngine:
    """A dockerd of this test's own, in a network of its own: at its start it changes what it has.

    On the machine's network `--bridge none` would delete the docker0 of the machine's engine. With
    mounts of its own none is left behind, in the way of who removes its folder.
    """

    def __init__(self, folder: Path) -> None:
        if os.geteuid() or not shutil.which("dockerd") or not shutil.which("unshare"):
            without("only root on Linux may start a dockerd")
        self._socket = folder / "docker.sock"
        self.host = f"unix://{self._socket}"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        folder = self._folder
        with (folder / "dockerd.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    "unshare", "--net", "--mount", "dockerd", "--host", self.host,
                    "--data-root", folder / "data", "--exec-root", folder / "exec",
                    "--pidfile", folder / "dockerd.pid", "--bridge", "none", "--iptables=false",
                ],
                stdout=log, stderr=log,
            )  # fmt: skip
        wait_for(self._listens)

    def stop(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(60)
            self._process = None

    def client(self) -> contextlib.closing[docker.DockerClient]:
        return contextlib.closing(docker.DockerClient(self.host, timeout=60))

    def _listens(self) -> bool:
        if self._process and self._process.poll() is not None:
            log = (self._folder / "dockerd.log").read_text(errors="replace")
            without(f"no second dockerd can run here: {log[-300:]}")
        with socket.socket(socket.AF_UNIX) as asked:
            return asked.connect_ex(str(self._socket)) == 0


def start(project: Project, **env: str) -> subprocess.Popen[str]:
    return project.start("python", "-m", "issuesum.stages", "export", **env)


def receipt(project: Project) -> dict:
    return json.loads((project.path / "serving/image.json").read_text(encoding="utf-8"))


def digest_of(image: str) -> str | None:
    reference = Reference.parse(image)
    return Registry(reference.host).digest(reference)


def runtimes(project: Project) -> list[str]:
    reference = Reference.parse(fresh_image(project))
    listed = requests.get(f"http://{reference.host}/v2/{reference.name}/tags/list", timeout=9)
    return [tag for tag in listed.json()["tags"] if tag.startswith("runtime-")]


def is_whole(project: Project) -> bool:
    """Return whether the registry holds what the receipt names, each layer as its digest says."""
    made = receipt(project)
    reference = Reference.parse(made["image"])
    registry = Registry(reference.host)
    image = read_image(registry, reference)
    for layer in image.layers:
        with Path(os.devnull).open("wb") as nowhere:
            registry.download(reference, layer["digest"], nowhere, most=layer["size"])  # compares
    return image.reference.digest == made["digest"]


def assert_refused(done: subprocess.CompletedProcess[str], code: int, message: str) -> None:
    last = done.stderr.splitlines()[-1]
    assert (done.returncode, "Traceback (most recent call last):\n" in done.stderr) == (
        code,
        False,
    ), done.stderr
    assert last.startswith(f"error: export: {message}"), done.stderr
    assert all(text.startswith("registry: ") for text in done.stderr.splitlines()[:-1])


def leftovers(engine) -> list[str]:
    """Return the temporary names of images of this test's kind."""
    images = engine.api.images(filters={"reference": f"issuesum-building/{NAME}*"})
    return [tag for image in images for tag in image["RepoTags"] or ()]


def running(engine) -> list[Container]:
    """Return the containers of images under names of exports."""
    names = leftovers(engine)  # they come and go
    return [of for name in names for of in engine.containers.list(filters={"ancestor": name})]


def fresh_image(project: Project) -> str:
    """Return the image that an export would make."""
    from issuesum.stages.export import target_of
    from issuesum.stages.params import load_params

    with contextlib.chdir(project.path):
        return str(target_of(load_params().export).image)


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """Mount a file system of 1 MB, where that is allowed."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "issuesum", folder]
    mounted = subprocess.run(mount, check=False, stderr=subprocess.DEVNULL).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", folder], check=True)


def wait_for(condition, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
