"""Decide: the policy over stored scores. Runs on the driver; seconds for any corpus."""

import polars as pl
import pyarrow as pa

from curate.decide import decide
from jobs.interrupt import INTERRUPTS
from jobs.run import Run
from manifests.corpus import Corpus
from manifests.schemas import DECISIONS


def run_decide(run: Run) -> None:
    """Write `decisions` under the current policy key, if any verdict changed."""
    corpus, keys = run.corpus, run.keys
    run.progress.start("decide", 1, "passes")
    clips = corpus.read("clips")
    duplicates = corpus.committed("duplicates").filter(pl.col("dedup_key") == keys.dedup)
    verdicts = decide(
        clips,
        corpus.scan("scores").drop("missing", "measure_key", strict=False).collect(),
        missing_reasons(corpus),
        duplicates.collect(),
        run.config.policy,
    )
    kept = int(verdicts["keep"].sum())
    run.note("decide", clips=len(verdicts), kept=kept, dropped=len(verdicts) - kept)
    rows = _table(verdicts, keys.policy)
    stored = corpus.committed("decisions").filter(pl.col("policy_key") == keys.policy).collect()
    if _table(stored.drop("policy_key"), keys.policy).equals(rows):
        return
    with INTERRUPTS.deferred():
        corpus.replace("decisions", rows, "policy_key", keys.policy)


def _table(verdicts: pl.DataFrame, policy_key: str) -> pa.Table:
    rows = verdicts.sort("clip_id").with_columns(policy_key=pl.lit(policy_key))
    return rows.select(DECISIONS.schema.names).to_arrow().cast(DECISIONS.schema)


def missing_reasons(corpus: Corpus) -> dict[str, dict[str, str]]:
    """clip_id -> score -> reason word, of clips with a score that has no value."""
    scores = corpus.scan("scores")
    if "missing" not in scores.collect_schema():
        return {}
    table = scores.select("clip_id", "missing").collect().to_arrow()
    pairs = zip(table["clip_id"].to_pylist(), table["missing"].to_pylist(), strict=True)
    return {clip: dict(words) for clip, words in pairs if words}
