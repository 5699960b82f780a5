"""Sparse tracks between two frames: one corner per tile, followed there and back."""

import math
from typing import Final, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

Points: TypeAlias = npt.NDArray[np.float32]
"""(N, 2) float32 x, y in px."""
Plane: TypeAlias = npt.NDArray[np.uint8]
"""(H, W) uint8 luma of one frame."""
Box: TypeAlias = tuple[int, int, int, int]
"""x, y, width, height in px."""

TRACKS: Final = 144
"""Square tiles that cover the frame (16 x 9 in landscape), one corner each at most. Lucas-Kanade is
60 % of the time and grows with them; 200 make a pair a third dearer."""
MIN_CORNER: Final = 1e-4
"""Least eigenvalue of a corner in OpenCV's unit: what noise of 2 grey levels reaches within a tile.
Between 1e-5 and 3e-4 the measured pairs of 195 real clips hardly change; more corners cost time."""
SOFT_CORNER: Final = 1e-5
"""Taken instead where few corners pass MIN_CORNER: blurred and low-contrast pictures."""
FEW: Final = 24
"""Corners below which SOFT_CORNER holds: a sixth of the tiles."""
MIN_TRACKS: Final = 8
"""Four parameters need 2 points; with fewer than 8 a consensus can be an accident."""
ROUND_TRIP_PX: Final = 0.7
"""Forward-backward limit of algorithms.md 2.3, at 320 px."""
WINDOW_PX: Final = 15
LEVELS: Final = 3
"""15 px windows on 4 levels follow about 7 * 2**3 = 56 px of 320, at 6 pairs a second one frame
width a second; pictures with coarse structure 80 px, blurred ones 30 px."""
BAR_STD: Final = 3.0
"""Grey levels along a line of a flat border, after compression (filters.letterbox)."""
BAR_RANGE: Final = 30
"""Grey levels that no flat line spans: a quick way to see that there is no border."""
BAR_STEP: Final = 3.0
"""Grey levels by which lines of one border may differ in their mean."""
MIN_BAR_PX: Final = 3
"""Thinner borders are scaler fringes."""
FRINGE_PX: Final = 3
"""Corners this near to a bar lie on its edge: half the 3x3 blocks of the eigenvalue, and blur."""


def common_box(previous: Plane, current: Plane) -> Box:
    """The picture without borders that are flat and equal in both frames.

    A plain sky counts as a border too; nothing could be tracked in it anyway.
    """
    height, width = previous.shape
    top, bottom = _bars(previous, current, 1)
    left, right = _bars(previous, current, 0)
    if top + bottom >= height - 2 * FRINGE_PX or left + right >= width - 2 * FRINGE_PX:
        return 0, 0, width, height
    return left, top, width - left - right, height - top - bottom


def corners(plane: Plane, box: Box) -> Points:
    """(N, 2) strongest corner of each square tile, so that no rich region takes all the tracks.

    Args:
        plane: (H, W) uint8 luma.
        box: Corners at its edges, where it is not the frame's, are bars and left out.
    """
    tile = max(4, round(math.sqrt(plane.size / TRACKS)))
    rows, columns = plane.shape[0] // tile, plane.shape[1] // tile
    strength = np.asarray(cv2.cornerMinEigenVal(plane, 3), np.float32)
    _blank_outside(strength, box)
    # (rows, tile, columns, tile) -> (rows * columns, tile * tile)
    cut = strength[: rows * tile, : columns * tile]
    tiles = cut.reshape(rows, tile, columns, tile).swapaxes(1, 2).reshape(-1, tile * tile)
    best = tiles.argmax(axis=1)
    peak = tiles[np.arange(len(tiles)), best]
    good = np.flatnonzero(peak > MIN_CORNER)
    if len(good) < FEW:
        good = np.flatnonzero(peak > SOFT_CORNER)
    x = good % columns * tile + best[good] % tile
    y = good // columns * tile + best[good] // tile
    return np.stack([x, y], axis=1).astype(np.float32)


def follow(previous: Plane, current: Plane, points: Points) -> tuple[Points, Points]:
    """Start and end of the points that come back to where they started.

    Source:
        Bouguet 2000 (pyramidal Lucas-Kanade), Kalal 2010 (forward-backward check).
    """
    if not len(points):
        return points, points
    end, found = find(previous, current, points)
    back, returned = find(current, previous, end)
    error = np.linalg.norm(back - points, axis=1)
    height, width = previous.shape
    inside = (end >= 0).all(axis=1) & (end <= (width - 1, height - 1)).all(axis=1)
    kept = found & returned & (error < ROUND_TRIP_PX) & inside
    return points[kept], end[kept]


def find(source: Plane, target: Plane, points: Points) -> tuple[Points, npt.NDArray[np.bool_]]:
    """Places of (N, 2) points in `target`, N > 0, and whether Lucas-Kanade found them."""
    end, found, _ = cv2.calcOpticalFlowPyrLK(
        source,
        target,
        points,
        points.copy(),
        winSize=(WINDOW_PX, WINDOW_PX),
        maxLevel=LEVELS,
        # A step of 0.03 px is a tenth of the least limit on outliers; most tracks stop before 10.
        criteria=(cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 10, 0.03),
    )
    return end.astype(np.float32, copy=False), found[:, 0] == 1


def _bars(previous: Plane, current: Plane, axis: int) -> tuple[int, int]:
    """Widths of the borders at both ends; `axis` 1 looks at rows, 0 at columns."""
    ends = (previous[0], previous[-1]) if axis else (previous[:, 0], previous[:, -1])
    if all(float(np.ptp(end)) > BAR_RANGE for end in ends):
        return 0, 0
    flat, level = _lines(previous, axis)
    flat_after, level_after = _lines(current, axis)
    steady = flat & flat_after & (np.abs(level - level_after) < BAR_STEP)
    return _run(steady, level), _run(steady[::-1], level[::-1])


def _lines(plane: Plane, axis: int) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float32]]:
    """Which lines of a plane are of one colour, and their mean."""
    mean = cv2.reduce(plane, axis, cv2.REDUCE_AVG, dtype=cv2.CV_32F).ravel()
    square = cv2.reduce(plane, axis, cv2.REDUCE_SUM2, dtype=cv2.CV_32F).ravel()
    count = plane.shape[axis]
    return square / count - mean**2 < BAR_STD**2, mean.astype(np.float32, copy=False)


def _run(steady: npt.NDArray[np.bool_], level: npt.NDArray[np.float32]) -> int:
    """Length of the run of border lines of one colour from the start; 0 below MIN_BAR_PX."""
    border = steady & (np.abs(level - level[0]) < BAR_STEP)
    length = int(border.argmin()) if not border.all() else len(border)
    return length if length >= MIN_BAR_PX else 0


def _blank_outside(strength: npt.NDArray[np.float32], box: Box) -> None:
    """Set to 0, in place, what lies outside a box or on its edge."""
    height, width = strength.shape
    x, y, w, h = box
    if y:
        strength[: y + FRINGE_PX] = 0
    if y + h < height:
        strength[y + h - FRINGE_PX :] = 0
    if x:
        strength[:, : x + FRINGE_PX] = 0
    if x + w < width:
        strength[:, x + w - FRINGE_PX :] = 0
