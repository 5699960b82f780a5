"""A photograph that is moved: the camera's motion explains every pixel, and runs like clockwork."""

import math
from typing import Final

import numpy as np

from filters import motion, residual, tracks
from filters.base import Clip, Evidence, Gray, once
from filters.camera import rates, valid_pairs

MIN_SPEED: Final = 0.005
"""Frame widths a second below which the picture rests (filters.static)."""
LAG_S: Final = 1.0
"""Frames so far apart are compared: long enough for depth, people and leaves to show."""
TRAVEL: Final = 0.15
"""Frame widths that the picture may travel between them, which tracks still follow."""
EVERY_S: Final = 0.75
"""A comparison this often."""
SUSPECT: Final = 0.75
"""Least mean inlier ratio of neighbouring frames for a clip to be looked at closely; photographs
scaled up and compressed hard keep 0.84."""
UNEVEN: Final = 0.4
"""Change of acceleration from pair to pair over the speed: a hand gives 0.5 and more."""
FLOW: Final = 0.15
"""Residual flow (px of 160) of the 90 % quantile of pixels; photographs through x264 leave 0.02 to
0.12, real takes 0.1 to 2."""
SHARE: Final = 0.012
"""Share of the picture that changes."""
TRACK_PX: Final = 0.5
"""Median distance of the tracks to one similarity, px of 320; rescaling costs tracks up to 0.5."""
LOST: Final = 0.3
"""Share of the tracks of neighbouring frames that leave the similarity."""


def likeness(clip: Clip) -> float:
    """How completely one moved photograph explains the clip, 0 to 1; 0 where the camera rests.

    1 / (1 + the sum of squares of five quantities over their scales): residual flow, share of the
    picture that changes and distance of tracks between frames a second apart, tracks lost between
    neighbouring frames, unevenness of the path. A take of a flat, lifeless scene from a tripod
    with a smooth head cannot be told from a photograph.

    Raises:
        Unmeasurable: As `filters.camera.valid_pairs`.
    """
    values = [value for _, _, value in _compared(clip)]
    return float(np.median(values)) if values else 0.0


def spans(clip: Clip) -> list[Evidence]:
    """The compared spans that a moved photograph explains to half or more.

    Raises:
        Unmeasurable: As `likeness`.
    """
    found = [(i, j, value) for i, j, value in _compared(clip) if value >= 0.5]
    return [
        Evidence(float(clip.gray_t_s[i]), float(clip.gray_t_s[j]), None, v) for i, j, v in found
    ]


@once
def _compared(clip: Clip) -> list[tuple[int, int, float]]:
    """First and second frame of each comparison, and how well a photograph explains it."""
    valid, _ = valid_pairs(clip)
    vectors = rates(clip)
    speed = float(np.median(np.linalg.norm(vectors, axis=1)))
    kept = min(1.0, float(np.mean([pair.inlier_ratio for pair in valid])))
    if speed < MIN_SPEED or kept < SUSPECT or len(vectors) < 4:
        return []
    bends = np.linalg.norm(np.diff(vectors, n=2, axis=0), axis=1)
    uneven = float(np.median(bends)) / speed
    path = ((1 - kept) / LOST) ** 2 + (uneven / UNEVEN) ** 2
    step_s = float(np.median(np.diff(clip.gray_t_s)))
    lag = round(min(LAG_S, TRAVEL / speed) / step_s)
    lag = max(1, min(lag, len(clip.gray) - 1))
    starts = range(0, len(clip.gray) - lag, max(1, round(EVERY_S / step_s)))
    return [
        (i, i + lag, 1 / (1 + path + _unexplained(clip.gray[i], clip.gray[i + lag])))
        for i in starts
    ]


def _unexplained(before: Gray, after: Gray) -> float:
    """Sum of squares of what one similarity leaves between two frames; large where none fits."""
    box = tracks.common_box(before, after)
    corners = tracks.corners(before, box)
    start, end = tracks.follow(before, after, corners)
    if len(start) < tracks.MIN_TRACKS:
        return np.inf
    fit = motion.fit(start, end, before.shape[1], before.shape[0])
    if fit is None:
        return np.inf
    matrix, distance_px = fit
    left = residual.leftover(before, after, matrix, box)
    track_px = float(np.median(distance_px)) * 320 / max(before.shape)
    parts = (left.flow_px / FLOW, left.share / SHARE, track_px / TRACK_PX)
    return math.fsum(part**2 for part in parts)
