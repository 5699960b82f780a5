"""Global motion between two analysed frames: the one similarity that most tracks follow."""

import math
from dataclasses import dataclass
from typing import Final, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from filters import residual, tracks, vectors
from filters.base import Float, GlobalMotion
from filters.tracks import Box, Plane, Points
from filters.vectors import Vectors

Mask: TypeAlias = npt.NDArray[np.bool_]
"""(N,) bool, one per track."""

MIN_INLIERS: Final = 0.2
"""Below this the largest consistent group is no longer the picture. Walking with a head camera, the
worst usable case among real clips, lies at 0.26 to 0.35. (Pairs across a cut fail earlier: of 303
pairs of different clips, those of different content kept fewer than MIN_TRACKS or no consensus.)"""
CLEAR: Final = 0.65
"""Share of tracks from which a group is the picture without looking for another."""
WIDE: Final = 0.5
"""And the share of the frame that it must span: more than any one object."""
INLIER: Final = 1.5 / 640
"""Distance to the similarity, in longer sides, within which a track follows it (algorithms.md 2.2);
not below 0.5 px, which is as good as LK gets on frames of 64 px."""
PARALLAX: Final = 0.1
"""Share of the median displacement that is allowed too: depth and rolling shutter bend the motion
of a moving camera in proportion to its speed."""
PINNED_PX: Final = 0.35
"""A track that stays this still while the picture passes under it lies on a caption, a logo, the
edge of a bar or the camera's own mount: part of neither camera nor world."""
PASSED_PX: Final = 1.5
"""Displacement of the picture at that place from which staying still is no accident."""
OUTER: Final = 0.25
"""Share of each side that is the border zone, where foreground objects lie least."""
OUTER_WEIGHT: Final = 2.0
"""Weight of a track in the border zone (algorithms.md 2.3)."""
PREDICTED: Final = 0.5
"""Share of the corners that a codec must have vectors of. Motion beyond an encoder's reach is intra
coded, and the few blocks that are predicted all the same are those that hardly move."""
FLAT_STD: Final = 3.0
"""Grey levels; at or below it a picture is of one colour, compression noise included."""
BLURRED_STD: Final = 12.0
"""Grey levels from which a picture without corners has structure that only blur can hide."""


def estimate(previous: Plane, current: Plane, codec: Vectors | None = None) -> GlobalMotion:
    """Similarity that carries `previous` to `current`, robust to objects that move on their own.

    Of the two largest groups of tracks that agree, the one that is spread wider over the frame and
    its border is the picture, so a textured object before a plain background does not pass for it.

    Args:
        previous: (H, W) uint8 luma.
        current: (H, W) uint8 luma of the same size, later in time.
        codec: Where given, corners of `current` are followed back along these vectors instead of
            forth and back by Lucas-Kanade.

    Returns:
        The motion of the content (not of the camera), or all nan with `missing` set: "black"
        (a frame of one colour), "textureless" (too few corners), "blurred" (too few corners though
        there is contrast), "no_vectors" (the codec tells nothing of a frame between, or of most
        corners) or "no_consensus" (corners were lost, or agree on nothing).

    Raises:
        ValueError: The two differ in shape or are not (H, W) uint8.

    Source:
        Kalal 2010 (forward-backward check), Fischler and Bolles 1981; numbers from
        research/algorithms.md section 2.
    """
    _check(previous, current)
    spread = min(_spread(previous), _spread(current))
    if spread <= FLAT_STD:
        return GlobalMotion(missing="black")
    box = tracks.common_box(previous, current)
    corners = tracks.corners(previous if codec is None else current, box)
    if len(corners) < tracks.MIN_TRACKS:
        return GlobalMotion(missing="textureless" if spread < BLURRED_STD else "blurred")
    if codec is None:
        start, end = tracks.follow(previous, current, corners)
    elif codec.fields is None:
        return GlobalMotion(missing="no_vectors")
    else:
        size = previous.shape[1], previous.shape[0]
        start, end = vectors.follow(codec, codec.fields, corners, size)
        if len(start) < PREDICTED * len(corners):
            return GlobalMotion(missing="no_vectors")
    if len(start) < tracks.MIN_TRACKS:
        return GlobalMotion(missing="no_consensus")
    group = _consensus(start, end, previous.shape[1], previous.shape[0])
    if group is None:
        return GlobalMotion(missing="no_consensus")
    return _describe(previous, current, start, end, group, box)


def fit(start: Points, end: Points, width: int, height: int) -> tuple[Float, Float] | None:
    """The similarity that most tracks follow, and their distances to it; None without consensus.

    Args:
        start: (N, 2) px.
        end: (N, 2) px.
        width: Of the frame, px.
        height: Of the frame, px.

    Returns:
        (2, 3) float64 about the frame's centre in px, and (N,) px.
    """
    group = _consensus(start, end, width, height)
    if group is None:
        return None
    passed = _moved(start, group.matrix, width, height)
    return group.matrix, np.linalg.norm(end - start - passed, axis=1)


def _moved(start: Points, matrix: Float, width: int, height: int) -> Float:
    """(N, 2) displacements of points under a similarity about the frame's centre, px."""
    centre = np.array([(width - 1) / 2, (height - 1) / 2], np.float32)
    return np.asarray((start - centre) @ (matrix[:, :2] - np.eye(2)).T + matrix[:, 2])


@dataclass(frozen=True, slots=True)
class _Group:
    """Tracks that one similarity explains.

    Attributes:
        matrix: (2, 3) float64 about the frame's centre, px.
        inliers: Which tracks follow it.
        limit_px: Within this distance.
        support: Weighted number of inliers times the share of the frame they span.
        spread: That share, 0 to 1.
    """

    matrix: Float
    inliers: Mask
    limit_px: float
    support: float
    spread: float


def _check(previous: Plane, current: Plane) -> None:
    for name, plane in (("previous", previous), ("current", current)):
        if plane.ndim != 2 or plane.dtype != np.uint8:
            raise ValueError(f"{name} must be (H, W) uint8, not {plane.shape} {plane.dtype}")
    if previous.shape != current.shape:
        raise ValueError(f"frames differ in size: {previous.shape}, {current.shape}")


def _spread(plane: Plane) -> float:
    """Standard deviation in grey levels, at a tenth of the time that numpy takes."""
    return float(cv2.meanStdDev(plane)[1].item())


def _consensus(start: Points, end: Points, width: int, height: int) -> _Group | None:
    """The best supported of the two largest groups; None where no group is the picture."""
    centre = np.array([(width - 1) / 2, (height - 1) / 2], np.float32)
    first = _group(start - centre, end - centre, np.ones(len(start), np.bool_), width, height)
    if first is None:
        return None
    if first.inliers.mean() >= CLEAR and first.spread >= WIDE:
        return first
    rest = ~first.inliers
    second = None
    if rest.sum() >= tracks.MIN_TRACKS:
        second = _group(start - centre, end - centre, rest, width, height)
    best = first if second is None or first.support >= second.support else second
    share = best.inliers.mean()
    return best if share >= MIN_INLIERS and best.inliers.sum() >= tracks.MIN_TRACKS // 2 else None


def _group(start: Points, end: Points, among: Mask, width: int, height: int) -> _Group | None:
    """The largest group among the marked tracks, given about the frame's centre."""
    moved_px = np.linalg.norm(end[among] - start[among], axis=1)
    limit_px = max(0.5, INLIER * max(width, height), PARALLAX * float(np.median(moved_px)))
    matrix, found = cv2.estimateAffinePartial2D(
        start[among], end[among], method=cv2.RANSAC, ransacReprojThreshold=limit_px
    )
    if matrix is None:
        return None
    inliers = np.zeros(len(start), np.bool_)
    inliers[among] = found[:, 0] == 1
    inside = start[inliers]
    if len(inside) < 3:
        return None
    half = np.array([width / 2, height / 2], np.float32)
    outer = (np.abs(inside) > (1 - 2 * OUTER) * half).any(axis=1)
    span = float(cv2.contourArea(cv2.convexHull(inside))) / (width * height)
    weight = float(np.where(outer, OUTER_WEIGHT, 1.0).sum())
    return _Group(np.asarray(matrix, np.float64), inliers, limit_px, weight * span, min(1.0, span))


def _describe(
    previous: Plane, current: Plane, start: Points, end: Points, group: _Group, box: Box
) -> GlobalMotion:
    """State the similarity in units of the frame, with what it leaves unexplained."""
    height, width = previous.shape
    matrix = group.matrix
    passed = _moved(start, matrix, width, height)
    stayed_px = np.linalg.norm(end - start, axis=1)
    pinned = (stayed_px < PINNED_PX) & (np.linalg.norm(passed, axis=1) > PASSED_PX)
    distance_px = np.linalg.norm(end - start - passed, axis=1)
    free = ~pinned
    leaves = free & (distance_px > group.limit_px)
    left = residual.left(
        previous, current, matrix, box, start[leaves], distance_px[leaves], start[pinned]
    )
    cosine, sine = float(matrix[0, 0]), float(matrix[1, 0])
    return GlobalMotion(
        tx=float(matrix[0, 2]) / width,
        ty=float(matrix[1, 2]) / height,
        log_scale=math.log(math.hypot(cosine, sine)),
        # y points down, so a positive angle of the matrix is clockwise as seen.
        roll_deg=-math.degrees(math.atan2(sine, cosine)),
        inlier_ratio=float(group.inliers.sum() / max(1, free.sum())),
        residual=float(np.median(distance_px[free])) / width if free.any() else 0.0,
        moving=left.share,
        energy=left.energy_px / width,
        spread=group.spread,
    )
