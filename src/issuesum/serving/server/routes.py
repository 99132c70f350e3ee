"""The routes that the REST server adds to those of seldon-core, as a Flask blueprint.

seldon-core registers the blueprint that it finds as `model_error_handler` on its app. This one
answers predictions by two protocols, Seldon's and the Open Inference Protocol, serves the page, and
gives a bad request a 4xx with a reason: left alone, seldon-core answers 500 to an unknown route, a
wrong content type or deep JSON, and updates its store of metrics before each answer.
"""

import io
import json
import os
import threading
import time
import zlib
from collections.abc import Callable
from contextlib import nullcontext, suppress
from copy import copy
from inspect import getclosurevars
from queue import SimpleQueue
from typing import Any, NoReturn

from flask import Blueprint, Response, current_app, jsonify, request
from flask.blueprints import BlueprintSetupState
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from issuesum.serving.server import feedback, open_inference
from issuesum.serving.server.answering import Answering
from issuesum.serving.server.messages import RequestError
from issuesum.serving.server.page import add_page

_PREDICTIONS = "/api/v1.0/predictions"
_FEEDBACK = ("/send-feedback", "/api/v1.0/feedback", "/api/v0.1/feedback")
_ASKING = ("/predict", _PREDICTIONS, "/api/v0.1/predictions")
_OF_OTHER_KINDS = ("/transform-input", "/transform-output", "/route", "/aggregate")
_DEEP = "A request must be JSON of few levels. Received: too many."
_CHUNK, _DISCARDED = 2**16, 2**26
_INTERVAL = 0.25  # seconds
_SHOWN = os.environ.get("INCLUDE_METRICS_IN_CLIENT_RESPONSE", "true").lower() == "true"
Answer = Callable[[Any], dict[str, Any]]


class Counting:
    """Takes metrics in Seldon's form to seldon-core's store, off the path of a request.

    The store is a process of its own, to which an update costs several messages, whatever it
    counts. So one thread of each worker updates it a few times a second, for all requests.
    """

    def __init__(self) -> None:
        """Start no thread yet: it would not survive the fork of a worker."""
        self._waiting: SimpleQueue[dict[str, Any]] = SimpleQueue()
        self._begun = threading.Lock()

    def add(self, metrics: list[dict[str, Any]]) -> None:
        """Count within a second, in the store of the app that answers now."""
        if self._begun.acquire(blocking=False):  # by the first request, and never released
            # seldon-core gives it to its routes alone.
            known = getclosurevars(current_app.view_functions["Predict"]).nonlocals
            store = copy(known["seldon_metrics"])
            # A worker that ends within an update leaves the store's lock locked, and every other
            # would wait for ever. Each worker writes an entry of its own, which needs no lock.
            store._lock = nullcontext()  # noqa: SLF001
            threading.Thread(target=self._count, args=(store,), daemon=True).start()
        for metric in metrics:
            self._waiting.put(metric)

    def _count(self, store: Any) -> None:  # noqa: ANN401 -- seldon-core has no types
        while True:
            first = self._waiting.get()
            time.sleep(_INTERVAL)
            others = [self._waiting.get() for _ in range(self._waiting.qsize())]
            with suppress(OSError, EOFError):  # it has ended, and so does the server
                store.update([first, *others], "predict")


def create_routes(answering: Answering, answer: Answer) -> Blueprint:
    """Return the blueprint of a server; `answer` is that of `answering`, or around it."""
    routes, counting = Blueprint("issuesum", __name__), Counting()

    def counted(message: Any) -> dict[str, Any]:  # noqa: ANN401
        answered = answer(message)
        if measured := answered["meta"].get("metrics"):
            counting.add(measured)
            if not _SHOWN:
                del answered["meta"]["metrics"]
        return answered

    most = answering.limits.request_bytes

    @routes.before_app_request
    def predict() -> tuple[Response, int] | None:
        _unpack(most)
        if request.path in _OF_OTHER_KINDS:
            info = f"{request.path} is no route of a MODEL. Try: {_PREDICTIONS}."
            raise RequestError(info, status=404, reason="NOT_FOUND")
        if request.routing_exception or request.method == "OPTIONS":  # what CORS asks before
            return None
        if request.path in _FEEDBACK:
            feedback.read(_message())
        if request.path not in _ASKING:
            return None
        answered = counted(_message())
        return jsonify(answered), answered.get("status", {}).get("code", 200)

    @routes.record_once
    def bound(state: BlueprintSetupState) -> None:
        state.app.config.update(MAX_CONTENT_LENGTH=most, MAX_FORM_MEMORY_SIZE=most)

    _add_open_inference(routes, answering, counted)
    add_page(routes)
    routes.app_errorhandler(HTTPException)(_explain)
    routes.app_errorhandler(RequestError)(_refused)
    routes.app_errorhandler(RecursionError)(lambda _: _refused(RequestError(_DEEP)))
    return routes


def _explain(error: HTTPException) -> tuple[Response, int]:
    if isinstance(error, RequestEntityTooLarge):
        # To the end: a client that still sends would not see the answer.
        for _ in range(_DISCARDED // _CHUNK):
            if not request.environ["wsgi.input"].read(_CHUNK):
                break
    reason = error.name.upper().replace(" ", "_")
    info = error.description or error.name
    return _refused(RequestError(info, status=error.code or 500, reason=reason))


def _add_open_inference(routes: Blueprint, answering: Answering, answer: Answer) -> None:
    name, version = open_inference.model_name(), open_inference.version(answering.tags)
    paths = (f"/v2/models/{name}", f"/v2/models/{name}/versions/{version}")

    @routes.get("/v2")
    def server() -> Response:
        extensions = ["binary_tensor_data"]
        return jsonify(name="issuesum", version=answering.tags["image"], extensions=extensions)

    @routes.get("/v2/health/live")
    def live() -> Response:
        return jsonify(live=True)

    @routes.get("/v2/health/ready")
    @routes.get(f"{paths[0]}/ready")
    @routes.get(f"{paths[1]}/ready")
    def ready() -> tuple[Response, int]:
        try:
            answering.check()
        except RequestError:
            return jsonify(ready=False), 400  # the protocol wants a 4xx
        return jsonify(ready=True), 200

    @routes.get(paths[0])
    @routes.get(paths[1])
    def model() -> Response:
        return jsonify(open_inference.model(answering.tags))

    @routes.post(f"{paths[0]}/infer")
    @routes.post(f"{paths[1]}/infer")
    def infer() -> Response:
        length = request.headers.get(open_inference.JSON_LENGTH)
        content, packed = open_inference.split(request.get_data(), length)
        asked = open_inference.InferRequest.read(_object(content), packed)
        said = answer(asked.as_seldon())
        if "status" in said:
            raise RequestError(said["status"]["info"], status=said["status"]["code"])
        described, packed = asked.response(said)
        if not packed:
            return jsonify(described)
        header = json.dumps(described).encode()
        sizes = {open_inference.JSON_LENGTH: str(len(header))}
        return Response(header + packed, mimetype="application/octet-stream", headers=sizes)

    # Not by the handler of errors: seldon-core's route of static files makes it 405 for a POST.
    @routes.route("/v2/models/<path:_>", methods=["GET", "POST"])
    def unknown(_: str) -> NoReturn:
        info = (
            f"The server has one model, {name}, of version {version}. "
            f"Received: {request.method} {request.path:.100}. Try: POST {paths[0]}/infer."
        )
        raise RequestError(info, status=404, reason="NOT_FOUND")


def _unpack(limit: int) -> None:
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding == "identity":
        return
    if encoding not in ("gzip", "deflate"):
        info = f"Content-Encoding must be gzip or deflate. Received: {encoding!r:.60}."
        raise RequestError(info, status=415, reason="UNSUPPORTED_MEDIA_TYPE")
    unpacker = zlib.decompressobj(wbits=47)  # of either kind
    try:
        body = unpacker.decompress(request.get_data(cache=False), limit + 1)
    except zlib.error as error:
        raise RequestError(f"A body must be {encoding}. Received: {error!s:.100}.") from error
    if len(body) > limit:
        info = (
            f"A request must have at most {limit} bytes (ISSUESUM_MAX_REQUEST_BYTES). "
            f"Received: more, once {encoding} is unpacked. Try: several requests."
        )
        raise RequestError(info, status=413, reason="TOO_LARGE")
    if unpacker.unused_data or not unpacker.eof:
        raise RequestError(f"A body must be {encoding}, one stream. Received: less or more.")
    request.stream = io.BytesIO(body)  # which every reader of the body takes it from


def _message() -> dict[str, Any]:
    """Return the message of a request as seldon-core reads it: a form, a query or JSON."""
    if request.mimetype == "multipart/form-data":
        fields = _fields().items()
        return {name: text if name == "strData" else _value(text) for name, text in fields}
    text = None if request.is_json else request.form.get("json")  # a parser runs for it
    if text := text or request.args.get("json"):
        return _object(text)
    if not request.is_json:
        info = (
            "A request must be JSON. Received: content type "
            f"{request.mimetype or 'none'!r:.60}. Try: Content-Type: application/json."
        )
        raise RequestError(info, status=415, reason="UNSUPPORTED_MEDIA_TYPE")
    return _object(request.get_data())


def _fields() -> dict[str, str]:
    """Return the texts of a form; files count as fields."""
    try:
        files = {name: file.read().decode() for name, file in request.files.items()}
    except UnicodeDecodeError as error:
        raise RequestError(f"Texts must be UTF-8. Received: {error.reason}.") from error
    for file in request.files.values():
        file.seek(0)
    return {**request.form.to_dict(), **files}


def _object(text: str | bytes) -> dict[str, Any]:
    content = _value(text)
    if not isinstance(content, dict):
        raise RequestError("A request must be a JSON object.")
    return content


def _value(text: str | bytes) -> Any:  # noqa: ANN401 -- whatever a client sends
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise RequestError(_DEEP) from error
    except ValueError as error:  # UnicodeDecodeError is one
        raise RequestError(f"A request must be JSON in UTF-8. Received: {error!s:.100}.") from error


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name}, which is no JSON")


def _refused(error: RequestError) -> tuple[Response, int]:
    is_open = request.path.startswith("/v2")
    return jsonify({"error": str(error)} if is_open else error.as_status()), error.status
