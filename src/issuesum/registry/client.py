"""The few requests of the OCI distribution specification that lineage needs."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Iterator
from typing import IO, Any
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from issuesum.errors import one_line
from issuesum.registry.authorization import authorize
from issuesum.registry.bounded import SMALL, limited
from issuesum.registry.credentials import credentials_for
from issuesum.registry.reference import Reference, is_loopback
from issuesum.registry.refusals import refusal

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
_ACCEPTED = ",".join(
    (
        MANIFEST,
        "application/vnd.docker.distribution.manifest.v2+json",
        INDEX,
        "application/vnd.docker.distribution.manifest.list.v2+json",
    )
)
_TIMEOUT = (5, 60)
"""Seconds to connect, and to wait for the next bytes."""
# 0, 0.5, 1 and 2 s between tries; a registry that asks for more patience (Retry-After) gets it.
_RETRIES = Retry(
    total=4,
    backoff_factor=0.25,
    status_forcelist=(429, 500, 502, 503, 504),
    allowed_methods=None,  # each request of ours can be sent twice: content has its hash as address
    raise_on_status=False,
)
_CHUNK = 2**20
_QUESTIONS = ("GET", "HEAD")
_SHOWN = 200
"""Bytes of what a refusal says."""


class Registry:
    """A registry, with a connection that is kept.

    Loopback addresses are asked by plain HTTP, as Docker Engine does, and so are the hosts of
    ISSUESUM_INSECURE_REGISTRIES (separated by commas).
    """

    def __init__(self, host: str) -> None:
        """Make a client; nothing is asked yet.

        Args:
            host: host[:port].

        Raises:
            RegistryError: a credential helper fails.
        """
        self.host = host
        insecure = os.environ.get("ISSUESUM_INSECURE_REGISTRIES", "").split(",")
        scheme = "http" if is_loopback(host) or host in insecure else "https"
        address = "registry-1.docker.io" if host == "docker.io" else host
        self._base = f"{scheme}://{address}/v2/"
        self._credentials = credentials_for(host)
        self._session = requests.Session()
        self._session.trust_env = not is_loopback(host)  # no proxy
        self._session.auth = _unchanged  # or requests would put ~/.netrc in place of our header
        self._session.headers["User-Agent"] = "issuesum"
        for prefix in ("http://", "https://"):
            self._session.mount(prefix, HTTPAdapter(max_retries=_RETRIES))
        self._authorization: str | None = None

    def digest(self, image: Reference) -> str | None:
        """Return the digest (sha256:…) of a manifest, or None if there is none.

        Raises:
            RegistryError: the registry is unreachable or refuses us.
        """
        answer = self._ask("HEAD", image, f"manifests/{image.version}", accept=_ACCEPTED)
        if answer.status_code == requests.codes.not_found:
            return None
        found = answer.headers.get("Docker-Content-Digest")
        return found or f"sha256:{hashlib.sha256(self._manifest(image)).hexdigest()}"

    def manifest(self, image: Reference) -> tuple[str, dict[str, Any]]:
        """Return the digest and the content of a manifest or an index.

        Raises:
            RegistryError: there is none, or it is not what its digest says.
        """
        content = self._manifest(image)
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        if image.digest and digest != image.digest:
            raise refusal(str(image), f"a manifest with digest {digest}")
        found: dict[str, Any] = json.loads(content)
        return digest, found

    def blob(self, image: Reference, digest: str) -> bytes:
        """Return the small content under a digest.

        Raises:
            ArtifactError: it is large.
            RegistryError: there is none, or it is not what its digest says.
        """
        content = io.BytesIO()
        self.download(image, digest, content, most=SMALL)
        return content.getvalue()

    def download(self, image: Reference, digest: str, target: IO[bytes], *, most: int) -> None:
        """Write the content under a digest to `target`, in memory that does not grow with it.

        Raises:
            ArtifactError: it is more than `most` bytes.
            RegistryError: there is none, it is not what its digest says, or it breaks off.
        """
        answer = self._ask("GET", image, f"blobs/{digest}", stream=True)
        found = hashlib.sha256()
        if answer.status_code == requests.codes.not_found:
            raise refusal(str(image), f"no blob {digest}")
        for chunk in _chunks(image, answer, digest, most):
            found.update(chunk)
            target.write(chunk)
        if digest != f"sha256:{found.hexdigest()}":
            raise refusal(str(image), f"another content of {digest}")

    def referrers(self, image: Reference) -> list[dict[str, Any]]:
        """Return the descriptors of the manifests whose subject is `image`.

        By the referrers API where the registry has it, else by the tag that the specification
        gives in its place ("Referrers Tag Schema").

        Args:
            image: with a digest.

        Raises:
            RegistryError: the registry is unreachable or refuses us.
        """
        answer = self._ask("GET", image, f"referrers/{image.digest}", accept=INDEX, stream=True)
        if answer.status_code == requests.codes.not_found:
            path = f"manifests/{_referrers_tag(image)}"
            answer = self._ask("GET", image, path, accept=INDEX, stream=True)
        if answer.status_code == requests.codes.not_found:
            return []
        content = b"".join(_chunks(image, answer, "the referrers"))
        found: list[dict[str, Any]] = json.loads(content).get("manifests") or []
        return found

    def attach(
        self, image: Reference, content: bytes, *, media_type: str, annotations: dict[str, str]
    ) -> str:
        """Add an artifact whose subject is `image`; one that is there already is not repeated.

        Args:
            image: with a digest.
            content: the one blob of the artifact.
            media_type: of the content, and the type of the artifact.
            annotations: of the artifact's manifest.

        Returns:
            The digest of the artifact's manifest.

        Raises:
            RegistryError: the registry is unreachable or refuses us.
        """
        of_image = self._manifest(image)
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": media_type,
            "config": self._put_blob(image, b"{}", "application/vnd.oci.empty.v1+json"),
            "layers": [self._put_blob(image, content, media_type)],
            "subject": {
                "mediaType": json.loads(of_image).get("mediaType", MANIFEST),
                "digest": image.digest,
                "size": len(of_image),
            },
            "annotations": annotations,
        }
        body = json.dumps(manifest, separators=(",", ":")).encode()
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        answer = self._put_manifest(image, digest, body, MANIFEST)
        if "OCI-Subject" not in answer.headers:  # it knows no referrers: the index is ours to keep
            self._list_under_tag(
                image,
                {
                    "mediaType": MANIFEST,
                    "digest": digest,
                    "size": len(body),
                    "artifactType": media_type,
                    "annotations": annotations,
                },
            )
        return digest

    def _list_under_tag(self, image: Reference, descriptor: dict[str, Any]) -> None:
        known = [item for item in self.referrers(image) if item["digest"] != descriptor["digest"]]
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [*known, descriptor]}
        self._put_manifest(image, _referrers_tag(image), json.dumps(index).encode(), INDEX)

    def _put_blob(self, image: Reference, content: bytes, media_type: str) -> dict[str, Any]:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        held = self._ask("HEAD", image, f"blobs/{digest}")
        if held.status_code == requests.codes.not_found:
            begun = self._ask("POST", image, "blobs/uploads/")
            where = urljoin(self._base, begun.headers["Location"])
            self._ask(
                "PUT", image, where, content,
                media_type="application/octet-stream", params={"digest": digest},
            )  # fmt: skip
        return {"mediaType": media_type, "digest": digest, "size": len(content)}

    def _put_manifest(
        self, image: Reference, version: str, content: bytes, media_type: str
    ) -> requests.Response:
        return self._ask("PUT", image, f"manifests/{version}", content, media_type=media_type)

    def _manifest(self, image: Reference) -> bytes:
        path = f"manifests/{image.version}"
        answer = self._ask("GET", image, path, accept=_ACCEPTED, stream=True)
        if answer.status_code == requests.codes.not_found:
            raise refusal(str(image), "no such image there")
        return b"".join(_chunks(image, answer, f"the manifest of {image}"))

    def _ask(
        self,
        method: str,
        image: Reference,
        path: str,
        content: bytes | None = None,
        *,
        media_type: str | None = None,
        accept: str | None = None,
        params: dict[str, str] | None = None,
        stream: bool = False,
    ) -> requests.Response:
        """Send a request, once more with authorization if it is asked for.

        Of refusals only a 404 to a question is returned, for the caller to say what is missing.
        """
        url = urljoin(self._base, path if "://" in path else f"{image.name}/{path}")
        ours = urlsplit(url)[:2] == urlsplit(self._base)[:2]  # uploads may go elsewhere
        try:
            for _ in range(2):
                headers = {
                    "Accept": accept,
                    "Content-Type": media_type,
                    "Authorization": self._authorization if ours else None,
                }
                answer = self._session.request(
                    method, url, data=content, params=params, headers=headers, timeout=_TIMEOUT,
                    stream=stream,
                )  # fmt: skip
                challenge = answer.headers.get("WWW-Authenticate")
                if answer.status_code != requests.codes.unauthorized or not challenge:
                    break
                answer.close()
                self._authorization = authorize(
                    self._session, challenge, self._credentials, timeout=_TIMEOUT[1]
                )
            if answer.ok:
                return answer
            with answer:
                said = next(answer.iter_content(_SHOWN), b"").decode(errors="replace")
        except (requests.RequestException, ValueError, KeyError) as error:
            raise refusal(str(image), f"no answer: {one_line(error)}") from error
        if answer.status_code == requests.codes.not_found and method in _QUESTIONS:
            return answer
        raise refusal(str(image), f"{answer.status_code} {answer.reason}: {said}")


def _chunks(
    image: Reference, answer: requests.Response, what: str, most: int = SMALL
) -> Iterator[bytes]:
    try:
        with answer:
            yield from limited(answer.iter_content(_CHUNK), most, what)
    except requests.RequestException as error:
        raise refusal(str(image), f"an end within {what}: {one_line(error)}") from error


def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _referrers_tag(image: Reference) -> str:
    return str(image.digest).replace(":", "-")
