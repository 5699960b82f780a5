"""Global motion between two analysed frames: the one similarity that most tracks follow."""

import math
from functools import partial
from typing import Final

import cv2
import numpy as np

from filters import layers, occlusion, residual, tracks, vectors
from filters.base import Float, GlobalMotion
from filters.layers import PINNED_PX, Layers
from filters.tracks import Box, Plane, Points
from filters.vectors import Vectors

PASSED_PX: Final = 1.5
"""Displacement of the picture at that place from which staying still is no accident."""
ENOUGH_SPREAD: Final = 0.5
"""Share of the frame that the picture's tracks must span for full trust: more than any object."""
UNDECIDED: Final = 0.3
"""Certainty (odds of less than two to one) below which it is not told which of two layers is the
picture: a wrong motion is worse than none."""
PREDICTED: Final = 0.5
"""Share of the corners that a codec must have vectors of. Motion beyond an encoder's reach is intra
coded, and the few blocks that are predicted all the same are those that hardly move."""
FLAT_STD: Final = 3.0
"""Grey levels; at or below it a picture is of one colour, compression noise included."""
BLURRED_STD: Final = 12.0
"""Grey levels from which a picture without corners has structure that only blur can hide."""


def estimate(
    previous: Plane, current: Plane, codec: Vectors | None = None, earlier: Plane | None = None
) -> GlobalMotion:
    """Similarity that carries `previous` to `current`, robust to objects that move on their own.

    Of the two largest groups of tracks that agree, the one that surrounds the other and reaches
    further is the picture (`filters.layers`), so a textured object before a plain background does
    not pass for it. Where that leaves a doubt and an earlier frame is given, the one that is hidden
    by the other is (`filters.occlusion`).

    Args:
        previous: (H, W) uint8 luma.
        current: (H, W) uint8 luma of the same size, later in time.
        codec: Where given, corners of `current` are followed back along these vectors instead of
            forth and back by Lucas-Kanade.
        earlier: (H, W) uint8 luma before `previous`, of the same size.

    Returns:
        The motion of the content (not of the camera), or all nan with `missing` set: "black"
        (a frame of one colour), "textureless" (too few corners), "blurred" (too few corners though
        there is contrast), "no_vectors" (the codec tells nothing of a frame between, or of most
        corners) or "no_consensus" (corners were lost, agree on nothing, or on two motions of which
        nothing tells the picture's).

    Raises:
        ValueError: The frames differ in shape or are not (H, W) uint8.

    Source:
        Kalal 2010 (forward-backward check), Fischler and Bolles 1981; numbers from
        research/algorithms.md section 2.
    """
    _check(previous=previous, current=current)
    if earlier is not None:
        _check(previous=previous, earlier=earlier)
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
    behind = None
    if earlier is not None:
        behind = partial(occlusion.behind, earlier, previous, current, start)
    found = layers.find(start, end, previous.shape[1], previous.shape[0], behind)
    if found is None or _is_undecided(found):
        return GlobalMotion(missing="no_consensus")
    return _describe(previous, current, start, end, found, box)


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
    found = layers.find(start, end, width, height)
    if found is None:
        return None
    matrix = found.picture.matrix
    passed = _moved(start, matrix, width, height)
    return matrix, np.linalg.norm(end - start - passed, axis=1)


def _is_undecided(found: Layers) -> bool:
    """Whether the picture may as well be the other of two layers, which moves another way."""
    return found.certainty is not None and found.certainty < UNDECIDED and not found.alike


def _moved(start: Points, matrix: Float, width: int, height: int) -> Float:
    """(N, 2) displacements of points under a similarity about the frame's centre, px."""
    centre = np.array([(width - 1) / 2, (height - 1) / 2], np.float32)
    return np.asarray((start - centre) @ (matrix[:, :2] - np.eye(2)).T + matrix[:, 2])


def _check(**planes: Plane) -> None:
    for name, plane in planes.items():
        if plane.ndim != 2 or plane.dtype != np.uint8:
            raise ValueError(f"{name} must be (H, W) uint8, not {plane.shape} {plane.dtype}")
    shapes = {plane.shape for plane in planes.values()}
    if len(shapes) > 1:
        raise ValueError(f"frames differ in size: {sorted(shapes)}")


def _spread(plane: Plane) -> float:
    """Standard deviation in grey levels, at a tenth of the time that numpy takes."""
    return float(cv2.meanStdDev(plane)[1].item())


def _describe(
    previous: Plane, current: Plane, start: Points, end: Points, found: Layers, box: Box
) -> GlobalMotion:
    """State the similarity in units of the frame, with what it leaves unexplained."""
    height, width = previous.shape
    group = found.picture
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
    explained = float((found.followed & free).sum() / max(1, free.sum()))
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
        trust=explained * max(min(1.0, group.spread / ENOUGH_SPREAD), found.certainty or 0.0),
    )
