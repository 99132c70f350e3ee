"""What the engine is sent."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

from issuesum.shipping.image.build import _write_context


def _context(bundle: Path) -> bytes:
    target = io.BytesIO()
    _write_context(target, bundle, b'{"image": "x"}')
    return target.getvalue()


def test_equal_files_make_equal_contexts_whatever_their_dates_and_modes(tmp_path: Path) -> None:
    for name, mode, date in (("a", 0o600, 1), ("b", 0o755, 2_000_000_000)):
        path = tmp_path / name / "model/x.onnx"
        path.parent.mkdir(parents=True)
        path.write_text("same")
        path.chmod(mode)
        os.utime(path, (date, date))
    assert _context(tmp_path / "a") == _context(tmp_path / "b")


def test_it_holds_the_bundle_and_the_provenance_readable_by_anyone(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch")
    (tmp_path / "saved_model/1").mkdir(parents=True)
    (tmp_path / "saved_model/1/saved_model.pb").write_text("not for the image")
    with tarfile.open(fileobj=io.BytesIO(_context(tmp_path))) as tar:
        assert tar.getnames() == ["Dockerfile", "provenance.json"]
        assert {entry.mode for entry in tar} == {0o644}
