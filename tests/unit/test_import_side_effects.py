"""Importing any module of ours does nothing but define names."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from source_tree import dotted, imported_at_once, modules, third_party

WATCH = """
import importlib, json, logging, os, sys, threading

theirs, ours = json.loads(sys.argv[1])
for name in theirs:  # what libraries do when they are imported is not ours to judge
    importlib.import_module(name)

WATCHED = {
    "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.link", "os.chmod",
    "os.system", "os.fork", "os.exec", "os.posix_spawn", "os.chdir", "os.putenv", "os.unsetenv",
    "subprocess.Popen", "tempfile.mkstemp", "tempfile.mkdtemp", "shutil.rmtree",
    "socket.__new__", "socket.bind", "socket.connect", "socket.getaddrinfo",
    "signal.pthread_kill", "signal.signal",
}
seen, watching = [], True

def hook(event, arguments):
    if not watching:
        return
    if event in WATCHED:
        seen.append([event, repr(arguments)])
    elif event == "open":
        path, mode, flags = arguments
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND):
            seen.append([event, repr(path)])

def state():
    loggers = {
        name: (logger.level, len(logger.handlers), logger.propagate)
        for name, logger in logging.Logger.manager.loggerDict.items()
        if isinstance(logger, logging.Logger)
        and (logger.handlers or logger.level or name.startswith("issuesum"))
    }
    return {
        "root": (logging.root.level, len(logging.root.handlers), logging.root.manager.disable),
        "loggers": loggers,
        "environment": dict(os.environ),
        "threads": threading.active_count(),
        "folder": os.getcwd(),
    }

before = state()
sys.addaudithook(hook)
for name in ours:
    importlib.import_module(name)
watching = False
after = state()
changed = {key: [before[key], after[key]] for key in before if before[key] != after[key]}
print(json.dumps([len(ours), seen, changed]), file=sys.stderr)
"""


def _watch(folder: Path, theirs: list[str], ours: list[str]) -> subprocess.CompletedProcess[str]:
    """Import in a fresh process, in an empty folder; Keras writes into a home of its own."""
    return subprocess.run(
        [sys.executable, "-B", "-c", WATCH, json.dumps([theirs, ours])],
        cwd=folder, capture_output=True, text=True, check=True,
        env={**os.environ, "HOME": str(folder.parent), "TF_CPP_MIN_LOG_LEVEL": "3"},
    )  # fmt: skip


def test_it_writes_nothing_says_nothing_and_sets_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    names = {name for path in modules() for name in imported_at_once(path)}
    theirs = sorted(name for name in names if third_party({name}))
    ours = [dotted(path) for path in modules()]
    done = _watch(folder, theirs, ours)
    assert done.stdout == ""
    *errors, report = done.stderr.splitlines()
    assert errors == []
    assert json.loads(report) == [len(ours), [], {}]
    assert list(folder.iterdir()) == []


def test_the_watch_would_see_a_file_a_socket_a_logger_and_a_variable(tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    (folder / "guilty.py").write_text(
        "import logging, os, socket\n"
        "open('made', 'w').close()\n"
        "socket.socket().close()\n"
        "logging.basicConfig()\n"
        "os.environ['X_OF_THE_TEST'] = '1'\n"
    )
    done = _watch(folder, ["socket"], ["guilty"])
    _, seen, changed = json.loads(done.stderr.splitlines()[-1])
    assert {event for event, _ in seen} >= {"open", "socket.__new__", "os.putenv"}
    assert changed.keys() == {"root", "environment"}
