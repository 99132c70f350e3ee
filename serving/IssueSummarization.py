"""The Seldon component: a thin class over issuesum.serving.server and issuesum.serving.inference.

Run by `seldon-core-microservice IssueSummarization --service-type MODEL`. The model is loaded in
`load`, never in `__init__`: under gunicorn each worker must load its own (seldon-core#2220).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message

from issuesum.errors import IssuesumError, ParamsError
from issuesum.serving.server import feedback, open_inference
from issuesum.serving.server.answering import Answering, Limits, feedback_metrics
from issuesum.serving.server.lifecycle import Lifecycle
from issuesum.serving.server.messages import RequestError, answer_meta
from issuesum.serving.server.origin import Origin
from issuesum.serving.server.routes import create_routes

HERE = Path(__file__).parent
TEXTS = {"messagetype": "ndarray", "schema": {"names": ["body"], "shape": [1]}}
TITLES = {"messagetype": "ndarray", "schema": {"names": ["title"], "shape": [1]}}


class IssueSummarization:
    """Answers bodies of GitHub issues with titles."""

    def __init__(self) -> None:
        """Read what this image is and try the model, in a process of its own.

        An error in `load` would leave gunicorn without a worker, and an AttributeError there is
        swallowed by seldon-core. So a model that cannot answer, an environment that is wrong, and
        labels that are not those of the provenance end the process here, with a line in the log.
        """
        self._lifecycle = Lifecycle()
        self._lifecycle.start()
        try:
            _find_temporary_folder()
            self._origin = Origin.read(HERE / "provenance.json")
            self._answering = Answering(Limits.read(), self.tags())
            self._folder = feedback.configured_folder()
        except IssuesumError as error:
            print(f"error: {error}", file=sys.stderr)  # noqa: T201
            raise SystemExit(error.exit_code) from error
        program = [sys.executable, "-m", "issuesum.serving.inference.writer", str(HERE / "model")]
        tried = subprocess.run(program, cwd=HERE, check=False)
        if tried.returncode:
            raise SystemExit(tried.returncode)
        self._feedback: feedback.FeedbackLog | None = None
        # The name by which seldon-core looks for a blueprint.
        self.model_error_handler = create_routes(self._answering, self._answer)

    def load(self) -> None:
        """Load the model, once in each worker."""
        try:
            self._answering.load(HERE / "model")
            if self._folder:
                self._feedback = feedback.FeedbackLog(self._folder, self.tags())
        except AttributeError as error:  # seldon-core would go on without a model
            raise RuntimeError(f"load failed: {error}") from error
        self._lifecycle.enter_worker()

    def predict(self, X: Any, names: Any, meta: Any = None) -> list[Any]:  # noqa: ANN401, ARG002, N803
        """Return one title for each text of X, in its shape: (texts,) or (texts, 1).

        Servers that do not know `predict_raw` call this.
        """
        rows = X.tolist() if hasattr(X, "tolist") else X
        answer = self._answer({"data": {"ndarray": rows}})
        if "status" in answer:
            raise ValueError(answer["status"]["info"])
        titles: list[Any] = answer["data"]["ndarray"]
        return titles

    def predict_raw(self, msg: Any) -> Any:  # noqa: ANN401
        """Answer a SeldonMessage that came by gRPC; REST has a route of ours (`create_routes`)."""
        if not isinstance(msg, Message):
            return self._answer(msg)
        try:
            content = _content(msg)
        except RequestError as error:
            return _as(type(msg), error.as_status())
        return _as(type(msg), self._answer(content))

    def send_feedback_raw(self, msg: Message) -> Message:
        """Count a reader's opinion (Seldon's `Feedback`), and keep the better title if any.

        What is refused is answered with `status`.
        """
        answer = type(msg.response)  # type: ignore[attr-defined]
        try:
            content = _content(msg)
            given = feedback.read(content)
            meta = answer_meta(content["request"], self.tags())
            if self._feedback:
                self._feedback.add(given)
        except RequestError as error:
            return _as(answer, error.as_status())
        counted = feedback_metrics(given.reward, corrected=given.title is not None)
        return _as(answer, {"meta": {**meta, "metrics": counted}})

    def tags(self) -> dict[str, str]:
        """Name what answers: image, commit, and the DVC hashes of bundle, model and data."""
        return self._origin.tags

    def init_metadata(self) -> dict[str, Any]:
        """Describe the model for `/metadata`."""
        return {
            "name": open_inference.model_name(),
            "versions": [self._origin.provenance["image"]],
            "platform": "seldon",
            "inputs": [TEXTS],
            "outputs": [TITLES],
            "custom": {**self.tags(), **self._origin.labels},
        }

    def health_status(self) -> list[str]:
        """Really predict; an error here is a failed probe."""
        return self._answering.check()

    def _answer(self, message: Any) -> dict[str, Any]:  # noqa: ANN401
        with self._lifecycle.request():
            return self._answering.answer(message)


def _find_temporary_folder() -> None:
    try:
        tempfile.gettempdir()
    except FileNotFoundError as error:  # gunicorn and multiprocessing would end with a traceback
        raise ParamsError(
            "The server must have a folder for temporary files. Received: a read-only file system "
            "without one. Try: docker run --read-only --tmpfs /tmp, or an emptyDir at /tmp."
        ) from error


def _content(message: Message) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json_format.MessageToDict(message)
    except (json_format.Error, TypeError) as error:  # customData of a type that is not known here
        raise RequestError(f"A message must be JSON. Received: {error!s:.100}.") from error
    return found


def _as(kind: type[Message], content: dict[str, Any]) -> Message:
    # seldon-core looks for the value of each metric, and protobuf leaves out zeros.
    measured = content.get("meta", {}).get("metrics", [])
    measured[:] = [metric for metric in measured if metric["value"]]
    return json_format.ParseDict(content, kind())
