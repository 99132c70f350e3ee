"""The files of deploy/serving/example, written by the verb itself.

The verb refuses images that no registry holds, so what the registry says is made up. Run as a
script (from anywhere, with src and tests/support on PYTHONPATH) to write them anew.
"""

from __future__ import annotations

from pathlib import Path
from unittest import mock

from click.testing import CliRunner, Result

from issuesum.cli.manifests import command
from projects import ROOT

EXAMPLE = ROOT / "deploy/serving/example"
NAME = "registry.example.com/issuesummarization"
DIGESTS = {
    f"{NAME}:{tag}": f"sha256:{digit * 64}" for tag, digit in (("GIT-DVC", "0"), ("NEXT", "1"))
}


def run(*arguments: str) -> Result:
    """Run the verb with a registry that holds DIGESTS."""
    with mock.patch(
        "issuesum.registry.client.Registry.digest", lambda _, image: DIGESTS.get(str(image))
    ):
        return CliRunner().invoke(command, arguments)


def write(folder: Path) -> Result:
    """Write the example to `folder`."""
    done = run(
        "--image", f"{NAME}:GIT-DVC", "--canary", f"{NAME}:NEXT", "--shadow", f"{NAME}:NEXT",
        "--output", str(folder),
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    return done


if __name__ == "__main__":
    write(EXAMPLE)
