"""Benchmark section on cost: CPU of all motion work per decoded frame, and against decoding."""

import argparse
import time
from collections import defaultdict
from typing import Any, Final

import numpy as np

import curate.window
from benchmarks.motion_sources import files
from curate.config import Config
from curate.decode import Video
from curate.window import ClipWindow
from filters import motion
from filters.base import Unmeasurable
from filters.registry import FILTERS
from manifests.errors import BadVideoError

MOTION = (
    "blank_share", "static_change", "freeze_share", "repeated_frames", "slideshow", "ken_burns",
    "boomerang", "loop", "flicker", "camera_motion", "camera_shake", "camera_steadiness",
    "camera_parallax", "camera_confidence", "camera_pan", "camera_tilt", "camera_zoom",
    "camera_roll", "object_motion", "moving_area",
)  # fmt: skip

HEIGHTS: Final = (240, 360, 480, 720, 1080)
FILES: Final = 6
"""Of each height, the first in order."""


def cost(options: argparse.Namespace) -> dict[str, Any]:
    """Milliseconds of CPU a frame, for files of several heights, scaled to 30 frames a second.

    Motion is the estimate between analysed frames, and every score of MOTION with its evidence.
    Scaling the frame to the sizes that are analysed is shared with shots and told apart.
    """
    groups: dict[int, list[tuple[float, ...]]] = defaultdict(list)
    for _, path in files(options.clips):
        try:
            near = min(HEIGHTS, key=lambda h: abs(h - _height(str(path))))
            row = _file(str(path)) if len(groups[near]) < FILES else None
        except BadVideoError:
            continue
        if row is not None:
            groups[near].append(row)
    found = {}
    for height, rows in sorted(groups.items()):
        seconds, frames, decode, scale, estimate, scores = np.sum(rows, axis=0)
        ms = 1000 / (30 * seconds)
        found[str(height)] = {
            "decode_ms": 1000 * decode / frames, "scale_ms": ms * scale,
            "estimate_ms": ms * estimate,
            "scores_ms": ms * scores, "motion_ms": ms * (estimate + scores),
            "ratio_to_decode": (estimate + scores) / decode,
        }  # fmt: skip
        print(height, {key: round(value, 3) for key, value in found[str(height)].items()})
    return found


def _height(uri: str) -> int:
    """Shorter side of the first frame, px; 0 where there is none."""
    with Video(uri, Config().limits) as video:
        return next((min(frame.size) for frame in video), 0)


def _file(uri: str) -> tuple[float, ...] | None:
    """Seconds, frames, and CPU s of decoding, scaling, estimating and scoring the first 8 s."""
    config = Config()
    window = ClipWindow(config.measure, 0.5)
    spent: dict[str, float] = defaultdict(float)
    estimate = motion.estimate
    patched: Any = curate.window

    def timed(*args: Any) -> Any:
        start = time.process_time()
        found = estimate(*args)
        spent["estimate"] += time.process_time() - start
        return found

    patched.estimate = timed
    try:
        with Video(uri, config.limits) as video:
            first, count, t_s = None, 0, 0.0
            start = time.process_time()
            for frame in video:
                spent["decode"] += time.process_time() - start
                t_s = float(frame.pts * video.time_base)
                first = t_s if first is None else first
                if t_s - first >= 8:
                    break
                start = time.process_time()
                luma = frame.to_array(64, 36, "yuvj444p")[0]
                before = spent["estimate"]
                window.add(frame, t_s, luma)
                spent["scale"] += time.process_time() - start - (spent["estimate"] - before)
                count = frame.index + 1
                start = time.process_time()
    finally:
        patched.estimate = estimate
    if count < 50 or first is None or t_s - first < 2:
        return None
    clip = window.clip(0, count, first, None)
    if clip is None:
        return None
    start = time.process_time()
    for name in MOTION:
        try:
            FILTERS[name].score(clip)
            evidence = FILTERS[name].evidence
            if evidence is not None:
                evidence(clip)
        except Unmeasurable:
            pass
    spent["scores"] = time.process_time() - start
    seconds = float(clip.tiny_t_s[-1])
    return (seconds, count, *(spent[k] for k in ("decode", "scale", "estimate", "scores")))
