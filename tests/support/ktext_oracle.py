"""ktext's own `fit_transform`, with Keras's own `pad_sequences`, in a process of its own.

Run as a script: reads {"texts", "settings"} as JSON from the file in its first argument, writes the
ids to the .npy in its second, and prints the vocabulary as JSON. A process of its own, because
ktext forks and logs, and Keras takes seconds to load.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np

from issuesum.training.features.ktext_adapter import FieldSettings


def fit_transform(
    folder: Path, texts: list[str], settings: FieldSettings
) -> tuple[dict[str, int], np.ndarray, list[list[str]]]:
    """Return ktext's vocabulary, ids and tokens."""
    (folder / "in.json").write_text(json.dumps({"texts": texts, "settings": asdict(settings)}))
    done = subprocess.run(
        [sys.executable, __file__, str(folder / "in.json"), str(folder / "ids.npy")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    return found["vocabulary"], np.load(folder / "ids.npy"), found["tokens"]


def _main(source: str, target: str) -> None:
    from keras.utils import pad_sequences

    from issuesum.training.features.ktext_adapter import make_processor

    request = json.loads(Path(source).read_text())
    processor = make_processor(FieldSettings(**request["settings"]))
    sys.modules["ktext.preprocess"].pad_sequences = pad_sequences
    processor.set_num_processes(2)
    np.save(target, processor.fit_transform(request["texts"]))
    tokens = processor.process_text(request["texts"][:20])
    json.dump({"vocabulary": processor.token2id, "tokens": tokens}, sys.stdout)


if __name__ == "__main__":
    _main(*sys.argv[1:])
