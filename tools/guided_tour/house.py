"""A place for one tour: folder, environment and servers of its own, and their removal.

Nothing of the user's is touched: the clone has other servers on other ports, so its bucket and its
images have nothing in common with theirs. Only Docker Engine is shared, and what the tour made in
it is known by the registry's port.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from guided_tour.script import TourError
from local_services.net import free_port

MARK = "TOUR_FOLDER"
"""The variable by which processes of a tour are known; it holds the folder."""
_ISSUES = {"january": (0, 800), "february": (800, 900), "march": (900, 1000)}
_SEED = 2018
_OURS = ("AWS_", "DVC_", "GIT_", "ISSUESUM_", "TF_CONFIG", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE")
_PROGRAMS = ("curl", "flock", "setsid", "timeout")
_KEPT = {"AWS_CA_BUNDLE"}
_GIT = "[user]\n\tname = Ada Lovelace\n\temail = ada@example.com\n[safe]\n\tdirectory = *\n"


@dataclass(frozen=True)
class House:
    """Where a tour takes place.

    Attributes:
        project: the user's clone, which is only read.
        folder: of the tour.
        port: a free one, for the server of titles.
    """

    project: Path
    folder: Path
    port: int

    def environment(self, inherited: Mapping[str, str]) -> dict[str, str]:
        """Return the environment of the shell: without settings of the user's, with its own."""
        kept = {
            name: value
            for name, value in inherited.items()
            if name in _KEPT or not name.startswith((*_OURS, "FORCE_COLOR"))
        }
        return {
            **kept,
            MARK: str(self.folder),
            "PATH": f"{self.project / '.venv/bin'}{os.pathsep}{inherited.get('PATH', os.defpath)}",
            # Stages and verbs run the code of the clone, by the environment of the project.
            "PYTHONPATH": str(self.folder / "titles/src"),
            "PROJECT": str(self.project),
            "PORT": str(self.port),
            "HOME": inherited.get("HOME") or str(self.folder / "home"),
            "COLUMNS": "100",
            "GIT_CONFIG_GLOBAL": str(self.folder / "home/gitconfig"),
            "GIT_CONFIG_NOSYSTEM": "1",
            "DVC_GLOBAL_CONFIG_DIR": str(self.folder / "home/dvc"),
            "DVC_SYSTEM_CONFIG_DIR": str(self.folder / "home/none"),
            "DVC_NO_ANALYTICS": "1",
            "ISSUESUM_STATE": str(self.folder / "state"),
            "ISSUESUM_S3_PORT": "0",
            "ISSUESUM_REGISTRY_PORT": "0",
        }

    def services(self) -> dict[str, str]:
        """Return what `tools/services up` wrote down, as far as it did."""
        path = self.folder / "titles/.services.env"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return dict(line.split("=", 1) for line in lines)


@contextlib.contextmanager
def moved_in(project: Path) -> Iterator[House]:
    """Give a house with three files of issues in it; nothing is left of it afterwards.

    What an interrupted tour left is taken away first.

    Raises:
        TourError: another tour of this clone is at work, the project is no Git repository, or the
            machine lacks a program.
    """
    if lacking := [name for name in _PROGRAMS if not shutil.which(name)]:
        raise TourError(
            f"{', '.join(_PROGRAMS)} must be on PATH. Received: no {', '.join(lacking)}. "
            "Try: a Linux machine, or read docs/tour.md."
        )
    if not (project / ".git").exists():
        raise TourError(f"{project} must be a Git clone. Received: a folder. Try: git clone.")
    folder = project / ".issuesum/tour"
    folder.parent.mkdir(exist_ok=True)
    with (folder.parent / "tour.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TourError(f"one tour at a time must use {folder}. Received: a second.") from None
        house = House(project, folder, free_port(avoid=set()))
        clear(house)
        try:
            _furnish(house)
            yield house
        finally:
            clear(house)


def _furnish(house: House) -> None:
    from issuesum.training.corpus.sample import generate
    from issuesum.training.corpus.writing import write_issues

    home, issues = house.folder / "home", house.folder / "issues"
    house.folder.mkdir(mode=0o700)
    for path in (home / "dvc", issues):
        path.mkdir(parents=True)
    (home / "gitconfig").write_text(_GIT, encoding="utf-8")
    (home / "dvc/config").write_text("[core]\n    check_update = false\n", encoding="utf-8")
    made = list(generate(max(end for _, end in _ISSUES.values()), _SEED))
    for name, (first, end) in _ISSUES.items():
        write_issues(issues / f"{name}.csv", made[first:end])


def clear(house: House) -> None:
    """Take away what there is of a tour: images, containers, servers, processes, folder."""
    if not house.folder.exists():
        return
    if registry := house.services().get("ISSUESUM_REGISTRY"):
        _forget_images(registry)
    subprocess.run(
        [house.project / "tools/services", "down", "--project", house.folder],
        env=house.environment(os.environ),
        stdout=subprocess.DEVNULL,
        check=False,
    )
    _end_processes(house.folder)
    shutil.rmtree(house.folder)


def _forget_images(registry: str) -> None:
    """Remove a registry's names out of Docker Engine, with containers that run these."""
    import docker
    from docker.errors import DockerException

    with contextlib.suppress(DockerException):
        client = docker.from_env()
        for container in client.containers.list(all=True):
            if container.attrs["Config"]["Image"].startswith(f"{registry}/"):
                container.remove(force=True)
        for image in client.images.list():
            for tag in image.tags:
                if tag.startswith(f"{registry}/"):
                    client.images.remove(tag, force=True)
        client.close()


def _end_processes(folder: Path) -> None:
    """End what is still at work for this tour: of its shell, or the hook's worker."""
    import psutil

    ours = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid != os.getpid() and process.environ().get(MARK) == str(folder):
                process.kill()
                ours.append(process)
    psutil.wait_procs(ours, timeout=10)
