"""What the tour looks at: facts about files, and about what the last command said.

Each check takes a scene and the words after its name in tour.md, and tells whether it holds.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Scene:
    """What a check may look at.

    Attributes:
        folder: of the tour, in which the clone `titles` lies.
        output: what the last command said.
        environment: of the tour's shell.
    """

    folder: Path
    output: str
    environment: Mapping[str, str]

    def receipt(self, path: str = "titles/serving/image.json") -> dict[str, str]:
        """Return a receipt of export."""
        found: dict[str, str] = json.loads((self.folder / path).read_text(encoding="utf-8"))
        return found

    def git(self, *words: str) -> str:
        """Return what a command of Git says in the clone."""
        return subprocess.run(
            ["git", *words],
            cwd=self.folder / "titles",
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()


def says(scene: Scene, text: str) -> bool:
    """Tell whether the last command said this."""
    return text in scene.output


def ran(scene: Scene, stages: str) -> bool:
    """Tell whether DVC ran these stages and no others."""
    return re.findall(r"^Running stage '(\w+)'", scene.output, re.MULTILINE) == stages.split()


def tree_is_clean(scene: Scene, _: str) -> bool:
    """Tell whether Git sees no change."""
    return not scene.git("status", "--porcelain")


def tag_names(scene: Scene, revision: str) -> bool:
    """Tell whether the image's tag begins with the commit of this revision."""
    return scene.receipt()["git"] == scene.git("rev-parse", f"{revision}^{{commit}}")[:12]


def jobs_done(scene: Scene, count: str) -> bool:
    """Tell whether so many runs were listed, all of them done."""
    lines = [line for line in scene.output.splitlines()[1:] if not line.startswith("note:")]
    return len(lines) == int(count) and all("  done" in line for line in lines)


def names_the_image(scene: Scene, _: str) -> bool:
    """Tell whether an answer of the server names the image of the receipt."""
    return bool(json.loads(scene.output)["meta"]["tags"]["image"] == scene.receipt()["image"])


def reused_shards(scene: Scene, _: str) -> bool:
    """Tell whether preprocess took shards that it had tokenised before."""
    return any(int(count) > 0 for count in re.findall(r": (\d+) reused", scene.output))


def images(scene: Scene, count: str) -> bool:
    """Tell whether the registry listed so many images, attestations left out."""
    tags = json.loads(scene.output)["tags"]
    return sum(not tag.startswith("sha256-") for tag in tags) == int(count)


def images_differ(scene: Scene, _: str) -> bool:
    """Tell whether the receipt names another tag and digest than January's, and both are there."""
    old, new = scene.receipt("january.json"), scene.receipt()
    return old["image"] != new["image"] and old["digest"] != new["digest"] and images(scene, "2")


CHECKS: dict[str, Callable[[Scene, str], bool]] = {
    check.__name__: check
    for check in (
        says, ran, tree_is_clean, tag_names, jobs_done, names_the_image, reused_shards, images,
        images_differ,
    )
}  # fmt: skip
