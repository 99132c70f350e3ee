"""DVC: the pipeline, the raw data and the remote.

Some imports are those that DVC puts off until it needs them: here they cost no check its time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dvc
import dvc.cachemgr
import dvc.data_cloud
import dvc.lock
import dvc.repo.index
import dvc.repo.stage
import dvc_s3  # type: ignore[import-untyped] # noqa: F401
import s3fs  # type: ignore[import-untyped] # noqa: F401
from dvc.config import NoRemoteError
from dvc.exceptions import DvcException, NotDvcRepoError
from dvc.repo import Repo

from issuesum.automation.doctor.finding import Finding, fail, note, of_error, ok
from issuesum.automation.doctor.stores import S3, Folder, Store, store_of
from issuesum.errors import RepositoryError, one_line
from issuesum.lineage import git
from issuesum.lineage.dvc import Lock
from issuesum.lineage.tracking import recorded

_LEVELS = {
    "local": ".dvc/config.local",
    "repo": ".dvc/config",
    "global": "DVC's configuration of this user",
    "system": "DVC's configuration of this machine",
}
"""The nearest first, as DVC reads them."""
_METHODS = {
    "env": "the environment",
    "shared-credentials-file": "AWS' credentials file",
    "config-file": "AWS' config file",
    "custom-process": "a program that AWS' config file names",
    "assume-role": "a role that AWS' config file names",
    "assume-role-with-web-identity": "a web identity (a service account's role)",
    "sso": "AWS single sign-on",
    "container-role": "the container's role",
    "iam-role": "the machine's role",
}

_OWN_DATA = "make run, which writes a sample; or issuesum ingest FILE for issues of yours"
_ABORT = "give these keys the right s3:AbortMultipartUpload, or the bucket a rule that ends uploads"
_NO_REPOSITORY = note("not looked at, for want of a .dvc folder", "see dvc above")


def pipeline(root: Path) -> Finding:
    """Look whether DVC can read the repository, dvc.yaml and dvc.lock.

    Raises:
        RepositoryError: it cannot.
    """
    if not (root / "dvc.yaml").is_file():
        top = git.top(root)
        return fail(f"no dvc.yaml in {root.resolve()}", f"cd to the project's root{_at(top)}")
    locked = _locked_stages(root) if (root / "dvc.lock").exists() else 0
    with _repo(root) as repo:
        stages = len([stage for stage in repo.index.stages if stage.cmd])
    return ok(f"{dvc.__version__}, {stages} stages in dvc.yaml, {locked} of them in dvc.lock")


def raw_data(root: Path, path: Path) -> Finding:
    """Look for the raw data here, in DVC's cache and in the remote.

    Args:
        root: of the project.
        path: of the raw data, from there.

    Raises:
        RepositoryError: DVC cannot read the repository.
    """
    if (root / path).is_file():
        return ok(f"{path}, {(root / path).stat().st_size / 1e6:,.1f} MB")
    if not (root / ".dvc").is_dir():
        return _NO_REPOSITORY
    md5 = recorded(root / path)
    if md5 is None:
        return fail(f"neither {path} nor {path}.dvc", "issuesum ingest FILE, or make run")
    with _repo(root) as repo:
        return _stored_data(repo, path, md5)


def _stored_data(repo: Repo, path: Path, md5: str) -> Finding:
    if repo.cache.local.exists(md5):
        return note(f"{path} is in DVC's cache only", f"dvc checkout {path}.dvc")
    try:
        remote = repo.cloud.get_remote()
        held = store_of(remote).holds(remote.odb.oid_to_path(md5))
    except (RepositoryError, NoRemoteError) as error:
        return fail(
            f"{path} is not here, and the remote cannot be asked for it: {_reason(error)}",
            f"mend the remote, then dvc pull {path}.dvc; or {_OWN_DATA}",
        )
    if held:
        return note(f"{path} is in the remote only", f"dvc pull {path}.dvc")
    return fail(
        f"{path} is neither here nor in the remote",
        f"dvc push in the clone that has it; or {_OWN_DATA}",
    )


def remote(root: Path) -> Finding:
    """Read from the default remote, and have it judge whether we may write.

    Raises:
        RepositoryError: DVC cannot read the repository, or the remote refuses.
    """
    if not (root / ".dvc").is_dir():
        return _NO_REPOSITORY
    with _repo(root) as repo:
        try:
            of = repo.cloud.get_remote()
        except NoRemoteError:
            return fail("DVC has no default remote", "dvc remote add --default storage URL")
        store = store_of(of)
        shown = git.without_secrets(str(of.fs.unstrip_protocol(of.path)))
        advice = ""
        if isinstance(store, S3):
            shown += f" at {git.without_secrets(store.endpoint)}"
            source, advice = _source(repo, of.name, store)
            if source is None:
                return fail(f"{shown}: no AWS credentials anywhere", advice)
            shown += f", keys from {source}"
    return _tried(store, shown, advice)


def _tried(store: Store, shown: str, advice: str) -> Finding:
    """Read and write; the advice is what there is to be done even if both go well."""
    right = "read"
    try:
        store.read()
        right = "write"
        left = store.write()
    except RepositoryError as error:
        return fail(f"{shown}; may not {right}: {_reason(error)}", of_error(error).advice)
    if left:
        return note(
            f"{shown}; reads and writes, but {left}", "; ".join(filter(None, (advice, _ABORT)))
        )
    if advice:
        return note(f"{shown}; reads and writes", advice)
    tried = "reads and writes" if isinstance(store, S3 | Folder) else "reads; writing was not tried"
    return ok(f"{shown}; {tried}")


def _locked_stages(root: Path) -> int:
    try:
        return len(Lock.read(root).stages)
    except RepositoryError as error:
        raise RepositoryError(
            f"dvc.lock must be whole. Received: {_reason(error)}. "
            "Try: look for marks of a merge in it, then git checkout of one side and dvc repro."
        ) from error


def _source(repo: Repo, name: str, store: S3) -> tuple[str | None, str]:
    """Return where the credentials of an S3 remote come from, and what is to be done about it."""
    for level, place in _LEVELS.items():
        if "access_key_id" in repo.config.load_one(level).get("remote", {}).get(name, {}):
            if level == "repo":
                return place, (
                    f"new keys, by dvc remote modify --local {name} …, since Git holds {place}"
                )
            return place, ""
    if repo.config["remote"][name].get("allow_anonymous_login"):
        return "nobody (allow_anonymous_login)", ""
    found = store.session.get_credentials()
    if found is None:
        return None, (
            "tools/services up for a local S3 server; or AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY of a bucket of yours"
        )
    return _METHODS.get(found.method, found.method), ""


def _reason(error: Exception) -> str:
    """Return what an error received, without what it says to try."""
    said = one_line(error)
    return (said.partition(" Try: ")[0].partition("Received: ")[2] or said).removesuffix(".")


def _at(top: Path | None) -> str:
    return f": {top}" if top else ""


@contextmanager
def _repo(root: Path) -> Iterator[Repo]:
    try:
        with Repo(str(root)) as repo:
            yield repo
    except NotDvcRepoError as error:
        raise RepositoryError(
            f"{root.resolve()} must be a DVC repository. Received: no .dvc folder. "
            "Try: cd to the project's root, or git checkout .dvc."
        ) from error
    except DvcException as error:
        raise RepositoryError(
            f"DVC must be able to read {root.resolve()}. Received: {one_line(error)}. "
            "Try: dvc status, and mend the file that it names."
        ) from error
