"""What serves an image in a cluster, as files made from the templates in this folder."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

from issuesum.errors import ParamsError
from issuesum.files import replacing_file
from issuesum.lineage.provenance.lookup import OUR_TAG
from issuesum.registry.client import Registry
from issuesum.registry.image import read_image
from issuesum.registry.reference import Reference
from issuesum.shipping.kubernetes import Kind

_KINDS: dict[Kind, tuple[str, str]] = {
    "seldon": ("seldondeployment.yaml", "seldon-deployment-id"),
    "kubernetes": ("deployment.yaml", "app.kubernetes.io/name"),
    "kserve": ("inferenceservice.yaml", "serving.kserve.io/inferenceservice"),
}
"""The file that serves, and the label of its pods; that label's value is the name they serve by."""
_MONITORING = "servicemonitor.yaml"
_HEADER = "# Written by `issuesum manifests` (docs/kubernetes.md); it writes it again.\n"
# Also the start of Services' names, which begin with a letter and end after 63 characters.
_NAME = re.compile(r"[a-z]([a-z0-9-]{0,53}[a-z0-9])?")


@dataclass(frozen=True)
class PinnedImage:
    """An image that a registry holds."""

    reference: str  # as it was named: registry/name:tag, or by digest
    pinned: str  # registry/name@sha256:…, which can never name another image
    carried: Mapping[str, str] = field(default_factory=dict)  # its own labels
    architecture: str = ""  # of the nodes that can run it, as Kubernetes names it; empty: unknown

    @property
    def labels(self) -> dict[str, str]:
        """Its labels, for the server to compare; those of a tag of ours replace its own."""
        tag = self.reference.partition("@")[0].rpartition(":")[2]
        git, _, dvc = tag.rpartition("-")
        of_tag = {"io.issuesum.git": git, "io.issuesum.dvc": dvc} if OUR_TAG.fullmatch(tag) else {}
        return {**self.carried, **of_tag}


def resolve(reference: str) -> PinnedImage:
    """Ask the registry for digest and labels of registry/name:tag, …@sha256:… or both.

    Of both the digest counts. Without a registry in it, each node would look where its runtime is
    set to look. ParamsError: `reference` is nothing of these; ArtifactError: what the registry
    holds is no image; RegistryError: it does not hold it, is unreachable or refuses us.
    """
    wanted = Reference.parse(reference)
    if not (reference.startswith(f"{wanted.host}/") and (wanted.tag or wanted.digest)):
        raise ParamsError(
            "An image must be registry/name:tag or registry/name@sha256:…. "
            f"Received: {reference}. Try: the image in serving/image.json."
        )
    registry = Registry(wanted.host)
    pinned = wanted.at(registry.manifest(wanted)[0])
    found = read_image(registry, pinned)
    return PinnedImage(reference, str(pinned), found.labels, found.architecture)


def write_manifests(
    folder: Path,
    name: str,
    image: PinnedImage,
    *,
    kind: Kind = "seldon",
    replicas: int,
    canary: PinnedImage | None = None,
    traffic: int = 10,
    shadow: PinnedImage | None = None,
    pull_secret: str | None = None,
) -> list[Path]:
    """Write the manifests that serve `image` under `name`; each file is replaced as a whole.

    Seldon's can have a canary, which gets `traffic` percent of the requests (1 to 99) and as large
    a share of `replicas`, at least 1, and a shadow, which gets a copy of each request and whose
    answers are dropped: each in a file of its own, with one name, so that each replaces the others
    in the cluster. The predictor `default` is the same in all of them but for its share of traffic,
    which is no part of its pods: they are not restarted when a canary comes or goes.

    Returns the file that serves, the one for a cluster with the Prometheus Operator, and the
    others. ParamsError: Kubernetes does not take `name`, a canary or shadow is `image` itself, or
    something other than Seldon is to have one.
    """
    if not _NAME.fullmatch(name):
        raise ParamsError(
            "--name must be up to 55 of a-z, 0-9 and -, and begin with a letter. "
            f"Received: {name}. Try: issuesummarization."
        )
    for option, other in (("--canary", canary), ("--shadow", shadow)):
        if other and kind != "seldon":
            raise ParamsError(
                f"{option} must be one of Seldon's. Received: --kind {kind}. Try: --kind seldon."
            )
        if other and other.pinned == image.pinned:
            raise ParamsError(
                f"{option} must be another image than --image. Received: {other.pinned} for both. "
                "Try: the tag of another run."
            )
    serves, label = _KINDS[kind]
    files = {serves: [("default", image, 100, replicas)], _MONITORING: []}
    if canary:
        share = ("canary", canary, traffic, math.ceil(replicas * traffic / 100))
        files["canary.yaml"] = [("default", image, 100 - traffic, replicas), share]
    if shadow:
        files["shadow.yaml"] = [*files[serves], ("shadow", shadow, 100, replicas)]
    templates = Environment(  # noqa: S701 -- no HTML; `_scalar` quotes
        loader=PackageLoader("issuesum.shipping.kubernetes", ""), finalize=_scalar,
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    templates.filters["json"] = json.dumps
    for file, predictors in files.items():
        template = templates.get_template(_MONITORING if file == _MONITORING else serves)
        text = _HEADER + template.render(
            name=name, kind=kind, image=image, replicas=replicas, predictors=predictors,
            pull_secret=pull_secret, label=label,
        )  # fmt: skip
        with replacing_file(folder / file) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return [folder / file for file in files]


def _scalar(value: object) -> str:
    """Return a string or a number as YAML has it, in quotes if it needs them."""
    text = yaml.safe_dump(value, allow_unicode=True, width=math.inf)
    return text.removesuffix("\n").removesuffix("\n...")
