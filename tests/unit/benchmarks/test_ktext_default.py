"""ktext's default way, as the benchmark runs it."""

from __future__ import annotations

import pytest

from issuesum.training.features.ktext_adapter import FieldSettings
from ktext_default import clean, make_processor, tokenize


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The App CRASHES!", ["the", "app", "crashes"]),
        ("see http://example.com/a?b=1 now", ["see", "url", "now"]),
        ("mail first.last@example.com", ["mail", "email"]),
        ("took 20 of 1,234.5", ["took", "number", "of", "number"]),
        ("costs $5, Café", ["costs", "usd", "number", "cafe"]),
        ("", []),
    ],
)
def test_each_kind_of_text_becomes_what_textacy_documents(text: str, words: list[str]) -> None:
    assert tokenize(clean(text)) == words


def test_it_fits_into_ktext() -> None:
    processor = make_processor(FieldSettings(5, 4, "pre", append_indicators=True))
    assert processor.process_text(["Don't!"]) == [["_start_", "don", "t", "_end_"]]
