"""The Open Inference Protocol (V2) as another form of Seldon's messages.

https://github.com/kserve/open-inference-protocol: one input `body` of datatype BYTES, two outputs,
`title` and `score`, with one value for each body. Tensors may be binary, as its extension has them
(https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md):
they follow the JSON, whose length is in a header, and each text follows its size in four bytes.
"""

from __future__ import annotations

import base64
import math
import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from issuesum.serving.server.messages import RequestError

JSON_LENGTH = "Inference-Header-Content-Length"
"""The header of HTTP that says how many bytes of a body are JSON."""
_BODY = {"name": "body", "datatype": "BYTES", "shape": [-1]}
_OUTPUTS: dict[str, dict[str, Any]] = {
    "title": {"name": "title", "datatype": "BYTES", "shape": [-1]},
    "score": {"name": "score", "datatype": "FP64", "shape": [-1]},
}
_CONTENT_TYPES = (None, "str", "np", "pd", "base64")  # MLServer's that can hold texts
_SIZE = struct.Struct("<I")


def model_name() -> str:
    """Return the name that clients ask for; KServe's take that of their InferenceService."""
    return os.environ.get("ISSUESUM_MODEL_NAME") or "IssueSummarization"


def model(tags: Mapping[str, str]) -> dict[str, Any]:
    """Return the model's metadata."""
    return {
        "name": model_name(), "versions": [version(tags)], "platform": "onnxruntime",
        "inputs": [_BODY], "outputs": list(_OUTPUTS.values()), "parameters": dict(tags),
    }  # fmt: skip


def version(tags: Mapping[str, str]) -> str:
    """Return the model's only version: the image's tag."""
    return tags["image"].rsplit(":", 1)[-1]


def split(body: bytes, json_length: str | None) -> tuple[bytes, bytes]:
    """Return the JSON of a request, and the binary tensor behind it."""
    if json_length is None:
        return body, b""
    is_number = json_length.isascii() and json_length.isdigit() and len(json_length) < 12  # noqa: PLR2004
    if not is_number or int(json_length) > len(body):
        raise RequestError(
            f"{JSON_LENGTH} must be a number, at most the length of the body, {len(body)}. "
            f"Received: {json_length!r:.60}."
        )
    return body[: int(json_length)], body[int(json_length) :]


@dataclass(frozen=True)
class InferRequest:
    """A request for titles."""

    id: str | None  # comes back in the answer
    bodies: tuple[str, ...]
    outputs: dict[str, bool]  # tensors of the answer, in order, and whether each is to be binary

    @classmethod
    def read(cls, request: Mapping[str, Any], packed: bytes) -> InferRequest:
        """Read a request's JSON and binary tensor; RequestError if it is none of this protocol."""
        common = _parameters(request)
        inputs = request.get("inputs")
        if not (isinstance(inputs, list) and len(inputs) == 1 and isinstance(inputs[0], dict)):
            raise RequestError("inputs must hold one tensor, `body`.")
        identity = request.get("id")
        return cls(
            identity if isinstance(identity, str) else None,
            _texts(inputs[0], packed, common.get("content_type")),
            _wanted(request.get("outputs"), binary=common.get("binary_data_output") is True),
        )

    def as_seldon(self) -> dict[str, Any]:
        """Return the SeldonMessage that asks the same."""
        return {"jsonData": {"bodies": list(self.bodies)}}

    def response(self, answer: Mapping[str, Any]) -> tuple[dict[str, Any], bytes]:
        """Return JSON and binary tensors, made of the answer to `as_seldon`."""
        tags = answer["meta"]["tags"]
        best = [of_body["titles"][0] for of_body in answer["jsonData"]["answers"]]
        outputs, packed = [], b""
        for name, binary in self.outputs.items():
            values = [title[name] for title in best]
            content: dict[str, Any] = {"data": values}
            if binary:
                part = _pack(values, _OUTPUTS[name]["datatype"])
                content, packed = {"parameters": {"binary_data_size": len(part)}}, packed + part
            outputs.append({**_OUTPUTS[name], "shape": [len(best)], **content})
        identity = {} if self.id is None else {"id": self.id}
        return {
            "model_name": model_name(), "model_version": version(tags), **identity,
            "parameters": dict(tags), "outputs": outputs,
        }, packed  # fmt: skip


def _parameters(holder: Mapping[str, Any]) -> dict[str, Any]:
    found = holder.get("parameters") or {}
    if not isinstance(found, dict):
        raise RequestError(f"parameters must be an object. Received: {found!r:.60}.")
    return found


def _wanted(outputs: Any, *, binary: bool) -> dict[str, bool]:  # noqa: ANN401
    wanted = {}
    for output in outputs or [] if isinstance(outputs, list | None) else [outputs]:
        name = output.get("name") if isinstance(output, dict) else output
        if not (isinstance(output, dict) and isinstance(name, str) and name in _OUTPUTS):
            raise RequestError(f"outputs must name title or score. Received: {name!r:.60}.")
        wanted[name] = _parameters(output).get("binary_data", binary) is True
    return wanted or dict.fromkeys(_OUTPUTS, binary)


def _texts(tensor: Mapping[str, Any], packed: bytes, content_type: Any) -> tuple[str, ...]:  # noqa: ANN401
    if tensor.get("name") != "body" or tensor.get("datatype") != "BYTES":
        raise RequestError(
            "The tensor must have the name body and the datatype BYTES. Received: "
            f"{tensor.get('name')!r:.60}, {tensor.get('datatype')!r:.60}."
        )
    parameters = _parameters(tensor)
    content_type = parameters.get("content_type", content_type)
    if content_type not in _CONTENT_TYPES:
        raise RequestError(
            f"content_type must be str, np, pd or base64. Received: {content_type!r:.60}."
        )
    size, values = parameters.get("binary_data_size", 0), tensor.get("data")
    if size != len(packed) or (packed and values is not None):
        raise RequestError(
            "binary_data_size must be the number of bytes behind the JSON, with no data in it. "
            f"Received: {size!r:.60}, {len(packed)} bytes and {'no' if values is None else 'some'} "
            f"data. Try: the header {JSON_LENGTH}."
        )
    if packed:
        values = list(_unpack(packed))
    elif not isinstance(values, list):
        raise RequestError("data of the tensor must be a list of texts.")
    if values and all(isinstance(row, list) and len(row) == 1 for row in values):
        values = [row[0] for row in values]
    if tensor.get("shape") not in ([len(values)], [len(values), 1]):
        raise RequestError(
            f"shape must be [{len(values)}] or [{len(values)}, 1], as data has it. "
            f"Received: {tensor.get('shape')!r:.60}."
        )
    if not values:
        raise RequestError("The tensor body must hold at least one text. Received: shape [0].")
    return tuple(_text(value, encoded=content_type == "base64") for value in values)


def _text(value: Any, *, encoded: bool) -> str:  # noqa: ANN401
    if not isinstance(value, str | bytes):
        raise RequestError(f"Each value of the tensor must be a text. Received: {value!r:.60}.")
    try:
        found = base64.b64decode(value, validate=True) if encoded else value
        return found.decode() if isinstance(found, bytes) else found
    except ValueError as error:  # UnicodeDecodeError is one
        kind = "base64 of UTF-8" if encoded else "UTF-8"
        raise RequestError(f"Texts must be {kind}. Received: {error!s:.100}.") from error


def _unpack(packed: bytes) -> Iterator[bytes]:
    place = 0
    while place < len(packed):
        begin = place + _SIZE.size
        size = _SIZE.unpack_from(packed, place)[0] if begin <= len(packed) else 0
        place = begin + size
        if place > len(packed):
            raise RequestError(
                "Each text of a binary tensor must follow its size, four bytes, the lowest first. "
                f"Received: a text that ends at byte {place} of {len(packed)}."
            )
        yield packed[begin:place]


def _pack(values: Sequence[Any], datatype: str) -> bytes:
    if datatype == "FP64":
        return struct.pack(f"<{len(values)}d", *(math.nan if v is None else v for v in values))
    texts = [value.encode(errors="replace") for value in values]
    return b"".join(_SIZE.pack(len(text)) + text for text in texts)
