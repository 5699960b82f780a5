"""Embed clips that have no vector under the current key, from their stored stills: no decode."""

import polars as pl
import pyarrow as pa
import ray

from jobs.cluster import data_context, map_on_actors, rows_of_batches
from jobs.interrupt import INTERRUPTS
from jobs.measure import EmbedActor, from_ipc, to_ipc
from jobs.run import Run

_CLIPS_PER_BLOCK = 64
_BLOCKS_AT_ONCE = 32
"""Stills of 32 x 64 clips, 4 of about 20 kB each, are some 160 MB on the driver."""


def run_embed(run: Run) -> None:
    """Embed every clip that is not committed under the current key."""
    todo = _todo(run)
    run.note("embed", clips=len(todo))
    run.progress.start("embed", len(todo), "clips")
    if not todo:
        return
    data_context(run.config.limits.timeout_s + 600)
    samples = _samples(run)
    blocks = [todo[i : i + _CLIPS_PER_BLOCK] for i in range(0, len(todo), _CLIPS_PER_BLOCK)]
    for start in range(0, len(blocks), _BLOCKS_AT_ONCE):
        batches = [
            {"samples": to_ipc(_rows(samples, block)), "embeddings": None}
            for block in blocks[start : start + _BLOCKS_AT_ONCE]
        ]
        table = pa.Table.from_pylist(
            batches,
            schema=pa.schema([("samples", pa.large_binary()), ("embeddings", pa.large_binary())]),
        )
        dataset = map_on_actors(
            ray.data.from_arrow(table).repartition(len(batches)),
            EmbedActor,
            (run.config, run.keys.embed),
            run.cluster,
            size=1,
            gpus=run.cluster.gpu_share(run.config.embed.device),
        )
        for result in rows_of_batches(dataset):
            rows = from_ipc(result["embeddings"])
            with INTERRUPTS.deferred():
                run.corpus.append("embeddings", rows)
            run.progress.advance(rows.num_rows)


def _todo(run: Run) -> list[str]:
    done = run.corpus.committed("embeddings").filter(pl.col("embed_key") == run.keys.embed)
    stills = _samples(run).select("clip_id").unique()
    missing = stills.join(done, on="clip_id", how="anti").collect()
    return sorted(missing["clip_id"])


def _samples(run: Run) -> pl.LazyFrame:
    """Stills of the current measure key, the only ones that the embed key covers."""
    return run.corpus.scan("samples").filter(pl.col("measure_key") == run.keys.measure)


def _rows(samples: pl.LazyFrame, clips: list[str]) -> pa.Table:
    return samples.filter(pl.col("clip_id").is_in(clips)).collect().to_arrow()
