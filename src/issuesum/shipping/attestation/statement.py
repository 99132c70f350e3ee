"""in-toto statements about an image, where it comes from and what it holds, and their signatures.

Sources: in-toto attestation framework, "Statement layer specification" and "ResourceDescriptor"
and "DigestSet" (v1); SLSA v1 "Provenance"; in-toto predicate "CycloneDX"; secure-systems-lab,
"DSSE: Dead Simple Signing Envelope", protocol and envelope v1.
"""

import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from packageurl import PackageURL
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import Error
from securesystemslib.signer import CryptoSigner, Signer

from issuesum.errors import ParamsError, one_line
from issuesum.lineage.provenance.artefacts import RUN
from issuesum.lineage.provenance.model import Artefact, Exported, Provenance
from issuesum.registry.reference import Reference

STATEMENT = "https://in-toto.io/Statement/v1"
IN_TOTO = "application/vnd.in-toto+json"
"""Type of a statement, in an envelope and outside."""
SLSA = "https://slsa.dev/provenance/v1"
CYCLONEDX = "https://cyclonedx.org/bom"
BUILD_TYPE = "urn:issuesum:export:v1"
"""docs/tracing.md describes it; what changes the definition below must change its number."""
_BUILDER = "urn:issuesum:builder:docker-engine"
_USER, _RUNS = "issuesum_user", "issuesum_runs"
"""Fields of ours in SLSA's metadata."""
_FILE = "ISSUESUM_SIGNING_KEY"
_PASSPHRASE = "ISSUESUM_SIGNING_PASSPHRASE"  # noqa: S105 -- the variable's name


def slsa_statement(
    image: Reference, provenance: Exported, metadata: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return the statement of how an image, with a digest, was made: its /app/provenance.json.

    `metadata` is what that file does not say; before format 3 it said all.
    """
    patch, made = provenance.patch, provenance.artefacts or ()
    names = ("source", "commit", "dirty", "params")
    definition = {
        "buildType": BUILD_TYPE,
        "externalParameters": {name: getattr(provenance, name) for name in names},
        "resolvedDependencies": _materials(provenance),
    }
    details = {
        "builder": {"id": _BUILDER, "version": provenance.tools},
        "metadata": metadata or _times(provenance.image, provenance.created, made),
        "byproducts": [{"name": "patch", "digest": {"sha256": patch.sha256}}] if patch else [],
    }
    return _statement(image, SLSA, {"buildDefinition": definition, "runDetails": details})


def sbom_statement(image: Reference, sbom: bytes) -> dict[str, Any]:
    """Return the statement of what an image, with a digest, holds: an SBOM as CycloneDX JSON."""
    return _statement(image, CYCLONEDX, json.loads(sbom))


def serialised(statement: dict[str, Any]) -> bytes:
    """Return equal bytes for equal statements."""
    return json.dumps(statement, ensure_ascii=False, indent=1, sort_keys=True).encode()


def digest_set(image: Reference) -> dict[str, str]:
    """Return the digest of an image, which has one, as in-toto writes it."""
    algorithm, _, digest = str(image.digest).partition(":")
    return {algorithm: digest}


def metadata_of(
    image: str, finished: str, made: Sequence[Artefact], user: str | None
) -> dict[str, Any]:
    """Return when and by whom an image, registry/name:tag, was made, and the runs that led there.

    `finished` is ISO 8601; the artefacts that were `made` have their runs.
    """
    runs = {item.name: item.model_dump(include={*RUN}, exclude_unset=True) for item in made}
    runs = {name: run for name, run in runs.items() if run}
    return {**_times(image, finished, made), _USER: user, _RUNS: runs}


def with_runs[P: Provenance](provenance: P, statement: dict[str, Any]) -> P:
    """Return a provenance with the metadata of its statement; what is of another kind is unknown.

    KeyError, TypeError or AttributeError: the statement has no metadata of ours.
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


def sealed(payload: bytes, key: Signer) -> bytes:
    """Return the envelope of a statement, signed by `key`. Equal arguments give equal bytes."""
    envelope = Envelope(payload, IN_TOTO, {})
    envelope.sign(key)
    return json.dumps(envelope.to_dict(), sort_keys=True).encode()


def opened(content: bytes) -> Envelope:
    """Read an envelope (ValueError: it is none of a statement); its signatures are not checked."""
    try:
        envelope = Envelope.from_dict(json.loads(content))
    except (KeyError, TypeError, AttributeError, Error) as error:
        raise ValueError(f"no DSSE envelope: {type(error).__name__}") from error
    if envelope.payload_type != IN_TOTO:
        raise ValueError(f"an envelope of {envelope.payload_type!r}")
    return envelope


def signing_key() -> Signer | None:
    """Return the key of the file that ISSUESUM_SIGNING_KEY names, or None where it is not set.

    ISSUESUM_SIGNING_PASSPHRASE opens a file that is encrypted. ParamsError: others may read it, or
    it is not an Ed25519 key in PKCS#8.
    """
    named, passphrase = os.environ.get(_FILE), os.environ.get(_PASSPHRASE)
    if not named:
        return None
    try:
        with Path(named).open("rb") as file:
            mode, content = os.fstat(file.fileno()).st_mode, file.read()
        if mode & 0o077:
            raise ValueError(f"mode {mode & 0o777:04o}")
        # Of a file without a passphrase, the library takes none.
        secret = (passphrase or "").encode() if b"ENCRYPTED" in content else None
        key = load_pem_private_key(content, secret or None)
        if not isinstance(key, Ed25519PrivateKey):
            raise TypeError("a key of another kind")
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ParamsError(
            f"{named} ({_FILE}) must hold an Ed25519 key as PKCS#8 PEM, readable by you alone. "
            f"Received: {one_line(error)}. Try: openssl genpkey -algorithm ed25519 -out "
            f"issuesum.pem, then chmod 600 issuesum.pem; of an encrypted one, {_PASSPHRASE}."
        ) from error
    return CryptoSigner(key)


def _statement(image: Reference, kind: str, predicate: dict[str, Any]) -> dict[str, Any]:
    subject = [{"name": image.repository, "digest": digest_set(image)}]
    known = {"_type": STATEMENT, "subject": subject}
    return {**known, "predicateType": kind, "predicate": predicate}


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


def _times(image: str, finished: str, made: Sequence[Artefact]) -> dict[str, str]:
    end = _time(finished)
    begun = [_time(item.started) for item in made if item.started]
    return {"invocationId": f"{image}@{end}", "startedOn": min([*begun, end]), "finishedOn": end}


def _time(text: str) -> str:
    """Return an ISO time as in-toto wants it: RFC 3339 in UTC, with a Z."""
    return datetime.fromisoformat(text).astimezone(UTC).isoformat().replace("+00:00", "Z")
