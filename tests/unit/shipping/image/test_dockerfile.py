"""What the last stage of a Dockerfile adds, as `docker build` would."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import pytest

from components import PROVENANCE
from issuesum.errors import ArtifactError
from issuesum.layout import DOCKERFILE
from issuesum.registry.canonical import CanonicalImage
from issuesum.shipping.image.dockerfile import Dockerfile, compose
from projects import ROOT

HEAD = "FROM x AS runtime\nRUN y\n\n"


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    made = tmp_path / "bundle"
    for name in ("model/x.onnx", "issuesum/__pycache__/a.pyc", "issuesum/a.py", "One.py", "two"):
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(name)
    return made


def composed(bundle: Path, *copies: str) -> tuple[CanonicalImage, list[list[str]]]:
    (bundle / "Dockerfile").write_text(HEAD + "\n".join(("FROM runtime", *copies)))
    runtime = CanonicalImage({"os": "linux"}, {"Labels": {"base": "1"}}, ())
    import json

    made = compose(runtime, bundle, json.dumps(PROVENANCE).encode(), folder=bundle.parent)
    files = []
    for layer in made.layers:
        assert layer.path
        with tarfile.open(fileobj=io.BytesIO(gzip.decompress(layer.path.read_bytes()))) as tar:
            files.append([entry.name for entry in tar if entry.isfile()])
    return made, files


def test_each_copy_is_a_layer_and_labels_come_from_the_provenance(bundle: Path) -> None:
    made, files = composed(
        bundle, "COPY issuesum /app/issuesum", "# a remark", "COPY One.py two /app/",
        "COPY two /etc/renamed", "copy model /app/model", "COPY provenance.json /app/",
    )  # fmt: skip
    assert files == [
        ["app/issuesum/a.py"], ["app/One.py", "app/two"], ["etc/renamed"], ["app/model/x.onnx"],
        ["app/provenance.json"],
    ]  # fmt: skip
    assert made.settings["Labels"]["base"] == "1"
    assert made.settings["Labels"]["io.issuesum.git"] == PROVENANCE["git"]


@pytest.mark.parametrize(
    "line",
    ["RUN x", "USER 1", "COPY --chown=1 a /b", "COPY --from=x a /b", 'COPY ["a", "/b"]',
     "COPY *.py /app/", "COPY $X /app/", "COPY a app/", "COPY a \\", "ADD a /b"],
)  # fmt: skip
def test_the_last_stage_only_copies(bundle: Path, line: str) -> None:
    with pytest.raises(ArtifactError) as refused:
        composed(bundle, "COPY One.py /app/", line)
    assert f"Received: {line}. Try: move it into the stage runtime" in str(refused.value)


def test_a_dockerfile_without_a_runtime_is_refused(bundle: Path) -> None:
    (bundle / "Dockerfile").write_text("FROM x\nCOPY One.py /app/\n")
    with pytest.raises(ArtifactError, match=r"must be FROM runtime .* Received: FROM x\."):
        Dockerfile.read(bundle)


def test_what_is_not_there_is_named(bundle: Path) -> None:
    with pytest.raises(ArtifactError, match=r"'COPY three /app/' must copy files of .*bundle\."):
        composed(bundle, "COPY three /app/")


def test_ours_adds_code_model_and_provenance(tmp_path: Path) -> None:
    (tmp_path / DOCKERFILE.name).write_bytes((ROOT / DOCKERFILE).read_bytes())
    copies = Dockerfile.read(tmp_path).copies
    assert [line.split()[1] for line in copies][-2:] == ["model", "provenance.json"]
