"""A server that has no model yet says so, in every protocol's terms."""

from __future__ import annotations

import pytest

from issuesum.serving.server.answering import Answering, Limits
from issuesum.serving.server.messages import RequestError

ASKED = {"data": {"ndarray": ["The app crashes"]}}


def test_without_a_model_it_is_not_healthy() -> None:
    with pytest.raises(RequestError, match="not loaded yet") as refused:
        Answering(Limits(), {}).check()
    assert refused.value.status == 503


def test_without_a_model_a_request_is_refused_and_still_says_which_image_refuses() -> None:
    reply = Answering(Limits(), {"git": "3f2c1ab4d5e6"}).answer(ASKED)
    assert reply["status"]["code"] == 503
    assert reply["status"]["reason"] == "NOT_LOADED"
    assert reply["meta"] == {"tags": {"git": "3f2c1ab4d5e6"}}
    assert "data" not in reply
