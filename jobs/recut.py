"""Recut: new thresholds of shots on stored scores, for the videos whose clips stay the same."""

import json
from typing import Any

import polars as pl

from curate.recut import recut
from jobs.measure import TABLES, Committer, to_ipc
from jobs.run import Run


def run_recut(run: Run, stage: str) -> int:
    """Cut anew, from stored scores, every video that was measured under other thresholds.

    A video of which some clip is new needs its pixels again and is left to the next measure.

    Args:
        run: The run.
        stage: The stage in whose record the counts go.

    Returns:
        Videos that are left to measure.
    """
    if run.config.shots.backend == "pyscenedetect":
        return 0
    videos = run.corpus.read("videos")
    others = videos.filter(
        (pl.col("signals_key") == run.keys.signals)
        & pl.col("measured_key").ne_missing(run.keys.measure)
        & pl.col("status").is_in(["ok", "partial"])
    ).unique("video_id", maintain_order=True)
    if others.is_empty():
        return 0
    committer = Committer(run, videos, stage)
    left = 0
    for facts in others.select("video_id", "status", "error", "error_detail").iter_rows(named=True):
        made = recut(_stored(run, facts["video_id"]), run.keys.measure, run.config)
        if made.unmeasured:
            left += 1
            continue
        row: dict[str, Any] = {"video_id": facts.pop("video_id"), "facts": json.dumps(facts)}
        tables = {name: to_ipc(made.tables[name]) for name in TABLES}
        committer.add({**row, **tables, "embeddings": None}, progress=False)
    committer.commit()
    run.note(stage, recut=len(others) - left, recut_needs_measure=left)
    return left


def _stored(run: Run, video_id: str) -> dict[str, pl.DataFrame]:
    """A video's rows in the measured tables."""
    clips = run.corpus.scan("clips").filter(pl.col("video_id") == video_id).collect()
    of_clips = pl.col("clip_id").is_in(clips["clip_id"].to_list())
    return {
        "clips": clips,
        **{
            name: run.corpus.scan(name).filter(pl.col("video_id") == video_id).collect()
            for name in ("shots", "frames")
        },
        **{
            name: run.corpus.scan(name).filter(of_clips).collect()
            for name in ("scores", "evidence", "samples", "filmstrips")
        },
    }
