"""S3 for the DVC remote: the one that the environment names, else SeaweedFS on loopback."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from local_services import net, weed
from local_services.errors import ServiceError
from local_services.files import last_line, private_folder, read_json, write_json
from local_services.process import POLL_SECONDS, Daemon
from local_services.service import Report

if TYPE_CHECKING:
    from local_services.settings import Settings

START_SECONDS = 60
START_ATTEMPTS = 3
GRACE_SECONDS = 20
NOT_FOUND = 404


class S3:
    """The S3 service."""

    name = "s3"

    def __init__(self, settings: Settings) -> None:
        """Look at the state folder; start nothing."""
        self.bucket = settings.bucket
        self.wanted = settings.s3_port
        self.folder = settings.state / "s3"
        self.daemon = Daemon("weed", self.folder)
        self.elsewhere = self._elsewhere(settings)

    @property
    def endpoint(self) -> str:
        """Where S3 answers, or last did."""
        port = self._ports().get(weed.S3_PORT, self.wanted or weed.DEFAULT_S3_PORT)
        return self.elsewhere or f"http://{net.LOOPBACK}:{port}"

    def up(self) -> Report:
        """Start the server unless one runs or the environment names one."""
        if self.elsewhere:
            return Report(self.name, self.elsewhere, "from the environment", up=True)
        running = self.daemon.pid() is not None
        if not running:
            self._start()
        # Between the choice of a free port and its use another program may take it: weed then ends
        # at once, and other ports are chosen.
        attempts = 1
        while not self._wait():
            if attempts == START_ATTEMPTS:
                raise ServiceError(
                    f"weed must keep running. Received: it ended. Its last line:"
                    f" {last_line(self.daemon.log)!r}. Try: read {self.daemon.log}"
                )
            attempts += 1
            self._start()
        state = "already running" if running else "started"
        return Report(self.name, self.endpoint, state, up=True, log=self.daemon.log)

    def status(self) -> Report:
        """Ask the server with its keys, or look whether anybody listens elsewhere."""
        if self.elsewhere:
            url = urlsplit(self.elsewhere)
            port = url.port or (443 if url.scheme == "https" else 80)
            up = net.connects(url.hostname or "", port)
            return Report(self.name, self.elsewhere, "up" if up else "down", up=up)
        up = self.daemon.pid() is not None and self._refusal(make_bucket=False) is None
        log = self.daemon.log if self.daemon.log.exists() else None
        return Report(self.name, self.endpoint, "up" if up else "down", up=up, log=log)

    def down(self) -> Report | None:
        """Stop the server that was started from this state folder."""
        if not self.daemon.stop(GRACE_SECONDS):
            return None
        return Report(self.name, self.endpoint, "stopped", up=False, log=self.daemon.log)

    def exports(self) -> dict[str, str]:
        """Address, bucket and, for the server started here, the keys."""
        found = {"AWS_ENDPOINT_URL_S3": self.endpoint, "ISSUESUM_S3_BUCKET": self.bucket}
        if self.elsewhere:
            return found
        secret = self._keys()
        return found | {
            "AWS_ACCESS_KEY_ID": secret["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": secret["secret_access_key"],
        }

    def _elsewhere(self, settings: Settings) -> str | None:
        # A shell that has read .services.env names our own server; our key gives it away, even if
        # the server had to move to another port since.
        secret = read_json(self.folder / "keys.json")
        ours = secret.get("access_key_id") == (settings.s3_access_key_id or "")
        here = settings.s3_endpoint == f"http://{net.LOOPBACK}:{self._ports().get(weed.S3_PORT)}"
        return None if ours or here else settings.s3_endpoint

    def _ports(self) -> dict[str, int]:
        return {flag: int(port) for flag, port in read_json(self.folder / "ports.json").items()}

    def _keys(self) -> dict[str, str]:
        return weed.keys(private_folder(self.folder) / "keys.json")

    def _start(self) -> None:
        secret = self._keys()
        ports = weed.choose_ports(self.wanted, self._ports())
        if self.wanted and ports[weed.S3_PORT] != self.wanted:
            print(f"s3: port {self.wanted} is taken, using {ports[weed.S3_PORT]}", flush=True)
        write_json(self.folder / "ports.json", ports)
        command = weed.command(private_folder(self.folder / "data"), ports)
        self.daemon.start(command, weed.environment(self.folder, secret))

    def _wait(self) -> bool:
        """Wait until the bucket can be used; return False if the server has ended."""
        deadline = time.monotonic() + START_SECONDS
        while refusal := self._refusal(make_bucket=True):
            if self.daemon.pid() is None:
                return False
            if time.monotonic() > deadline:
                raise ServiceError(
                    f"S3 at {self.endpoint} must answer within {START_SECONDS} s."
                    f" Received: {refusal}."
                    f" Try: read {self.daemon.log}, then tools/services down and up"
                )
            time.sleep(POLL_SECONDS)
        return True

    def _refusal(self, *, make_bucket: bool) -> str | None:
        """Make a signed request for the bucket; return why it failed."""
        from botocore.exceptions import (  # type: ignore[import-untyped]
            BotoCoreError,
            ClientError,
        )

        try:
            client = self._client()
            try:
                client.head_bucket(Bucket=self.bucket)
            except ClientError as error:
                status = error.response["ResponseMetadata"]["HTTPStatusCode"]
                if status != NOT_FOUND or not make_bucket:
                    raise
                client.create_bucket(Bucket=self.bucket)
        except (BotoCoreError, ClientError) as error:
            return str(error)
        return None

    def _client(self) -> Any:  # noqa: ANN401 - botocore makes its clients' classes at run time
        import botocore.config  # type: ignore[import-untyped]
        import botocore.session  # type: ignore[import-untyped]

        secret = self._keys()
        return botocore.session.get_session().create_client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=secret["access_key_id"],
            aws_secret_access_key=secret["secret_access_key"],
            # No proxies: HTTP_PROXY would send a request for this machine away from it.
            config=botocore.config.Config(
                proxies={}, connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 1}
            ),
        )
