"""The Open Inference Protocol (V2) as another form of Seldon's messages.

https://github.com/kserve/open-inference-protocol: one input `body` of datatype BYTES, two outputs,
`title` and `score`, with one value for each body.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from issuesum.serving.server.messages import RequestError

NAME = "IssueSummarization"
_BODY = {"name": "body", "datatype": "BYTES", "shape": [-1]}
_TITLE = {"name": "title", "datatype": "BYTES", "shape": [-1]}
_SCORE = {"name": "score", "datatype": "FP64", "shape": [-1]}


def model(tags: Mapping[str, str]) -> dict[str, Any]:
    """Return the model's metadata."""
    return {
        "name": NAME,
        "versions": [version(tags)],
        "platform": "onnxruntime",
        "inputs": [_BODY],
        "outputs": [_TITLE, _SCORE],
        "parameters": dict(tags),
    }


def version(tags: Mapping[str, str]) -> str:
    """Return the model's only version: the image's tag."""
    return tags["image"].rsplit(":", 1)[-1]


def as_seldon(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the SeldonMessage that asks the same; RequestError if it is none of this protocol."""
    inputs = request.get("inputs")
    if not (isinstance(inputs, list) and len(inputs) == 1 and isinstance(inputs[0], dict)):
        raise RequestError("inputs must hold one tensor, `body`.")
    tensor = inputs[0]
    if tensor.get("name") != "body" or tensor.get("datatype") != "BYTES":
        raise RequestError(
            "The tensor must have the name body and the datatype BYTES. Received: "
            f"{tensor.get('name')!r:.60}, {tensor.get('datatype')!r:.60}."
        )
    texts = tensor.get("data")
    if not isinstance(texts, list):
        raise RequestError("data of the tensor must be a list of texts.")
    if texts and all(isinstance(row, list) and len(row) == 1 for row in texts):
        texts = [row[0] for row in texts]
    if tensor.get("shape") not in ([len(texts)], [len(texts), 1]):
        raise RequestError(
            f"shape must be [{len(texts)}] or [{len(texts)}, 1], as data has it. "
            f"Received: {tensor.get('shape')!r:.60}."
        )
    return {"jsonData": {"bodies": texts}}


def from_seldon(request: Mapping[str, Any], answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer to a request from that to `as_seldon` of it."""
    tags = answer["meta"]["tags"]
    best = [of_body["titles"][0] for of_body in answer["jsonData"]["answers"]]
    return {
        "model_name": NAME,
        "model_version": version(tags),
        **({"id": request["id"]} if isinstance(request.get("id"), str) else {}),
        "parameters": dict(tags),
        "outputs": [
            {**tensor, "shape": [len(best)], "data": [title[tensor["name"]] for title in best]}
            for tensor in (_TITLE, _SCORE)
        ],
    }
