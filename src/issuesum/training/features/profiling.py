"""The data profile from what tokenising and encoding have counted anyway."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from issuesum.text.tokens import END, START
from issuesum.text.vocabulary import Vocabulary
from issuesum.training.corpus.measures import (
    frequent_words,
    growth_curve,
    histogram,
    language_shares,
    length_statistics,
    share,
)
from issuesum.training.corpus.profile import DataProfile, FieldProfile, Rows
from issuesum.training.corpus.shards import Side
from issuesum.training.corpus.summary import SplitSummary
from issuesum.training.features.counting import WordCounts
from issuesum.training.features.encoding import UnknownWords
from issuesum.training.features.entry import Counts, ShardStatistics, read_statistics
from issuesum.training.features.fields import Field


def profile_data(
    entries: Mapping[Side, Sequence[Path]],
    counts: Mapping[Field, WordCounts],
    vocabularies: Mapping[Field, Vocabulary],
    unknown: UnknownWords,
    split: SplitSummary,
) -> DataProfile:
    """Put together the profile of the data.

    Args:
        entries: of the shards of the train and the validation side, in order.
        counts: of the train side's words.
        vocabularies: made from `counts`.
        unknown: of the whole validation side.
        split: what the split stage says of the rows.
    """
    of_train = [read_statistics(entry) for entry in entries["train"]]
    of_validation = [read_statistics(entry) for entry in entries["validation"]]
    both = [*of_train, *of_validation]
    rows = np.cumsum([shard.rows for shard in of_train])
    fields = {
        field: _profile_field(
            both,
            field,
            counts[field],
            rows=rows,
            vocabulary=vocabularies[field],
            unknown=share(unknown.words[field], _sum(of_validation, f"{field}_words")),
        )
        for field in vocabularies
    }
    languages = sum((Counter(shard.languages) for shard in both), Counter[str]())
    return DataProfile(
        rows=Rows(
            read=split.rows,
            rejected=sum(split.rejected.values()),
            repeated=split.repeated,
            train=split.train,
            validation=split.validation,
            test=split.test,
            reasons=split.rejected,
        ),
        body=fields["body"],
        title=fields["title"],
        copyable=share(_sum(both, "copyable"), _sum(both, "title_words")),
        languages=language_shares(languages),
    )


def _profile_field(
    shards: Sequence[ShardStatistics],
    field: Field,
    counts: WordCounts,
    *,
    rows: Counts,
    vocabulary: Vocabulary,
    unknown: float,
) -> FieldProfile:
    lengths = np.sum([getattr(shard, f"{field}_lengths") for shard in shards], axis=0)
    mean, median, p95 = length_statistics(lengths, _sum(shards, f"{field}_words"))
    marks = (START, END) if vocabulary.append_indicators else ()
    spoken = {word: count for word, count in counts.top.items() if word not in marks}
    marked = sum(counts.top.get(mark, 0) for mark in marks)
    return FieldProfile(
        words_mean=mean,
        words_median=median,
        words_p95=p95,
        distinct=counts.distinct - len(marks),
        kept=len(set(vocabulary.words).difference(marks)),
        unknown=unknown,
        histogram=histogram(lengths),
        growth=growth_curve(rows, counts.growth - len(marks)),
        words=frequent_words(spoken, counts.total - marked),
    )


def _sum(shards: Sequence[ShardStatistics], name: str) -> int:
    return sum(getattr(shard, name) for shard in shards)
