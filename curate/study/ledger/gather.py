"""The ledger's windows, collected from a corpus' tables."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import PurePosixPath

import numpy as np
import numpy.typing as npt
import polars as pl

from curate.actions import Actions
from curate.study.ledger.flags import flag_windows
from curate.study.ledger.settings import Ledger
from curate.study.spans import Window, windows

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Gathered:
    """What a ledger is made of.

    Attributes:
        windows: Table that `curate.study.ledger.plan.plan_ledger` takes.
        where: Window -> place of its tokens.
        actions: Window -> (T-1, K) recorded actions, of labelled windows.
        camera: Window -> (T-1, 2) added camera motion, of windows where it is known.
    """

    windows: pl.DataFrame
    where: dict[str, Window]
    actions: dict[str, Floats]
    camera: dict[str, Floats]


def gather(
    features: pl.DataFrame,
    videos: pl.DataFrame,
    shots: pl.DataFrame,
    clips: pl.DataFrame,
    reasons: Mapping[str, list[str]],
    source_of: Mapping[str, str],
    actions: Actions,
    settings: Ledger,
    camera: Actions | None = None,
) -> Gathered:
    """Cut raw spans into windows, and say of each where it may serve.

    Args:
        features: Rows of `features` of raw spans that have tokens.
        videos: video_id and uri.
        shots: Rows of `shots`.
        clips: Rows of `clips`.
        reasons: Clip -> reasons for which it is dropped.
        source_of: Video -> source; videos that share copies have one.
        actions: Recorded actions.
        settings: `window` and the patterns on names.
        camera: Added camera motion, where it is known.
    """
    name_of = {
        video: PurePosixPath(uri).name
        for video, uri in videos.sort("uri", descending=True).select("video_id", "uri").iter_rows()
    }
    sources = _sources(name_of, source_of, settings.source_pattern)
    spans = {row["clip_id"]: row for row in features.iter_rows(named=True)}
    rows, where, known, panned = [], {}, {}, {}
    for name, span, window in windows(features, settings.window):
        row = spans[span]
        video, step = row["video_id"], row["step_s"]
        start = row["t0_s"] + window.start * step
        done = actions.at_steps(video, start, window.length - 1, step, "sum")
        labelled = done.size > 0 and bool(np.isfinite(done).all())
        if labelled:
            known[name] = done
        if camera is not None:
            added = camera.at_steps(video, start, window.length - 1, step, "sum")
            if added.size and bool(np.isfinite(added).all()):
                panned[name] = added
        where[name] = window
        rows.append(
            {
                "window_id": name,
                "video_id": video,
                "name": name_of.get(video, ""),
                "start_s": start,
                "end_s": start + (window.length - 1) * step,
                "source": sources[video],
                "role": _role(name_of.get(video, ""), settings),
                "labelled": labelled,
            }
        )
    table = pl.DataFrame(rows, schema=_SCHEMA)
    flags = flag_windows(table, shots, clips, reasons)
    column = pl.Series("flags", [sorted(flags[n]) for n in table["window_id"]], pl.List(pl.String))
    return Gathered(table.with_columns(column), where, known, panned)


_SCHEMA = {
    "window_id": pl.String,
    "video_id": pl.String,
    "name": pl.String,
    "start_s": pl.Float64,
    "end_s": pl.Float64,
    "source": pl.String,
    "role": pl.String,
    "labelled": pl.Boolean,
}


def _role(name: str, settings: Ledger) -> str:
    """`eval`, `label` or `pool`, by the video's name."""
    if settings.eval_match and fnmatch(name, settings.eval_match):
        return "eval"
    if settings.label_match and fnmatch(name, settings.label_match):
        return "label"
    return "pool"


def _sources(
    name_of: Mapping[str, str], source_of: Mapping[str, str], pattern: str
) -> dict[str, str]:
    """Video -> source: one for videos that share copies or a match of the pattern."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while parent.setdefault(name, name) != name:
            name = parent[name]
        return name

    for video, name in sorted(name_of.items()):
        copies = root(f"copies of {source_of.get(video, video)}")
        match = re.search(pattern, name) if pattern else None
        if match is not None:
            parent[copies] = root(match.group(match.lastindex or 0))
    return {video: root(f"copies of {source_of.get(video, video)}") for video in name_of}
