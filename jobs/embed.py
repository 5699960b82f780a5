"""Embed clips that have no vector under the current key, from their stored stills: no decode."""

import polars as pl
import pyarrow as pa
import ray

from jobs.cluster import data_context
from jobs.interrupt import INTERRUPTS
from jobs.measure import EmbedActor, as_table, from_ipc, to_ipc
from jobs.run import Run

_CLIPS_PER_BLOCK = 64


def run_embed(run: Run) -> None:
    """Embed every clip that is not committed under the current key."""
    todo = _todo(run)
    run.note("embed", clips=len(todo))
    run.progress.start("embed", len(todo), "clips")
    if not todo:
        return
    data_context(run.config.limits.timeout_s + 600)
    samples = run.corpus.scan("samples")
    # One block per some clips, read where they are needed, so that stills never gather here.
    blocks = [todo[i : i + _CLIPS_PER_BLOCK] for i in range(0, len(todo), _CLIPS_PER_BLOCK)]
    for start in range(0, len(blocks), 64):
        batches = [
            {"samples": to_ipc(_rows(samples, block)), "embeddings": None}
            for block in blocks[start : start + 64]
        ]
        table = pa.Table.from_pylist(
            batches,
            schema=pa.schema([("samples", pa.large_binary()), ("embeddings", pa.large_binary())]),
        )
        dataset = (
            ray.data.from_arrow(table)
            .repartition(len(batches))
            .map_batches(
                EmbedActor,
                fn_constructor_args=(run.config, run.keys.embed),
                compute=ray.data.ActorPoolStrategy(size=1),
                batch_size=1,
                batch_format="pyarrow",
                num_cpus=1,
                num_gpus=run.cluster.gpu_share(run.config.embed.device),
            )
        )
        for batch in dataset.iter_batches(batch_size=1, batch_format="pyarrow"):
            for cell in as_table(batch).column("embeddings").to_pylist():
                rows = from_ipc(cell)
                with INTERRUPTS.deferred():
                    run.corpus.append("embeddings", rows)
                run.progress.advance(rows.num_rows)


def _todo(run: Run) -> list[str]:
    done = run.corpus.committed("embeddings").filter(pl.col("embed_key") == run.keys.embed)
    stills = run.corpus.scan("samples").select("clip_id").unique()
    missing = stills.join(done, on="clip_id", how="anti").collect()
    return sorted(missing["clip_id"])


def _rows(samples: pl.LazyFrame, clips: list[str]) -> pa.Table:
    return samples.filter(pl.col("clip_id").is_in(clips)).collect().to_arrow()
