"""What the page's requests get, over a real component's contract."""

from __future__ import annotations

import pytest
from werkzeug import Response

from issuesum.training.corpus.issue import Issue
from issuesum.web.contract import MAX_BODY
from seldon_stub import TAGS, SeldonStub, refusal

BODY = "😀 The Frobnicator crashes when <b>Bold</b> is pressed"
HOSTILE = Issue("javascript:alert(1)", "</script><img src=x onerror=alert(2)>", BODY)


def test_titles_come_with_marked_bodies_and_lineage(page) -> None:
    answer = page.post("/api/titles", json={"body": BODY}).get_json()
    best, *others = answer["titles"]
    assert best["title"] == "Crashes bold on bold error"
    assert [len(others), best["score"] > others[0]["score"]] == [2, True]
    assert best["words"][:3] == [["crashes", True], ["bold", True], ["on", False]]
    assert "".join(text for text, _ in best["segments"]) == BODY
    assert [text for text, copied in best["segments"] if copied] == ["crashes", "Bold"]
    assert dict(answer["lineage"]) == TAGS


def test_a_body_without_known_words_has_a_title_or_none_but_an_answer(page) -> None:
    answer = page.post("/api/titles", json={"body": "!?"}).get_json()
    assert answer["titles"][0]["segments"] == [["!?", False]]


def test_feedback_arrives_as_seldon_wants_it(page, stub: SeldonStub) -> None:
    sent = {"body": BODY, "title": "Crash", "good": True}
    assert page.post("/api/feedback", json=sent).get_json() == {"arrived": True}
    edited = sent | {"good": False, "truth": " Bold crashes "}
    assert page.post("/api/feedback", json=edited).status_code == 200
    common = {
        "request": {"data": {"ndarray": [BODY]}},
        "response": {"data": {"ndarray": ["Crash"]}},
    }
    assert stub.feedback == [
        common | {"reward": 1.0},
        common | {"reward": 0.0, "truth": {"data": {"ndarray": ["Bold crashes"]}}},
    ]


def test_the_lineage_is_there_before_the_first_title(page) -> None:
    assert dict(page.get("/api/lineage").get_json()["lineage"]) == TAGS


def test_a_random_issue_comes_as_it_is_and_has_a_button_only_then(make_page) -> None:
    page = make_page(HOSTILE)
    answer = page.get("/api/issue")
    assert answer.mimetype == "application/json"
    assert answer.get_json() == HOSTILE._asdict()
    assert 'id="random"' in page.get("/").text
    without = make_page()
    assert 'id="random"' not in without.get("/").text
    assert without.get("/api/issue").status_code == 404


def test_the_page_escapes_what_it_is_told(make_page) -> None:
    text = make_page(url="http://127.0.0.1:9/<script>alert(1)</script>").get("/").text
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text


def test_the_page_takes_nothing_from_elsewhere(page) -> None:
    text = page.get("/").text
    for name in ("page.css", "page.js", "icon.svg"):
        assert f'"/static/{name}"' in text
        with page.get(f"/static/{name}") as answer:
            assert answer.status_code == 200
            assert "innerHTML" not in answer.text
    assert "//" not in text.replace("http://127.0.0.1", "")
    assert "<style" not in text


@pytest.mark.parametrize("path", ["/", "/static/page.js", "/api/lineage", "/nowhere", "/healthz"])
def test_every_answer_bears_a_strict_policy(path: str, page) -> None:
    with page.get(path) as answer:
        headers = answer.headers
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost:1"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "https://localhost"}, 200),
    ],
)
def test_posts_of_other_sites_are_refused(headers: dict, code: int, page, stub: SeldonStub) -> None:
    headers = {"Content-Type": "application/json"} | headers
    data = '{"body": "the app", "title": "app", "good": true}'
    assert page.post("/api/feedback", data=data, headers=headers).status_code == code
    assert len(stub.feedback) == (code == 200)


def test_other_names_of_this_machine_are_refused_where_names_are_known(make_page) -> None:
    page = make_page(hosts=["localhost"])
    assert page.get("/api/lineage").status_code == 200
    assert page.get("/api/lineage", base_url="http://rebound.example/").status_code == 400


@pytest.mark.parametrize(
    ("content", "code", "sentence"),
    [
        (b'{"body": " \\n"}', 400, "The body must hold words. Paste one first."),
        (b'{"body": 5}', 400, "body: Input should be a valid string."),
        (b'{"body": "\\ud800"}', 400, "The request: Invalid JSON"),
        (b"nonsense", 400, "The request: Invalid JSON"),
        (b'{"body": "a", "more": 1}', 400, "more: Extra inputs are not permitted."),
        (b'{"body": "%s"}' % (b"a" * (MAX_BODY + 1)), 400, "at most 65,536 characters"),
        (b'{"body": "%s"}' % (b"a" * 2**20), 413, "at most 65,536 characters"),
    ],
)
def test_bad_requests_are_answered_with_a_sentence(
    content: bytes, code: int, sentence: str, page
) -> None:
    answer = page.post("/api/titles", data=content, content_type="application/json")
    assert answer.status_code == code
    assert sentence in answer.get_json()["error"]


def test_the_longest_body_is_taken(page) -> None:
    body = "😀" * MAX_BODY
    assert page.post("/api/titles", json={"body": body}).status_code == 200


def test_what_the_component_refuses_is_told(page, stub: SeldonStub) -> None:
    stub.override = lambda _: refusal("alternatives must be\nless")
    answer = page.post("/api/titles", json={"body": BODY})
    assert answer.status_code == 400
    assert answer.get_json()["error"] == "The model does not take this: alternatives must be less"


def test_a_component_that_fails_is_told_and_logged(page, stub: SeldonStub, caplog) -> None:
    stub.override = lambda _: Response("<html>gone</html>", 503)
    answer = page.get("/api/lineage")
    assert answer.status_code == 502
    assert "Received: HTTP 503 from /metadata. Try: " in answer.get_json()["error"]
    assert [record.message for record in caplog.records if record.levelname == "WARNING"] == [
        answer.get_json()["error"]
    ]
    assert page.get("/healthz").status_code == 200
