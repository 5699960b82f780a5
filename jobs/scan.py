"""Scan: list the sources, and describe those that are new or changed."""

from collections.abc import Sequence
from typing import Any

import polars as pl
import ray

from curate.config import Limits
from curate.isolate import Isolated
from curate.scan import scan_source
from curate.sources import Source, list_sources
from jobs.interrupt import INTERRUPTS
from jobs.run import Run
from manifests.corpus import rows_of
from manifests.errors import BadVideoError

_CHUNK = 64


def run_scan(run: Run, names: Sequence[str]) -> None:
    """Bring `videos` up to date with the sources named."""
    sources = list_sources(names)
    known = _known(run)
    todo = [s for s in sources if known.get(s.uri) != (s.size_bytes, s.mtime_ns)]
    run.note("scan", sources=len(sources), new=len(todo))
    run.progress.start("scan", len(todo), "files")
    chunks = [todo[i : i + _CHUNK] for i in range(0, len(todo), _CHUNK)]
    task = ray.remote(num_cpus=1)(_scan_chunk)
    waiting = [task.remote(chunk, run.keys.scan, run.config.limits) for chunk in chunks]
    rows: list[dict[str, Any]] = []
    while waiting:
        ready, waiting = ray.wait(waiting)
        for row in ray.get(ready[0]):
            rows.append(row)
            run.progress.advance(1)
    with INTERRUPTS.deferred():
        run.corpus.upsert_videos(rows_of("videos", _with_measured(run, rows)))


def _known(run: Run) -> dict[str, tuple[int | None, int | None]]:
    """What is committed of each URI under the current key."""
    rows = run.corpus.committed("videos").filter(pl.col("scan_key") == run.keys.scan)
    if run.retry_failed:
        rows = rows.filter(pl.col("status") != "failed")
    found = rows.select("uri", "bytes", "mtime_ns").collect()
    return {uri: (size, mtime) for uri, size, mtime in found.iter_rows()}


def _with_measured(run: Run, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """New names of content that is measured already get what is known of it."""
    measured = run.corpus.read("videos").filter(pl.col("measured_key").is_not_null())
    facts = {row["video_id"]: row for row in measured.iter_rows(named=True)}
    own = ("uri", "bytes", "mtime_ns", "etag", "scan_key")
    return [
        {**facts[row["video_id"]], **{key: row.get(key) for key in own}}
        if row["status"] == "pending" and row["video_id"] in facts
        else row
        for row in rows
    ]


def _scan_chunk(sources: list[Source], scan_key: str, limits: Limits) -> list[dict[str, Any]]:
    """Describe sources in a child process; one that kills it becomes a row."""
    rows = []
    with Isolated(limits) as isolated:
        for source in sources:
            try:
                rows.append(isolated.call(scan_source, source, scan_key, limits))
            except BadVideoError as error:
                rows.append(
                    {
                        "uri": source.uri,
                        "scan_key": scan_key,
                        "bytes": source.size_bytes,
                        "mtime_ns": source.mtime_ns,
                        "status": "failed",
                        "error": error.word,
                        "error_detail": error.detail,
                    }
                )
    return rows
