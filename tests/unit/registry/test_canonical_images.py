"""What decides the bytes of an image, and what does not."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
from pathlib import Path

from issuesum.registry.canonical import CanonicalImage, layer_of_files

CONFIG = {
    "architecture": "amd64", "os": "linux", "created": "2026-11-29T10:00:00Z",
    "container": "c0ffee", "docker_version": "20.10", "config": {
        "Hostname": "c0ffee", "Image": "sha256:1", "Env": ["PATH=/bin"], "Cmd": None,
        "Healthcheck": {"Test": ["CMD", "true"]}, "Labels": {"b": "2", "a": "1"},
    },
}  # fmt: skip


def test_equal_files_make_an_equal_layer_whatever_their_dates_modes_and_order(
    tmp_path: Path,
) -> None:
    layers = []
    for name, mode, date in (("one", 0o600, 1), ("two", 0o755, 2_000_000_000)):
        path = tmp_path / name
        path.write_text("same")
        path.chmod(mode)
        os.utime(path, (date, date))
        files = {"app/model/x.onnx": path, "app/a": b"a"}
        ordered = dict(sorted(files.items(), reverse=name == "two"))
        layers.append(layer_of_files(ordered, tmp_path / f"{name}.tar.gz", "COPY"))
    assert layers[0] == layers[1]
    assert layers[0].path.read_bytes() == layers[1].path.read_bytes()
    plain = gzip.decompress(layers[0].path.read_bytes())
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        entries = list(tar)
    assert [entry.name for entry in entries] == ["app", "app/a", "app/model", "app/model/x.onnx"]
    assert [entry.mode for entry in entries] == [0o755, 0o644, 0o755, 0o644]
    assert {(entry.mtime, entry.uid, entry.gid, entry.uname) for entry in entries} == {
        (0, 0, 0, "")
    }


def test_of_an_engines_config_only_what_containers_begin_with_counts() -> None:
    other = {
        **CONFIG, "created": "2027-01-01T00:00:00Z", "container": "beef", "docker_version": "29",
        "config": {**CONFIG["config"], "Hostname": "beef", "ArgsEscaped": True},
    }  # fmt: skip
    image = CanonicalImage.of(CONFIG, [])
    assert image.config == CanonicalImage.of(other, []).config
    assert image.digest == CanonicalImage.of(other, []).digest
    assert json.loads(image.config)["config"] == {
        "Env": ["PATH=/bin"], "Healthcheck": {"Test": ["CMD", "true"]},
        "Labels": {"a": "1", "b": "2"},
    }  # fmt: skip
    changed = {**CONFIG, "config": {**CONFIG["config"], "Env": ["PATH=/other"]}}
    assert image.digest != CanonicalImage.of(changed, []).digest
