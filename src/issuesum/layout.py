"""Where each stage's outputs lie, relative to the root of the repository."""

from __future__ import annotations

from pathlib import Path

SPEED = Path(".issuesum/runs/train_speed.tsv")
"""Examples a second: no output of train, since it is different each time."""
RAW = Path("data/raw/github_issues.csv")
SPLIT = Path("data/split")
SPLIT_SUMMARY = SPLIT / "summary.json"
DATA_PROFILE = Path("eval/data.json")
DATA_REPORT = Path("eval/data")
FEATURES = Path("data/features")
MODELS = Path("models")
CURVES = Path("eval/train")
SERVING = Path("serving")
DOCKERFILE = Path("Dockerfile")
BUNDLE = SERVING / "bundle"
ATTESTATIONS = SERVING / "attestations"
BUNDLE_MODEL = BUNDLE / "model"
SAVED_MODEL = BUNDLE / "saved_model" / "1"
METRICS = Path("eval/metrics.json")
PLOTS = Path("eval/plots")
EXAMPLES = Path("eval/examples.csv")
SCORES = Path("eval/scores.csv")
