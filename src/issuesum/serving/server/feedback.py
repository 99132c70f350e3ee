"""What readers thought of titles: counted, and kept as rows to learn from.

A message is Seldon's `Feedback`: the text in `request`, the title that was shown in `response`, a
`reward` from 0 (bad) to 1 (good), and in `truth` a better title, if the reader wrote one.
"""

import json
import logging
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from issuesum.errors import ParamsError
from issuesum.serving.server.messages import RequestError, read_request

_FILE_BYTES, _FILES = 16 * 1024 * 1024, 64
_LONGEST_TITLE = 1024


@dataclass(frozen=True)
class FeedbackRequest:
    """A reader's opinion, from 0 to 1, of the title that was shown; `title` is a better one."""

    body: str
    shown: str
    reward: float
    title: str | None


def read(message: Mapping[str, Any]) -> FeedbackRequest:
    """Read Seldon's `Feedback`, given as JSON; RequestError if it is something else."""
    reward = message.get("reward", 0)
    if isinstance(reward, bool) or not (isinstance(reward, int | float) and 0 <= reward <= 1):
        raise RequestError(
            f"reward must be a number from 0 (bad) to 1 (good). Received: {reward!r:.60}."
        )
    body = _one_text(message, "request")
    if body is None:
        raise RequestError(
            "Feedback must hold the text in `request`. Received: none. "
            'Try: {"request": {"data": {"ndarray": ["the text of an issue"]}}, "reward": 1}.'
        )
    title = (_one_text(message, "truth") or "").strip() or None
    if title and len(title) > _LONGEST_TITLE:
        raise RequestError(
            f"A title in `truth` must have at most {_LONGEST_TITLE} characters. "
            f"Received: {len(title)}."
        )
    return FeedbackRequest(body, _shown(message), float(reward), title)


def configured_folder(environment: Mapping[str, str] = os.environ) -> Path | None:
    """Return the folder of ISSUESUM_FEEDBACK_DIR; None: feedback is only counted."""
    name = environment.get("ISSUESUM_FEEDBACK_DIR")
    if name and not (Path(name).is_dir() and os.access(name, os.W_OK)):
        raise ParamsError(
            "ISSUESUM_FEEDBACK_DIR must name a folder that the server may write to. Received: "
            f"{name}, user {os.getuid()}. Try: a volume that belongs to that user."
        )
    return Path(name) if name else None


class _File(RotatingFileHandler):
    """A handler of logging, because it locks, flushes and rotates; its failures are raised."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802
        raise  # noqa: PLE0704 -- called where an exception is handled; the row is in no log then


class FeedbackLog:
    """JSON lines that `issuesum ingest` reads; a process keeps its last GiB."""

    def __init__(self, folder: Path, tags: Mapping[str, str]) -> None:
        """Name this process's file in a folder that several may share; `tags` name the model."""
        path = folder / f"feedback-{socket.gethostname()}-{os.getpid()}.jsonl"
        self._image = tags.get("image", "")
        self._file = _File(path, "a", _FILE_BYTES, _FILES, encoding="utf-8", delay=True)

    def add(self, given: FeedbackRequest) -> None:
        """Append a row if the reader wrote a title; RequestError if that fails (full disk, …)."""
        if given.title is None:
            return
        row = {"issue_url": "", "issue_title": given.title, "body": given.body,
               "shown": given.shown, "reward": given.reward,
               "received": datetime.now(UTC).isoformat(timespec="seconds"),
               "image": self._image}  # fmt: skip
        try:
            self._file.handle(logging.makeLogRecord({"msg": json.dumps(row)}))
            self._file.close()  # it opens the file again for the next row
        except OSError as error:
            info = f"Feedback must be written. Received: {error.strerror}."
            raise RequestError(info, status=503, reason="NOT_WRITTEN") from error


def _shown(message: Mapping[str, Any]) -> str:
    """Return the title of an answer, whatever its form."""
    match message.get("response"):
        case {"jsonData": {"titles": [{"title": str(title)}, *_]}} | {
            "jsonData": {"answers": [{"titles": [{"title": str(title)}, *_]}]}
        }:
            return title
    return _one_text(message, "response") or ""


def _one_text(message: Mapping[str, Any], part: str) -> str | None:
    try:
        return read_request(message[part], most=1).bodies[0] if message.get(part) else None
    except RequestError as error:
        raise RequestError(f"`{part}` of feedback: {error}") from error
