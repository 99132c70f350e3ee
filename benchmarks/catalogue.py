"""Which benchmarks there are, and how the suite calls each."""

from __future__ import annotations

from dataclasses import dataclass

ISSUES = "{issues}"
"""Stands for the CSV."""
BUNDLE = "{bundle}"
"""Stands for the folder of a bundle."""


@dataclass(frozen=True)
class Benchmark:
    """A script of this folder.

    Attributes:
        name: of the script, without `.py`.
        about: what it tells, and where that is explained, in Markdown from docs/.
        always: arguments that it always gets.
        real: those that it gets too if the issues are real.
        quick: those that it gets too if time is short.
        only_real: whether synthetic issues would tell nothing.
    """

    name: str
    about: str
    always: tuple[str, ...] = ()
    real: tuple[str, ...] = ()
    quick: tuple[str, ...] = ()
    only_real: bool = False

    def arguments(self, *, real: bool, quick: bool) -> tuple[str, ...]:
        """Return what follows the script's name; ISSUES and BUNDLE are still to be replaced."""
        return self.always + (self.real if real else ()) + (self.quick if quick else ())


BENCHMARKS = (
    Benchmark(
        "command_line",
        "How long commands take that should feel immediate, beside a Python that does nothing.",
        quick=("--repeats", "2"),
    ),
    Benchmark(
        "preprocess",
        "From a CSV to ids, beside ktext's default way; what many rows need in time, memory and "
        "disk; what an append costs ([preprocessing.md](preprocessing.md#how-fast), "
        "[data.md](data.md#size-and-speed)).",
        always=("--issues", ISSUES),
        quick=("--rows", "2000", "20000", "--repeats", "1"),
    ),
    Benchmark(
        "training",
        "Training of the 2018 example's model beside Keras' `fit` at full width, and two workers "
        "beside one ([model.md](model.md)). Without real issues its rows are words without "
        "meaning.",
        real=("--issues", ISSUES),
        quick=("--rows", "256", "--pairs", "1", "--batch-sizes", "32", "--steps", "12"),
    ),
    Benchmark(
        "quality",
        "Titles of issues that training never saw: this model beside the 2018 example's, trained "
        "for the same time on the same rows, and beside two trivial ways "
        "([model.md](model.md#how-good-it-is)).",
        always=("--issues", ISSUES),
        quick=("-S", "train.max_steps=50"),
        only_real=True,
    ),
    Benchmark(
        "serving",
        "Answers of the image over HTTP, beside the 2018 example's one Keras `predict` a word "
        "([serving.md](serving.md#how-fast)).",
        always=("--bundle", BUNDLE, "--issues", ISSUES),
        quick=("--requests", "100"),
    ),
    Benchmark(
        "export",
        "Build, check and push of an image, beside the 2018 example's own figure "
        "([export.md](export.md#what-it-costs)).",
        always=("--bundle", BUNDLE),
        quick=("--repeats", "1"),
    ),
    Benchmark(
        "end_to_end",
        "From a push of data to the image in the registry, and a look that finds nothing to do "
        "([retraining.md](retraining.md#how-long-it-takes)).",
        always=("--issues", ISSUES),
        quick=("--repeats", "1"),
    ),
)
