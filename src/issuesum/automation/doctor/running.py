"""Checks side by side, each with a time limit; none can end or hang the others."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from issuesum.automation.doctor.finding import Finding, fail, not_imported, of_error
from issuesum.errors import IssuesumError, one_line

Check = Callable[[], Finding]
_SECRET = re.compile(r"SECRET|PASSWORD|TOKEN|KEY|CREDENTIAL", re.IGNORECASE)
_FILE = re.compile(
    r"(_FILE|_PATH|_DIR|^ISSUESUM_(SIGNING|VERIFY)_KEY|_APPLICATION_CREDENTIALS)$", re.IGNORECASE
)
"""Names of variables that say where a secret lies: no secret, and what a finding is about."""
_SHORTEST = 6
"""Characters: a shorter value, such as `true`, is part of too many words to be struck out."""
_USER_OF_URL = re.compile(r"(?<=://)[^/@\s]+@")


def examine(
    checks: Mapping[str, Check], *, limit: float, secrets: Sequence[str] = ()
) -> Iterator[tuple[str, Finding]]:
    """Run all checks at once and yield what they find, in their order, as soon as it is known.

    Args:
        checks: by name; what they import should be loaded, since the time for it counts.
        limit: seconds for each.
        secrets: what no finding may show.
    """
    found: dict[str, Finding] = {}
    deadline = time.monotonic() + limit
    # No pool: at exit that would wait for a thread that a silent server holds.
    threads = {
        name: threading.Thread(target=_run, args=(name, check, found), daemon=True)
        for name, check in checks.items()
    }
    for thread in threads.values():
        thread.start()
    for name, thread in threads.items():
        thread.join(max(0.0, deadline - time.monotonic()))
        late = fail(
            f"no result within {limit:g} s: what it asks hangs, or this machine is very busy",
            f"issuesum doctor --only {name}; then look for what swallows packets",
        )
        finding = found.get(name, late)
        yield (
            name,
            replace(
                finding,
                found=struck_out(finding.found, secrets),
                advice=struck_out(finding.advice, secrets),
            ),
        )


def secrets_of(environment: Mapping[str, str]) -> list[str]:
    """Return the values of variables whose name says that they are secret, the longest first."""
    values = {
        value
        for name, value in environment.items()
        if _SECRET.search(name) and not _FILE.search(name)
    }
    return sorted((value for value in values if len(value) >= _SHORTEST), key=len, reverse=True)


def struck_out(text: str, secrets: Sequence[str]) -> str:
    """Return a text without these secrets, and without user and password of any URL."""
    for secret in secrets:
        text = text.replace(secret, "…")
    return _USER_OF_URL.sub("", text)


def _run(name: str, check: Check, found: dict[str, Finding]) -> None:
    try:
        found[name] = check()
    except IssuesumError as error:
        found[name] = of_error(error)
    except ImportError as error:
        found[name] = not_imported(error)
    except OSError as error:
        found[name] = fail(one_line(error), "check free space and permissions")
    except Exception as error:  # noqa: BLE001 -- whatever it is, the other checks go on
        found[name] = fail(
            f"the check itself failed: {type(error).__name__}: {one_line(error)}",
            "report this line",
        )
