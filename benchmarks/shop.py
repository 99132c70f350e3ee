"""Exports of a bundle from a project of its own; the engine forgets the images afterwards."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from issuesum.errors import ArtifactError
from issuesum.layout import BUNDLE, BUNDLE_MODEL, METRICS, RECEIPT, SERVING
from issuesum.lineage.receipt import Receipt
from issuesum.registry.client import Registry
from issuesum.registry.image import RemoteImage, read_image
from issuesum.registry.reference import Reference
from issuesum.shipping.image.engine import engine
from issuesum.training.bundle.assemble import copy_code
from project import PATIENT, ROOT, Project

NAME = "issuesum-benchmark"
_COPIED = ("uv.lock", "dvc.lock", "dvc.yaml", ".dvc/config", ".gitignore", ".dvcignore")
_WHO = ("-c", "user.name=Benchmark", "-c", "user.email=benchmark@example.com")


@dataclass(frozen=True)
class Export:
    """An export, and what the registry held after it."""

    seconds: float
    output: str
    image: RemoteImage


class Shop:
    """A project that exports a model under a name of its own, to the registry of params.yaml."""

    def __init__(self, folder: Path, bundle: Path) -> None:
        """Copy the model and this checkout's code, and commit them.

        Args:
            folder: made if it does not exist.
            bundle: what build wrote.

        Raises:
            ArtifactError: it holds no model.
        """
        if not (bundle / "model").is_dir():
            raise ArtifactError(
                f"{bundle} must hold a model. Received: none. Try: dvc pull build, or --bundle."
            )
        self._project = Project(folder)
        self._project.change({"export.image": NAME, **PATIENT})
        self._made: list[Reference] = []
        for name in _COPIED:
            (folder / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
        (folder / METRICS).parent.mkdir()
        verdict = {"gate": {"passed": True, "reasons": []}}
        (folder / METRICS).write_text(json.dumps(verdict), encoding="utf-8")
        shutil.copytree(bundle / "model", self.model)
        copy_code(folder / BUNDLE, serving=ROOT / SERVING, dockerfile=ROOT / "Dockerfile")
        ignored = folder / SERVING / ".gitignore"
        ignored.write_text("/attestations\n/bundle\n", encoding="utf-8")
        for command in (
            ("init", "--quiet"),
            ("add", "--all"),
            (*_WHO, "commit", "-qm", "benchmark"),
        ):
            subprocess.run(["git", "-C", str(folder), *command], check=True)

    @property
    def model(self) -> Path:
        """The folder of the model that the next export ships."""
        return self._project.folder / BUNDLE_MODEL

    def export(self) -> Export:
        """Run the export stage, or end this process if it fails."""
        done = self._project.stage("export")
        reference = Reference.parse(Receipt.load(self._project.folder / RECEIPT).image)
        self._made.append(reference)
        return Export(done.seconds, done.output, read_image(Registry(reference.host), reference))

    def clear(self) -> None:
        """Take the names of what was exported away from the engine."""
        with engine() as client:
            for image in set(map(str, self._made)):
                tags = [tag for tag in client.images.get(image).tags if f"/{NAME}:" in tag]
                for tag in tags:
                    client.images.remove(tag)


@contextmanager
def opened(folder: Path, bundle: Path) -> Iterator[Shop]:
    """Give a shop, and clear it at the end.

    Raises:
        ArtifactError: `bundle` holds no model.
    """
    shop = Shop(folder, bundle)
    try:
        yield shop
    finally:
        shop.clear()
