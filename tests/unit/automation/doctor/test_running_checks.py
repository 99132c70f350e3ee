"""One check never ends or hangs the others, and no secret is shown."""

from __future__ import annotations

import threading
import time

from issuesum.automation.doctor.finding import Finding, fail, ok
from issuesum.automation.doctor.running import examine, secrets_of
from issuesum.errors import EngineError


def _breaks() -> Finding:
    raise ZeroDivisionError("of a\n kind")


def _refuses() -> Finding:
    raise EngineError("Docker must answer. Received: nothing. Try: start it.")


def _reads() -> Finding:
    raise PermissionError(13, "Permission denied", "/here")


def test_whatever_one_check_does_all_are_told_in_their_order() -> None:
    hanging = threading.Event()

    def hangs() -> Finding:
        hanging.wait()
        return ok("too late")

    began = time.monotonic()
    checks = {"a": hangs, "b": _breaks, "c": _refuses, "d": lambda: ok("fine"), "e": _reads}
    found = dict(examine(checks, limit=0.3))
    hanging.set()
    assert time.monotonic() - began < 3
    assert list(found) == list(checks)
    assert found["a"].status == "fail"
    assert "no result within 0.3 s" in found["a"].found
    assert found["b"].found == "the check itself failed: ZeroDivisionError: of a kind"
    assert found["c"] == fail("Docker must answer. Received: nothing", "start it")
    assert found["d"] == ok("fine")
    assert found["e"].found == "[Errno 13] Permission denied: '/here'"


def test_a_package_that_is_missed_only_later_is_told() -> None:
    def imports() -> Finding:
        raise ModuleNotFoundError("No module named 'distributed'")

    ((_, found),) = examine({"a": imports}, limit=5)
    assert "cannot be imported: ModuleNotFoundError: No module named 'distributed'" in found.found
    assert found.advice == "make setup"


def test_checks_run_at_once() -> None:
    both = threading.Barrier(2, timeout=5)

    def meets() -> Finding:
        both.wait()
        return ok("met")

    assert [finding for _, finding in examine({"a": meets, "b": meets}, limit=5)] == [ok("met")] * 2


def test_secrets_are_struck_out_wherever_they_stand() -> None:
    environment = {
        "AWS_SECRET_ACCESS_KEY": "abcdef-longer",
        "ISSUESUM_REGISTRY_PASSWORD": "abcdef",
        "CI_TOKEN": "yes",
        "ISSUESUM_VERIFY_KEY": "/home/ann/keys.pem",
        "AWS_WEB_IDENTITY_TOKEN_FILE": "/home/ann/token",
        "HOME": "/home/ann",
    }
    secrets = secrets_of(environment)
    assert secrets == ["abcdef-longer", "abcdef"]

    def tells() -> Finding:
        return fail("abcdef-longer in /home/ann", "yes, https://ann:pw@host/abcdef")

    ((_, found),) = examine({"a": tells}, limit=5, secrets=secrets)
    assert found == fail("… in /home/ann", "yes, https://host/…")
