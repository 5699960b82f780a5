"""Which groups of filters object to a window of the raw timeline."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from curate.study.ledger.groups import group_of

CUTS: Final = "cuts"

_CLOCK_S: Final = 1e-6  # times that differ by less are equal but for rounding


@dataclass(frozen=True, slots=True)
class _Video:
    """Spans of one video in order of time; `shot` is the shot of each clip."""

    shot_starts: npt.NDArray[np.float64]
    shot_ends: npt.NDArray[np.float64]
    clip_starts: npt.NDArray[np.float64]
    clip_ends: npt.NDArray[np.float64]
    clips: Sequence[str]


def flag_windows(
    windows: pl.DataFrame,
    shots: pl.DataFrame,
    clips: pl.DataFrame,
    reasons: Mapping[str, Sequence[str]],
) -> dict[str, frozenset[str]]:
    """Judge windows of the raw timeline by the verdicts on the clips that they overlap.

    All arms of the ledger are subsets of one set of windows, so that arms differ in what was
    filtered and in nothing else: neither in length, nor in cropping, nor in how far from a cut
    footage begins.

    Args:
        windows: window_id, video_id, start_s and end_s: times of the first and last frame.
        shots: Rows of `shots`.
        clips: Rows of `clips`.
        reasons: Clip -> names of the reasons for which it is dropped; a kept clip may be absent.

    Returns:
        Window -> groups (`curate.study.ledger.groups`) that object to it. `cuts` objects where the
        window is not inside one shot, or inside a shot that gave no clip there. Any other group
        objects where it dropped a clip of which the window shows a frame.
    """
    videos = _videos(shots, clips)
    flags: dict[str, frozenset[str]] = {}
    for name, video, start, end in windows.select(
        "window_id", "video_id", "start_s", "end_s"
    ).iter_rows():
        spans = videos.get(video)
        flags[name] = frozenset({CUTS}) if spans is None else _flags(spans, start, end, reasons)
    return flags


def _flags(
    video: _Video, start: float, end: float, reasons: Mapping[str, Sequence[str]]
) -> frozenset[str]:
    found = set()
    inside = (video.shot_starts <= start + _CLOCK_S) & (end < video.shot_ends - _CLOCK_S)
    shown = (video.clip_starts <= end + _CLOCK_S) & (start < video.clip_ends - _CLOCK_S)
    if not inside.any() or not shown.any():
        found.add(CUTS)
    for place in np.flatnonzero(shown):
        found |= {group_of(reason) for reason in reasons.get(video.clips[int(place)], ())}
    return frozenset(found)


def _videos(shots: pl.DataFrame, clips: pl.DataFrame) -> dict[str, _Video]:
    seconds = pl.col("time_base_num") / pl.col("time_base_den")
    timed = shots.with_columns(
        start_s=pl.col("start_pts") * seconds, end_s=pl.col("end_pts") * seconds
    )
    clips_of = {
        str(video): part
        for (video,), part in clips.sort("start_s").group_by("video_id", maintain_order=True)
    }
    found = {}
    for (video,), part in timed.sort("start_s").group_by("video_id", maintain_order=True):
        own = clips_of.get(str(video), clips.clear())
        found[str(video)] = _Video(
            part["start_s"].to_numpy(),
            part["end_s"].to_numpy(),
            own["start_s"].to_numpy(),
            own["end_s"].to_numpy(),
            own["clip_id"].to_list(),
        )
    return found
