"""From a CSV to an image that answers, through the real S3 server, registry, engine and container.

One project is shipped by `tools/run` and then looked at, changed, broken and repaired.
"""

from __future__ import annotations

import csv
import json
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from images import free_port
from issuesum.serving.inference.writer import TitleWriter
from projects import Project

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


AWAY = {"DOCKER_HOST": "unix:///nonexistent.sock"}
"""Without an engine."""


@pytest.fixture(scope="module")
def project(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a clone with data and a model, of one commit."""
    project = finished.copy(tmp_path_factory.mktemp("shipped") / "project")
    (project.path / ".venv").symlink_to(Path(project.env["PATH"].split(":")[0]).parent)
    project.commit("begin")
    return project


@pytest.fixture(scope="module")
def without_engine(project: Project, services) -> subprocess.CompletedProcess[str]:
    """Run `tools/run` for a CI where no engine answers and no runtime is in the registry."""
    return project.run(
        "tools/run", ok=False, CI="true", ISSUESUM_REGISTRY=f"{services.registry}/alone", **AWAY
    )


@pytest.fixture(scope="module")
def shipped(project: Project, engine) -> Iterator[Project]:
    """Return that clone in which `tools/run` has run again, now with an engine."""
    commit = project.run("git", "rev-parse", "HEAD").stdout.strip()
    done = project.run("tools/run")
    assert "title of the most similar issue" in done.stdout
    assert receipt(project)["image"] in done.stdout
    assert receipt(project)["digest"] in done.stdout
    yield project
    for git in (commit[:12], f"{commit[:12]}-dirty"):
        for image in engine.images.list(filters={"label": f"io.issuesum.git={git}"}):
            engine.images.remove(image.id, force=True)


@pytest.fixture(scope="module")
def server(shipped: Project) -> Iterator[str]:
    """Run `issuesum serve` and return the URL."""
    port = free_port()
    done = shipped.issuesum("serve", "--port", str(port))
    line = next(line for line in done.stdout.splitlines() if line.strip().startswith("curl "))
    answer = subprocess.run(line, shell=True, capture_output=True, text=True, check=True)  # noqa: S602
    assert json.loads(answer.stdout)["data"]["ndarray"][0]
    yield f"http://127.0.0.1:{port}"
    stopped = shipped.issuesum("serve", "--stop", "--port", str(port))
    assert stopped.stdout == "stopped\n"


def test_without_an_engine_all_is_done_but_the_image(
    without_engine: subprocess.CompletedProcess[str],
) -> None:
    assert without_engine.returncode == 6
    assert "title of the most similar issue" in without_engine.stdout
    assert re.search(r"^\d+ files pushed", without_engine.stdout, re.MULTILINE)
    assert "image    " not in without_engine.stdout
    *_, line = without_engine.stderr.splitlines()
    assert re.match(
        r"no image: Docker Engine must answer.*No such file or directory.* Try: .*DOCKER_HOST", line
    )


@pytest.mark.usefixtures("without_engine")
def test_without_an_engine_the_bundle_is_served_as_a_process(project: Project) -> None:
    port = free_port()
    with serve_as_process(project, port) as shown:
        assert "No such file or directory), so this is not the container" in shown
        url = f"http://127.0.0.1:{port}"
        answer = post(url, {"data": {"ndarray": ["The app crashes."]}}).json()
        assert answer["data"]["ndarray"][0]
        tags = answer["meta"]["tags"]
        assert set(tags) == {"bundle", "commit", "data", "dvc", "git", "image", "model"}
        assert tags["commit"] == project.run("git", "rev-parse", "HEAD").stdout.strip()
        assert "<textarea" in requests.get(url, timeout=10).text
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=10)
    with socket.create_server(("", port)):
        done = project.issuesum("serve", "--port", str(port), ok=False, **AWAY)
    assert (done.returncode, done.stderr.count("\n")) == (6, 1)
    assert f"must run on port {port}" in done.stderr


@contextmanager
def serve_as_process(project: Project, port: int) -> Iterator[str]:
    """Run `issuesum serve` without an engine for the block; give what it prints."""
    try:
        yield project.issuesum("serve", "--port", str(port), **AWAY).stdout
        stopped = project.issuesum("serve", "--stop", "--port", str(port), **AWAY)
        assert stopped.stdout == "stopped\n"
    finally:
        project.issuesum("serve", "--stop", "--port", str(port), ok=False, **AWAY)


def test_the_tag_is_the_commit_and_the_bundle_and_the_registry_holds_it(
    shipped: Project, services
) -> None:
    made = receipt(shipped)
    commit = shipped.run("git", "rev-parse", "HEAD").stdout.strip()
    bundle = next(
        out["md5"] for out in shipped.lock()["build"]["outs"] if out["path"] == "serving/bundle"
    )
    assert made["git"] == commit[:12]
    assert made["dvc"] == bundle[:12]
    tag = f"{commit[:12]}-{bundle[:12]}"
    assert made["image"] == f"{services.registry}/issuesummarization:{tag}"
    assert remote_digest(services.registry, tag) == made["digest"]


def test_serve_says_that_a_port_is_taken(shipped: Project) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = shipped.issuesum("serve", "--port", str(port), ok=False)
    assert done.returncode == 6
    assert f"must run on port {port}" in done.stderr
    assert done.stderr.count("\n") == 1
    stopped = shipped.issuesum("serve", "--stop", "--port", str(port))
    assert stopped.stdout == "no server was running\n"


def test_the_container_answers_by_titles_and_names_its_image(shipped: Project, server: str) -> None:
    answer = post(server, {"data": {"ndarray": ["The app crashes.", "How do I log in?"]}})
    assert answer.status_code == 200
    titles = answer.json()["data"]["ndarray"]
    assert len(titles) == 2
    assert all(isinstance(title, str) and title for title in titles)
    assert not any("_" in title for title in titles)
    made = receipt(shipped)
    tags = answer.json()["meta"]["tags"]
    assert {key: tags[key] for key in ("image", "git", "dvc")} == {
        key: made[key] for key in ("image", "git", "dvc")
    }
    assert tags["bundle"].startswith(made["dvc"])
    assert tags["data"] in (shipped.path / "data/raw/github_issues.csv.dvc").read_text()
    column = post(server, {"data": {"ndarray": [["The app crashes."], ["How do I log in?"]]}})
    assert column.json()["data"]["ndarray"] == [[title] for title in titles]
    for route in ("health/ping", "health/status", "metadata"):
        assert requests.get(f"{server}/{route}", timeout=10).status_code == 200


def test_probes_of_the_manifests_are_answered(server: str, root: Path) -> None:
    text = (root / "deploy/serving/example/seldondeployment.yaml").read_text(encoding="utf-8")
    paths = re.findall(r"path: (/\S+)", text)
    assert len(paths) == 3
    assert [requests.get(f"{server}{path}", timeout=10).status_code for path in paths] == [200] * 3


def test_titles_are_those_of_the_bundle(shipped: Project, server: str) -> None:
    body = "After the update to 2.1 the settings page does not open (see https://example.org)."
    here = TitleWriter(shipped.path / "serving/bundle/model").titles([body])
    assert post(server, {"data": {"ndarray": [body]}}).json()["data"]["ndarray"] == here


@pytest.mark.parametrize("values", [[1], [None], [["a", "b"]], [], [[["a"]]]])
def test_what_is_no_text_is_refused_with_a_reason(values: list, server: str) -> None:
    answer = post(server, {"data": {"ndarray": values}})
    assert answer.status_code == 400
    assert "must hold texts" in answer.json()["status"]["info"]


def test_it_runs_without_root_on_a_read_only_file_system(server: str, engine) -> None:
    container = engine.containers.get(f"issuesum-serve-{server.rsplit(':', 1)[1]}")
    assert container.attrs["HostConfig"]["ReadonlyRootfs"] is True
    assert container.exec_run(["id", "-u"]).output == b"10001\n"
    assert container.exec_run(["touch", "/app/x"]).exit_code != 0


def test_nothing_is_installed_that_the_requirements_do_not_list(
    server: str, engine, root: Path
) -> None:
    container = engine.containers.get(f"issuesum-serve-{server.rsplit(':', 1)[1]}")
    listing = (
        "import importlib.metadata as m, re; "
        "print(*{re.sub(r'[-_.]+', '-', each.name).lower() for each in m.distributions()})"
    )
    done = container.exec_run(["python3", "-c", listing])
    requirements = (root / "serving/requirements.txt").read_text(encoding="utf-8")
    pinned = set(re.findall(r"^([a-z0-9._-]+)==", requirements, re.MULTILINE))
    assert set(done.output.decode().split()) == pinned
    # Nor is it there without its metadata, in this or another Python of the image.
    search = "find / -xdev -type d -path '*-packages/*' 2>/dev/null | sed 's#.*-packages/##'"
    found = set(container.exec_run(["sh", "-c", search]).output.decode().splitlines())
    assert {"onnxruntime", "seldon_core"} <= found
    assert not {"tensorflow", "keras", "dvc", "pandas", "pyarrow", "docker", "torch"} & found


def test_image_and_answers_agree_on_where_it_comes_from(
    shipped: Project, server: str, engine
) -> None:
    made = receipt(shipped)
    labels = engine.images.get(made["image"]).labels
    container = engine.containers.get(f"issuesum-serve-{server.rsplit(':', 1)[1]}")
    inside = json.loads(container.exec_run(["cat", "/app/provenance.json"]).output)
    metadata = requests.get(f"{server}/metadata", timeout=10).json()
    commit = shipped.run("git", "rev-parse", "HEAD").stdout.strip()
    assert labels["org.opencontainers.image.revision"] == inside["commit"] == commit
    assert labels["io.issuesum.git"] == inside["git"] == metadata["custom"]["git"] == made["git"]
    assert labels["io.issuesum.dvc"] == inside["dvc"] == metadata["custom"]["dvc"] == made["dvc"]
    raw = shipped.path / "data/raw/github_issues.csv.dvc"
    assert inside["hashes"]["raw"] in raw.read_text(encoding="utf-8")
    assert inside["hashes"]["raw"] == labels["io.issuesum.hash.raw"]
    assert inside["hashes"]["train"] != inside["hashes"]["test"]
    assert inside["params"]["train"]["hidden_units"] == 8
    assert "rouge_l" in inside["metrics"]["model"]


def test_no_secret_is_in_the_image_or_the_files_that_git_sees(
    shipped: Project, services, engine
) -> None:
    image = engine.images.get(receipt(shipped)["image"])
    seen = json.dumps([image.attrs, image.history()])
    assert services.secret not in seen
    for data in image.save():
        assert services.secret.encode() not in data
    files = shipped.run("git", "ls-files", "--cached", "--others", "--exclude-standard").stdout
    for name in files.splitlines():
        if name == ".venv":  # this fixture's link
            continue
        assert services.secret not in (shipped.path / name).read_text(errors="replace"), name


def test_data_and_model_come_back_from_s3(shipped: Project, tmp_path: Path) -> None:
    shipped.run("git", "clone", "--quiet", ".", str(tmp_path / "clone"))
    clone = Project(tmp_path / "clone")
    shutil.copy(shipped.path / "dvc.lock", clone.path)
    shutil.copy(shipped.path / ".dvc/config.local", clone.path / ".dvc")
    clone.dvc("pull")
    for name in ("data/raw/github_issues.csv", "models/trained/model.weights.h5"):
        assert (clone.path / name).read_bytes() == (shipped.path / name).read_bytes()


def test_another_bundle_makes_another_tag_and_the_first_the_first_tag(
    shipped: Project, services
) -> None:
    """What other data makes is shipped by tests/e2e/test_retrain_on_push.py."""
    first = receipt(shipped)
    assert shipped.repro() == []

    before = tags(shipped, services.registry)
    shipped.edit("src/issuesum/serving/inference/decoding.py", lambda text: text + "# changed\n")
    assert shipped.repro() == ["build", "evaluate", "export"]
    second = receipt(shipped)
    assert second["git"] == f"{first['git']}-dirty"
    assert tags(shipped, services.registry) == before | {second["image"].rsplit(":", 1)[1]}

    shipped.run("git", "checkout", "src")
    done = shipped.run("dvc", "repro")
    assert f"the registry holds {first['image']} already" in done.stdout
    assert "export: pushed" not in done.stdout
    assert receipt(shipped) == first
    assert tags(shipped, services.registry) == before | {second["image"].rsplit(":", 1)[1]}


def test_what_the_registry_holds_needs_no_engine(shipped: Project) -> None:
    (shipped.path / "serving/image.json").unlink()
    assert shipped.repro(DOCKER_HOST="unix:///nonexistent.sock") == ["export"]


def test_without_a_part_export_says_so_and_the_rerun_continues(shipped: Project) -> None:
    shipped.edit("params.yaml", lambda text: text.replace("builder: auto", "builder: engine"))
    done = shipped.stage("export", ok=False, DOCKER_HOST="unix:///nonexistent.sock")
    assert (done.returncode, done.stderr.count("\n")) == (6, 1), done.stderr
    assert done.stderr.startswith("error: export: Docker Engine must answer")
    done = shipped.run("dvc", "repro", ok=False, ISSUESUM_REGISTRY="localhost:9")
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert line.startswith("error: export: localhost:9 must take")
    assert "exited with 7" in done.stderr
    assert "Traceback" not in done.stderr
    (shipped.path / "serving/image.json").unlink()
    shipped.run("git", "checkout", "params.yaml")
    assert shipped.repro() == ["export"]


def test_an_image_that_does_not_answer_is_never_pushed(shipped: Project, services) -> None:
    before = tags(shipped, services.registry)
    encoder = shipped.path / "serving/bundle/model/encoder.onnx"
    content = encoder.read_bytes()
    encoder.unlink()
    encoder.write_bytes(b"no graph")
    try:
        done = shipped.stage("export", ok=False)
    finally:
        encoder.unlink()
        encoder.write_bytes(content)
    assert done.returncode == 6
    # Before it there may be a line that another worker's export of this name is waited for.
    (error,) = [line for line in done.stderr.splitlines() if not line.startswith("waiting for ")]
    assert error.startswith("error: export: The server must keep running")
    assert "encoder.onnx must be an ONNX graph" in error
    assert tags(shipped, services.registry) == before


def test_the_commands_of_the_readme_work(shipped: Project, root: Path, tmp_path: Path) -> None:
    text = (root / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]
    commands = [re.sub(r"\s+#.*", "", line).strip() for line in lines]
    assert {"make run", "make serve", "issuesum provenance", "dvc push"} <= set(commands)
    commands.remove("make test")  # which runs this
    raw = shipped.path / "data/raw/github_issues.csv"
    with raw.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[:280]
    with (shipped.path / "github_issues.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    train_before(shipped, tmp_path)
    before, port = receipt(shipped), str(free_port())
    who = {
        f"GIT_{role}_{what}": "ada"
        for role in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    # The environment is there, and must stay that of this checkout.
    script = "\n".join(["set -eu", *commands]).replace("make ", "make -o setup ")
    try:
        done = shipped.run("sh", "-c", script, PORT=port, **who)
    finally:
        shipped.issuesum("serve", "--stop", "--port", port)
    assert f"http://127.0.0.1:{port}/" in done.stdout
    assert before["image"] in done.stdout
    assert receipt(shipped)["dvc"] != before["dvc"]
    assert shipped.run("git", "log", "-1", "--format=%s").stdout.startswith("Retrain: ")


def train_before(project: Project, folder: Path) -> None:
    """Have DVC's run-cache hold a model of github_issues.csv, as if it had been tried before.

    That a retraining trains is shown by tests/e2e/test_retrain_on_push.py.
    """
    trial = project.copy(folder / "trial")
    settings = trial.path / ".dvc/config.local"
    settings.write_text(f"{settings.read_text()}[cache]\n    dir = {project.path}/.dvc/cache\n")
    trial.issuesum("ingest", "github_issues.csv")
    trial.stand_in_for_training()
    assert trial.repro("build") == ["split", "preprocess", "train", "build"]


def receipt(project: Project) -> dict:
    return json.loads((project.path / "serving/image.json").read_text(encoding="utf-8"))


def post(url: str, content: dict) -> requests.Response:
    return requests.post(f"{url}/api/v1.0/predictions", json=content, timeout=30)


def tags(project: Project, registry: str) -> set[str]:
    """Return the tags of the project's commit; other tests push to the same repository."""
    url = f"http://{registry}/v2/issuesummarization/tags/list"
    commit = project.run("git", "rev-parse", "HEAD").stdout[:12]
    return {tag for tag in requests.get(url, timeout=10).json()["tags"] if tag.startswith(commit)}


def remote_digest(registry: str, tag: str) -> str:
    accepted = "application/vnd.docker.distribution.manifest.v2+json"
    answer = requests.head(
        f"http://{registry}/v2/issuesummarization/manifests/{tag}",
        headers={"Accept": accepted},
        timeout=10,
    )
    return answer.headers["Docker-Content-Digest"]
