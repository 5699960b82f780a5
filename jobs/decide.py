"""Decide: the policy over stored scores, then thinning. Decodes nothing; seconds on the driver."""

from collections.abc import Sequence

import polars as pl
import pyarrow as pa

from curate.decide import decide, missing_reasons
from curate.prompts import prompt_scores
from curate.search import similarities_to, text_vectors
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
    scores = corpus.scan("scores").drop("missing", "measure_key", strict=False).collect()
    if run.config.policy.prompts:
        scores = scores.join(_prompts(run), on="clip_id", how="full", coalesce=True)
    verdicts = decide(
        clips,
        scores,
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


def _prompts(run: Run) -> pl.DataFrame:
    """Scores of the policy's prompts; texts that are new are measured and stored."""
    corpus, embed_key = run.corpus, run.keys.embed

    def measure(texts: Sequence[str]) -> pl.DataFrame:
        return similarities_to(corpus, embed_key, text_vectors(run.config.embed.spec, texts))

    scores, rows = prompt_scores(corpus, embed_key, run.config.policy.prompts, measure)
    run.lock.check()
    with INTERRUPTS.deferred():
        corpus.upsert("text_similarities", rows)
    return scores


def _table(verdicts: pl.DataFrame, policy_key: str) -> pa.Table:
    rows = verdicts.sort("clip_id").with_columns(policy_key=pl.lit(policy_key))
    return rows.select(DECISIONS.schema.names).to_arrow().cast(DECISIONS.schema)
