"""Dedup: groups of copies among the embedded clips of the corpus."""

import polars as pl
import ray

from curate.config import Config
from curate.dedup import find_duplicates
from curate.embedders import similarities
from jobs.interrupt import INTERRUPTS
from jobs.run import Run
from manifests.schemas import DUPLICATES


def run_dedup(run: Run) -> None:
    """Write `duplicates` for the clips embedded under the current key, if they changed."""
    run.progress.start("dedup", 1, "passes")
    embeddings = run.corpus.scan("embeddings").filter(pl.col("embed_key") == run.keys.embed)
    clips = _clips(run).collect()
    embedded = embeddings.join(clips.lazy().select("clip_id"), on="clip_id", how="semi").collect()
    embedded = embedded.unique("clip_id", maintain_order=True)
    stored = run.corpus.committed("duplicates").filter(pl.col("dedup_key") == run.keys.dedup)
    before = set(stored.select("clip_id").collect()["clip_id"])
    run.note("dedup", clips=len(embedded), changed=before != set(embedded["clip_id"]))
    if before == set(embedded["clip_id"]):
        return
    task = ray.remote(num_cpus=1)(_find)
    found: pl.DataFrame = ray.get(task.remote(clips, embedded, run.config))
    rows = found.with_columns(dedup_key=pl.lit(run.keys.dedup)).select(DUPLICATES.schema.names)
    run.note("dedup", copies=int((found["group_id"] != found["clip_id"]).sum()))
    with INTERRUPTS.deferred():
        table = rows.to_arrow().cast(DUPLICATES.schema)
        run.corpus.replace("duplicates", table, "dedup_key", run.keys.dedup)


def _find(clips: pl.DataFrame, embedded: pl.DataFrame, config: Config) -> pl.DataFrame:
    own_candidate, own_copy = similarities(config.embed.spec)
    chosen = config.dedup
    return find_duplicates(
        clips,
        embedded,
        chosen,
        candidate_similarity=_first(chosen.candidate_similarity, own_candidate),
        copy_similarity=_first(chosen.copy_similarity, own_copy),
    )


def _first(chosen: float | None, default: float) -> float:
    return default if chosen is None else chosen


def _clips(run: Run) -> pl.LazyFrame:
    """Clips with the facts of their video that decide which copy is best."""
    videos = (
        run.corpus.scan("videos")
        .filter(pl.col("measured_key").is_not_null())
        .unique("video_id")
        .select(
            "video_id",
            "packets_hash",
            bits_per_pixel=pl.col("bytes")
            * 8
            / (pl.col("width").cast(pl.Int64) * pl.col("height") * pl.col("frames")),
        )
    )
    return run.corpus.scan("clips").join(videos, on="video_id", how="left").sort("clip_id")
