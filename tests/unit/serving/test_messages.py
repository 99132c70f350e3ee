"""Which requests are understood, and how the others are refused."""

from __future__ import annotations

import pytest

from issuesum.errors import ParamsError
from issuesum.serving.inference.writer import NO_TITLE, Title, Word
from issuesum.serving.server.answering import Limits
from issuesum.serving.server.feedback import configured_folder
from issuesum.serving.server.messages import RequestError, TitleRequest, read_request, response

TITLE = Title("Fix app", -0.1234567, (Word("fix", False, None), Word("app", True, (4, 7))))


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"data": {"ndarray": ["a", "b"]}}, TitleRequest("data", ("a", "b"))),
        (
            {"data": {"names": ["body"], "ndarray": [["a"], ["b"]]}},
            TitleRequest("data", ("a", "b"), column=True),
        ),
        ({"strData": ""}, TitleRequest("strData", ("",))),
        ({"jsonData": {"body": "a"}, "meta": {}}, TitleRequest("jsonData", ("a",), 1, one=True)),
        (
            {"jsonData": {"body": "a", "alternatives": 3.0}},
            TitleRequest("jsonData", ("a",), 3, one=True),
        ),
        ({"jsonData": {"bodies": ["a", "b"]}}, TitleRequest("jsonData", ("a", "b"))),
    ],
)
def test_a_request_is_understood(message: dict, expected: TitleRequest) -> None:
    assert read_request(message, most=2) == expected


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ([], "must be a JSON object. Received: a list"),
        ({}, "none of them"),
        ({"strData": "a", "jsonData": {}}, "strData, jsonData"),
        ({"binData": "YQ=="}, "binData"),
        ({"strData": 1}, "strData must be a text. Received: a number"),
        ({"data": {"tensor": {"shape": [1], "values": [1]}}}, "must hold texts; numbers are none"),
        ({"data": []}, "Received: 'a list'"),
        ({"data": {"ndarray": []}}, "Received: an empty list"),
        ({"data": {"ndarray": "a"}}, "Received: a text"),
        ({"data": {"ndarray": ["a", 1]}}, "must be a text. Received: a number"),
        ({"data": {"ndarray": [None]}}, "Received: null"),
        ({"data": {"ndarray": [["a"], "b"]}}, "Received: a list"),
        ({"data": {"ndarray": [["a", "b"]]}}, "must be a text. Received: a list"),
        ({"data": {"ndarray": [[["a"]]]}}, "Received: a list"),
        ({"jsonData": "a"}, "must be an object. Received: a text"),
        ({"jsonData": {}}, "Received: both or neither"),
        ({"jsonData": {"body": "a", "bodies": ["a"]}}, "Received: both or neither"),
        ({"jsonData": {"body": True}}, "Received: true or false"),
        ({"jsonData": {"body": "a", "x": 1}}, "Received: 'x'"),
        ({"jsonData": {"body": "a", "alternatives": 0}}, "whole number from 1 to 100"),
        ({"jsonData": {"body": "a", "alternatives": 1.5}}, "whole number from 1 to 100"),
        ({"jsonData": {"body": "a", "alternatives": True}}, "whole number from 1 to 100"),
        ({"jsonData": {"body": "a", "alternatives": float("nan")}}, "whole number"),
    ],
)
def test_another_request_is_refused_with_what_it_holds(message: object, reason: str) -> None:
    with pytest.raises(RequestError) as refused:
        read_request(message, most=2)
    assert reason in str(refused.value)
    assert refused.value.status == 400


def test_too_many_texts_are_refused() -> None:
    with pytest.raises(RequestError, match=r"at most 2 texts .* Received: 3") as refused:
        read_request({"data": {"ndarray": ["a", "b", "c"]}}, most=2)
    assert refused.value.as_status()["status"]["code"] == 413


def test_an_answer_has_the_form_of_its_request() -> None:
    titles = [[TITLE, NO_TITLE]]
    assert response(TitleRequest("data", ("a",)), titles) == {
        "data": {"names": [], "ndarray": ["Fix app"]}
    }
    assert response(TitleRequest("data", ("a",), column=True), titles) == {
        "data": {"names": ["title"], "ndarray": [["Fix app"]]}
    }
    assert response(TitleRequest("strData", ("a",)), titles) == {"strData": "Fix app"}
    one = {
        "titles": [
            {
                "title": "Fix app",
                "score": -0.123457,
                "words": [
                    {"word": "fix", "copied": False, "span": None},
                    {"word": "app", "copied": True, "span": [4, 7]},
                ],
            },
            {"title": "", "score": None, "words": []},
        ]
    }
    assert response(TitleRequest("jsonData", ("a",), 2, one=True), titles) == {"jsonData": one}
    assert response(TitleRequest("jsonData", ("a",), 2), titles) == {"jsonData": {"answers": [one]}}


def test_limits_come_from_the_environment() -> None:
    assert Limits.read({}) == Limits()
    assert Limits.read({"ISSUESUM_MAX_TEXTS": "7", "ISSUESUM_THREADS": "2"}).texts == 7


def test_feedback_must_have_a_folder_to_go_to() -> None:
    assert configured_folder({}) is None
    with pytest.raises(ParamsError, match="ISSUESUM_FEEDBACK_DIR must name a folder"):
        configured_folder({"ISSUESUM_FEEDBACK_DIR": "/nowhere"})
