"""Whatever is sent as a request of the V2 protocol is read, or refused with a reason."""

from __future__ import annotations

import struct
from contextlib import suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from issuesum.serving.server.messages import RequestError
from issuesum.serving.server.open_inference import InferRequest, split

LEAF = st.none() | st.booleans() | st.integers(-3, 40) | st.floats() | st.text(max_size=9)
VALUE = st.recursive(
    LEAF, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["name", "binary_data", "binary_data_size", "content_type"]), inner
    ), max_leaves=6
)  # fmt: skip
PARAMETERS = VALUE | st.fixed_dictionaries(
    {"content_type": st.sampled_from(["str", "base64", "x"]), "binary_data_size": st.integers(0, 9)}
)
TENSOR = st.fixed_dictionaries(
    {"name": st.just("body"), "datatype": st.just("BYTES"), "shape": st.just([1]) | VALUE},
    optional={"data": st.lists(st.text(max_size=9), max_size=2) | VALUE, "parameters": PARAMETERS},
)
REQUEST = st.fixed_dictionaries(
    {"inputs": st.lists(TENSOR, min_size=1, max_size=1) | VALUE},
    optional={"outputs": VALUE, "parameters": PARAMETERS, "id": VALUE},
)


@settings(max_examples=500)
@given(request=REQUEST, packed=st.binary(max_size=9))
def test_it_is_read_or_refused(request: dict[str, Any], packed: bytes) -> None:
    with suppress(RequestError):
        read = InferRequest.read(request, packed)
        assert read.bodies
        assert set(read.outputs) <= {"title", "score"}


@given(texts=st.lists(st.text(max_size=40), min_size=1, max_size=5))
def test_binary_texts_come_back_as_they_are(texts: list[str]) -> None:
    encoded = [text.encode() for text in texts]
    packed = b"".join(struct.pack("<I", len(text)) + text for text in encoded)
    size = {"binary_data_size": len(packed)}
    tensor = {"name": "body", "datatype": "BYTES", "shape": [len(texts)], "parameters": size}
    assert InferRequest.read({"inputs": [tensor]}, packed).bodies == tuple(texts)


@given(body=st.binary(max_size=30), length=st.none() | st.text(max_size=3) | st.just("9" * 5000))
def test_the_json_and_what_follows_it_are_the_whole_body(body: bytes, length: str | None) -> None:
    with suppress(RequestError):
        assert b"".join(split(body, length)) == body
