"""What the image adds to its base: nothing to climb by, nothing to change, nothing secret."""

from __future__ import annotations

import json
from collections.abc import Iterator

import docker
import pytest

import images
import toy_bundle

pytestmark = pytest.mark.e2e

IMAGE = "issuesum-test-contents:1"
SCAN = """
import json, os, stat
found = {"setuid": [], "for_all": [], "owned": [], "left": []}
for folder, folders, files in os.walk("/"):
    if folder == "/":
        folders[:] = set(folders) - {"proc", "sys", "dev"}
    for name in (*folders, *files):
        path = os.path.join(folder, name)
        about = os.lstat(path)
        if stat.S_ISLNK(about.st_mode):
            continue
        if stat.S_ISREG(about.st_mode) and about.st_mode & 0o6000:
            found["setuid"].append(path)
        if about.st_mode & 0o002:
            found["for_all"].append(path)
        if about.st_uid or (about.st_mode & 0o020 and about.st_gid):
            found["owned"].append(path)
        if name in {".git", ".env", ".netrc", ".aws", ".docker", ".dvc", ".bash_history",
                    ".python_history", ".cache", "gcc", "cc", "make"}:
            found["left"].append(path)
found["pip"] = os.path.exists("/venv/bin/pip")
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def image(engine: docker.DockerClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    model = toy_bundle.write_bundle(tmp_path_factory.mktemp("model"))
    images.build(engine, model, tmp_path_factory.mktemp("context"), image=IMAGE)
    yield IMAGE
    engine.images.remove(IMAGE, force=True)


def scan(engine: docker.DockerClient, image: str) -> dict:
    output = engine.containers.run(
        image, ["-I", "-c", SCAN], entrypoint="python3", user="0", network_mode="none", remove=True
    )
    return json.loads(output)


def test_it_adds_nothing_to_climb_by_and_nothing_that_its_user_may_change(
    engine: docker.DockerClient, image: str
) -> None:
    added, base = scan(engine, image), scan(engine, images.BASE)
    assert base["setuid"], "the scan must find what Debian has"
    for kind in ("setuid", "for_all", "owned", "left"):
        new = set(added[kind]) - set(base[kind])
        assert not {path for path in new if path.startswith(("/app", "/venv"))}, kind
    assert set(added["setuid"]) == set(base["setuid"])
    assert not added["pip"]
    assert engine.images.get(image).attrs["Config"]["User"] == "10001:10001"


def test_only_its_temporary_folder_can_be_written(engine: docker.DockerClient, image: str) -> None:
    code = (
        "import os\n"
        "for path in ('/app/x', '/venv/x', '/etc/x', '/tmp/x'):\n"
        "    try: open(path, 'w').close(); print(path)\n"
        "    except OSError: pass\n"
        "print(os.getuid(), open('/proc/self/status').read().split('CapEff:')[1].split()[0])\n"
    )
    from issuesum.shipping.image.container import HARDENED

    output = engine.containers.run(
        image, ["-I", "-c", code], entrypoint="python3", remove=True, **HARDENED
    )
    assert output.decode().split() == ["/tmp/x", "10001", "0" * 16]  # noqa: S108 -- in the container


def test_what_the_server_imports_is_compiled(engine: docker.DockerClient, image: str) -> None:
    code = (
        "import os, sys, seldon_core.microservice\n"
        "cached = [getattr(each, '__cached__', None) for each in sys.modules.values()]\n"
        "print(*(os.path.exists(path) for path in cached if path), sep='\\n')\n"
    )
    output = engine.containers.run(
        image, ["-I", "-c", code], entrypoint="python3", network_mode="none", remove=True
    )
    compiled = output.decode().split()
    assert len(compiled) > 300
    assert set(compiled) == {"True"}
