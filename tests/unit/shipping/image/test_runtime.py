"""How the layers that an engine made above the base become one."""

from __future__ import annotations

import gzip
import io
import py_compile
import tarfile
from pathlib import Path
from py_compile import PycInvalidationMode
from types import SimpleNamespace
from typing import Any

import pytest

from issuesum.errors import RegistryError
from issuesum.registry.canonical import CanonicalImage
from issuesum.registry.reference import Reference
from issuesum.shipping.image import builder
from issuesum.shipping.image.builder import ByEngine
from issuesum.shipping.image.dockerfile import _merged


def layer(*entries: tuple[str, str] | str, mtime: int) -> io.BytesIO:
    """Return a tar of files, each with a content, and of folders."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for each in entries:
            name, content = (each, None) if isinstance(each, str) else each
            entry = tarfile.TarInfo(name)
            entry.mtime, entry.uname = mtime, "somebody"
            if content is None:
                entry.type, entry.mode = tarfile.DIRTYPE, 0o1777
            entry.size = len(content or "")
            tar.addfile(entry, io.BytesIO((content or "").encode("latin-1")))
    return io.BytesIO(packed.getvalue())


def merged(target: Path, *layers: io.BytesIO) -> tuple[str, dict[str, tuple[int, bytes]]]:
    made = _merged(layers, target)
    found = {}
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(target.read_bytes()))) as tar:
        for entry in tar:
            file = tar.extractfile(entry)
            found[entry.name] = entry.mode, file.read() if file else b""
            assert (entry.mtime, entry.uname) == (0, "")
    assert list(found) == sorted(found)
    return made.digest, found


def test_upper_layers_replace_and_hide_what_is_below(tmp_path: Path) -> None:
    below = layer("tmp", ("z", "old"), "a", ("a/x", "1"), ("a/y", "2"), "b", ("b/x", "3"), mtime=1)
    above = layer(("z", "new"), ("a/.wh.x", ""), ("b/new", "4"), ("b/.wh..wh..opq", ""), mtime=2)
    digest, found = merged(tmp_path / "one", below, above)
    assert {name: content for name, (_, content) in found.items()} == {
        "tmp": b"", "z": b"new", "a": b"", "a/.wh.x": b"", "a/y": b"2", "b": b"", "b/new": b"4",
        "b/.wh..wh..opq": b"",
    }  # fmt: skip
    assert found["tmp"][0] == 0o1777
    times = layer(("z", "new"), ("a/.wh.x", ""), ("b/.wh..wh..opq", ""), ("b/new", "4"), mtime=9)
    below.seek(0)
    assert merged(tmp_path / "two", below, times)[0] == digest


def test_bytecode_with_a_time_and_caches_are_left_out(tmp_path: Path) -> None:
    source = tmp_path / "a.py"
    source.write_text("A = 1\n")
    by_time, by_hash = (
        Path(py_compile.compile(str(source), f"{tmp_path}/{mode.name}.pyc", invalidation_mode=mode))
        .read_bytes()
        .decode("latin-1")
        for mode in (PycInvalidationMode.TIMESTAMP, PycInvalidationMode.UNCHECKED_HASH)
    )
    made = layer(
        "venv/__pycache__", ("venv/__pycache__/a.pyc", by_time), ("venv/a.py", "y"),
        "root/.cache/pip", ("root/.cache/pip/wheel", "z"), ("venv/b.pyc", by_time),
        ("venv/__pycache__/c.pyc", by_hash), mtime=1,
    )  # fmt: skip
    found = merged(tmp_path / "one", made)[1]
    assert list(found) == ["venv/__pycache__/c.pyc", "venv/a.py"]
    assert found["venv/__pycache__/c.pyc"][1].decode("latin-1") == by_hash


def test_a_tag_that_may_not_move_ends_no_export(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "Dockerfile").write_text("FROM base AS runtime\nFROM runtime\nCOPY a /a\n")
    (tmp_path / "requirements.txt").touch()
    base = {"Os": "linux", "Architecture": "amd64", "RootFS": {"Layers": ["sha256:1"]}}
    held = CanonicalImage({"architecture": "amd64"}, {}, ())

    def refuse(*_: object, **__: object) -> None:
        raise RegistryError("tags are immutable")

    monkeypatch.setattr(builder, "fetch_base", lambda *_: ("base", SimpleNamespace(attrs=base)))
    monkeypatch.setattr(ByEngine, "held", lambda *_: held)
    monkeypatch.setattr(builder, "push", refuse)
    registry: Any = SimpleNamespace(digest=lambda _: "sha256:another")
    name: Any = Reference("host", "name")
    by = ByEngine(registry, name, "base", "linux/amd64", client=None, stack=None)  # type: ignore[arg-type]
    assert by.runtime(tmp_path, tmp_path) == held
    assert "without an engine use an earlier runtime: tags are immutable" in capsys.readouterr().err
