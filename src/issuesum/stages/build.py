"""Convert the model to ONNX, check it and assemble what the image is built from."""

from __future__ import annotations

import os
import shutil

from issuesum.bundle.assemble import copy_code
from issuesum.files import replacing_directory
from issuesum.inference.settings import DECODING, Decoding
from issuesum.params import Params
from issuesum.stages.paths import BUNDLE, BUNDLE_MODEL, DOCKERFILE, FEATURES, MODELS, SERVING
from issuesum.stages.runner import run
from issuesum.text import features


def main(params: Params) -> None:
    """Read models, vocabularies, serving and Dockerfile; write serving/bundle."""
    # Must be set before TensorFlow is loaded; below 3 it reports a missing GPU as an error.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from issuesum.bundle.convert import convert
    from issuesum.bundle.parity import check_parity
    from issuesum.model.saving import load_model

    model = load_model(MODELS)
    rows = features.Shards(FEATURES / "validation").head(params.build.parity_rows)
    with replacing_directory(BUNDLE) as bundle:
        folder = bundle / BUNDLE_MODEL.name
        folder.mkdir()
        for name in (features.BODY_VOCABULARY, features.TITLE_VOCABULARY):
            shutil.copyfile(FEATURES / name, folder / name)
        Decoding(**params.build.decoding.model_dump()).save(folder / DECODING)
        convert(model, body_maxlen=rows.body.shape[1], opset=params.build.opset, target=folder)
        difference = check_parity(model, folder, rows, tolerance=params.build.parity_tolerance)
        copy_code(bundle, serving=SERVING, dockerfile=DOCKERFILE)
    print(f"build: ONNX and Keras agree to {difference:.1e} on {len(rows)} rows")


if __name__ == "__main__":
    run("build", main)
