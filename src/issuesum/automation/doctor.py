"""`issuesum doctor`: what a run lacks, and what to do about it; nothing is changed.

What `uv sync --check`, `dvc doctor`, `dvc status --cloud`, `docker info`, `git status` and
`nvidia-smi` show is left to them, a Dask scheduler to preprocess, which asks it first.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Literal

from issuesum.errors import EngineError, IssuesumError, RegistryError, one_line
from issuesum.layout import RAW
from issuesum.lineage import git
from issuesum.registry.reference import Reference

if TYPE_CHECKING:
    from dvc.data_cloud import Remote

_GB = 10**9
_SECRET = re.compile(r"SECRET|PASSWORD|TOKEN|KEY|CREDENTIAL", re.IGNORECASE)
_FILE_OF_SECRET = re.compile(r"(_FILE|_PATH|_DIR|^ISSUESUM_\w+_KEY|_APPLICATION_CREDENTIALS)$")
_SHORTEST = 6  # characters: a shorter value, such as `true`, is part of too many words
_USER_OF_URL = re.compile(r"(?<=://)[^/@\s]+@")
_SERVICES = (
    "tools/services up for a local S3 server and bucket; or dvc remote modify storage url, and "
    "AWS_ENDPOINT_URL_S3"
)
_KEYS = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY of a user who may use the bucket"


@dataclass(frozen=True)
class Finding:
    """What a check found, on one line, and what to do about it."""

    status: Literal["ok", "note", "fail"]
    """`fail` if a stage, a commit or a push would fail, `note` for a warning."""
    found: str
    advice: str = ""


ok, note, fail = partial(Finding, "ok"), partial(Finding, "note"), partial(Finding, "fail")


@dataclass(frozen=True)
class Clone:
    """What is checked: a folder, why its params.yaml is invalid, and what that holds if not."""

    root: Path
    invalid: IssuesumError | None = None
    check_builder: Callable[[], object] | None = None  # raises EngineError if none makes images
    repository: Callable[[], str] = str


def _params(clone: Clone) -> Finding:
    return _of_error(clone.invalid) if clone.invalid else ok("params.yaml is valid")


def _raw_data(clone: Clone) -> Finding:
    from issuesum.lineage.tracking import standing

    path, pointer = clone.root / RAW, f"{RAW}.dvc"
    match standing(path):
        case "nothing":
            return fail(f"neither {RAW} nor {pointer}", "issuesum ingest FILE, or make run")
        case "other version":
            which = f"{RAW} is not the version that {pointer} records, as after git pull"
            return fail(which, f"dvc pull {pointer}")
        case "edited":
            advice = f"dvc add {RAW} to use it, or dvc checkout --force {pointer} to drop it"
            return fail(f"{RAW} is not what {pointer} records, and DVC has no copy of it", advice)
        case "absent":
            own = "make run, which writes a sample; or issuesum ingest FILE for issues of yours"
            return fail(f"{RAW} is not here", f"dvc pull {pointer}; if the remote lacks it, {own}")
    return ok(f"{RAW}, {path.stat().st_size / 1e6:,.1f} MB")


def _remote(clone: Clone) -> Finding:
    from issuesum.lineage.dvc import open_repo

    advice = "dvc status; dvc config -l"
    with open_repo(clone.root, "DVC must be able to read its files", advice) as repo:
        of = repo.cloud.get_remote()
        committed = repo.config.load_one("repo").get("remote", {}).get(of.name, {})
    shown = git.without_secrets(str(of.fs.unstrip_protocol(of.path)))
    if of.fs.protocol == "s3":
        found, keys = _s3(of, shown), "new keys, by dvc remote modify --local"
        if found.status == "ok" and "access_key_id" in committed:
            return note(found.found, f"{keys}, since Git holds .dvc/config")
        return found
    if of.fs.protocol != "local":
        of.fs.exists(of.path)
        return ok(f"{shown}; answers; writing was not tried")
    place = next(path for path in (Path(of.path), *Path(of.path).parents) if path.exists())
    if os.access(place, os.R_OK | os.W_OK | os.X_OK):
        return ok(f"{shown}; reads and writes")
    return fail(f"{shown}; no permission for {place}", "chmod or chown of it")


def _s3(of: Remote, shown: str) -> Finding:
    # An upload in parts is begun, which needs the right to write, and ended: nothing stays.
    bucket, _, prefix = str(of.path).strip("/").partition("/")
    key = f"{prefix}/issuesum-doctor".lstrip("/")
    status, tried = fail, "may not read: list_objects_v2"
    try:
        call = of.fs.fs.call_s3
        call("list_objects_v2", Bucket=bucket, Prefix=prefix, MaxKeys=1)
        tried = "may not write: create_multipart_upload"
        upload = call("create_multipart_upload", Bucket=bucket, Key=key)["UploadId"]
        status, tried = note, f"an unfinished upload of {key} stays"
        call("abort_multipart_upload", Bucket=bucket, Key=key, UploadId=upload)
    except Exception as error:  # noqa: BLE001 -- of s3fs, botocore or the network
        reason, advice = _refusal(error)
        return status(f"{shown}; {tried}: {reason}", advice)
    return ok(f"{shown}; reads and writes")


def _refusal(error: Exception) -> tuple[str, str]:
    """Return why a remote refuses, and what to try."""
    response = getattr(error.__cause__ or error, "response", None)
    if not response:
        return re.sub(r"\?[^\s\"]*", "", one_line(error)), f"{_SERVICES}; or {_KEYS}"
    code = str(response["Error"]["Code"])
    return code, _SERVICES if code == "NoSuchBucket" else _KEYS


def _engine(clone: Clone) -> Finding:
    from issuesum.shipping.image.engine import engine

    try:
        with engine() as client:
            version, where = client.version(), git.without_secrets(client.api.base_url)
    except EngineError as error:
        failed = _of_error(error)
        with suppress(IssuesumError, OSError):
            if clone.check_builder:
                clone.check_builder()
                found = f"{failed.found}; export takes the runtime that the registry holds"
                return note(found, "start Docker for issuesum serve and verify --deep")
        return fail(failed.found, f"{failed.advice}; or issuesum export --runtime-only elsewhere")
    return ok(f"{version['Version']}, {version['Os']}/{version['Arch']}, {where}")


def _registry(clone: Clone) -> Finding:
    from issuesum.registry.client import Registry
    from issuesum.registry.credentials import credentials_for

    image = Reference.parse(clone.repository())
    named_by = "ISSUESUM_REGISTRY" if os.environ.get("ISSUESUM_REGISTRY") else "params.yaml"
    known = credentials_for(image.host)
    who = f"credentials of {known.username or 'a token'}" if known else "no credentials"
    shown, refused = f"{clone.repository()} ({named_by}), {who}", "no access"
    registry = Registry(image.host)
    try:
        registry.digest(image)
        refused = "answers, but takes no push"
        registry.try_push(image)
    except RegistryError as error:
        failed = _of_error(error)
        reason = error.received.removeprefix("no answer: ")
        return fail(f"{shown}; {refused}: {reason.rstrip(': ')}", failed.advice)
    return ok(f"{shown}; answers and would take a push")


def _disk(clone: Clone) -> Finding:
    raw = (clone.root / RAW).stat().st_size if (clone.root / RAW).is_file() else 0
    # Models, bundle and records; the raw file in the cache, shards and ids in workspace and cache.
    needed, temporary = 2 * _GB + 4 * raw, Path(tempfile.gettempdir())
    free, free_there = (shutil.disk_usage(place).free for place in (clone.root, temporary))
    found = f"{free / _GB:.1f} GB free here, {free_there / _GB:.1f} GB in {temporary}"
    if free < needed:
        found += f"; a run on {raw / _GB:.2g} GB of issues may take {needed / _GB:.1f} GB here"
        return note(found, "dvc push, then dvc gc --all-commits (docs/operations.md)")
    if free_there < _GB:
        return note(f"{found}; export and predict write there", "free space there, or set TMPDIR")
    return ok(found)


_DVC = ("dvc.repo", "dvc_s3", "s3fs")
CHECKS: dict[str, tuple[Callable[[Clone], Finding], *tuple[str, ...]]] = {
    "params": (_params,), "data": (_raw_data, *_DVC), "remote": (_remote, *_DVC),
    "engine": (_engine, "issuesum.shipping.image.engine"),
    "registry": (_registry, "issuesum.registry.client"), "disk": (_disk,),
}  # fmt: skip
"""By name: the check, and what is imported first, by one thread: two may deadlock within DVC."""


def examine(names: Sequence[str], clone: Clone, limit: float) -> Iterator[tuple[str, Finding]]:
    """Run checks at once, each for `limit` seconds, and yield what they find in their order.

    No finding shows a secret that one of the environment's variables holds.
    """
    for module in {module for name in names for module in CHECKS[name][1:]}:
        with suppress(Exception):  # the check that needs it fails
            import_module(module)
    found: dict[str, Finding] = {}

    def run(name: str) -> None:
        found[name] = _result(name, clone)

    # No pool: at exit it would wait for a thread that a silent server blocks.
    threads = [Thread(target=run, args=(name,), daemon=True) for name in names]
    for thread in threads:
        thread.start()
    secrets = [
        re.escape(value)
        for name, value in os.environ.items()
        if _SECRET.search(name) and not _FILE_OF_SECRET.search(name) and len(value) >= _SHORTEST
    ]
    secret = re.compile("|".join(sorted(secrets, key=len, reverse=True)) or "(?!)")
    slow = f"no result within {limit:g} s: no answer, or this machine is very busy"
    deadline = time.monotonic() + limit
    for name, thread in zip(names, threads, strict=True):
        thread.join(max(0.0, deadline - time.monotonic()))
        late = fail(slow, f"issuesum doctor --only {name}, and look for a firewall")
        finding = found.get(name, late)
        shown = (secret.sub("…", text) for text in (finding.found, finding.advice))
        yield name, Finding(finding.status, *(_USER_OF_URL.sub("", text) for text in shown))


def _result(name: str, clone: Clone) -> Finding:
    check, *modules = CHECKS[name]
    if clone.invalid and name == "registry":
        return note("not checked: params.yaml is invalid", "see params above")
    try:
        for module in modules:
            import_module(module)
        return check(clone)
    except IssuesumError as error:
        return _of_error(error)
    except Exception as error:  # noqa: BLE001 -- whatever it is, the other checks go on
        found = f"{type(error).__name__}: {one_line(error)}"
        if isinstance(error, ImportError):
            return fail(f"cannot be imported: {found}", "make setup")
        return fail(found, "see docs/troubleshooting.md")


def _of_error(error: IssuesumError) -> Finding:
    found, _, advice = str(error).partition(" Try: ")
    return fail(found.removesuffix("."), advice.removesuffix("."))
