"""What is left of the change between two frames once the camera's motion is taken out."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from filters.base import Float
from filters.tracks import Box, Plane, Points

Field = npt.NDArray[np.float32]
"""(h, w) float32 over the half-size frame."""

WINDOW_PX: Final = 7
"""Side of the windows over which the residual is averaged, px of the half-size frame."""
GRADIENT: Final = 10.0
"""Grey levels per px that count as no texture: noise in flat parts gives no motion."""
BLUR_PX: Final = 1.0
LIMIT_PX: Final = 0.22
"""Residual of the half-size frame (160 px) from which a pixel moves: 0.14 % of the width a pair.
Stills through x264 at crf 33 leave 0.03 to 0.1."""
TRAVEL: Final = 0.1
"""Share of the picture's displacement that depth, rolling shutter and blur may leave."""
LEAST_CHANGE: Final = 3.5
"""Grey levels by which a window must differ too, once sharpened edges and noise are averaged."""
PLACE_PX: Final = 8
"""Half the side of the place around a track, px of the half-size frame: a tile and its rim."""


@dataclass(frozen=True, slots=True)
class Left:
    """What moves on its own between two frames.

    Attributes:
        share: Of the picture inside the content box, 0 to 1.
        energy_px: Root mean square displacement over the picture, px of the full-size frame.
    """

    share: float
    energy_px: float


def left(
    previous: Plane,
    current: Plane,
    matrix: Float,
    box: Box,
    leaving: Points,
    distance_px: Float,
    pinned: Points,
) -> Left:
    """Compare a frame with the next one carried back by the camera's motion.

    Where the two differ by more than misalignment explains, the picture moves. How far is told by
    the change over the gradient (normal flow), or by a track that leaves the camera's motion there.

    Args:
        previous: (H, W) uint8 luma.
        current: Likewise, later.
        matrix: (2, 3) similarity about the frame's centre from `previous` to `current`, px.
        box: Where the picture is.
        leaving: (K, 2) starts of tracks that do not follow the similarity, px.
        distance_px: (K,) their distances to it.
        pinned: (M, 2) places of overlays, px.

    Source:
        Irani and Anandan 1998 (normal flow against the residual of a global model).
    """
    before, after = _half(previous), _half(current)
    valid, aligned = _carry_back(after, matrix, box, previous.shape)
    for column, row in (pinned / 2).astype(int):
        valid[_around(row), _around(column)] = 0
    count = int(cv2.countNonZero(valid))
    if count < WINDOW_PX**2:
        return Left(0.0, 0.0)
    speed, moves = _normal_flow(before, aligned, valid, _travel_px(matrix, previous.shape) / 2)
    height, width = before.shape
    for (x, y), far_px in zip(leaving / 2, distance_px / 2, strict=True):
        column, row = min(int(x), width - 1), min(int(y), height - 1)
        if moves[row, column]:
            near = _around(row), _around(column)
            np.maximum(speed[near], far_px, out=speed[near], where=moves[near])
    energy = float(np.sqrt((speed[moves] ** 2).sum() / count)) if moves.any() else 0.0
    return Left(float(np.count_nonzero(moves)) / count, 2 * energy)


def _around(place: int) -> slice:
    """The rows or columns around a track."""
    return slice(max(0, int(place) - PLACE_PX), int(place) + PLACE_PX)


@dataclass(frozen=True, slots=True)
class Leftover:
    """What a similarity leaves between two frames that are further apart.

    Attributes:
        flow_px: 90 % quantile of the residual flow over the picture, px of the half-size frame.
        share: Of the picture that changes, 0 to 1.
    """

    flow_px: float
    share: float


def leftover(before: Plane, after: Plane, matrix: Float, box: Box) -> Leftover:
    """How well a similarity explains a frame by an earlier one, whatever the distance it bridges.

    Args:
        before: (H, W) uint8 luma.
        after: Likewise, later.
        matrix: (2, 3) similarity about the frame's centre from `before` to `after`, px.
        box: Where the picture is.
    """
    valid, aligned = _carry_back(_half(after), matrix, box, before.shape)
    flow, moves = _normal_flow(_half(before), aligned, valid, 0.0)
    inside = flow[valid > 0]
    if len(inside) < WINDOW_PX**2:
        return Leftover(np.inf, 1.0)
    rank = round(0.9 * (len(inside) - 1))
    return Leftover(float(np.partition(inside, rank)[rank]), float(moves.sum()) / len(inside))


def _half(plane: Plane) -> Field:
    size = (max(1, plane.shape[1] // 2), max(1, plane.shape[0] // 2))
    small = cv2.resize(plane, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    # Fine texture at the limit of the sampling changes with any shift of a fraction of a pixel.
    return np.asarray(cv2.GaussianBlur(small, (5, 5), BLUR_PX), np.float32)


def _carry_back(
    after: Field, matrix: Float, box: Box, shape: tuple[int, ...]
) -> tuple[Plane, Field]:
    """Where both frames show the picture, and the later frame at the earlier one's places."""
    height, width = after.shape
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    move = np.empty((2, 3))
    move[:, :2] = matrix[:, :2]
    move[:, 2] = matrix[:, 2] / 2 + centre - matrix[:, :2] @ centre
    x, y, w, h = (round(v / 2) for v in box)
    shown = np.zeros((height, width), np.uint8)
    shown[y + 2 : y + h - 2, x + 2 : x + w - 2] = 1
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    aligned = cv2.warpAffine(after, move, (width, height), flags=flags)
    carried = cv2.warpAffine(
        shown, move, (width, height), flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    )
    return np.asarray(cv2.bitwise_and(shown, carried), np.uint8), np.asarray(aligned, np.float32)


def _normal_flow(
    before: Field, aligned: Field, valid: Plane, travel_px: float
) -> tuple[Field, npt.NDArray[np.bool_]]:
    """Residual displacement in px, and where it is motion."""
    change = aligned - before
    change -= np.float32(np.median(change[valid > 0]))
    np.abs(change, out=change)
    change *= valid
    mean = (before + aligned) / 2
    dx = cv2.Sobel(mean, cv2.CV_32F, 1, 0, scale=1 / 8)
    dy = cv2.Sobel(mean, cv2.CV_32F, 0, 1, scale=1 / 8)
    gradient = cv2.magnitude(dx, dy)
    window = (WINDOW_PX, WINDOW_PX)
    over = cv2.boxFilter(change * gradient, -1, window)
    under = cv2.boxFilter(gradient * gradient, -1, window) + GRADIENT**2
    flow = np.asarray(over / under, np.float32)
    changed = cv2.boxFilter(change, -1, window)
    limit_px = max(LIMIT_PX, TRAVEL * travel_px)
    return flow, (flow > limit_px) & (changed > LEAST_CHANGE) & (valid > 0)


def _travel_px(matrix: Float, shape: tuple[int, ...]) -> float:
    """Root mean square displacement over the frame, px."""
    height, width = shape
    bend = float(((matrix[:, :2] - np.eye(2)) ** 2).sum() / 2) * (width**2 + height**2) / 12
    return float(np.sqrt((matrix[:, 2] ** 2).sum() + bend))
