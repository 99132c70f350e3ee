"""The data of a restored tree: DVC's remote, without credentials in a file, and the outputs."""

import json
import logging
import os
from itertools import chain
from pathlib import Path
from typing import Any

from dvc.exceptions import NotDvcRepoError
from dvc.output import Output
from dvc.repo import Repo

from issuesum.errors import ArtifactError, one_line
from issuesum.files import replacing_file
from issuesum.layout import EXPORT_STAGE, LOCK, METRICS, RECEIPT
from issuesum.lineage import git
from issuesum.lineage.dvc import cut_entry, md5_of
from issuesum.lineage.provenance.model import Remote
from issuesum.lineage.restore.contained import fetch_list


def configure(root: Path, known: Remote | None, *, url: str | None) -> None:
    """Write to .dvc/config.local of `root` where the data is, if the commit says otherwise.

    First goes `url`, which may be a path, then the environment's endpoint, then what is known from
    the provenance, and last the commit's own .dvc/config. Credentials come from the environment or
    from AWS' own files. Downloads are compared with their hashes in any case.
    """
    found = known.model_dump(exclude_none=True) if known else {}
    if url:
        found = {"url": url if "://" in url else str(Path(url).absolute())}
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    with Repo(str(root)) as repo:
        name = repo.config["core"].get("remote") or "storage"
        committed = repo.config["remote"].get(name, {})
        # By itself DVC believes that what is stored under a hash has that hash.
        values = {**found, "verify": True}
        if endpoint and str(values.get("url") or committed.get("url")).startswith("s3://"):
            values["endpointurl"] = endpoint
        values = {key: value for key, value in values.items() if committed.get(key) != value}
        if values:
            with repo.config.edit("local") as settings:
                settings["core"]["remote"] = name
                settings["remote"].setdefault(name, {}).update(values)


def _borrowed(root: Path, owner: Path | None) -> dict[str, Any]:
    """Return what the configuration of `owner` adds for the same remote: its credentials, say.

    It is for memory only, so that no secret is copied to a second file, and empty unless both mean
    the same URL.
    """
    if owner is None:
        return {}
    try:
        with Repo(str(root)) as ours, Repo(str(owner)) as theirs:
            name = ours.config["core"].get("remote")
            here, there = (each.config["remote"].get(name, {}) for each in (ours, theirs))
    except NotDvcRepoError:
        return {}
    same = here and all(here.get(key) == there.get(key) for key in ("url", "endpointurl"))
    return {"remote": {name: there | here}} if same else {}


def write_kept(root: Path, metrics: dict[str, Any]) -> list[str]:
    """Bring back what Git keeps and DVC does not (`cache: false`), with the bytes of dvc.lock.

    They are often committed after the image was made, so every branch is searched for them; the
    metrics are in the provenance. Those that are nowhere are returned, as `path (md5)`.
    """
    with Repo(str(root)) as repo:
        kept = {
            Path(out.fs_path).relative_to(root.resolve()).as_posix(): str(out.hash_info.value)
            for out in repo.index.outs
            if not out.use_cache and out.hash_info
        }
    kept.pop(RECEIPT.as_posix(), None)
    stated = json.dumps(metrics, ensure_ascii=False, indent=2) + "\n"  # as files.write_json does
    lost = []
    for path, md5 in sorted(kept.items()):
        target = root / path
        present = target.read_bytes() if target.is_file() else b""
        known = (present, stated.encode()) if path == str(METRICS) else (present,)
        every = chain(known, git.contents(root, path))
        content = next((content for content in every if md5_of(content) == md5), None)
        if content is None:
            lost.append(f"{path} ({md5})")
        elif content != present or not target.is_file():
            with replacing_file(target) as temporary:
                temporary.write_bytes(content)
    return lost


def pull(root: Path, owner: Path | None, *, only: Path | None = None) -> None:
    """Pull every output that is recorded, or `only` one, with the credentials of `owner`.

    ArtifactError: the remote lacks some, or one would be written outside of its folder.
    """
    reason = ""

    def is_meant(out: Output) -> bool:
        path = Path(out.fs_path).relative_to(root.resolve())
        return out.use_cache and out.hash_info and only in (None, path)

    with Repo(str(root), config=_borrowed(root, owner)) as repo:
        logging.disable()  # what DVC would log is said below; its bars are no logging
        try:
            recorded = [out for out in repo.index.outs if is_meant(out)]
            listed = [out.fs_path for out in recorded if fetch_list(repo, out)]
            if listed:
                whole = only is None and len(listed) == len(recorded)
                repo.pull(None if whole else listed, allow_missing=True)
        except ArtifactError:
            raise
        except Exception as error:  # noqa: BLE001 -- DVC lets through what any file system raises
            reason = f" ({one_line(error)})"
        finally:
            logging.disable(logging.NOTSET)
        repo._reset()  # noqa: SLF001 -- as DVC's own commands do between two looks at the tree
        missing = sorted(
            f"{Path(out.fs_path).relative_to(root.resolve())} ({out.hash_info.value})"
            for out in repo.index.outs
            if is_meant(out) and (not out.exists or out.changed_checksum())
        )
        remote = repo.config["remote"].get(repo.config["core"].get("remote"), {})
    if missing:
        parts = filter(None, map(remote.get, ("url", "endpointurl")))
        raise ArtifactError(
            f"The DVC remote {' at '.join(map(git.without_secrets, parts))} must hold all that the "
            f"image was made from. Received: no {', '.join(missing)}{reason}. Try: dvc push where "
            "it was made, AWS credentials in the environment, or --remote; the code is in "
            f"{root}, where dvc pull continues."
        )


def write_lock(root: Path, lock: str) -> None:
    """Write the dvc.lock of an image, with the run of export that made its receipt.

    The image's own copy is older than the end of that run: what it says of export is of an image
    before, whose outputs are not to be mixed with this one's. A commit may have recorded that run.
    """
    receipt = md5_of((root / RECEIPT).read_bytes())
    locks = (os.fsdecode(content) for content in git.contents(root, str(LOCK)))
    entries = (cut_entry(text, EXPORT_STAGE)[1] for text in locks if receipt in text)
    entry = next((entry for entry in entries if receipt in entry), "")
    with replacing_file(root / LOCK) as temporary:
        temporary.write_text(cut_entry(lock, EXPORT_STAGE)[0] + entry, encoding="utf-8")


def record_export(root: Path) -> list[str]:
    """Record in dvc.lock that export has run, if all its outputs are there; return stale stages."""
    with Repo(str(root)) as repo:
        stages = [stage for stage in repo.index.stages if stage.addressing.endswith(EXPORT_STAGE)]
        if stages and all(out.exists for stage in stages for out in stage.outs):
            repo.commit(f"{root.resolve() / 'dvc.yaml'}:{EXPORT_STAGE}", force=True)
    with Repo(str(root)) as repo:
        return sorted(name.rpartition("dvc.yaml:")[2] for name in repo.status())
