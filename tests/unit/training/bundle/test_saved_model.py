"""What TensorFlow Serving is given writes the titles that greedy decoding over ONNX writes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import tiny_models
from issuesum.errors import ArtifactError
from issuesum.serving.inference.decoding import beam
from issuesum.serving.inference.graphs import Graphs
from issuesum.serving.inference.rules import DECODING, Decoding, TitleRules
from issuesum.text.features import TITLE_VOCABULARY
from issuesum.text.vocabulary import UNKNOWN, Vocabulary

pytestmark = [
    pytest.mark.slow,
    # TensorFlow, tf2onnx and Keras warn of their own code.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


ARCHITECTURES = ("pointer", "seq2seq")
"""One that copies and one that does not; weights are set so that titles end early."""
SETTINGS = Decoding(beam_width=4, length_penalty=1.1, min_words=2, max_words=5, no_repeat=2)


def _model(arch: str):
    import keras

    from issuesum.training.model.interface import create_model

    keras.utils.clear_session()  # or nodes would bear names of layers counted since the start
    keras.utils.set_random_seed(3)
    model = create_model(tiny_models.config(arch))
    # So large that rows have titles of their own, some of which end early.
    model.set_weights([4 * weights for weights in model.get_weights()])
    bias = model.word_bias if arch == "pointer" else model.vocabulary.bias
    bias.assign([6.0 if index == tiny_models.END else 0.0 for index in range(30)])
    return model


def _write(arch: str, folder: Path) -> None:
    """Write vocabulary, settings and SavedModel of a tiny model."""
    from issuesum.training.bundle.saved_model import save

    folder.mkdir(parents=True)
    tiny_models.save_vocabularies(folder)
    SETTINGS.save(folder / DECODING)
    save(_model(arch), folder, folder / "saved_model/1", body_maxlen=9)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return folders of this process, one an architecture, and of another with the first alone."""
    here, there = tmp_path_factory.mktemp("here"), tmp_path_factory.mktemp("there")
    seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    other = subprocess.Popen(
        [sys.executable, __file__, there],
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    import tensorflow as tf

    tf.function(lambda number: number + 1)(1)  # moves counters on
    for arch in ARCHITECTURES:
        _write(arch, here / arch)
    assert other.wait() == 0
    return here, there


def _contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_two_processes_write_the_same_bytes(written: tuple[Path, Path]) -> None:
    here, there = (_contents(folder / ARCHITECTURES[0]) for folder in written)
    assert "saved_model/1/variables/variables.index" in here
    assert here.keys() == there.keys()
    assert {name for name in here if here[name] != there[name]} == set()


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_it_writes_what_onnx_writes_and_another_model_is_noticed(
    arch: str, written: tuple[Path, Path], tmp_path: Path
) -> None:
    import tensorflow as tf

    from issuesum.training.bundle.convert import convert
    from issuesum.training.bundle.saved_model import check

    folder = shutil.copytree(written[0] / arch, tmp_path / arch)
    saved, rows = folder / "saved_model/1", tiny_models.rows(64)
    convert(_model(arch), body_maxlen=9, opset=18, target=folder)
    assert check(saved, folder, rows, tolerance=1e-4) < 1e-4

    serve = tf.saved_model.load(str(saved)).signatures["serving_default"]
    answer = serve(body=tf.constant(rows.body), body_extended=tf.constant(rows.body_extended))
    ids, scores = answer["title_ids"].numpy(), answer["scores"].numpy()
    assert ids.shape == (64, 5)
    assert len(np.unique(ids, axis=0)) > 5
    assert not np.isin(ids, [1, tiny_models.START, tiny_models.END]).any()
    assert (ids[:, :2] > 0).all(), "two words at least"
    assert (scores < 0).all()
    # Each row has one own word, whose id is 30.
    assert ids.max() == (30 if arch == "pointer" else 29)
    assert (ids == 0).any(), "some titles end before the last step"

    # An own word that is handed in as unknown is not written, and changes no other word's chance.
    hidden = np.where(rows.body_extended == 30, UNKNOWN, rows.body_extended)
    answer = serve(body=tf.constant(rows.body), body_extended=tf.constant(hidden))
    rules = TitleRules.of(
        Vocabulary.load(folder / TITLE_VOCABULARY),
        np.zeros((64, 9), bool),
        replace(Decoding.load(folder / DECODING), beam_width=1),
    )
    graphs = Graphs(folder)
    titles = beam(graphs, graphs.encode(rows.body, rows.body_extended), rules)
    found = [row[row != 0].tolist() for row in answer["title_ids"].numpy()]
    assert found == [best.ids for (best,) in titles]
    scores = [best.score for (best,) in titles]
    np.testing.assert_allclose(answer["scores"].numpy(), scores, atol=1e-4)

    with pytest.raises(ArtifactError, match=r"must score titles as ONNX does, to 1e-12"):
        check(saved, folder, rows, tolerance=1e-12)
    replace(SETTINGS, min_words=4).save(folder / DECODING)
    with pytest.raises(ArtifactError, match=r"must write the titles that greedy.*others of 64"):
        check(saved, folder, rows, tolerance=1e-4)
    replace(SETTINGS, max_words=8).save(folder / DECODING)
    with pytest.raises(ArtifactError, match=r"must write the titles that greedy.*64 others of 64"):
        check(saved, folder, rows, tolerance=1e-4)


if __name__ == "__main__":
    _write(ARCHITECTURES[0], Path(sys.argv[1]) / ARCHITECTURES[0])
