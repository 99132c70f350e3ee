"""One training in a cluster, or one of each variant, from the commit to its result here."""

import io
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from typing import Any, Literal

import yaml
from dvc.utils.cli_parse import to_path_overrides
from dvc.utils.hydra import apply_overrides, get_hydra_sweeps

from issuesum.automation.retraining.job import only_one
from issuesum.automation.retraining.pipeline import Pipeline, stale_stages
from issuesum.automation.retraining.results import reading_overrides
from issuesum.automation.submit.cluster import MISTAKES, Job, Kubectl, Log, Pod, State
from issuesum.automation.submit.manifests import FOLDER, RESOURCES, Kind, Manifests, Variant
from issuesum.console import say
from issuesum.errors import ClusterError, IssuesumError, ParamsError, RepositoryError, shortened
from issuesum.layout import FEATURES, LOCK, PARAMS, TRAIN_STAGE, TRAINED_ELSEWHERE, read_stages
from issuesum.lineage import git
from issuesum.lineage.dvc import Lock
from issuesum.registry.client import Registry, refusal
from issuesum.registry.credentials import credentials_for
from issuesum.registry.image import RemoteImage, read_image
from issuesum.registry.reference import Reference
from issuesum.shipping.image.engine import build, engine, failure_of, fetch_base

_IMAGE = ("deploy/training", ".dvc/config", ".dvcignore", str(LOCK))
"""What the image holds besides `git.CODE`."""
_DOCKERFILE = Path("deploy/training/Dockerfile")
_BASE = re.compile(r"^ARG BASE_IMAGE=(\S+)", re.MULTILINE)
_TICK = 3  # seconds between two questions


def submit(
    kubectl: Kubectl, root: Path, check: Callable[[Path], object], *, kind: Kind | None,
    workers: int | None, overlay: Path | None, image: str | None, repository: Callable[[], str],
    settings: Sequence[str], at_once: int, wait: bool,
) -> list[tuple[Job, Variant]]:  # fmt: skip
    """Train the commit that is checked out, and bring the result here; return the jobs.

    A job of this commit that runs already is followed, and one that has succeeded is only fetched.
    An image that is not given is built where `repository`, registry/name, lacks it. `check` raises
    ParamsError if a file does not hold params. ClusterError: the cluster refuses, or a job failed;
    then with the exit code of the stage.
    """
    commit = git.head(root)
    variants = variants_of(settings, root, check) or [Variant()]
    if not wait and len(variants) > at_once:
        raise ParamsError(
            "--no-wait must have all jobs at once. Received: "
            f"{len(variants)} variants, --jobs {at_once}. Try: --jobs {len(variants)}."
        )
    stale = _checked(root)
    if TRAIN_STAGE not in stale and not settings:
        say("note", "nothing to do: dvc.lock has this training")
        return []
    manifests = _manifests(kubectl, root, kind, overlay)
    namespace = kubectl.namespace or manifests.namespace
    cluster = replace(kubectl, namespace=namespace)
    trainings = [
        _Watched(
            Job(cluster, manifests.kind, manifests.name(commit, variant)),
            variant,
            Log(cluster, named=bool(variant.overrides)),
        )
        for variant in variants
    ]
    missing = [each for each in trainings if each.job.state() in ("absent", "failed")]
    if missing:
        machine = manifests.architecture or kubectl.architecture()
        if image is None:
            extra = "gpu" if manifests.asks_for_gpus else "cpu"
            used = pipeline_image(root, commit, repository(), extra=extra, machine=machine)
        else:
            used = _given(image, commit, machine)
        with only_one(root) as held:
            Pipeline(root, held).push(str(FEATURES))
        for each in missing:
            each.documents = manifests.made_for(commit, each.variant, used, namespace, workers)
    submitted = [(each.job, each.variant) for each in trainings]
    if not wait:
        for each in trainings:
            each.start()
        return submitted
    failures = list(_run(trainings, at_once, lambda each: _fetch(each, commit, root)))
    for failure in failures[:-1]:
        say("error", str(failure))
    if failures:
        raise failures[-1]
    return submitted


def variants_of(
    settings: Sequence[str], root: Path, check: Callable[[Path], object]
) -> list[Variant]:
    """Return the variants that settings ask for, by DVC's own parsing; none without settings.

    ParamsError: DVC cannot read them, they change other params than those of `train`, or to values
    that `check` refuses.
    """
    if not settings:
        return []
    before = yaml.safe_load((root / PARAMS).read_text(encoding="utf-8"))
    found: dict[str, Variant] = {}
    with reading_overrides("--set-param"):
        for sweep in get_hydra_sweeps(to_path_overrides(settings)):
            overrides = sweep.pop(str(PARAMS), [])
            with tempfile.TemporaryDirectory() as folder:
                path = Path(shutil.copy(root / PARAMS, folder))
                apply_overrides(path, overrides)
                check(path)
                after = yaml.safe_load(path.read_text(encoding="utf-8"))
            if sweep or {**after, TRAIN_STAGE: None} != {**before, TRAIN_STAGE: None}:
                raise ParamsError(
                    f"--set-param must set params of {TRAIN_STAGE}, since features are made "
                    f"before. Received: {' '.join(settings)}. Try: {TRAIN_STAGE}.dropout=0.2,0.3."
                )
            variant = Variant.of(overrides, after[TRAIN_STAGE])
            found.setdefault(variant.fingerprint, variant)
    return list(found.values())


def _checked(root: Path) -> list[str]:
    """Return what is stale, if all that a job takes from here is committed and current."""
    named = git.run(root, "status", "--porcelain=v1", "-z", "--no-renames", "--", *_IMAGE[:-1])
    within = git.prefix(root)
    changed = {*git.changed_files(root)}
    changed |= {entry[3:] for entry in named.decode().split("\0") if entry}
    committed = git.content_at(root, "HEAD", str(LOCK))
    if committed is None or Lock.parse(committed).md5(FEATURES) != Lock.read(root).md5(FEATURES):
        changed.add(f"{within}{LOCK}")
    if changed:
        raise RepositoryError(
            "What is trained must be committed. Received: changes of "
            f"{shortened(sorted(changed))}. Try: git commit, or git stash."
        )
    stale = stale_stages(root)
    stages = list(read_stages(root))
    before = stages[: stages.index(TRAIN_STAGE)]
    if behind := [stage for stage in before if stage in stale]:
        raise RepositoryError(
            f"{FEATURES} must be those of the commit. Received: {shortened(behind)} is stale. "
            f"Try: dvc repro {before[-1]}, then git commit {LOCK}."
        )
    return stale


def _manifests(kubectl: Kubectl, root: Path, kind: Kind | None, overlay: Path | None) -> Manifests:
    if not overlay and not kind:
        known = kubectl.run("api-resources", "--output=name").split()
        kind = next(kind for kind, name in RESOURCES.items() if name in known)
    folder = overlay or root / FOLDER / str(kind)
    manifests = Manifests.of(kubectl.rendered(folder), folder)
    if kind and manifests.kind != kind:
        raise ParamsError(
            f"--overlay must hold what --kind names, {kind}. "
            f"Received: {manifests.kind}. Try: without --kind."
        )
    return manifests


def _given(named: str, commit: str, machine: str | None) -> RemoteImage:
    given = Reference.parse(named)
    image = read_image(Registry(given.host), given, machine and f"linux/{machine}")
    made_of = image.labels.get("org.opencontainers.image.revision")
    if made_of != commit:
        raise ParamsError(
            f"--image must be the pipeline image of {commit[:12]}. Received: {given}, of "
            f"{made_of or 'no commit'}. Try: without --image."
        )
    return image


def pipeline_image(
    root: Path, commit: str, repository: str, *, extra: str, machine: str | None
) -> RemoteImage:
    """Return the image of a commit, built and pushed where the registry lacks it.

    It is registry/name:COMMIT, or …:COMMIT-gpu for the extra `gpu`; where that is not for the
    architecture `machine`, …:COMMIT-arm64 or the like. EngineError: it cannot be built.
    """
    tag = commit if extra == "cpu" else f"{commit}-{extra}"
    platform = machine and f"linux/{machine}"
    for name in (tag, f"{tag}-{machine}"):
        image = Reference.parse(f"{repository}:{name}")
        registry = Registry(image.host)
        if not registry.digest(image):
            break
        found = read_image(registry, image, platform)
        if machine in (None, found.architecture):
            return found
    with engine() as client:
        arguments = {"COMMIT": commit, "EXTRA": extra}
        if platform and (named := _BASE.search((root / _DOCKERFILE).read_text(encoding="utf-8"))):
            arguments["BASE_IMAGE"] = fetch_base(client, named[1], platform)[0]
        again = f"docker build --file {_DOCKERFILE} --build-arg COMMIT={commit} -"
        build(
            client, str(image), what=image, advice=f"git archive {commit} | {again}",
            fileobj=io.BytesIO(git.run(root, "archive", commit)), dockerfile=str(_DOCKERFILE),
            buildargs=arguments, platform=platform,
        )  # fmt: skip
        known = credentials_for(image.host).for_engine
        answers = client.api.push(
            image.repository, image.tag, auth_config=known, stream=True, decode=True
        )
        if failure := failure_of(answers, f"docker push {image}"):
            raise refusal(str(image), failure)
    return read_image(registry, image)


class FailedJobError(ClusterError):
    """A job failed; the exit code is that of its stage, where one is known."""

    def __init__(self, message: str, exit_code: int | None) -> None:
        """Take the stage's own line, or what is known."""
        super().__init__(message)
        self.exit_code = exit_code or self.exit_code


@dataclass
class _Watched:
    """A job, and what has been said of it."""

    job: Job
    variant: Variant
    log: Log
    documents: list[dict[str, Any]] | None = None
    said: str | None = None

    def start(self) -> None:
        if self.documents is None:
            self._say("note", f"{self.job.kind} {self.job.name} is there already")
            return
        if self.job.state() == "failed":  # it resumes from its checkpoint
            self.job.delete()
        text = yaml.safe_dump_all(self.documents, sort_keys=False)
        self.job.kubectl.run("apply", "--filename=-", stdin=text)
        namespace = self.job.kubectl.namespace
        self._say("note", f"{self.job.kind} {self.job.name} in namespace {namespace}")

    def follow(self, stop: Event) -> None:
        """Start it, and print what happens until it ends (FailedJobError: it has failed)."""
        self.start()
        try:
            while not (stop.wait(_TICK) or self.look()):
                pass
        finally:
            self.log.stop()

    def look(self) -> bool:
        """Print what is new; return whether it has succeeded (FailedJobError: it has failed)."""
        try:
            state, pods = self.job.state(), self.job.pods()
        except ClusterError as error:  # it may answer later
            self._say("warning", f"{error} Asking again")
            return False
        for pod in (each for each in pods if each.is_chief):
            self.log.follow(pod)
        mistake = next((each for each in pods if (each.exit_code or 0) in MISTAKES), None)
        if state == "succeeded":
            self.log.finish()
        elif state in ("absent", "failed") or mistake:
            self.log.finish()
            if self.job.kind == "tfjob" and state == "running":
                self.job.delete()  # its operator would repeat the mistake
            raise self._failure(state, mistake, pods)
        elif not pods or any(each.is_pending for each in pods):
            self._say("note", f"waiting for {self.job.warning() or 'its pods'}")
        return state == "succeeded"

    def _say(self, kind: Literal["note", "warning"], line: str) -> None:
        if line != self.said:
            self.said = line
            say(kind, f"[{self.variant}] {line}" if self.variant.overrides else line)

    def _failure(self, state: State, mistake: Pod | None, pods: Sequence[Pod]) -> FailedJobError:
        ended = sorted((each for each in pods if each.exit_code), key=lambda each: each.is_chief)
        pod = mistake or (ended[-1] if ended else None)
        if pod is None:
            why = (self.job.warning() if state == "failed" else None) or "its pods are gone."
        elif pod is mistake and pod.last_words:
            return FailedJobError(pod.last_words.removeprefix("error: "), pod.exit_code)
        else:
            why = f"{pod.name} ended with {pod.exit_code}: {pod.last_words}"
        return FailedJobError(
            f"{self.job.kind} {self.job.name} must succeed. Received: {why} "
            "Try: the same again, which resumes from the last checkpoint.",
            pod.exit_code if pod else None,
        )


def _run(
    trainings: Sequence[_Watched], at_once: int, fetch: Callable[[_Watched], None]
) -> Iterator[IssuesumError]:
    """Run trainings, so many at a time, and fetch the result of each; yield what failed."""
    stop = Event()
    with ThreadPoolExecutor(at_once) as pool:
        running = {pool.submit(each.follow, stop): each for each in trainings}
        try:
            for ended in as_completed(running):
                try:
                    ended.result()
                    fetch(running[ended])  # while others run
                except IssuesumError as error:
                    yield error
        except KeyboardInterrupt:
            say("note", "the jobs go on; the same command follows them again")
            raise
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)


def _fetch(training: _Watched, commit: str, root: Path) -> None:
    # Else DVC would not find this training in the run-cache, and would train here.
    if git.head(root) != commit or git.changed_files(root):
        raise RepositoryError(
            f"The clone must be at {commit[:12]}, as it was. Received: another commit, or "
            f"changes; {training.job.name} has succeeded. Try: git checkout {commit[:12]}, then "
            "the same again."
        )
    with only_one(root) as held:
        pipeline = Pipeline(root, held, {TRAINED_ELSEWHERE: "1"})
        if training.variant.overrides:
            pipeline.experiment(training.variant.overrides)
        else:
            pipeline.repro("--pull", "--single-item", TRAIN_STAGE)
