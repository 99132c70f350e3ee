"""The requests of the OCI distribution specification that we need, and limits on their answers."""

import hashlib
import io
import json
import math
import os
import re
import sys
import time
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import suppress
from functools import cached_property, partial
from typing import IO, Any, NamedTuple
from urllib.parse import urljoin

import requests
from tqdm import tqdm
from urllib3.exceptions import InvalidHeader
from urllib3.util import Retry

from issuesum.errors import ArtifactError, RegistryError, one_line
from issuesum.registry.credentials import OBJECT, Credentials, authorize, credentials_for
from issuesum.registry.reference import Reference, is_loopback

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
_ACCEPTED = (
    f"{MANIFEST},application/vnd.docker.distribution.manifest.v2+json,"
    f"{INDEX},application/vnd.docker.distribution.manifest.list.v2+json"
)
SMALL = 8 * 2**20
"""Bytes of a manifest, a config, an attestation, or a packed layer that is read whole."""
UNPACKED = 64 * 2**20
"""Bytes of such a layer when it is unpacked."""
LARGEST = 8 * 2**30
"""Bytes that a layer may unpack to on disk."""
_TIMEOUT = (5, 60)  # seconds to connect, and to wait for the next bytes
_NOT_FOUND, _FORBIDDEN = requests.codes.not_found, requests.codes.forbidden
_NO_REFERRERS = (400, _FORBIDDEN, _NOT_FOUND, 405, 406, 410, 501)
"""What registries without the referrers API answer to its requests."""
_PASSING = (429, 500, 502, 503, 504)
_PATIENCE = 3.0  # seconds that faults may last: four tries
_LONGEST = 60.0  # seconds that a registry may have us wait before another try
_SHOWN = 200  # bytes of a refusal's body
_SIGNED = re.compile(r"\?\S*(?:sig|signature|token|credential)=[^\s'\")]+", re.IGNORECASE)
"""The query of a URL that is itself a key, as a registry's storage gives them out."""
_DENIALS = ("unauthorized", "no basic auth", "denied", "forbidden")


class PassingError(RegistryError):
    """The registry gives no answer, or one that may soon be another (429, 5xx)."""

    def __init__(self, message: str, pause: float) -> None:
        """Say what failed; the registry asks to wait for `pause` seconds."""
        super().__init__(message)
        self.pause = pause


class Artifact(NamedTuple):
    """What is attached to an image: one blob."""

    content: bytes
    media_type: str  # of the blob, and the artifact's type
    annotations: dict[str, str]


class _Session(requests.Session):
    """Sends no authorization but what a request has, and that to its own registry alone."""

    def __init__(self, host: str) -> None:
        super().__init__()
        self.trust_env = not is_loopback(host)  # no proxy
        self.auth = lambda request: request  # or requests would put ~/.netrc in place of our header
        self.headers["User-Agent"] = "issuesum"

    def rebuild_auth(
        self, prepared_request: requests.PreparedRequest, response: requests.Response
    ) -> None:
        # Without a look into ~/.netrc, which is not for registries, nor for their storage.
        urls = response.request.url, prepared_request.url
        if self.should_strip_auth(*urls):  # type: ignore[no-untyped-call]
            prepared_request.headers.pop("Authorization", None)


class Registry:
    """A registry, with a connection that is kept.

    Loopback addresses are asked by plain HTTP, as Docker Engine does, and so are the hosts of
    ISSUESUM_INSECURE_REGISTRIES (separated by commas). Every method raises RegistryError if the
    registry is unreachable or refuses us: PassingError if it may soon do otherwise.
    """

    def __init__(self, host: str, patience: float | None = None) -> None:
        """Make a client of host[:port], which asks nothing yet.

        A request whose fault may pass is sent again, after longer and longer pauses, until faults
        have lasted for 3 s, or instead for `patience` seconds, and then each is reported. All can
        be sent twice: content has its hash as address.
        """
        self.host, self._patience = host, patience
        insecure = os.environ.get("ISSUESUM_INSECURE_REGISTRIES", "").split(",")
        scheme = "http" if is_loopback(host) or host in insecure else "https"
        address = "registry-1.docker.io" if host == "docker.io" else host
        self._base = f"{scheme}://{address}/v2/"
        self._session = _Session(host)
        self._authorization: str | None = None

    @cached_property
    def _credentials(self) -> Credentials:
        return credentials_for(self.host)

    def digest(self, image: Reference) -> str | None:
        """Return the digest (sha256:…) of a manifest, or None if there is none.

        Some registries forbid to look at what is not there (Artifactory). So if we may push to the
        repository, that is an absent manifest, too.
        """
        path, absent = f"manifests/{image.version}", (_NOT_FOUND, _FORBIDDEN)
        answer = self._ask("HEAD", image, path, accept=_ACCEPTED, absent=absent)
        if answer.status_code == _FORBIDDEN:
            self.try_push(image)
        if not answer.ok:
            return None
        return answer.headers.get("Docker-Content-Digest") or digest_of(self._manifest(image))

    def manifest(self, image: Reference) -> tuple[str, dict[str, Any]]:
        """Return digest and content of a manifest or an index (RegistryError: there is none)."""
        content = self._manifest(image)
        digest = digest_of(content)
        if image.digest and digest != image.digest:
            raise refusal(str(image), f"a manifest with digest {digest}")
        try:
            return digest, OBJECT.validate_json(content)
        except ValueError as error:
            raise refusal(str(image), "no manifest") from error

    def blob(self, image: Reference, digest: str) -> bytes:
        """Return what is under a digest, at most SMALL bytes, as `download` does."""
        content = io.BytesIO()
        self.download(image, digest, content, most=SMALL)
        return content.getvalue()

    def download(self, image: Reference, digest: str, target: IO[bytes], *, most: int) -> None:
        """Write what is under a digest to `target`, in memory that does not grow with it.

        ArtifactError: it is more than `most` bytes; RegistryError: it is not what its digest says.
        """
        answer = self._ask("GET", image, f"blobs/{digest}")
        found = hashlib.sha256()
        if answer.status_code == _NOT_FOUND:
            raise refusal(str(image), f"no blob {digest}")
        for chunk in _chunks(image, answer, digest, most):
            found.update(chunk)
            target.write(chunk)
        if digest != f"sha256:{found.hexdigest()}":
            raise refusal(str(image), f"another content of {digest}")

    def referrers(self, image: Reference) -> list[dict[str, Any]]:
        """Return the descriptors of the manifests whose subject is `image`, which has a digest.

        By the referrers API where the registry has it, else by the tag that the specification
        gives in its place ("Referrers Tag Schema").
        """
        for path in (f"referrers/{image.digest}", f"manifests/{_referrers_tag(image)}"):
            answer = self._ask("GET", image, path, accept=INDEX, absent=_NO_REFERRERS)
            if answer.ok:
                content = b"".join(_chunks(image, answer, "the referrers"))
                with suppress(ValueError, TypeError, AttributeError, RecursionError):
                    found: list[dict[str, Any]] = json.loads(content).get("manifests") or []
                    if all(isinstance(item, dict) for item in found):  # or a page for people, say
                        return found
        if answer.ok:
            raise refusal(str(image), "a list of referrers that is none")
        return []

    def attach(self, image: Reference, *artifacts: Artifact) -> None:
        """Add artifacts whose subject is `image`, which has a digest.

        One that is there already is not repeated. Where the registry has no referrers API, all of
        them get into the index under the tag at once, after they are there: a tag may be one that
        cannot be moved.
        """
        of_image = self._manifest(image)
        kind = json.loads(of_image).get("mediaType", MANIFEST)
        subject = {"mediaType": kind, "digest": image.digest, "size": len(of_image)}
        unlisted: dict[str, dict[str, Any]] = {}
        for content, media_type, notes in artifacts:
            manifest = {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "artifactType": media_type,
                "config": self.put_blob(image, b"{}", "application/vnd.oci.empty.v1+json"),
                "layers": [self.put_blob(image, content, media_type)],
                "subject": subject,
                "annotations": notes,
            }
            body = json.dumps(manifest, separators=(",", ":")).encode()
            digest = digest_of(body)
            answer = self._ask("PUT", image, f"manifests/{digest}", body, media_type=MANIFEST)
            if "OCI-Subject" not in answer.headers:
                unlisted[digest] = {
                    "mediaType": MANIFEST, "digest": digest, "size": len(body),
                    "artifactType": media_type, "annotations": notes,
                }  # fmt: skip
        known = self.referrers(image) if unlisted else []
        listed = {item.get("digest") for item in known}
        if missing := [item for digest, item in unlisted.items() if digest not in listed]:
            index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [*known, *missing]}
            tagged = Reference(image.host, image.name, _referrers_tag(image))
            self.put_manifest(tagged, json.dumps(index).encode(), INDEX)

    def holds(self, image: Reference, digest: str) -> bool:
        """Return whether there is a blob of that digest in the repository of `image`."""
        absent = (_NOT_FOUND, _FORBIDDEN)  # of which an upload will show whether it is the case
        return self._ask("HEAD", image, f"blobs/{digest}", absent=absent).ok

    def try_push(self, image: Reference) -> None:
        """Begin an upload to the repository of `image`, and give it up."""
        where = self._patiently(partial(self._begin_upload, image))
        with suppress(RegistryError):  # one that cannot be given up ends by itself
            self._ask("DELETE", image, where)

    def upload(self, image: Reference, content: bytes | IO[bytes], digest: str) -> None:
        """Send a blob; of a file, all from its begin."""
        # What came of an upload that was cut off stays in its place: it is begun again.
        self._patiently(lambda: self._ask_once(
            "PUT", image, self._begin_upload(image), content,
            media_type="application/octet-stream", params={"digest": digest},
        ))  # fmt: skip

    def put_manifest(self, image: Reference, body: bytes, media_type: str) -> None:
        """Put a manifest, whose blobs are there, under the digest or else the tag of `image`."""
        try:
            self._ask("PUT", image, f"manifests/{image.version}", body, media_type=media_type)
        except PassingError:
            raise
        except RegistryError:
            # A tag that cannot be moved is refused even what it holds, say from a try before this
            # one whose answer was lost.
            with suppress(RegistryError):
                if self.digest(image) == digest_of(body):
                    return
            raise

    def _begin_upload(self, image: Reference) -> str:
        begun = self._ask_once("POST", image, "blobs/uploads/")
        try:
            return urljoin(begun.url, begun.headers["Location"])
        except (KeyError, ValueError) as error:
            reason = f"no place to upload to: {type(error).__name__} {one_line(error)}"
            raise refusal(str(image), reason) from error

    def put_blob(self, image: Reference, content: bytes, media_type: str) -> dict[str, Any]:
        """Send a small blob unless the registry holds it; return its descriptor."""
        digest = digest_of(content)
        if not self.holds(image, digest):
            self.upload(image, content, digest)
        return {"mediaType": media_type, "digest": digest, "size": len(content)}

    def _manifest(self, image: Reference) -> bytes:
        path = f"manifests/{image.version}"
        answer = self._ask("GET", image, path, accept=_ACCEPTED)
        if answer.status_code == _NOT_FOUND:
            raise RegistryError(
                f"{image.host} must hold {image}. Received: no such image there. Try: another tag "
                "or digest; one that was deleted is made again by dvc repro -f -s export where its "
                "commit is checked out."
            )
        return b"".join(_chunks(image, answer, f"the manifest of {image}"))

    def _ask(self, *asked: Any, **options: Any) -> requests.Response:  # noqa: ANN401
        return self._patiently(partial(self._ask_once, *asked, **options))

    def _patiently[T](self, step: Callable[[], T]) -> T:
        most = _PATIENCE if self._patience is None else self._patience
        since, pause = math.inf, 0.5  # time of the first fault; seconds until the next try
        while True:
            try:
                return step()
            except PassingError as error:
                since = min(since, time.monotonic())
                if time.monotonic() - since >= most:
                    raise
                wait = max(pause, error.pause)
                if error.pause or self._patience is not None:
                    line = f"registry: {error.received}; again in {wait:g} s"
                    tqdm.write(line, file=sys.stderr)
                time.sleep(wait)
                since, pause = since + error.pause, min(2 * pause, 8.0)

    def _ask_once(
        self,
        method: str,
        image: Reference,
        path: str,
        content: bytes | IO[bytes] | None = None,
        *,
        media_type: str | None = None,
        accept: str | None = None,
        params: dict[str, str] | None = None,
        absent: Container[int] = (_NOT_FOUND,),
    ) -> requests.Response:
        """Send a request, once more with authorization if it is asked for.

        Of refusals, those to a GET or HEAD with a status that may mean `absent` are returned.
        """
        url = urljoin(self._base, path if "://" in path else f"{image.name}/{path}")
        try:
            # Uploads may go elsewhere.
            elsewhere = self._session.should_strip_auth(self._base, url)  # type: ignore[no-untyped-call]
            for _ in range(2):
                if content is not None and not isinstance(content, bytes):
                    content.seek(0)
                headers = {
                    "Accept": accept,
                    "Content-Type": media_type,
                    "Authorization": None if elsewhere else self._authorization,
                }
                answer = self._session.request(
                    method, url, data=content, params=params, headers=headers, timeout=_TIMEOUT,
                    stream=method == "GET",
                )  # fmt: skip
                challenge = answer.headers.get("WWW-Authenticate")
                if answer.status_code != requests.codes.unauthorized or not challenge:
                    break
                # Whoever a redirection led to could name a server of their own for our password.
                if self._session.should_strip_auth(self._base, answer.url):  # type: ignore[no-untyped-call]
                    break
                answer.close()
                self._authorization = authorize(
                    self._session, challenge, self._credentials, timeout=_TIMEOUT[1]
                )
            if answer.ok:
                return answer
            with answer:
                reply = next(answer.iter_content(_SHOWN), b"").decode(errors="replace")
        except (requests.RequestException, ValueError, KeyError) as error:
            passing = isinstance(error, requests.RequestException)
            reason = f"no answer: {one_line(error).rpartition('Caused by ')[2]}"
            raise refusal(str(image), reason, passing=passing) from error
        if answer.status_code in absent and method in ("GET", "HEAD"):
            return answer
        reason = f"{answer.status_code} {answer.reason}: {reply}"
        pause = 0.0
        with suppress(InvalidHeader):  # what is no time is none
            pause = Retry().get_retry_after(answer.raw) or 0
        if pause > _LONGEST:
            raise RegistryError(
                f"{self.host} must answer within {_LONGEST:g} s. Received: "
                f"{' '.join(reason.split())} (it asks to wait {pause:,.0f} s). "
                f"Try: docker login {self.host}, which may raise the limit; or the same again then."
            )
        if answer.status_code in (requests.codes.unauthorized, _FORBIDDEN):
            reason += f" ({self._credentials.wrong})" if self._credentials.wrong else ""
        passing = answer.status_code in _PASSING
        raise refusal(str(image), reason, passing=passing, pause=pause)


def _chunks(
    image: Reference, answer: requests.Response, what: str, most: int = SMALL
) -> Iterator[bytes]:
    try:
        with answer:
            yield from limited(answer.iter_content(2**20), most, what)
    except requests.RequestException as error:
        raise refusal(str(image), f"an end within {what}: {one_line(error)}") from error


def digest_of(content: bytes) -> str:
    """Return the digest, sha256:…, of a blob or a manifest."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _referrers_tag(image: Reference) -> str:
    return str(image.digest).replace(":", "-")


def refusal(image: str, reason: str, *, passing: bool = False, pause: float = 0) -> RegistryError:
    """Return the error for a registry's refusal, which may be `passing` after `pause` seconds."""
    registry = image.split("/", 1)[0]
    reason = _SIGNED.sub("?…", " ".join(reason.split()))
    if any(word in reason.lower() for word in _DENIALS):
        return RegistryError(
            f"{registry} must accept our credentials. Received: {reason}. "
            f"Try: docker login {registry}, or set ISSUESUM_REGISTRY_USERNAME and "
            "ISSUESUM_REGISTRY_PASSWORD for the registry of ISSUESUM_REGISTRY; then the same again."
        )
    local = "tools/services up, or set ISSUESUM_REGISTRY"
    advice = local if is_loopback(registry) else "the name of the registry, and the network"
    received = f"{registry} must take or give {image}. Received: {reason}"
    message = f"{received}. Try: {advice}; then the same again."
    return PassingError(message, pause) if passing else RegistryError(message)


def limited(chunks: Iterable[bytes], most: int, what: str) -> Iterator[bytes]:
    """Yield the chunks; raise ArtifactError once they are more than `most` bytes in all."""
    total = 0
    for chunk in chunks:
        total += len(chunk)
        if total > most:
            raise too_large(most, what)
        yield chunk


def too_large(most: int, what: str, unit: str = "bytes") -> ArtifactError:
    """Return the error for what exceeds a limit."""
    return ArtifactError(
        f"{what} must be at most {most:,} {unit}. Received: more. "
        "Try: an image that the export stage made."
    )
