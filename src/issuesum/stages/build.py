"""Convert the model to ONNX, check it and assemble what the image is built from."""

import os
import shutil

from issuesum.files import replacing_directory
from issuesum.layout import BUNDLE, BUNDLE_MODEL, DOCKERFILE, FEATURES, MODELS, SAVED_MODEL, SERVING
from issuesum.serving.inference.rules import DECODING, Decoding
from issuesum.stages.params import Params
from issuesum.text import features
from issuesum.training.bundle.assemble import copy_code


def main(params: Params) -> None:
    """Read models, vocabularies, serving and Dockerfile; write serving/bundle."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before its import; 2 reports a missing GPU
    from issuesum.training.model.interface import load_model

    model = load_model(MODELS)
    # Not before: tf2onnx imports Keras, too, with all that issuesum.training.model leaves out.
    from issuesum.training.bundle.convert import check_parity, convert

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
        if params.build.saved_model:
            from issuesum.training.bundle import saved_model

            target = bundle / SAVED_MODEL.relative_to(BUNDLE)
            saved_model.save(model, folder, target, body_maxlen=rows.body.shape[1])
            of = saved_model.check(target, folder, rows, tolerance=params.build.parity_tolerance)
            print(f"build: the SavedModel writes ONNX's greedy titles, scores within {of:.1e}")
    print(f"build: ONNX and Keras agree to {difference:.1e} on {len(rows)} rows")
