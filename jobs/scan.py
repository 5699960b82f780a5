"""Scan: list the sources, and describe those that are new or changed."""

import time
from collections.abc import Sequence
from typing import Any, Final

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
COMMIT_ROWS: Final = 2000
"""Rows per transaction: few enough to lose, many for a merge that reads the whole table."""
COMMIT_S: Final = 30.0
"""What has gathered is committed at least this often, s."""


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
    committer = _Committer(run)
    try:
        while waiting:
            ready, waiting = ray.wait(waiting, timeout=COMMIT_S)
            committer.add([row for task_rows in ray.get(ready) for row in task_rows])
    finally:
        committer.commit()


def _known(run: Run) -> dict[str, tuple[int | None, int | None]]:
    """What is committed of each URI under the current key."""
    rows = run.corpus.committed("videos").filter(pl.col("scan_key") == run.keys.scan)
    if run.retry_failed:
        rows = rows.filter(pl.col("status") != "failed")
    found = rows.select("uri", "bytes", "mtime_ns").collect()
    return {uri: (size, mtime) for uri, size, mtime in found.iter_rows()}


class _Committer:
    """Gathers rows and commits them, one transaction per batch."""

    def __init__(self, run: Run) -> None:
        self._run = run
        # As it was before the first commit, which may take a measured video's only name away.
        measured = run.corpus.read("videos").filter(pl.col("measured_key").is_not_null())
        self._facts = {row["video_id"]: row for row in measured.iter_rows(named=True)}
        self._waiting: list[dict[str, Any]] = []
        self._since = time.monotonic()

    def add(self, rows: list[dict[str, Any]]) -> None:
        """Take rows, possibly none, and commit when enough has gathered or waited long enough."""
        self._waiting.extend(rows)
        self._run.progress.advance(len(rows))
        late = time.monotonic() - self._since >= COMMIT_S
        if late or len(self._waiting) >= COMMIT_ROWS:
            self.commit()

    def commit(self) -> None:
        """Commit what has gathered."""
        self._run.lock.check()
        with INTERRUPTS.deferred():
            rows, self._waiting = self._waiting, []  # a batch that fails is not tried again
            if rows:
                table = rows_of("videos", map(self._with_measured, rows))
                self._run.corpus.upsert("videos", table)
            self._since = time.monotonic()

    def _with_measured(self, row: dict[str, Any]) -> dict[str, Any]:
        """A new name of content that is measured already gets what is known of it."""
        if row["status"] != "pending" or row["video_id"] not in self._facts:
            return row
        own = ("uri", "bytes", "mtime_ns", "etag", "scan_key")
        return {**self._facts[row["video_id"]], **{key: row.get(key) for key in own}}


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
