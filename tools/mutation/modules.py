"""Which modules are mutated, and the unit tests that each of them belongs to."""

from __future__ import annotations

SOURCES = "src/issuesum"
TESTS = "tests/unit"

MODULES: dict[str, tuple[str, ...]] = {
    "text/tokens": ("text/test_tokens",),
    "text/copying": ("text/test_copying",),
    "text/vocabulary": ("text/test_vocabulary",),
    "corpus/splitting": ("corpus/test_splitting",),
    "corpus/repeats": ("corpus/test_repeats", "corpus/test_splitting"),
    "corpus/shards": ("corpus/test_splitting",),
    "lineage/tag": ("lineage/test_tag", "lineage/test_version"),
    "lineage/patch": ("lineage/test_version", "lineage/test_checkout", "lineage/test_collect"),
    "lineage/dotted": ("lineage/test_dotted",),
    "lineage/tree": ("lineage/test_facts", "lineage/test_trace"),
    "lineage/identity": ("lineage/test_identity",),
    "lineage/trace": ("lineage/test_trace",),
    "lineage/artefacts": ("lineage/test_collect",),
    "lineage/facts": ("lineage/test_facts", "lineage/test_trace"),
    "lineage/dependencies": ("stages/test_runner",),
    "lineage/lookup": ("lineage/test_lookup",),
    "lineage/jobs": ("lineage/test_jobs",),
    "lineage/runs": ("lineage/test_runs",),
    "lineage/receipt": ("lineage/test_receipt",),
    "lineage/live": ("lineage/test_live",),
    "inference/decoding": ("inference/test_decoding",),
    "inference/beam": ("inference/test_decoding",),
    "inference/rules": ("inference/test_decoding",),
    "inference/settings": ("inference/test_writer",),
    "inference/surface": ("inference/test_surface",),
    "inference/between": ("inference/test_surface",),
    "inference/casing": ("inference/test_surface",),
}
"""Paths below SOURCES and TESTS, without `.py`."""


def source_of(module: str) -> str:
    """Return the path of a module from the root of the repository."""
    return f"{SOURCES}/{module}.py"


def unit_tests(module: str) -> list[str]:
    """Return the paths of its tests from the root of the repository."""
    return [f"{TESTS}/{name}.py" for name in MODULES[module]]
