"""The REST server of seldon-core with our component: protocols, refusals, and no 5xx."""

from __future__ import annotations

import gzip
import io
import json
import os
import struct
import time
import zlib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st

import components
from issuesum.registry import labels as origin
from issuesum.serving.server import open_inference
from issuesum.serving.server.answering import Answering, Limits
from issuesum.serving.server.routes import create_routes
from schemas import validator

PREDICT = "/api/v1.0/predictions"
FEEDBACK = "/api/v1.0/feedback"
INFER = "/v2/models/IssueSummarization/infer"
TAGS = {
    **{key: components.PROVENANCE[key] for key in ("image", "git", "dvc", "commit")},
    "bundle": "ba9876543210.dir",
    "model": "m.dir",
    "data": "r.dir",
}


@pytest.fixture(scope="module")
def feedback_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("feedback")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("component") / "app"


@pytest.fixture(scope="module")
def loaded(folder: Path, feedback_folder: Path):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ISSUESUM_FEEDBACK_DIR", str(feedback_folder))
        patch.setenv("ISSUESUM_MAX_REQUEST_BYTES", "100000")
        components.stay_alive(patch)
        made = components.component(folder)
        made.load()
        yield made


@pytest.fixture(scope="module")
def metrics() -> Iterator:
    from seldon_core.metrics import SeldonMetrics

    made = SeldonMetrics()
    yield made
    made._manager.shutdown()


@pytest.fixture(scope="module")
def client(loaded, metrics) -> FlaskClient:
    from seldon_core.wrapper import get_rest_microservice

    return get_rest_microservice(loaded, metrics).test_client()


def test_titles_bear_what_wrote_them(client: FlaskClient) -> None:
    reply = client.post(PREDICT, json={"data": {"ndarray": ["the app crashes"]}}).json
    assert reply["meta"]["tags"] == TAGS
    (title,) = reply["data"]["ndarray"]
    assert title
    column = client.post("/predict", json={"data": {"ndarray": [["the app crashes"]]}}).json
    assert column["data"] == {"names": ["title"], "ndarray": [[title]]}
    assert client.post("/predict", json={"strData": "the app crashes"}).json["strData"] == title
    got = client.get("/predict", query_string={"json": json.dumps({"strData": "the app crashes"})})
    assert got.json["strData"] == title


def test_alternatives_bear_scores_the_best_first(client: FlaskClient) -> None:
    message = {"jsonData": {"body": "the app crashes on start", "alternatives": 3}}
    titles = client.post(PREDICT, json=message).json["jsonData"]["titles"]
    scores = [title["score"] for title in titles]
    assert len(titles) == 3
    assert scores == sorted(scores, reverse=True)
    assert all("the app crashes on start"[slice(*word["span"])].lower() == word["word"]
               for title in titles for word in title["words"] if word["span"])  # fmt: skip


def test_an_answer_can_be_joined_with_its_request(client: FlaskClient) -> None:
    path = {"transformer": "registry.example.com/transformer:1"}
    given = {"puid": "p1", "tags": {"row": 7, "git": "mine"}, "requestPath": path}
    reply = client.post(PREDICT, json={"strData": "app", "meta": given}).json["meta"]
    assert reply.pop("metrics")
    assert reply == {"puid": "p1", "tags": {"row": 7, **TAGS}, "requestPath": path}
    refused = client.post(PREDICT, json={"strData": 1, "meta": given}).json
    assert refused["meta"] == reply
    made = [client.post(PREDICT, json={"strData": "app"}).json["meta"]["puid"] for _ in range(2)]
    assert len(set(made)) == 2
    for meta in ("p1", {"puid": 1}, {"tags": ["row"]}):
        answer = client.post(PREDICT, json={"strData": "app", "meta": meta})
        assert answer.status_code == 400
        assert "meta must be an object" in answer.json["status"]["info"]


def test_the_model_has_the_name_that_clients_of_kserve_ask_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ISSUESUM_MODEL_NAME", "titles")
    app, answering = Flask("server"), Answering(Limits(), TAGS)
    app.register_blueprint(create_routes(answering, answering.answer))
    assert app.test_client().get("/v2/models/titles").json["name"] == "titles"
    refused = app.test_client().get("/v2/models/IssueSummarization")
    assert "one model, titles, of version" in refused.json["error"]


def test_the_open_inference_protocol_says_the_same(client: FlaskClient) -> None:
    bodies = ["the app crashes", "start"]
    tensor = {"name": "body", "datatype": "BYTES", "shape": [2], "data": bodies}
    reply = client.post(INFER, json={"id": "7", "inputs": [tensor]}).json
    seldon = client.post(PREDICT, json={"data": {"ndarray": bodies}}).json
    title, score = reply["outputs"]
    assert title == {"name": "title", "datatype": "BYTES", "shape": [2],
                     "data": seldon["data"]["ndarray"]}  # fmt: skip
    assert score["datatype"] == "FP64"
    assert all(value < 0 for value in score["data"])
    assert (reply["id"], reply["model_name"]) == ("7", "IssueSummarization")
    assert reply["parameters"] == TAGS
    described = client.get("/v2/models/IssueSummarization").json
    assert [of["name"] for of in described["outputs"]] == ["title", "score"]
    assert reply["model_version"] in described["versions"]
    versioned = f"/v2/models/IssueSummarization/versions/{reply['model_version']}"
    for path in ("/v2", "/v2/health/live", "/v2/health/ready", versioned, f"{versioned}/ready"):
        assert client.get(path).status_code == 200, path
    assert client.post(f"{versioned}/infer", json={"inputs": [tensor]}).status_code == 200


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"shape": [3]}, "shape must be [2] or [2, 1]"),
        ({"datatype": "FP32"}, "the datatype BYTES"),
        ({"name": "x"}, "the name body"),
        ({"data": "ab"}, "must be a list of texts"),
        ({"data": [1, 2]}, "must be a text"),
        ({"data": [], "shape": [0]}, "The tensor body must hold at least one text"),
        ({"parameters": {"content_type": "datetime"}}, "must be str, np, pd or base64"),
        ({"parameters": {"content_type": "base64"}}, "must be base64 of UTF-8"),
        ({"parameters": {"binary_data_size": 3}}, "the number of bytes behind the JSON"),
        ({"parameters": 3}, "parameters must be an object"),
    ],
)
def test_other_tensors_are_refused_as_the_protocol_says(
    change: dict, reason: str, client: FlaskClient
) -> None:
    tensor = {"name": "body", "datatype": "BYTES", "shape": [2], "data": ["a", "b"], **change}
    answer = client.post(INFER, json={"inputs": [tensor]})
    assert answer.status_code == 400
    assert reason in answer.json["error"]


def infer(client: FlaskClient, message: dict, packed: bytes = b"", **headers: str):
    content = json.dumps(message).encode()
    sizes = {"Inference-Header-Content-Length": str(len(content))} if packed else {}
    return client.post(INFER, data=content + packed, headers={**sizes, **headers})


def test_what_is_asked_of_the_protocol_is_answered_and_nothing_else(client: FlaskClient) -> None:
    tensor = {"name": "body", "datatype": "BYTES", "shape": [2, 1], "data": [["app"], ["start"]]}
    reply = infer(client, {"inputs": [tensor], "outputs": [{"name": "score"}]}).json
    assert [output["name"] for output in reply["outputs"]] == ["score"]
    for wrong in ([{"name": "x"}], ["title"], "title"):
        answer = infer(client, {"inputs": [tensor], "outputs": wrong})
        assert answer.status_code == 400
        assert "outputs must name title or score" in answer.json["error"]
    # What MLServer's client sends: base64, named for the tensor or for the whole request.
    plain = infer(client, {"inputs": [{**tensor, "data": ["app", "start"]}]}).json["outputs"]
    tensor["data"] = ["YXBw", "c3RhcnQ="]
    kind = {"parameters": {"content_type": "base64"}}
    for message in ({"inputs": [{**tensor, **kind}]}, {"inputs": [tensor], **kind}):
        assert infer(client, message).json["outputs"] == plain


def test_binary_tensors_say_the_same_as_json(client: FlaskClient) -> None:
    tensor = {"name": "body", "datatype": "BYTES", "shape": [2]}
    plain = infer(client, {"inputs": [{**tensor, "data": ["app", "\u00fcber"]}]}).json["outputs"]
    # As kserve's InferRequest writes it: each text after its size, and all outputs as bytes.
    packed = b"\x03\0\0\0app" + b"\x05\0\0\0" + "\u00fcber".encode()
    sent = {"inputs": [{**tensor, "parameters": {"binary_data_size": len(packed)}}]}
    assert infer(client, sent, packed).json["outputs"] == plain
    answer = infer(client, {**sent, "parameters": {"binary_data_output": True}}, packed)
    assert answer.content_type == "application/octet-stream"
    length = int(answer.headers["Inference-Header-Content-Length"])
    title, score = json.loads(answer.data[:length])["outputs"]
    rest = answer.data[length:]
    assert title["parameters"]["binary_data_size"] + 16 == len(rest)
    assert rest.endswith(struct.pack("<2d", *plain[1]["data"]))
    assert rest[4:].startswith(plain[0]["data"][0].encode())
    assert "data" not in score
    for cut in (packed[:-1], packed + b"\0", packed[:2]):
        inputs = [{**tensor, "parameters": {"binary_data_size": len(cut)}}]
        assert infer(client, {"inputs": inputs}, cut).status_code == 400
    for length in ("-1", "x", "999999", "9" * 5000):
        wrong = {"Inference-Header-Content-Length": length}
        assert client.post(INFER, data=packed, headers=wrong).status_code == 400


def test_bodies_may_be_compressed_within_the_limit(client: FlaskClient) -> None:
    message = json.dumps({"strData": "the app crashes"}).encode()
    whole = {"content_type": "application/json"}

    def send(body: bytes, encoding: str):
        return client.post(PREDICT, data=body, headers={"Content-Encoding": encoding}, **whole)

    plain = client.post(PREDICT, data=message, **whole).json["strData"]
    assert send(gzip.compress(message), "gzip").json["strData"] == plain
    assert send(zlib.compress(message), "deflate").json["strData"] == plain
    assert send(message, "identity").json["strData"] == plain
    for body, encoding, status in (
        (gzip.compress(b" " * 100_001), "gzip", 413),
        (zlib.compress(b" " * 50_000_000), "deflate", 413),
        (gzip.compress(message)[:-9], "gzip", 400),
        (gzip.compress(message) + b"more", "gzip", 400),
        (message, "gzip", 400),
        (message, "br", 415),
    ):
        answer = send(body, encoding)
        assert answer.status_code == status
        assert answer.json["status"]["info"]


@pytest.mark.parametrize("path", ["other/infer", "other", "other/ready",
                                  "IssueSummarization/versions/7/infer"])  # fmt: skip
def test_another_model_or_version_is_not_found(path: str, client: FlaskClient) -> None:
    for answer in (client.get(f"/v2/models/{path}"), client.post(f"/v2/models/{path}", json={})):
        assert answer.status_code == 404
        assert "IssueSummarization, of version 0123456789ab-ba9876543210" in answer.json["error"]


def test_metadata_and_health(client: FlaskClient, folder: Path) -> None:
    reply = client.get("/metadata").json
    labels = origin.labels_of((folder / "provenance.json").read_bytes())
    assert reply["custom"] == TAGS | labels
    assert labels["io.issuesum.git"] == TAGS["git"]
    assert reply["inputs"][0]["schema"]["names"] == ["body"]
    assert client.get("/health/status").json["data"]["ndarray"][0]


def test_a_model_that_is_not_loaded_is_not_ready(tmp_path: Path, metrics, monkeypatch) -> None:
    from seldon_core.wrapper import get_rest_microservice

    components.stay_alive(monkeypatch)
    client = get_rest_microservice(components.component(tmp_path / "app"), metrics).test_client()
    assert client.get("/v2/health/ready").status_code == 400
    assert client.get("/health/status").status_code == 503
    assert client.post(PREDICT, json={"strData": "a"}).status_code == 503


def test_prometheus_gets_latency_and_drift(client: FlaskClient, metrics) -> None:
    def exposed() -> dict[str, float]:
        return {
            line.split("{")[0]: float(line.rsplit(" ", 1)[1])
            for line in metrics.generate_metrics()[0].splitlines()
            if line.startswith("issuesum")
        }

    client.post(PREDICT, json={"data": {"ndarray": ["the app xyzzy"]}})
    deadline = time.monotonic() + 60  # a thread of its own counts
    while exposed().get("issuesum_unknown_share") != pytest.approx(1 / 3):
        assert time.monotonic() < deadline, exposed()
        time.sleep(0.05)
    values = exposed()
    assert 0 <= values["issuesum_copy_share"] <= 1
    assert values["issuesum_title_length"] >= 2
    assert values["issuesum_latency_seconds_count"] == values["issuesum_latency_seconds_bucket"]
    assert 0 < values["issuesum_latency_seconds_sum"] < 60
    assert values["issuesum_body_words_total"] >= 3


def test_a_worker_that_ended_with_the_lock_of_the_store_stops_no_other(
    client: FlaskClient, metrics
) -> None:
    def counted() -> float:
        entry = metrics.data.get(os.getpid(), {})
        found = [
            known for (_, name, _), known in entry.items() if name == "issuesum_latency_seconds"
        ]
        return sum(known["value"][1] for known in found)

    with metrics._lock:
        before, deadline = counted(), time.monotonic() + 60
        client.post(PREDICT, json={"strData": "the app"})
        while counted() == before:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_feedback_is_counted_and_a_better_title_kept(
    client: FlaskClient, metrics, feedback_folder: Path
) -> None:
    opinion = {"request": {"strData": "the app"}, "response": {"strData": "Fix app"}, "reward": 0}
    assert client.post(FEEDBACK, json=opinion).status_code == 200
    assert list(feedback_folder.iterdir()) == []
    better = {**opinion, "reward": 0.5, "truth": {"data": {"ndarray": [["App is slow"]]}}}
    assert client.post(FEEDBACK, json=better).json["meta"]["tags"] == TAGS
    (path,) = feedback_folder.iterdir()
    (row,) = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    assert row.pop("received").endswith("+00:00")
    assert row == {
        "issue_url": "",
        "issue_title": "App is slow",
        "body": "the app",
        "shown": "Fix app",
        "reward": 0.5,
        "image": TAGS["image"],
    }
    exposed = metrics.generate_metrics()[0]
    assert "issuesum_feedback_total{" in exposed
    assert "issuesum_feedback_corrected_total{" in exposed
    assert "seldon_api_model_feedback_reward_total{" in exposed


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"reward": 1}, "must hold the text in `request`"),
        ({"request": {"strData": "a"}, "reward": 2}, "a number from 0 (bad) to 1"),
        ({"request": {"strData": "a"}, "reward": "1"}, "a number from 0 (bad) to 1"),
        ({"request": {"data": {"ndarray": [1]}}}, "`request` of feedback: data.ndarray"),
        ({"request": {"strData": "a"}, "truth": {"strData": 5}}, "`truth` of feedback"),
        ({"request": {"strData": "a"}, "truth": {"strData": "a" * 1025}}, "Received: 1025"),
        ({"request": {"strData": "a"}, "unheard": 1}, "unheard"),
        ([], "must be a JSON object"),
    ],
)
def test_other_feedback_is_refused(message: object, reason: str, client: FlaskClient) -> None:
    answer = client.post(FEEDBACK, json=message)
    assert answer.status_code == 400
    assert reason in answer.json["status"]["info"]


DEEP = 100_000 * "["
NASTY = {
    "no JSON": ({"data": b"{", "content_type": "application/json"}, 400),
    "nothing": ({}, 415),
    "another type": ({"data": b"{}", "content_type": "text/plain"}, 415),
    "not UTF-8": ({"data": b'{"strData": "\xff"}', "content_type": "application/json"}, 400),
    "deep": ({"data": DEEP[:50_000].encode(), "content_type": "application/json"}, 400),
    "NaN": ({"data": b'{"strData": NaN}', "content_type": "application/json"}, 400),
    "large": ({"data": b'"' + 200_000 * b"a" + b'"', "content_type": "application/json"}, 413),
    "a form": ({"data": {"json": "{"}}, 400),
    "a query": ({"query_string": {"json": "[1"}}, 400),
    "many parts": ({"data": {"jsonData": "{", "strData": "a"},
                    "content_type": "multipart/form-data"}, 400),
    "a file": ({"data": {"strData": (io.BytesIO(b"\xff"), "a")},
                "content_type": "multipart/form-data"}, 400),
    "half a pair": ({"data": b'{"strData": "\\ud83d app"}',
                     "content_type": "application/json"}, 200),
    "no text": ({"json": {"strData": "\x00\u202e"}}, 200),
}  # fmt: skip


@pytest.mark.parametrize("name", NASTY)
def test_nasty_requests_are_answered_with_a_reason(name: str, client: FlaskClient) -> None:
    request, status = NASTY[name]
    answer = client.post(PREDICT, **request)
    assert answer.status_code == status, answer.text
    assert status == 200 or answer.json["status"]["info"]


@pytest.mark.parametrize("route", ["/transform-input", "/route", "/aggregate"])
def test_routes_that_a_model_does_not_have_are_not_found(route: str, client: FlaskClient) -> None:
    assert client.post(route, json={"strData": "a"}).status_code == 404


def test_a_browser_may_ask_before_it_sends(client: FlaskClient) -> None:
    asked = {"Origin": "https://example.com", "Access-Control-Request-Method": "POST"}
    assert client.options(PREDICT, headers=asked).status_code == 200


def test_feedback_of_any_depth_gets_an_answer(client: FlaskClient) -> None:
    for depth in (50, 200, 700, 1100, 3000):
        deep = '{"request": {"strData": "a", "meta": {"tags": {"a": %s}}}, "reward": 1}'
        body = deep % (depth * "[" + depth * "]")
        answer = client.post(FEEDBACK, data=body, content_type="application/json")
        assert answer.status_code in (200, 400), (depth, answer.text)


def test_v2_takes_as_much_as_seldons_protocol(client: FlaskClient) -> None:
    # 80,000 bytes of UTF-8 of the 100,000 that are allowed, three times as many as ASCII JSON.
    tensor = {"name": "body", "datatype": "BYTES", "shape": [1], "data": ["\u044f" * 40_000]}
    body = json.dumps({"inputs": [tensor]}, ensure_ascii=False).encode()
    assert client.post(INFER, data=body, content_type="application/json").status_code == 200


def test_feedback_that_cannot_be_written_is_no_success(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("issuesum.serving.server.feedback._File.emit", full)
    better = {"request": {"strData": "a"}, "truth": {"strData": "b"}}
    answer = client.post(FEEDBACK, json=better)
    assert "No space left" in answer.json["status"]["info"]


def test_another_method_is_refused(client: FlaskClient) -> None:
    assert client.delete(PREDICT).status_code == 405
    assert client.get("/nowhere").status_code == 404


LEAF = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40)
VALUE = st.recursive(
    LEAF, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner,
                                                                       max_size=4), max_leaves=8
)  # fmt: skip
CONTENT = st.one_of(
    VALUE,
    st.fixed_dictionaries({"ndarray": VALUE | st.lists(st.text(max_size=40), max_size=4)}),
    st.fixed_dictionaries({"body": st.text(max_size=80), "alternatives": VALUE}),
)
MESSAGE = st.dictionaries(
    st.sampled_from(
        ["data", "strData", "jsonData", "binData", "meta", "request", "response", "truth",
         "reward", "inputs", "id"]
    ),
    CONTENT | st.builds(lambda value: {"strData": value}, VALUE),
    max_size=3,
) | VALUE  # fmt: skip


TENSOR = st.fixed_dictionaries(
    {},
    optional={
        "name": st.just("body") | VALUE,
        "datatype": st.just("BYTES") | VALUE,
        "shape": st.sampled_from([[1], [2], [1, 1], [0]]) | VALUE,
        "data": st.lists(st.text(max_size=40), max_size=2) | VALUE,
        "parameters": st.dictionaries(
            st.sampled_from(["content_type", "binary_data_size"]), VALUE, max_size=2
        ),
    },
)
OPEN = st.fixed_dictionaries(
    {"inputs": st.lists(TENSOR, max_size=2) | VALUE},
    optional={
        "id": VALUE,
        "parameters": st.dictionaries(
            st.sampled_from(["content_type", "binary_data_output"]), VALUE, max_size=2
        ),
        "outputs": st.lists(st.fixed_dictionaries({"name": st.sampled_from(["title", "score"])})),
    },
)
SELDON_ROUTES = [
    PREDICT, "/predict", "/api/v0.1/predictions", FEEDBACK, "/send-feedback", "/api/v0.1/feedback",
    "/transform-input", "/transform-output", "/route", "/aggregate",
]  # fmt: skip
OPEN_ROUTES = [
    INFER, "/v2/models/IssueSummarization/versions/0123456789ab-ba9876543210/infer",
    "/v2/models/other/infer", "/v2/models/IssueSummarization", "/v2/models/other/ready",
]  # fmt: skip


@pytest.fixture(scope="module")
def of_seldon():
    """Return what checks an answer by the OpenAPI document that the server has at /seldon.json."""
    document = json.loads((files("seldon_core") / "openapi/seldon.json").read_text("utf-8"))
    schema = {"$ref": "#/components/schemas/SeldonMessage", "components": document["components"]}
    return validator(schema)


# 10,000 of them: ISSUESUM_CASES=10000.
@settings(max_examples=int(os.environ.get("ISSUESUM_CASES", "500")), derandomize=True)
@given(
    message=MESSAGE | OPEN,
    route=st.sampled_from(SELDON_ROUTES + OPEN_ROUTES * 2),
    form=st.sampled_from(["json", "json", "json", "query", "form", "parts"]),
    mangled=st.sampled_from(["", "", "", "\udcff", "}", "\0"]),
)
def test_whatever_is_sent_the_answer_is_of_the_protocol_and_no_server_error(
    message: object,
    *,
    route: str,
    form: str,
    mangled: str,
    client: FlaskClient,
    of_seldon,
) -> None:
    text = (json.dumps(message) + mangled).encode(errors="surrogateescape")
    if form == "json":
        answer = client.post(route, data=text, content_type="application/json")
    elif form == "query":
        answer = client.get(route, query_string={"json": text})
    elif form == "form":
        answer = client.post(route, data={"json": text})
    else:
        fields = message.items() if isinstance(message, dict) else ()
        parts = {name: json.dumps(value) for name, value in fields}
        answer = client.post(route, data=parts, content_type="multipart/form-data")
    assert answer.status_code < 500, answer.text
    if answer.mimetype == "application/octet-stream":
        assert json.loads(answer.data[: int(answer.headers[open_inference.JSON_LENGTH])])["outputs"]
    elif route in SELDON_ROUTES:
        of_seldon.validate(answer.json)
        assert answer.status_code == 200 or answer.json["status"]["status"] == "FAILURE"
    else:
        assert answer.status_code == 200 or answer.json.keys() == {"error"}
