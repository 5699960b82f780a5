"""Decide: the policy over stored scores, then thinning. Decodes nothing; seconds on the driver."""

import polars as pl
import pyarrow as pa

from curate.decide import decide, missing_reasons
from jobs.interrupt import INTERRUPTS
from jobs.run import Run
from jobs.thin import thinned
from manifests.schemas import DECISIONS


def run_decide(run: Run) -> None:
    """Write `decisions` under the current policy key, if any verdict changed."""
    corpus, keys = run.corpus, run.keys
    run.progress.start("decide", 1, "passes")
    clips = corpus.read("clips")
    committed = corpus.committed("duplicates").filter(pl.col("dedup_key") == keys.dedup)
    duplicates = committed.collect()
    verdicts = decide(
        clips,
        corpus.scan("scores").drop("missing", "measure_key", strict=False).collect(),
        missing_reasons(corpus),
        duplicates,
        run.config.policy,
    )
    if run.config.thin.on:
        verdicts = thinned(run, verdicts, duplicates)
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
