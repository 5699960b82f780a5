"""Measure and embed: one decode of every video that has none yet, streamed through Ray Data."""

import json
import time
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import ray

from curate.config import Config
from curate.embed import embed_clips
from curate.embedders import load_embedder
from curate.isolate import Isolated, keep_freed_memory
from curate.measure import Measured, measure_source
from jobs.cluster import data_context, map_on_actors, rows_of_batches
from jobs.interrupt import INTERRUPTS
from jobs.run import Run
from manifests.corpus import rows_of
from manifests.errors import BadVideoError

TABLES: Final = ("shots", "clips", "scores", "evidence", "frames", "samples", "filmstrips")
"""What measure writes, in order of commit; `videos` follows and makes the rows visible."""
_RESULT: Final = pa.schema(
    [
        pa.field("video_id", pa.string()),
        pa.field("facts", pa.string()),
        *(pa.field(name, pa.large_binary()) for name in (*TABLES, "embeddings")),
    ]
)


_ELSEWHERE: Final = {"missing_file", "unreadable", "changed"}
"""Words of a source, not of its content, which another URI may still give."""
R = TypeVar("R")


class MeasureActor:
    """Decodes videos in a child process."""

    def __init__(self, config: Config, measure_key: str) -> None:
        self._config, self._key = config, measure_key
        self._isolated = Isolated(config.limits)

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Videos (uris, video_id) in, facts and tables out; a bad video has facts alone."""
        return pa.Table.from_pylist([self._row(row) for row in batch.to_pylist()], schema=_RESULT)

    def _row(self, row: dict[str, str]) -> dict[str, Any]:
        def measure(uri: str) -> Measured:
            return self._isolated.call(
                measure_source, uri, row["video_id"], self._key, self._config
            )

        try:
            measured = first_readable(json.loads(row["uris"]), measure)
        except BadVideoError as error:
            facts = {"status": "failed", "error": error.word, "error_detail": error.detail or None}
            return {"video_id": row["video_id"], "facts": json.dumps(facts)}
        tables = {name: to_ipc(measured.tables[name]) for name in TABLES}
        return {"video_id": row["video_id"], "facts": json.dumps(measured.facts), **tables}


class EmbedActor:
    """Embeds the stills of measured clips."""

    def __init__(self, config: Config, embed_key: str) -> None:
        keep_freed_memory(of_any_size=True)
        settings = config.embed
        self._key = embed_key
        self._embedder = load_embedder(
            settings.spec, device=settings.device, batch_size=settings.batch_size
        )

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Fill the column `embeddings` of rows that have `samples`."""
        filled = [
            None if cell is None else to_ipc(embed_clips(from_ipc(cell), self._embedder, self._key))
            for cell in batch.column("samples").to_pylist()
        ]
        at = batch.schema.get_field_index("embeddings")
        return batch.set_column(at, "embeddings", pa.array(filled, pa.large_binary()))


def run_measure(run: Run, *, embed: bool) -> None:
    """Measure every video that is not committed under the current key."""
    run.note("measure", orphans=run.corpus.purge_orphans())
    videos = run.corpus.read("videos")
    todo = _todo(run, videos)
    run.note("measure", videos=len(todo), embedded_in_the_same_pass=embed)
    run.progress.start("measure", len(todo), "videos")
    if not len(todo):
        return
    committer = Committer(run, videos)
    try:
        for row in _stream(run, todo, embed=embed):
            committer.add(row)
    finally:
        committer.commit()


def _todo(run: Run, videos: pl.DataFrame) -> pl.DataFrame:
    """Each content to be measured with its URIs, largest first so that no long one is last."""
    stale = pl.col("measured_key").ne_missing(run.keys.measure)
    failed_before = (pl.col("status") == "failed") & pl.col("measured_key").is_null()
    again = (pl.col("status") == "failed") & run.retry_failed
    done = videos.filter(~stale & (pl.col("status") != "failed"))
    return (
        videos.filter(pl.col("video_id").is_not_null())
        .filter((stale & ~failed_before) | again)
        .join(done, on="video_id", how="anti")
        .sort("uri")
        .group_by("video_id", maintain_order=True)
        .agg("uri", pl.col("bytes").first())
        .sort("bytes", "video_id", descending=[True, False])
        .select("video_id", uris=pl.col("uri").map_elements(_as_json, return_dtype=pl.String))
    )


def _as_json(uris: pl.Series) -> str:
    return json.dumps(uris.to_list())


def first_readable(uris: list[str], read: Callable[[str], R]) -> R:
    """What `read` gives for the first URI of a content that is still there and unchanged.

    Raises:
        BadVideoError: The first URI's, when none is.
    """
    first: BadVideoError | None = None
    for uri in uris:
        try:
            return read(uri)
        except BadVideoError as error:
            if error.word not in _ELSEWHERE:
                raise
            first = first or error
    raise first or BadVideoError("missing_file")


def _stream(run: Run, todo: pl.DataFrame, *, embed: bool) -> Iterable[dict[str, Any]]:
    """Results as they are ready, in any order."""
    data_context(run.config.limits.timeout_s + 600)
    dataset: ray.data.Dataset = ray.data.from_items(
        todo.to_dicts(), override_num_blocks=min(len(todo), 4096)
    )
    cluster, settings = run.cluster, (run.config, run.keys.measure)
    workers = min(cluster.workers, len(todo))
    dataset = map_on_actors(dataset, MeasureActor, settings, cluster, size=workers)
    if embed:
        dataset = map_on_actors(
            dataset,
            EmbedActor,
            (run.config, run.keys.embed),
            cluster,
            size=1,
            gpus=cluster.gpu_share(run.config.embed.device),
        )
    return rows_of_batches(dataset)


class Committer:
    """Gathers results and commits them, a transaction per table, `videos` last."""

    def __init__(self, run: Run, videos: pl.DataFrame, stage: str = "measure") -> None:
        self._run, self._stage = run, stage
        self._names: dict[str, list[dict[str, Any]]] = {}
        for row in videos.filter(pl.col("video_id").is_not_null()).iter_rows(named=True):
            self._names.setdefault(row["video_id"], []).append(row)
        self._waiting: list[dict[str, Any]] = []
        stored = run.corpus.committed("embeddings").filter(pl.col("embed_key") == run.keys.embed)
        self._embedded = stored.select("clip_id").collect()["clip_id"].to_arrow().cast(pa.string())
        self._since = time.monotonic()
        self._counts = {"ok": 0, "partial": 0, "failed": 0, "clips": 0, "frames": 0}

    def add(self, row: dict[str, Any], *, progress: bool = True) -> None:
        """Take a result, and commit when enough has gathered."""
        self._waiting.append(row)
        facts = json.loads(row["facts"])
        if progress:
            self._run.progress.advance(1, f"{facts.get('frames', 0)} frames")
        settings = self._run.config.run
        late = time.monotonic() - self._since >= settings.commit_s
        if late or len(self._waiting) >= settings.commit_videos:
            self.commit()

    def commit(self) -> None:
        """Commit what has gathered."""
        # Taken out first: what a failing commit has written is never written a second time.
        results, self._waiting = self._waiting, []
        self._run.lock.check()
        with INTERRUPTS.deferred():
            for name in TABLES:
                self._append(name, results)
            self._run.corpus.upsert("videos", rows_of("videos", self._video_rows(results)))
            self._append("embeddings", results)
            self._since = time.monotonic()
            self._run.note(self._stage, **self._counts)

    def _append(self, name: str, results: list[dict[str, Any]]) -> None:
        parts = [from_ipc(row[name]) for row in results if row[name] is not None]
        if parts:
            table = pa.concat_tables(parts)
            if name == "embeddings":  # clips of earlier settings that came back have theirs
                table = table.filter(pc.invert(pc.is_in(table["clip_id"], self._embedded)))
            if name in self._counts:
                self._counts[name] += table.num_rows
            self._run.corpus.append(name, table)

    def _video_rows(self, results: list[dict[str, Any]]) -> Iterable[dict[str, Any]]:
        keys = self._run.keys
        for result in results:
            facts = json.loads(result["facts"])
            self._counts[facts["status"]] += 1
            facts = {"error": None, "error_detail": None, **facts}
            for row in self._names[result["video_id"]]:
                yield {**row, **facts, "measured_key": keys.measure, "signals_key": keys.signals}


def to_ipc(table: pa.Table) -> bytes:
    """An Arrow table as one stream of bytes."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def from_ipc(content: bytes) -> pa.Table:
    """The table that `to_ipc` wrote."""
    return pa.ipc.open_stream(content).read_all()
