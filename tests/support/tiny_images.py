"""A project whose image is a few megabytes, so that an export of it takes a second or two.

Everything that export does is real; what is small is the server, which answers every body with one
title, and the base image, which holds just what Python needs for it.
"""

from __future__ import annotations

import io
import json
import random
import shutil
import subprocess
from pathlib import Path

import docker

from images import BASE
from issuesum.shipping.attestation.sbom import SCRIPT
from projects import ROOT, Project
from provenances import METRICS
from stored_images import tar

TINY_BASE = "issuesum-test-base:tiny"
_SERVER = """
import http.server, json, os
made = json.load(open("provenance.json"))
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        answer = {"data": {"ndarray": ["A title"]}, "meta": {"tags": {"image": made["image"]}}}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())
port = int(os.environ.get("PREDICTIVE_UNIT_HTTP_SERVICE_PORT", 9000))
http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""
# What is loaded once distributions are listed and all of these are imported, and the libraries that
# are mapped then.
_COLLECT = """
import encodings.idna, glob, http.server, json, os, pathlib, shutil, socket, struct, sys
import urllib.request
maps = {line.split()[-1] for line in open("/proc/self/maps")}
files = {path for path in maps if path.startswith("/") and os.path.isfile(path)}
files |= {link for path in list(files) for link in glob.glob(os.path.dirname(path) + "/lib*.so*")
          if os.path.realpath(link) == path}
files |= {m.__file__ for m in list(sys.modules.values()) if getattr(m, "__file__", None)}
files |= {sys.executable, "/etc/ld.so.cache", "/etc/passwd", os.path.realpath(sys.executable)}
files |= set(glob.glob("/lib*/ld-linux*"))
files |= set(glob.glob(os.path.dirname(json.__file__) + "/../encodings/*.py"))
def cut(path):  # what no program needs to run: symbols are half of all, and each export packs it
    with open(path, "r+b") as file:
        head = file.read(64)
        if head[:6] == b"\\x7fELF\\x02\\x01":
            (table,) = struct.unpack_from("<Q", head, 32)
            size, count = struct.unpack_from("<2H", head, 54)
            file.seek(table)
            parts = [struct.unpack_from("<4Q", file.read(size), 8) for _ in range(count)]
            file.truncate(max(start + length for start, _, _, length in parts))
            file.seek(40)
            file.write(bytes(8))  # where the table of sections was
            file.seek(60)
            file.write(bytes(4))
for path in map(os.path.abspath, files):
    target = "/tiny" + path
    os.makedirs(os.path.dirname(target), exist_ok=True)
    shutil.copy(path, target, follow_symlinks=path.startswith("/lib"))
    if not os.path.islink(target):
        cut(target)
os.makedirs("/tiny/usr/local/lib/python%d.%d/lib-dynload" % sys.version_info[:2], exist_ok=True)
os.makedirs("/tiny/tmp")
"""


def build_base(client: docker.DockerClient) -> None:
    """Build TINY_BASE, from the base image of the product."""
    dockerfile = (
        f"FROM {BASE} AS full\nRUN {json.dumps(['python3', '-c', SCRIPT + _COLLECT])}\n"
        "FROM scratch\nCOPY --from=full /tiny /\n"
        "ENV PATH=/usr/local/bin:/usr/bin PYTHONUNBUFFERED=1\n"
    )
    context = io.BytesIO(tar({"Dockerfile": dockerfile.encode()}))
    client.images.build(fileobj=context, custom_context=True, tag=TINY_BASE, rm=True)


def make_project(folder: Path, *, image: str) -> Project:
    """Return a project in which the export stage can be run, committed.

    Args:
        folder: becomes its root.
        image: name of the repository in the registry.
    """
    for name in ("params.yaml", "dvc.yaml", "uv.lock", "dvc.lock", ".dvc/config", ".gitignore"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)
    project = Project(folder)
    project.env["PYTHONPATH"] = str(ROOT / "src")
    project.edit("params.yaml", lambda text: text.replace(BASE, TINY_BASE))
    project.edit(
        "params.yaml", lambda text: text.replace("image: issuesummarization", f"image: {image}")
    )
    (folder / "eval").mkdir()
    (folder / "eval/metrics.json").write_text(json.dumps(METRICS))
    bundle = folder / "serving/bundle"
    bundle.mkdir(parents=True)
    (bundle / "server.py").write_text(_SERVER)
    (bundle / "requirements.txt").write_text("")
    (bundle / "weights").write_bytes(random.Random(image).randbytes(3_000_000))  # noqa: S311
    write_dockerfile(project)
    (folder / "serving/.gitignore").write_text("/attestations\n/bundle\n/image.json\n")
    project.init()
    project.commit("begin")
    return project


def write_dockerfile(project: Project, *steps: str) -> None:
    """Write the bundle's Dockerfile, with further steps in the runtime."""
    lines = (
        f"ARG BASE_IMAGE={BASE}", "FROM ${BASE_IMAGE} AS runtime", "WORKDIR /app", *steps,
        "USER 10001:10001", 'CMD ["python3", "server.py"]',
        "FROM runtime", "COPY server.py /app/", "COPY weights /app/", "COPY provenance.json /app/",
    )  # fmt: skip
    (project.path / "serving/bundle/Dockerfile").write_text("\n".join(lines) + "\n")


def export(project: Project, *, ok: bool = True, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the export stage; if TMPDIR is given, which a process reads once, in one of its own."""
    if "TMPDIR" in env:
        return project.run("python", "-m", "issuesum.stages", "export", ok=ok, **env)
    return project.stage("export", ok=ok, **env)
