"""An image whose container does not answer as it should is not pushed, and the error says why."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from docker.errors import APIError

from issuesum.errors import EngineError
from issuesum.shipping.image.container import HARDENED, smoke_test

CALLED = "localhost:5000/titles:a-b"
GOOD = {"data": {"ndarray": ["Fix crash"]}, "meta": {"tags": {"image": CALLED}}}


class Container:
    """Answers what it is given, and ends if that is nothing."""

    def __init__(self, *answers: tuple[int, Any] | None, log: str = "") -> None:
        self.answers, self.log = list(answers), log
        self.status, self.removed = "running", False
        self.attrs = {"State": {"ExitCode": 137}}

    def exec_run(self, _: list[str]) -> tuple[int, bytes]:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer is None:
            self.status = "exited"
            raise APIError("container is not running")
        code, text = answer
        return code, text.encode() if isinstance(text, str) else json.dumps(text).encode()

    def reload(self) -> None:
        pass

    def logs(self, **_: int) -> bytes:
        return self.log.encode()

    def remove(self, *, force: bool) -> None:
        self.removed = force


def _smoke(container: Container, timeout: float = 20) -> str:
    asked: dict[str, Any] = {}

    def run(image: str, **options: Any) -> Container:
        asked.update(options, image=image)
        return container

    client = SimpleNamespace(
        containers=SimpleNamespace(run=run),
        images=SimpleNamespace(get=lambda _: SimpleNamespace(labels={"a": "b"})),
    )
    try:
        return smoke_test(client, "sha256:1", called=CALLED, timeout=timeout)  # type: ignore[arg-type]
    finally:
        assert container.removed
        assert asked["network_mode"] == "none"
        assert asked.items() >= HARDENED.items()


def test_a_server_that_needs_two_turns_is_asked_twice() -> None:
    slow = Container((1, "Connection refused"), (0, {"uid": 10001, "answer": GOOD}))
    assert _smoke(slow) == "Fix crash"


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({"uid": 10001, "answer": {"status": {"info": "no"}}}, "must answer with a title"),
        ({"uid": 10001, "answer": {"data": {"ndarray": [""]}}}, "must answer with a title"),
        ({"uid": 10001, "answer": {"data": {"ndarray": [1]}}}, "must answer with a title"),
        ({"uid": 10001, "answer": {**GOOD, "meta": {}}}, f"tags must name {CALLED}"),
        (
            {"uid": 10001, "answer": {**GOOD, "meta": {"tags": {"image": "other"}}}},
            f"tags must name {CALLED}",
        ),
        ({"uid": 0, "answer": GOOD}, "must not run as root. Received: uid 0"),
    ],
)
def test_an_answer_that_is_not_the_one_to_ship_is_refused(answers: dict, words: str) -> None:
    with pytest.raises(EngineError) as refused:
        _smoke(Container((0, answers)))
    assert words in str(refused.value)


def test_a_container_that_ended_is_reported_by_its_error_and_not_by_later_lines() -> None:
    log = "starting\nerror: The model must be read.\n Received: no file.\nworker exited\n1\n2\n3\n"
    with pytest.raises(EngineError, match="it ended with exit code 137") as refused:
        _smoke(Container(None, log=log))
    assert str(refused.value).endswith("Its log ends: error: The model must be read.")


def test_a_server_that_never_answers_is_given_up_in_time() -> None:
    with pytest.raises(EngineError, match=r"within 0\.05 s\. Received: Connection refused\.") as no:
        _smoke(Container((1, "Connection refused"), log="one\ntwo\nthree\nfour\n"), timeout=0.05)
    assert str(no.value).endswith("Its log ends: two three four")
