"""The image under load, under attack and at its end: real container, real protocols."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import docker
import grpc
import pytest
import requests
from docker.models.containers import Container

import images
import toy_bundle
from components import PROVENANCE
from issuesum.registry.labels import labels_of
from issuesum.serving.inference.writer import TitleWriter

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

IMAGE = "issuesum-test-serving:1"
PREDICT = "/api/v1.0/predictions"
BODY = "The app crashes on start."
ANSWERED = {"data": {"ndarray": [BODY]}}
HANG_UP = "import os, signal; os.kill(1, signal.SIGHUP)"  # gunicorn: a new worker for each


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy_bundle.write_bundle(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def image(
    engine: docker.DockerClient, model: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    images.build(engine, model, tmp_path_factory.mktemp("context"), image=IMAGE)
    yield IMAGE
    engine.images.remove(IMAGE, force=True)


@pytest.fixture(scope="module")
def feedback_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("feedback")
    folder.chmod(0o777)
    return folder


# Prints each datagram: what is looked up is in it as it is, but for the dots.
RESOLVER = """
import socket
listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
listener.bind(("0.0.0.0", 53))
while True: print(listener.recv(512), flush=True)
"""


@pytest.fixture(scope="module")
def resolver(engine: docker.DockerClient, image: str) -> Iterator[Container]:
    """Return a container that is the name server of `server`; it answers nothing."""
    command = ["-c", RESOLVER]
    found = engine.containers.run(image, command, entrypoint="python3", detach=True)
    yield found
    found.remove(force=True)


@pytest.fixture(scope="module")
def server(
    engine: docker.DockerClient, image: str, feedback_folder: Path, resolver: Container
) -> Iterator[images.Running]:
    resolver.reload()
    address = resolver.attrs["NetworkSettings"]["IPAddress"]
    volumes = {str(feedback_folder): {"bind": "/feedback", "mode": "rw"}}
    labels = json.dumps(engine.images.get(image).labels)
    environment = {"ISSUESUM_FEEDBACK_DIR": "/feedback", "ISSUESUM_LABELS": labels}
    with images.running(
        engine, image, volumes=volumes, environment=environment, dns=[address],
        user="1000740000:0",  # any will do: OpenShift draws one
    ) as found:  # fmt: skip
        yield found


def test_rest_grpc_and_v2_say_what_the_library_says(server: images.Running, model: Path) -> None:
    from seldon_core.proto import prediction_pb2, prediction_pb2_grpc

    bodies = [BODY, "start the app", "", "x" * 1000]
    expected = TitleWriter(model).titles(bodies)
    status, reply = server.ask(PREDICT, {"data": {"ndarray": bodies}})
    assert (status, reply["data"]["ndarray"]) == (200, expected)
    assert reply["meta"]["tags"]["commit"] == PROVENANCE["commit"]
    tensor = {"name": "body", "datatype": "BYTES", "shape": [4], "data": bodies}
    _, reply = server.ask("/v2/models/IssueSummarization/infer", {"inputs": [tensor]})
    assert reply["outputs"][0]["data"] == expected

    with grpc.insecure_channel(f"127.0.0.1:{server.grpc}") as channel:
        model_ = prediction_pb2_grpc.ModelStub(channel)
        message = prediction_pb2.SeldonMessage(strData=BODY)
        answer = model_.Predict(message, timeout=30)
        assert answer.strData == expected[0]
        assert answer.meta.tags["image"].string_value == IMAGE
        message = prediction_pb2.SeldonMessage()
        message.jsonData.struct_value.update({"body": BODY, "alternatives": 2})
        titles = model_.Predict(message, timeout=30).jsonData.struct_value["titles"]
        assert titles[0]["title"] == expected[0]
        refused = model_.Predict(prediction_pb2.SeldonMessage(), timeout=30)
        assert refused.status.code == 400
        assert "must hold one of" in refused.status.info


def test_labels_file_metadata_and_tags_are_equal(
    engine: docker.DockerClient, server: images.Running
) -> None:
    labels = engine.images.get(IMAGE).labels
    read = "print(open('/app/provenance.json').read(), end='')"
    file = images.run_inside(server.container, read)
    metadata = server.ask("/metadata")[1]
    tags = server.ask(PREDICT, ANSWERED)[1]["meta"]["tags"]
    inside = json.loads(file)
    ours = labels_of(file.encode())
    assert ours == {name: labels.get(name) for name in ours}  # a base image may have others
    assert metadata["custom"] == {**tags, **ours}
    assert metadata["versions"] == [tags["image"]] == [inside["image"]] == [IMAGE]
    for part in ("git", "dvc"):
        assert tags[part] == inside[part] == labels[f"io.issuesum.{part}"]
    assert tags["commit"] == inside["commit"] == labels["org.opencontainers.image.revision"]


def test_feedback_reaches_the_volume_by_rest_and_grpc(
    server: images.Running, feedback_folder: Path
) -> None:
    from seldon_core.proto import prediction_pb2, prediction_pb2_grpc

    assert server.ask(PREDICT, ANSWERED)[0] == 200
    opinion = {"request": {"strData": BODY}, "reward": 1.0, "truth": {"strData": "By REST"}}
    assert server.ask("/api/v1.0/feedback", opinion)[0] == 200
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc}") as channel:
        sent = prediction_pb2.Feedback(reward=1)
        sent.request.strData, sent.truth.strData = BODY, "By gRPC"
        prediction_pb2_grpc.ModelStub(channel).SendFeedback(sent, timeout=30)
    rows = [
        json.loads(line)
        for path in feedback_folder.glob("*.jsonl")
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    assert {row["issue_title"] for row in rows} == {"By REST", "By gRPC"}
    time.sleep(1)  # for the metrics of titles
    exposed = requests.get(f"http://127.0.0.1:{server.metrics}/metrics", timeout=10).text
    assert "issuesum_feedback_total" in exposed
    assert "issuesum_latency_seconds_bucket" in exposed


def test_the_engine_sees_that_it_is_healthy(server: images.Running) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        server.container.reload()
        state = server.container.attrs["State"]["Health"]
        if state["Status"] == "healthy":
            break
        time.sleep(0.5)
    assert state["Status"] == "healthy", state


NASTY = {
    "10 MB": (json.dumps({"strData": "the app crashes " * 700_000}).encode(), {413}),
    "7 MB": (json.dumps({"strData": "the app crashes " * 450_000}).encode(), {200}),
    "no space in 7 MB": (json.dumps({"strData": "x" * 7_000_000}).encode(), {200}),
    "10,000 rows": (json.dumps({"data": {"ndarray": ["app"] * 10_000}}).encode(), {413}),
    "nulls": (b'{"data": {"ndarray": [null, null]}}', {400}),
    "mixed": (b'{"data": {"ndarray": ["a", 1, [2]]}}', {400}),
    "jagged": (b'{"data": {"ndarray": [["a"], ["b", "c"]]}}', {400}),
    "not UTF-8": (b'{"strData": "\xff\xfe"}', {400}),
    "deep": (b'{"jsonData": ' + b"[" * 200_000 + b"]" * 200_000 + b"}", {400}),
    "deep objects": (b'{"a":' * 100_000, {400}),
    "a huge number": (b'{"jsonData": {"body": "a", "alternatives": 1' + b"0" * 5000 + b"}}", {400}),
    "nothing": (b"", {400}),
}


@pytest.mark.parametrize("name", NASTY)
def test_nasty_requests_get_a_reason(name: str, server: images.Running) -> None:
    body, statuses = NASTY[name]
    status, reply = server.ask(PREDICT, body)
    assert status in statuses
    assert status == 200 or reply["status"]["info"]


def test_a_wrong_content_type_gets_a_reason(server: images.Running) -> None:
    status, reply = server.ask(PREDICT, b"<a/>", kind="text/xml")
    assert status == 415
    assert "must be JSON" in reply["status"]["info"]


def test_after_two_thousand_odd_requests_it_answers_and_has_its_memory_back(
    server: images.Running,
) -> None:
    draw = random.Random(2018)  # noqa: S311 -- no secret
    whole = json.dumps(ANSWERED).encode()

    def mangle() -> bytes:
        body = bytearray(whole)
        for _ in range(draw.randint(1, 4)):
            place = draw.randrange(len(body))
            body[place : place + draw.randint(0, 3)] = draw.randbytes(draw.randint(0, 3))
        return bytes(body)

    requests_ = [mangle() for _ in range(2000)]
    paths = [PREDICT, "/api/v1.0/feedback", "/v2/models/IssueSummarization/infer", "/predict"]
    seen: Counter[int] = Counter()

    def send(share: list[bytes]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.rest, timeout=60)
        for number, body in enumerate(share):
            connection.request(
                "POST", paths[number % 4], body, {"Content-Type": "application/json"}
            )
            answer = connection.getresponse()
            answer.read()
            seen[answer.status] += 1
        connection.close()

    def send_all(bodies: list[bytes], clients: int) -> None:
        shares = [bodies[client::clients] for client in range(clients)]
        threads = [threading.Thread(target=send, args=(share,)) for share in shares]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    large = [NASTY["7 MB"][0]] * 16
    # What workers and threads keep for their next requests. It is chance which of them get these,
    # so twice, and from more clients than behind it.
    send_all(large + requests_[:100], 8)
    send_all(large + requests_[100:200], 8)
    before = server.memory()
    send_all(requests_[200:] + large, 4)
    assert seen.total() == 2048
    assert max(seen) < 500, seen
    assert seen[400] > 100
    assert server.ask(PREDICT, ANSWERED)[0] == 200
    assert server.memory() < before + 40 * 2**20


def test_no_request_fails_while_every_worker_is_replaced(server: images.Running) -> None:
    stop, failed, done = threading.Event(), [], Counter()

    def load(client: int) -> None:
        while not stop.is_set():
            try:
                status, _ = server.ask(PREDICT, ANSWERED)
            except (OSError, http.client.HTTPException) as error:
                failed.append(repr(error))
            else:
                done[client] += 1
                if status != 200:
                    failed.append(str(status))
            time.sleep(0.05)  # 160 requests/s, which leave the machine to the other tests

    threads = [threading.Thread(target=load, args=(client,)) for client in range(8)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(2):
            time.sleep(2)
            before = alive(server)
            images.run_inside(server.container, HANG_UP)
            until = time.monotonic() + 60
            while len(before - alive(server)) < 2:
                assert time.monotonic() < until, "the workers are still the same"
                time.sleep(0.5)
        time.sleep(2)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert failed == []
    assert min(done[client] for client in range(8)) > 5


def alive(server: images.Running) -> set[int]:
    return set(json.loads(images.run_inside(server.container, WORKERS)))


# Children of process 1: REST's workers, and what lives as long as the container.
WORKERS = """
import os
def of(pid): return open(f'/proc/{pid}/stat').read().split()
pids = [pid for pid in os.listdir('/proc') if pid.isdigit() and pid != str(os.getpid())]
print(sorted(int(pid) for pid in pids if of(pid)[3] == '1'))
"""


@pytest.mark.parametrize("protocols", [("rest", "grpc"), ("grpc",)])
def test_requests_in_flight_are_answered_before_it_stops(
    protocols: tuple[str, ...], engine: docker.DockerClient, image: str
) -> None:
    from seldon_core.proto import prediction_pb2, prediction_pb2_grpc

    many = ["the app crashes on start " * 200] * 500
    with images.running(engine, image) as server:
        answers: dict[str, object] = {}
        ready = threading.Barrier(len(protocols) + 1, timeout=60)

        def by_rest() -> None:
            ready.wait()
            answers["rest"] = server.ask(PREDICT, {"data": {"ndarray": many}})[0]

        def by_grpc() -> None:
            with grpc.insecure_channel(f"127.0.0.1:{server.grpc}") as channel:
                message = prediction_pb2.SeldonMessage()
                message.data.ndarray.extend(many)
                stub = prediction_pb2_grpc.ModelStub(channel)
                grpc.channel_ready_future(channel).result(timeout=60)
                ready.wait()
                answers["grpc"] = len(stub.Predict(message, timeout=60).data.ndarray)

        ways = {"rest": by_rest, "grpc": by_grpc}
        threads = [threading.Thread(target=ways[name]) for name in protocols]
        for thread in threads:
            thread.start()
        ready.wait()
        time.sleep(0.25)  # until the requests are there; to answer takes seconds
        stopped = time.monotonic()
        server.container.stop(timeout=50)
        seconds = time.monotonic() - stopped
        for thread in threads:
            thread.join()
        server.container.reload()
        expected = {"rest": 200, "grpc": 500}
        assert answers == {name: expected[name] for name in protocols}
        assert server.container.attrs["State"]["ExitCode"] == 0
        assert seconds < 45


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (
            {"environment": {"ISSUESUM_THREADS": "none"}},
            "error: ISSUESUM_THREADS must be a positive whole number",
        ),
        ({"tmpfs": {}}, "error: The server must have a folder for temporary files"),
    ],
)
def test_a_wrong_environment_ends_it_with_a_reason(
    options: dict, reason: str, engine: docker.DockerClient, image: str
) -> None:
    """Other reasons: tests/unit/serving, test_origin and test_messages."""
    with pytest.raises(AssertionError) as ended, images.running(engine, image, **options):
        pass
    assert reason in str(ended.value)
    assert "Traceback" not in str(ended.value)


def test_in_two_minutes_it_looks_nothing_up_and_keeps_nothing(
    server: images.Running, resolver: Container
) -> None:
    server.container.reload()
    begun = datetime.fromisoformat(server.container.attrs["State"]["StartedAt"])
    time.sleep(max(0.0, 120 - (datetime.now(UTC) - begun).total_seconds()))
    assert server.ask(PREDICT, ANSWERED)[0] == 200
    assert resolver.logs().decode() == ""
    # Below /tmp are files of gunicorn and of Prometheus alone; elsewhere nothing can be written.
    found = images.run_inside(server.container, "import os; print(*os.walk('/tmp'))")
    assert "deviceid" not in found
    assert "Microsoft" not in found
    lookup = "import socket\ntry: socket.gethostbyname('seen.test')\nexcept OSError: pass"
    images.run_inside(server.container, lookup)
    assert "seen" in resolver.logs().decode()  # or it would not have seen the others either
