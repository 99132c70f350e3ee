"""Params by the names that people type."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from issuesum.lineage.dvc import dotted

names = st.sampled_from(["a", "b_c", "d"])
sections = st.dictionaries(names, st.integers() | st.lists(st.integers(), max_size=2), min_size=1)
nested = st.dictionaries(names, sections | st.dictionaries(names, sections, min_size=1) | st.none())


def test_sections_stand_before_their_keys() -> None:
    params = {"train": {"epochs": 3, "by": {"rate": 0.1}}, "seed": 7, "kept": [1, 2], "none": {}}
    assert dotted(params) == {
        "train.epochs": 3,
        "train.by.rate": 0.1,
        "seed": 7,
        "kept": [1, 2],
    }
    assert dotted({"epochs": 3}, "train.") == {"train.epochs": 3}


@given(nested)
def test_every_value_is_found_under_its_name_and_none_is_lost(values: dict) -> None:
    def count(value: object) -> int:
        return sum(map(count, value.values())) if isinstance(value, dict) else 1

    flat = dotted(values)
    assert len(flat) == count(values)
    for name, value in flat.items():
        found = values
        for key in name.split("."):
            found = found[key]
        assert found is value
