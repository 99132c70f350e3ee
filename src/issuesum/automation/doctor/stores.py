"""What the DVC remote lies in, asked with patience for seconds only."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import botocore.config  # type: ignore[import-untyped]
import botocore.session  # type: ignore[import-untyped]
from botocore import UNSIGNED
from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]

from issuesum.automation.doctor.finding import of_error
from issuesum.errors import RepositoryError, one_line

if TYPE_CHECKING:
    from dvc.data_cloud import Remote

_CONNECT_SECONDS, _READ_SECONDS = 3, 4
_PROBE = "issuesum-doctor"
_HTTP_FORBIDDEN, _HTTP_NOT_FOUND = 403, 404
_QUERY = re.compile(r"\?[^\s\"]*")
_KEYS = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY of one who may use the bucket"
_ADVICE = {
    "NoSuchBucket": "tools/services up makes the local one; for another: dvc remote modify "
    "storage url s3://BUCKET/PATH",
    "ExpiredToken": "new AWS credentials",
}
_SETTINGS = "AWS_* in the environment, AWS' files, and dvc config --list --show-origin"
_SERVICES = "tools/services up; for S3 elsewhere: rm .dvc/config.local, and AWS_ENDPOINT_URL_S3"


class Store(Protocol):
    """Where a DVC remote keeps its files.

    Every method raises RepositoryError if the store refuses or cannot be reached.
    """

    def read(self) -> None:
        """List one file, as DVC does before it pushes or pulls."""

    def write(self) -> str:
        """Have the store judge whether we may write, and return what stays: as a rule nothing."""

    def holds(self, path: str) -> bool:
        """Return whether there is a file."""


@dataclass(frozen=True)
class Folder:
    """A folder of this machine."""

    path: Path

    def read(self) -> None:
        """See `Store`; a folder that is not there yet is made by the first push."""
        if self.path.exists() and not os.access(self.path, os.R_OK | os.X_OK):
            raise _refused(str(self.path), "no permission to read", "chmod or chown of it")

    def write(self) -> str:
        """See `Store`."""
        there = next(path for path in (self.path, *self.path.parents) if path.exists())
        if not os.access(there, os.W_OK):
            raise _refused(str(self.path), f"no permission to write to {there}", "chmod or chown")
        return ""

    def holds(self, path: str) -> bool:
        """See `Store`."""
        return Path(path).exists()


class S3:
    """A bucket, asked as DVC asks it: with its endpoint, profile, keys and addressing."""

    def __init__(self, remote: Remote) -> None:
        """Prepare; nothing is sent, but for credentials that must be fetched."""
        known: dict[str, Any] = remote.fs.fs_args
        client = known.get("client_kwargs", {})
        self.session = botocore.session.Session(profile=known.get("profile"))
        self.bucket, _, self.prefix = str(remote.path).strip("/").partition("/")
        self.client = self.session.create_client(
            "s3",
            **client,
            use_ssl=known.get("use_ssl", True),
            aws_access_key_id=known.get("key"),
            aws_secret_access_key=known.get("secret"),
            aws_session_token=known.get("token"),
            config=botocore.config.Config(
                s3=known.get("config_kwargs", {}).get("s3"),
                connect_timeout=_CONNECT_SECONDS,
                read_timeout=_READ_SECONDS,
                retries={"total_max_attempts": 1},
                signature_version=UNSIGNED if known.get("anon") else None,
            ),
        )

    @property
    def endpoint(self) -> str:
        """URL of the server."""
        return str(self.client.meta.endpoint_url)

    def read(self) -> None:
        """See `Store`."""
        self._ask("list_objects_v2", Prefix=self._key(""), MaxKeys=1)

    def write(self) -> str:
        """See `Store`.

        An upload in parts is begun and given up: it needs the right to write, and neither a file
        nor a version of one comes of it. Who may write may still lack the right to give it up.
        """
        key = self._key(_PROBE)
        begun = self._ask("create_multipart_upload", Key=key)
        try:
            self._ask("abort_multipart_upload", Key=key, UploadId=begun["UploadId"])
        except RepositoryError as error:
            reason = of_error(error).found.partition("Received: ")[2]
            return f"an unfinished upload of {key} stays, since it could not be given up: {reason}"
        return ""

    def holds(self, path: str) -> bool:
        """See `Store`."""
        try:
            self._ask("head_object", Key=path.partition("/")[2])
        except RepositoryError as error:
            cause = error.__cause__
            if isinstance(cause, ClientError) and _status(cause) == _HTTP_NOT_FOUND:
                return False
            raise
        return True

    def _key(self, name: str) -> str:
        return f"{self.prefix}/{name}" if self.prefix else name

    def _ask(self, operation: str, **values: Any) -> dict[str, Any]:  # noqa: ANN401
        try:
            answer: dict[str, Any] = getattr(self.client, operation)(Bucket=self.bucket, **values)
        except ClientError as error:
            said = error.response.get("Error", {})
            code = str(said.get("Code"))
            denied = _status(error) == _HTTP_FORBIDDEN
            advice = _ADVICE.get(code, _KEYS if denied else _SERVICES)
            raise _refused(f"s3://{self.bucket}", f"{operation}: {code}", advice) from error
        except BotoCoreError as error:
            reason = _QUERY.sub("", one_line(error))
            raise _refused(self.endpoint, reason, _SERVICES) from error
        return answer


@dataclass(frozen=True)
class Other:
    """Any other storage that DVC has a plugin for; DVC's own code asks it."""

    remote: Remote

    def read(self) -> None:
        """See `Store`."""
        self.remote.fs.exists(self.remote.path)

    def write(self) -> str:
        """See `Store`; whether it may be written cannot be asked without writing."""
        return ""

    def holds(self, path: str) -> bool:
        """See `Store`."""
        return bool(self.remote.fs.exists(path))


def store_of(remote: Remote) -> Store:
    """Return what a remote lies in; nothing is sent yet.

    Raises:
        RepositoryError: its settings or AWS' own files are wrong.
    """
    if remote.fs.protocol == "local":
        return Folder(Path(remote.path))
    if remote.fs.protocol != "s3":
        return Other(remote)
    try:
        return S3(remote)
    except (BotoCoreError, ValueError) as error:
        raise _refused("The S3 remote", one_line(error), _SETTINGS) from error


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _refused(place: str, reason: str, advice: str) -> RepositoryError:
    return RepositoryError(f"{place} must be usable. Received: {reason}. Try: {advice}.")
