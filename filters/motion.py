"""Global motion between two analysed frames: corners, pyramidal Lucas-Kanade, one similarity."""

import math
from typing import Final, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from filters.base import GlobalMotion

Points: TypeAlias = npt.NDArray[np.float32]
"""(N, 2) float32 x, y in px."""
Plane: TypeAlias = npt.NDArray[np.uint8]
"""(H, W) uint8 luma of one frame."""

TRACKS: Final = 144
"""Square tiles that cover the frame (16 x 9 in landscape), one corner each at most. Lucas-Kanade is
60 % of the time and grows with them; 200 make a pair a third dearer."""
GRID: Final = 8
"""Cells along each side for `moving`, as GlobalMotion defines it."""
MIN_CORNER: Final = 1e-4
"""Least eigenvalue of a corner in OpenCV's unit: what noise of 2 grey levels reaches within a tile.
Between 1e-5 and 3e-4 the measured pairs of 195 real clips hardly change; more corners cost time."""
MIN_TRACKS: Final = 8
"""Four parameters need 2 points; with fewer than 8 a consensus can be an accident."""
MIN_INLIERS: Final = 0.2
"""Below this the largest consistent group is no longer the picture. Walking with a head camera, the
worst usable case among real clips, lies at 0.26 to 0.35. (Pairs across a cut fail earlier: of 303
pairs of different clips, those of different content kept fewer than MIN_TRACKS or no consensus.)"""
INLIER: Final = 1.5 / 640
"""Distance to the similarity, in longer sides, within which a track follows it (algorithms.md 2.2);
not below 0.5 px, which is as good as LK gets on frames of 64 px."""
PARALLAX: Final = 0.1
"""Share of the median displacement that is allowed too: depth and rolling shutter bend the motion
of a moving camera in proportion to its speed."""
ROUND_TRIP_PX: Final = 0.7
"""Forward-backward limit of algorithms.md 2.3, at 320 px."""
WINDOW_PX: Final = 15
LEVELS: Final = 3
"""15 px windows on 4 levels follow about 7 * 2**3 = 56 px of 320, at 6 pairs a second one frame
width a second; pictures with coarse structure 80 px, blurred ones 30 px."""
FLAT_STD: Final = 3.0
"""Grey levels; at or below it a picture is of one colour, compression noise included."""


def estimate(previous: Plane, current: Plane) -> GlobalMotion:
    """Similarity that carries `previous` to `current`, robust to objects that move on their own.

    Args:
        previous: (H, W) uint8 luma.
        current: (H, W) uint8 luma of the same size, later in time.

    Returns:
        The motion of the content (not of the camera), or all nan with `missing` set: "black"
        (a frame of one colour), "textureless" (too few corners), "no_consensus" (corners were
        lost, or agree on nothing).

    Raises:
        ValueError: The two differ in shape or are not (H, W) uint8.

    Source:
        Shi and Tomasi 1994 (corners, here the strongest of each tile instead of a global list),
        Bouguet 2000 (pyramidal Lucas-Kanade), Kalal 2010 (forward-backward check); numbers from
        research/algorithms.md section 2.
    """
    _check(previous, current)
    if min(_spread(previous), _spread(current)) <= FLAT_STD:
        return GlobalMotion(missing="black")
    corners = _corners(previous)
    if len(corners) < MIN_TRACKS:
        return GlobalMotion(missing="textureless")
    start, end = _tracks(previous, current, corners)
    if len(start) < MIN_TRACKS:
        return GlobalMotion(missing="no_consensus")
    return _similarity(start, end, previous.shape[1], previous.shape[0])


def _check(previous: Plane, current: Plane) -> None:
    for name, plane in (("previous", previous), ("current", current)):
        if plane.ndim != 2 or plane.dtype != np.uint8:
            raise ValueError(f"{name} must be (H, W) uint8, not {plane.shape} {plane.dtype}")
    if previous.shape != current.shape:
        raise ValueError(f"frames differ in size: {previous.shape}, {current.shape}")


def _spread(plane: Plane) -> float:
    """Standard deviation in grey levels, at a tenth of the time that numpy takes."""
    return float(cv2.meanStdDev(plane)[1].item())


def _corners(plane: Plane) -> Points:
    """(N, 2) strongest corner of each square tile, so that no rich region takes all the tracks."""
    tile = max(4, round(math.sqrt(plane.size / TRACKS)))
    rows, columns = plane.shape[0] // tile, plane.shape[1] // tile
    strength = cv2.cornerMinEigenVal(plane, 3)[: rows * tile, : columns * tile]
    # (rows, tile, columns, tile) -> (rows * columns, tile * tile)
    tiles = strength.reshape(rows, tile, columns, tile).swapaxes(1, 2).reshape(-1, tile * tile)
    best = tiles.argmax(axis=1)
    good = np.flatnonzero(tiles[np.arange(len(tiles)), best] > MIN_CORNER)
    x = good % columns * tile + best[good] % tile
    y = good // columns * tile + best[good] // tile
    return np.stack([x, y], axis=1).astype(np.float32)


def _tracks(previous: Plane, current: Plane, corners: Points) -> tuple[Points, Points]:
    """Start and end of the corners that come back to where they started."""
    end, found = _follow(previous, current, corners)
    back, returned = _follow(current, previous, end)
    error = np.linalg.norm(back - corners, axis=1)
    height, width = previous.shape
    inside = (end >= 0).all(axis=1) & (end <= (width - 1, height - 1)).all(axis=1)
    kept = found & returned & (error < ROUND_TRIP_PX) & inside
    return corners[kept], end[kept]


def _follow(source: Plane, target: Plane, points: Points) -> tuple[Points, npt.NDArray[np.bool_]]:
    """Places of (N, 2) points in `target`, and whether Lucas-Kanade found them."""
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


def _similarity(start: Points, end: Points, width: int, height: int) -> GlobalMotion:
    """Fit the similarity about the frame's centre and state it in units of the frame."""
    centre = np.array([(width - 1) / 2, (height - 1) / 2], np.float32)
    travel_px = float(np.median(np.linalg.norm(end - start, axis=1)))
    limit_px = max(0.5, INLIER * max(width, height), PARALLAX * travel_px)
    matrix, inliers = cv2.estimateAffinePartial2D(
        start - centre, end - centre, method=cv2.RANSAC, ransacReprojThreshold=limit_px
    )
    if matrix is None or inliers.mean() < MIN_INLIERS or inliers.sum() < MIN_TRACKS // 2:
        return GlobalMotion(missing="no_consensus")
    predicted = (start - centre) @ matrix[:, :2].T + matrix[:, 2]
    distance_px = np.linalg.norm(end - centre - predicted, axis=1)
    cosine, sine = float(matrix[0, 0]), float(matrix[1, 0])
    return GlobalMotion(
        tx=float(matrix[0, 2]) / width,
        ty=float(matrix[1, 2]) / height,
        log_scale=math.log(math.hypot(cosine, sine)),
        # y points down, so a positive angle of the matrix is clockwise as seen.
        roll_deg=-math.degrees(math.atan2(sine, cosine)),
        inlier_ratio=float(inliers.mean()),
        residual=float(np.median(distance_px)) / width,
        moving=_moving_cells(start, distance_px > limit_px, width, height),
    )


def _moving_cells(start: Points, leaves: npt.NDArray[np.bool_], width: int, height: int) -> float:
    """Share of the GRID x GRID cells in which at least half of the tracks leave the similarity."""
    cell = (start * (GRID / width, GRID / height)).astype(np.int64)
    index = cell[:, 1] * GRID + cell[:, 0]
    tracks = np.bincount(index, minlength=GRID * GRID)
    leaving = np.bincount(index, weights=leaves, minlength=GRID * GRID)
    return float(((tracks > 0) & (2 * leaving >= tracks)).mean())
