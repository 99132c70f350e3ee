"""in-toto statements about an image: where it comes from (SLSA provenance), and what it holds.

Sources: in-toto attestation framework, "Statement layer specification" and "ResourceDescriptor"
and "DigestSet" (v1); SLSA v1 "Provenance"; in-toto predicate "CycloneDX".
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from packageurl import PackageURL

from issuesum.lineage.provenance.artefacts import RUN
from issuesum.lineage.provenance.model import Artefact, Exported, Provenance
from issuesum.registry.reference import Reference

STATEMENT = "https://in-toto.io/Statement/v1"
SLSA = "https://slsa.dev/provenance/v1"
CYCLONEDX = "https://cyclonedx.org/bom"
BUILD_TYPE = "urn:issuesum:export:v1"
"""docs/tracing.md describes it; what changes the definition below must change its number."""
_BUILDER = "urn:issuesum:builder:docker-engine"


_USER, _RUNS = "issuesum_user", "issuesum_runs"
"""Fields of ours in SLSA's metadata."""


def slsa_statement(
    image: Reference, provenance: Exported, metadata: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return the statement of how an image, with a digest, was made: its /app/provenance.json.

    `metadata` is what that file does not say; before format 3 it said all.
    """
    patch = provenance.patch
    predicate = {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": {
                "source": provenance.source,
                "commit": provenance.commit,
                "dirty": provenance.dirty,
                "params": provenance.params,
            },
            "resolvedDependencies": _materials(provenance),
        },
        "runDetails": {
            "builder": {"id": _BUILDER, "version": provenance.tools},
            "metadata": metadata
            or _times(provenance.image, provenance.created, provenance.artefacts or ()),
            "byproducts": [{"name": "patch", "digest": {"sha256": patch.sha256}}] if patch else [],
        },
    }
    return _statement(image, SLSA, predicate)


def metadata_of(
    image: str, finished: str, made: Sequence[Artefact], user: str | None
) -> dict[str, Any]:
    """Return when and by whom an image, registry/name:tag, was made, and the runs that led there.

    Args:
        image: registry/name:tag.
        finished: when it was exported, ISO 8601.
        made: artefacts with their runs.
        user: who exported it.
    """
    runs = {item.name: item.model_dump(include={*RUN}, exclude_unset=True) for item in made}
    runs = {name: run for name, run in runs.items() if run}
    return {**_times(image, finished, made), _USER: user, _RUNS: runs}


def with_runs[P: Provenance](provenance: P, statement: dict[str, Any]) -> P:
    """Return a provenance with the metadata of its statement; what is of another kind is unknown.

    Raises:
        KeyError, TypeError, AttributeError: the statement has no metadata of ours.
    """
    metadata = statement["predicate"]["runDetails"]["metadata"]
    runs = {
        name: {key: value for key, value in run.items() if key in RUN}
        for name, run in metadata[_RUNS].items()
    }
    known = provenance.model_dump(exclude_unset=True)
    known |= {"created": metadata["finishedOn"], "user": metadata[_USER]}
    known["artefacts"] = [item | runs.get(item["name"], {}) for item in known["artefacts"]]
    return type(provenance).model_validate(known)


def _times(image: str, finished: str, made: Sequence[Artefact]) -> dict[str, str]:
    end = _time(finished)
    begun = [_time(item.started) for item in made if item.started]
    return {"invocationId": f"{image}@{end}", "startedOn": min([*begun, end]), "finishedOn": end}


def sbom_statement(image: Reference, sbom: bytes) -> dict[str, Any]:
    """Return the statement of what an image, with a digest, holds: an SBOM as CycloneDX JSON."""
    return _statement(image, CYCLONEDX, json.loads(sbom))


def serialised(statement: dict[str, Any]) -> bytes:
    """Return equal bytes for equal statements."""
    return json.dumps(statement, ensure_ascii=False, indent=1, sort_keys=True).encode()


def _statement(image: Reference, kind: str, predicate: dict[str, Any]) -> dict[str, Any]:
    return {
        "_type": STATEMENT,
        "subject": [{"name": image.repository, "digest": digest_set(image)}],
        "predicateType": kind,
        "predicate": predicate,
    }


def _materials(provenance: Exported) -> list[dict[str, Any]]:
    commit, source = provenance.commit, provenance.source
    hashes = dict(provenance.hashes)
    remote = provenance.remote.url if provenance.remote else None
    files = {"uv.lock": hashes.pop("uv.lock", None), "requirements.txt": provenance.requirements}
    base = provenance.params.get("export", {}).get("base_image")
    uri = {"uri": f"git+{source}@{commit}"} if source else {}
    return [
        {"name": "git", **uri, "digest": {"gitCommit": commit}},
        *(_of_dvc(name, value, remote) for name, value in hashes.items() if value),
        *({"name": name, "digest": {"sha256": value}} for name, value in files.items() if value),
        *([_base_image(base)] if base else []),
    ]


def _of_dvc(name: str, value: str, remote: str | None) -> dict[str, Any]:
    # That of a folder is the MD5 of DVC's listing of it, not of any file that a person could hash:
    # its own name keeps anyone from comparing it with an MD5.
    digest, _, folder = value.partition(".")
    material = {"name": name, "digest": {"dvcDirMd5" if folder else "md5": digest}}
    where = f"{str(remote).rstrip('/')}/files/md5/{value[:2]}/{value[2:]}"
    return {**material, "downloadLocation": where} if remote else material


def _base_image(text: str) -> dict[str, Any]:
    if text.startswith("sha256:"):  # an id, by which one Docker Engine alone knows it
        return {"name": "base image", "uri": f"docker:{text}"}
    base = Reference.parse(text)
    namespace, _, name = base.name.rpartition("/")
    where = {} if base.host == "docker.io" else {"repository_url": base.host}
    uri = PackageURL("docker", namespace, name, base.tag or base.digest, where).to_string()
    digest = {"digest": digest_set(base)} if base.digest else {}
    return {"name": "base image", "uri": uri, **digest}


def digest_set(image: Reference) -> dict[str, str]:
    """Return the digest of an image, which has one, as in-toto writes it."""
    algorithm, _, digest = str(image.digest).partition(":")
    return {algorithm: digest}


def _time(text: str) -> str:
    """Return an ISO time as in-toto wants it: RFC 3339 in UTC, with a Z."""
    return datetime.fromisoformat(text).astimezone(UTC).isoformat().replace("+00:00", "Z")
