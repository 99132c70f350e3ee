"""ktext's own `fit_transform`, with Keras's own `pad_sequences`, in a process of its own.

Run as a script in a folder: reads {"texts", "settings"} of each field from in.json, writes the ids
to FIELD.npy, and prints the vocabularies as JSON. ktext forks and logs, so it has this process.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np

from issuesum.training.features.ktext_adapter import FieldSettings


def fit_transform(
    folder: Path, fields: Mapping[str, tuple[list[str], FieldSettings]]
) -> dict[str, tuple[dict[str, int], np.ndarray, list[list[str]]]]:
    """Return ktext's vocabulary, ids and tokens of each field."""
    requests = {
        field: {"texts": texts, "settings": asdict(settings)}
        for field, (texts, settings) in fields.items()
    }
    (folder / "in.json").write_text(json.dumps(requests))
    done = subprocess.run(
        [sys.executable, __file__], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return {
        field: (found["vocabulary"], np.load(folder / f"{field}.npy"), found["tokens"])
        for field, found in json.loads(done.stdout).items()
    }


def _main() -> None:
    import pandas as pd
    from keras.utils import pad_sequences
    from pathos import multiprocessing

    from issuesum.text.tokens import clean
    from issuesum.training.features.ktext_adapter import import_ktext

    ktext = import_ktext()
    ktext.pad_sequences, ktext.pd = pad_sequences, pd
    ktext.Pool, ktext.cpu_count = multiprocessing.Pool, multiprocessing.cpu_count
    answers = {}
    for field, request in json.loads(Path("in.json").read_text()).items():
        processor = ktext.processor(**request["settings"])
        processor.set_cleaner(clean)
        processor.set_tokenizer(str.split)
        processor.set_num_processes(2)
        np.save(f"{field}.npy", processor.fit_transform(request["texts"]))
        tokens = processor.process_text(request["texts"][:20])
        answers[field] = {"vocabulary": processor.token2id, "tokens": tokens}
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    _main()
