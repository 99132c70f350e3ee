"""Manifests as files: the same bytes for the same documents."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from issuesum.errors import ParamsError
from issuesum.files import replacing_file
from issuesum.shipping.kubernetes.pod import RULES, PinnedImage
from issuesum.shipping.kubernetes.seldon import seldon_manifests

# Also the start of Services' names, which begin with a letter and end after 63 characters.
_NAME = re.compile(r"[a-z]([a-z0-9-]{0,53}[a-z0-9])?")


def write_manifests(
    folder: Path,
    name: str,
    image: PinnedImage,
    *,
    replicas: int,
    canary: PinnedImage | None = None,
    traffic: int = 10,
    shadow: PinnedImage | None = None,
    pull_secret: str | None = None,
) -> list[Path]:
    """Write the manifests that serve `image`; each file is replaced as a whole.

    Args:
        folder: where to; made if it is missing.
        name: of the SeldonDeployment.
        image: what serves.
        replicas: pods of it.
        canary: writes canary.yaml, in which it gets a share of the requests, and as large a share
            of `replicas`, at least 1.
        traffic: that share in percent, 1 to 99.
        shadow: writes shadow.yaml, in which it gets a copy of each request; its answers are
            dropped.
        pull_secret: name of the Secret with which nodes pull, if they need one.

    Returns:
        What was written.

    Raises:
        ParamsError: Kubernetes does not take `name`, or a canary or shadow is `image` itself.
    """
    if not _NAME.fullmatch(name):
        raise ParamsError(
            "--name must be up to 55 of a-z, 0-9 and -, and begin with a letter. "
            f"Received: {name}. Try: issuesummarization."
        )
    for option, other in (("--canary", canary), ("--shadow", shadow)):
        if other and other.pinned == image.pinned:
            raise ParamsError(
                f"{option} must be another image than --image. Received: {other.pinned} for both. "
                "Try: the tag of another run."
            )
    files = seldon_manifests(
        name, image,
        replicas=replicas, canary=canary, traffic=traffic, shadow=shadow, pull_secret=pull_secret,
    )  # fmt: skip
    for file, documents in files.items():
        with replacing_file(folder / file) as temporary:
            temporary.write_text(_text(documents), encoding="utf-8")
    return [folder / file for file in files]


def _text(documents: list[dict[str, Any]]) -> str:
    head = ["Written by `issuesum manifests` (docs/serving-on-kubernetes.md); it writes it again."]
    if documents[0]["kind"] == "SeldonDeployment":
        head += RULES.splitlines()
    return "".join(f"# {line}\n" for line in head) + yaml.dump_all(
        documents,
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=1000,
        explicit_start=True,
    )


class _Dumper(yaml.SafeDumper):
    """Writes what occurs twice twice, which people read more easily than an alias."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002
        return True
