"""Learn the vocabularies, turn train and validation into ids, and judge the data."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from issuesum.errors import DataError
from issuesum.files import replacing_directory, replacing_file
from issuesum.layout import DATA_PROFILE, DATA_REPORT, FEATURES, SPLIT, SPLIT_SUMMARY, Split
from issuesum.lineage.git import earlier_versions
from issuesum.lineage.reporting.data_report import write_report
from issuesum.stages.params import Params, PreprocessLimits
from issuesum.training.corpus.drift import check_limits, is_committed, with_drift
from issuesum.training.corpus.profile import DataProfile
from issuesum.training.corpus.shards import SplitSummary
from issuesum.training.features.cluster import local_processes
from issuesum.training.features.counting import count_words
from issuesum.training.features.encoding import UnknownWords, write_features
from issuesum.training.features.incremental import EntryCache, describe, find_shards, tokenise_new
from issuesum.training.features.ktext_adapter import field_settings, number_words
from issuesum.training.features.profiling import WORDS, profile_data

CACHE, REFUSED = Path(".issuesum/cache"), Path(".issuesum/refused")
"""Tokenised shards by content (ISSUESUM_CACHE names another folder); the report of refused data."""


def main(params: Params) -> dict[str, int]:
    """Read data/split/{train,validation}; write data/features, eval/data.json and eval/data."""
    settings = params.preprocess
    cache = EntryCache(Path(os.environ.get("ISSUESUM_CACHE") or CACHE) / "tokens")
    fields = field_settings(body=settings.body.model_dump(), title=settings.title.model_dump())
    # Evaluate reads the raw text of the test split, through what is shipped.
    splits: tuple[Split, ...] = ("train", "validation")
    shards = {split: list(find_shards(SPLIT / split, fields, cache)) for split in splits}
    every = [shard for split in splits for shard in shards[split]]
    started = time.monotonic()
    rows = tokenise_new(every, fields, cache, address=settings.cluster, workers=settings.workers)
    for split in splits:
        print(f"preprocess: {split}: {describe(shards[split])}")
    print(f"preprocess: tokenised {rows:,} rows in {time.monotonic() - started:.1f} s")
    entries = {split: [shard.entry for shard in shards[split]] for split in splits}
    # The report names WORDS words even where the model knows fewer.
    wanted = {field: max(of.keep_n, WORDS) for field, of in fields.items()}
    total = sum(shard.rows for shard in every)
    with ExitStack() as outputs:
        profile_file = outputs.enter_context(replacing_file(DATA_PROFILE))
        report = outputs.enter_context(replacing_directory(DATA_REPORT))
        target = outputs.enter_context(replacing_directory(FEATURES))
        pool = outputs.enter_context(ThreadPoolExecutor(local_processes(settings.workers, total)))
        counts = count_words(entries["train"], wanted, pool.map)
        vocabularies = {field: number_words(counts[field].top, of) for field, of in fields.items()}
        unknown = write_features(shards, vocabularies, target, pool)
        summary = SplitSummary.load(SPLIT_SUMMARY)
        profile = profile_data(entries, counts, vocabularies, unknown, summary)
        profile = with_drift(profile, earlier_versions(DATA_PROFILE))
        _judge(profile, settings.limits, unknown)
        profile_file.write_text(profile.to_json(), encoding="utf-8")
        write_report(report, profile)
    cache.prune(shard.key for shard in every)
    ids = ", ".join(f"{of.size:,} {field} ids" for field, of in vocabularies.items())
    print(f"preprocess: {ids}; what the data is like: {DATA_REPORT / 'report.html'}")
    return {"rows": total}


def _judge(profile: DataProfile, limits: PreprocessLimits, unknown: UnknownWords) -> None:
    drift = 1 if is_committed(profile, earlier_versions(DATA_PROFILE)) else limits.drift
    try:
        check_limits(profile, unknown=limits.unknown, drift=drift, worst_rows=unknown.worst_rows)
    except DataError as error:
        with replacing_directory(REFUSED) as folder:
            write_report(folder, profile)
        raise DataError(f"{error} The data is shown in {REFUSED / 'report.html'}.") from error
