"""Programs of others over real ports: seldon-core's clients, and Triton's for the V2 protocol."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.http as triton
from click.testing import CliRunner
from google.protobuf import any_pb2
from werkzeug.serving import make_server

import components

pytestmark = [  # of seldon-core's programs
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore:The parameter -t is used more than once"),
]

TEXTS = ["the app crashes", "start the app", "error on start"]
TAGS = {"commit": components.PROVENANCE["commit"], "image": components.PROVENANCE["image"]}
NAME = "IssueSummarization"


@dataclass(frozen=True)
class Ports:
    """Of one component on the loopback address, and the titles that it gives TEXTS."""

    rest: str
    grpc: str
    titles: list[str]
    feedback: Path

    def of(self, transport: str) -> str:
        return self.rest if transport == "rest" else self.grpc

    def kept(self) -> list[dict[str, Any]]:
        """Return the rows of feedback, and forget them."""
        rows = []
        for path in self.feedback.iterdir():
            rows += map(json.loads, path.read_text(encoding="utf-8").splitlines())
            path.unlink()
        return rows


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ports]:
    from seldon_core.metrics import SeldonMetrics
    from seldon_core.wrapper import get_grpc_server, get_rest_microservice

    folder = tmp_path_factory.mktemp("clients")
    (folder / "feedback").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ISSUESUM_FEEDBACK_DIR", str(folder / "feedback"))
        components.stay_alive(patch)
        loaded = components.component(folder / "app")
        loaded.load()
        metrics = SeldonMetrics()
        rest = make_server("127.0.0.1", 0, get_rest_microservice(loaded, metrics), threaded=True)
        thread = threading.Thread(target=rest.serve_forever)
        thread.start()
        grpc = get_grpc_server(loaded, metrics, num_threads=2)
        port = grpc.add_insecure_port("127.0.0.1:0")
        grpc.start()
        titles = loaded.predict(TEXTS, [])
        yield Ports(f"127.0.0.1:{rest.port}", f"127.0.0.1:{port}", titles, folder / "feedback")
        grpc.stop(None).wait()
        rest.shutdown()
        thread.join()
        rest.server_close()
        metrics._manager.shutdown()


PAYLOADS: dict[str, dict[str, Any]] = {
    "column": {"data": np.array([[text] for text in TEXTS]), "names": ["body"]},
    "list": {"data": np.array(TEXTS)},
    "str_data": {"str_data": TEXTS[0]},
    "json_data": {"json_data": {"bodies": TEXTS}},
}


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("transport", ["rest", "grpc"])
def test_seldon_client_gets_titles_and_sends_feedback_of_them(
    transport: str, payload: str, ports: Ports
) -> None:
    from seldon_core.seldon_client import SeldonClient

    common = {"transport": transport, "payload_type": "ndarray", "gateway": "seldon"}
    client = SeldonClient(
        gateway_endpoint=ports.of(transport),
        microservice_endpoint=ports.of(transport),
        client_return_type="dict",
        **common,
    )
    expected = {
        "column": {"names": ["title"], "ndarray": [[title] for title in ports.titles]},
        "list": ports.titles,
        "str_data": ports.titles[0],
        "json_data": ports.titles,
    }[payload]

    def read(answer: dict[str, Any]) -> Any:
        if payload == "column":
            return answer["data"]
        if payload == "json_data":
            return [of["titles"][0]["title"] for of in answer["jsonData"]["answers"]]
        return answer["data"]["ndarray"] if payload == "list" else answer["strData"]

    sent = client.predict(**PAYLOADS[payload])
    assert sent.success, sent.msg
    assert read(sent.response) == expected
    assert sent.response["meta"]["tags"].items() >= TAGS.items()
    assert sent.response["meta"]["puid"]

    # The same by the routes of the container itself, and what a reader thinks of the answer.
    data = PAYLOADS[payload]
    one = {**data, **({"data": data["data"][:1]} if "data" in data else {})}
    if payload == "json_data":
        one = {"json_data": {"bodies": TEXTS[:1]}}
    asked = client.microservice(method="predict", **one)
    assert asked.success, asked.msg
    given = client.microservice_feedback(asked.request, asked.response, reward=1.0)
    assert given.success, given.msg
    assert not given.response.HasField("status")


@pytest.mark.parametrize(
    ("transport", "payload"),
    [
        ("rest", {"shape": (1, 2)}), ("rest", {"bin_data": b"a"}),
        ("grpc", {"shape": (1, 2)}), ("grpc", {"bin_data": b"a"}),
        ("grpc", {"custom_data": any_pb2.Any(type_url="of/another.Kind", value=b"a")}),
    ],
)  # fmt: skip
def test_seldon_client_gets_an_error_for_numbers_and_bytes(
    transport: str, payload: dict[str, Any], ports: Ports
) -> None:
    from seldon_core.seldon_client import SeldonClient

    client = SeldonClient(
        gateway="seldon", gateway_endpoint=ports.of(transport), transport=transport,
        client_return_type="proto",
    )  # fmt: skip
    sent = client.predict(**payload)
    assert sent.response.status.code == 400
    assert " must " in sent.response.status.info
    assert sent.success == (transport == "grpc")  # where the call itself does not fail


# Not data over gRPC: seldon-core's client sends no tags there, so none can come back.
@pytest.mark.parametrize(
    ("transport", "kind", "size"),
    [("rest", "data", 1), ("rest", "data", 2), ("rest", "raw", 1), ("rest", "raw", 2),
     ("grpc", "raw", 1), ("grpc", "raw", 2)],
)  # fmt: skip
def test_the_batch_processor_writes_rows_that_can_be_joined(
    transport: str, kind: str, size: int, ports: Ports, tmp_path: Path
) -> None:
    rows: list[Any] = [[[text]] for text in TEXTS]
    if kind == "raw":
        rows = [
            {"data": {"names": ["body"], "ndarray": row}, "meta": {"tags": {"url": f"u{number}"}}}
            for number, row in enumerate(rows)
        ]
    answers = batch(ports.of(transport), tmp_path, rows, transport=transport, kind=kind, size=size)
    found = {answer["meta"]["tags"]["batch_index"]: answer for answer in answers}
    assert sorted(found) == [0, 1, 2]
    for number, title in enumerate(ports.titles):
        assert found[number]["data"] == {"names": ["title"], "ndarray": [[title]]}
        tags = found[number]["meta"]["tags"]
        assert tags.items() >= TAGS.items()
        if kind == "raw":
            assert tags["url"] == f"u{number}"


def test_the_batch_processor_sends_feedback(ports: Ports, tmp_path: Path) -> None:
    ports.kept()
    rows = [
        {"request": {"strData": text}, "response": {"strData": "shown"}, "reward": 0,
         "truth": {"strData": f"Better {number}"}}
        for number, text in enumerate(TEXTS)
    ]  # fmt: skip
    batch(ports.rest, tmp_path, rows, transport="rest", kind="raw", size=1, method="feedback")
    assert sorted(row["issue_title"] for row in ports.kept()) == [
        "Better 0",
        "Better 1",
        "Better 2",
    ]


def batch(
    host: str, folder: Path, rows: list, *, transport: str, kind: str, size: int,
    method: str = "predict",
) -> list[dict[str, Any]]:  # fmt: skip
    """Run seldon-batch-processor; return the rows that it writes."""
    from seldon_core.batch_processor import run_cli

    (folder / "in").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    options = {
        "deployment-name": "titles", "gateway-type": "seldon", "host": host,
        "transport": transport, "data-type": kind, "payload-type": "ndarray",
        "batch-size": size, "workers": 2, "method": method, "retries": 1,
        "input-data-path": folder / "in", "output-data-path": folder / "out",
    }  # fmt: skip
    arguments = [f"--{name}={value}" for name, value in options.items()]
    done = CliRunner().invoke(run_cli, arguments)
    assert done.exit_code == 0, done.output
    return list(map(json.loads, (folder / "out").read_text(encoding="utf-8").splitlines()))


@pytest.mark.parametrize("endpoint", ["predict", "send-feedback"])
@pytest.mark.parametrize("transport", ["rest", "grpc"])
def test_the_contract_tester_passes(  # noqa: PLR0917
    transport: str, endpoint: str, ports: Ports, tmp_path: Path, monkeypatch, capsys
) -> None:
    from seldon_core.microservice_tester import main

    column = {"ftype": "categorical", "values": TEXTS}
    contract = {
        "features": [{"name": "body", **column}],
        "targets": [{"name": "title", **column}],
    }
    (tmp_path / "contract.json").write_text(json.dumps(contract), encoding="utf-8")
    host, port = ports.of(transport).split(":")
    given = [tmp_path / "contract.json", host, port, "--endpoint", endpoint, "-p"]
    given += ["--grpc"] if transport == "grpc" else []
    monkeypatch.setattr("sys.argv", ["seldon-core-tester", *map(str, given)])
    main()
    printed = capsys.readouterr().out
    assert "RECEIVED RESPONSE" in printed
    assert TAGS["commit"] in printed
    assert "FAILURE" not in printed
    if endpoint == "predict":
        assert any(title in printed for title in ports.titles)


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("compression", [None, "gzip", "deflate"])
def test_tritonclient_gets_titles(binary: bool, compression: str | None, ports: Ports) -> None:
    with triton.InferenceServerClient(ports.rest) as client:
        body = triton.InferInput("body", [len(TEXTS)], "BYTES")
        body.set_data_from_numpy(np.array(TEXTS, object), binary_data=binary)
        wanted = triton.InferRequestedOutput("title", binary_data=binary)
        printed = client.infer(
            NAME, [body], outputs=[wanted], request_id="7",
            request_compression_algorithm=compression,
            response_compression_algorithm=compression,
        )  # fmt: skip
        titles = [t.decode() if isinstance(t, bytes) else t for t in printed.as_numpy("title")]
        assert titles == ports.titles
        assert printed.as_numpy("score") is None
        assert printed.get_response()["id"] == "7"
        both = client.infer(NAME, [body])  # all outputs, binary
        assert both.as_numpy("title").astype(bytes).astype(str).tolist() == ports.titles
        assert (both.as_numpy("score") < 0).all()


def test_tritonclient_learns_what_is_served(ports: Ports) -> None:
    with triton.InferenceServerClient(ports.rest) as client:
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready(NAME)
        assert not client.is_model_ready("other")
        assert not client.is_model_ready(NAME, "7")
        assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
        (version,) = client.get_model_metadata(NAME)["versions"]
        assert client.is_model_ready(NAME, version)
        body = triton.InferInput("body", [1], "BYTES")
        body.set_data_from_numpy(np.array(["app"], object))
        with pytest.raises(triton.InferenceServerException, match=f"IssueSummarization.*{version}"):
            client.infer("other", [body])
        wrong = [triton.InferRequestedOutput("summary")]
        with pytest.raises(triton.InferenceServerException, match="title or score"):
            client.infer(NAME, [body], outputs=wrong)
