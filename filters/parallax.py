"""Depth that shows: evidence that the camera travelled and did not only turn or zoom."""

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from filters import tracks
from filters.base import Clip, Evidence, Float, Gray, Unmeasurable, once
from filters.camera import rates
from filters.tracks import Points

LAG_S: Final = 0.5
"""Base between two compared frames (algorithms.md section 2.3)."""
EVERY_S: Final = 2.0
"""A comparison this often."""
TRAVEL: Final = 0.12
"""Frame widths that the picture may travel over the base, which tracks still follow."""
AT_REST: Final = 0.004
"""Frame widths a second below which the camera rests, and nothing can show depth."""
LEAST: Final = 24
"""Tracks needed: a fundamental matrix takes 8, and must not fit them by chance."""
RANK: Final = 0.65
"""Quantile of the tracks' distances: a plane can explain half of a deep scene, and a foreground of
a quarter of the picture that moves on its own lies above."""
RING: Final = 0.25
"""Share of the frame's side that is near a border."""
LEAST_SIDE: Final = 5
"""Tracks near a border for it to be heard. Of those heard the second of four counts: a foreground
that moves on its own reaches one or two, depth shows at all of them."""
FIT_PX: Final = 1.0
"""Limit of both robust fits, px of 320."""


def speed(clip: Clip) -> float:
    """Motion that depth adds to a turn or zoom of the camera, in frame widths a second, 0 up.

    Between frames half a second apart, the distance of the tracks (65 % quantile of those near
    a border) to a homography, which explains any turn and zoom and any move past a plane, less
    that to an epipolar geometry, which explains any move past a rigid scene: 0 for turns, zooms
    and photographs, and for things that move without rule. The second lowest of the four
    borders counts, and the median over comparisons.

    Raises:
        Unmeasurable: As `filters.camera.valid_pairs`, or "textureless" with fewer than 24 tracks.
    """
    return float(np.median([value for _, _, value in _compared(clip)]))


def spans(clip: Clip) -> list[Evidence]:
    """The compared spans in which depth shows most.

    Raises:
        Unmeasurable: As `speed`.
    """
    found = _compared(clip)
    most = max(value for _, _, value in found)
    return [
        Evidence(float(clip.gray_t_s[i]), float(clip.gray_t_s[j]), None, value)
        for i, j, value in found
        if value > 0 and value >= most / 2
    ]


@once
def _compared(clip: Clip) -> list[tuple[int, int, float]]:
    """First and second frame of each comparison, and its parallax in widths a second."""
    fastest = float(np.median(np.linalg.norm(rates(clip), axis=1)))
    t_s = clip.gray_t_s
    if fastest < AT_REST:
        return [(0, len(t_s) - 1, 0.0)]
    step_s = float(np.median(np.diff(t_s)))
    lag = round(min(LAG_S, TRAVEL / max(fastest, 1e-6)) / step_s)
    lag = max(1, min(lag, len(t_s) - 1))
    found = []
    for i in range(0, len(t_s) - lag, max(1, round(EVERY_S / step_s))):
        value = _between(clip.gray[i], clip.gray[i + lag])
        if value is not None:
            found.append((i, i + lag, value / float(t_s[i + lag] - t_s[i])))
    if not found:
        raise Unmeasurable("textureless")
    return found


def _between(before: Gray, after: Gray) -> float | None:
    """Parallax of two frames in frame widths, None with too few tracks."""
    corners = tracks.corners(before, tracks.common_box(before, after))
    if len(corners) < LEAST:
        return None
    start, end = tracks.follow(before, after, corners)
    if len(start) < LEAST:
        return None
    limit_px = FIT_PX * max(before.shape) / 320
    plane = _off_homography(start, end, limit_px)
    rigid = _off_epipolar(start, end, limit_px)
    if plane is None or rigid is None:
        return None
    found = []
    for side in _sides(start, before.shape[1], before.shape[0]):
        if side.sum() >= LEAST_SIDE:
            found.append(float(np.quantile(plane[side], RANK) - np.quantile(rigid[side], RANK)))
    if len(found) < 2:
        return None
    return max(0.0, sorted(found)[(len(found) - 1) // 2]) / int(before.shape[1])


def _sides(points: Points, width: int, height: int) -> list[npt.NDArray[np.bool_]]:
    """Which points lie near the left, right, upper and lower border."""
    x, y = points[:, 0] / width, points[:, 1] / height
    return [x < RING, x > 1 - RING, y < RING, y > 1 - RING]


def _off_homography(start: Points, end: Points, limit_px: float) -> Float | None:
    """Distances in px of the ends to where a homography puts them."""
    matrix, _ = cv2.findHomography(start, end, cv2.RANSAC, limit_px, maxIters=300)
    if matrix is None:
        return None
    placed = cv2.perspectiveTransform(start[:, None], matrix)[:, 0]
    return np.asarray(np.linalg.norm(placed - end, axis=1), np.float64)


def _off_epipolar(start: Points, end: Points, limit_px: float) -> Float | None:
    """Distances in px of the ends to their epipolar lines."""
    matrix, _ = cv2.findFundamentalMat(start, end, cv2.FM_RANSAC, limit_px, 0.99, 300)
    if matrix is None or matrix.shape != (3, 3):
        return None
    ones = np.ones((len(start), 1))
    lines = np.hstack([start, ones]) @ matrix.T
    along = np.abs((np.hstack([end, ones]) * lines).sum(axis=1))
    return np.asarray(along / np.maximum(np.linalg.norm(lines[:, :2], axis=1), 1e-12))
