"""The files of deploy/serving/example, written by the verb itself.

The verb refuses images that no registry holds, so what the registry says is made up. Run as a
script (from anywhere, with src and tests/support on PYTHONPATH) to write them again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from unittest import mock

from click.testing import CliRunner, Result

from issuesum.cli.manifests import command
from issuesum.errors import RegistryError
from issuesum.registry.client import Registry
from issuesum.registry.image import RemoteImage
from issuesum.registry.labels import labels_of
from issuesum.registry.reference import Reference
from projects import ROOT

EXAMPLE = ROOT / "deploy/serving/example"
NAME = "registry.example.com/issuesummarization"
# Made-up commits and bundles.
DIGESTS = {
    f"{NAME}:{tag}": f"sha256:{digit * 64}"
    for tag, digit in (("3f2c1ab4d5e6-9d8e7f6a5b4c", "0"), ("5b4c3f2c1ab4-1ab49d8e7f6a", "1"))
}
TAG, NEXT = DIGESTS


def run(*arguments: str) -> Result:
    """Run the verb with a registry that holds DIGESTS."""
    with (
        mock.patch("issuesum.registry.client.Registry.manifest", _manifest),
        mock.patch("issuesum.shipping.kubernetes.manifests.read_image", _read_image),
    ):
        return CliRunner().invoke(command, arguments)


def _manifest(_: Registry, image: Reference) -> tuple[str, dict[str, Any]]:
    named = str(image.at(image.digest) if image.digest else image)
    if named not in DIGESTS:
        raise RegistryError(f"{image.host} must hold {image}. Received: no such image there.")
    return DIGESTS[named], {}


def _read_image(_: Registry, image: Reference) -> RemoteImage:
    tag = next((str(name) for name, digest in DIGESTS.items() if digest == image.digest), "")
    git, _, dvc = tag.rpartition(":")[2].rpartition("-")
    hashes = {"bundle": f"{dvc}.dir"}
    made = {"git": git, "dvc": dvc, "commit": f"{git}{'0' * 28}", "hashes": hashes}
    return RemoteImage(image, 0, labels_of(json.dumps(made).encode()), "", (), "amd64")


def write(folder: Path) -> Result:
    """Write the example to `folder`."""
    done = run(
        "--image", TAG, "--canary", NEXT, "--shadow", NEXT, "--output", str(folder),
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    return done


if __name__ == "__main__":
    write(EXAMPLE)
