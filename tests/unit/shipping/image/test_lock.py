"""One export at a time."""

from __future__ import annotations

import subprocess
import sys
from uuid import uuid4

from issuesum.shipping.image.builder import exclusive


def test_a_second_process_waits_says_so_and_goes_on() -> None:
    name = f"localhost:9/{uuid4().hex}"
    code = (
        "from issuesum.shipping.image.builder import exclusive\n"
        f"with exclusive({name!r}): print('has it')"
    )
    with exclusive(name):
        second = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert second.stderr
        assert second.stderr.readline() == f"waiting for another export of {name}\n"
        assert second.poll() is None
    output, _ = second.communicate(timeout=30)
    assert output == "has it\n"


def test_other_names_do_not_wait_for_each_other() -> None:
    with exclusive(uuid4().hex), exclusive(uuid4().hex):
        pass
