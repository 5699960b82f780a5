"""Which of two layers lies in front: where both come to the same place, one hides the other."""

import math
from typing import Final

import cv2
import numpy as np

from filters import tracks
from filters.base import Float
from filters.layers import Group
from filters.tracks import Plane, Points

FOLLOWED: Final = 24
"""Tracks of each layer that are followed into the earlier frame; four parameters need 2."""
LEAST: Final = 4
"""Fewest of them that must agree, and half of those that were followed."""
SAME: Final = 10
"""Grey levels, over 3x3 px, below which two pictures show the same. Between 6 and 12 the choices on
part a of the benchmark's clips hardly change."""
FEW_PX: Final = 30
"""Pixels that count as none: compression and blurred outlines give up to so many either way."""
_BLUR = (3, 3)


def behind(
    earlier: Plane, previous: Plane, current: Plane, start: Points, one: Group, other: Group
) -> float:
    """Evidence that the first of two layers lies behind the second, as a log ratio; 0 for none.

    What was seen to move with either layer between two frames is carried to the third by its
    layer's motion. Where pixels of both come to lie on one place, the third frame shows the layer
    in front. Two frames alone cannot tell: the strip that is hidden may belong to either side.

    Args:
        earlier: (H, W) uint8 luma before `previous`.
        previous: (H, W) uint8 luma.
        current: (H, W) uint8 luma after `previous`.
        start: (N, 2) px, the tracks in `previous`.
        one: Layer between `previous` and `current`.
        other: Likewise.

    Returns:
        Natural log of the ratio of pixels at which `one` is hidden to those at which `other` is;
        FEW_PX are added to both.

    Source:
        Wang and Adelson 1994 (layers ordered by what hides what); Darrell and Fleet 1995.
    """
    ahead = [_whole(group.matrix, previous.shape) for group in (one, other)]
    known = _back(earlier, previous, start, (one, other))
    if known is None:
        return 0.0
    frames = [
        np.asarray(cv2.blur(plane, _BLUR), np.uint8) for plane in (earlier, previous, current)
    ]
    covered = _hidden(frames[0], frames[1], frames[2], known, ahead)
    uncovered = _hidden(frames[2], frames[1], frames[0], ahead, known)
    first, second = covered[0] + uncovered[0], covered[1] + uncovered[1]
    return float(np.log((first + FEW_PX) / (second + FEW_PX)))


def _back(
    earlier: Plane, previous: Plane, start: Points, groups: tuple[Group, ...]
) -> list[Float] | None:
    """(2, 3) similarities of layers from `previous` to `earlier`, px; None where one is lost."""
    chosen = [np.flatnonzero(group.inliers) for group in groups]
    chosen = [numbers[:: math.ceil(len(numbers) / FOLLOWED)] for numbers in chosen]
    # All at once: half of the time goes into the pyramids of the two frames.
    points = start[np.concatenate(chosen)]
    end, found = tracks.find(previous, earlier, points)
    matrices, first = [], 0
    for group, own in zip(groups, chosen, strict=True):
        part = slice(first, first + len(own))
        first += len(own)
        here = found[part]
        if here.sum() < LEAST:
            return None
        matrix, agree = cv2.estimateAffinePartial2D(
            points[part][here],
            end[part][here],
            method=cv2.RANSAC,
            ransacReprojThreshold=group.limit_px,
        )
        if matrix is None or agree.sum() < max(LEAST, len(own) / 2):
            return None
        matrices.append(np.asarray(matrix, np.float64))
    return matrices


def _whole(matrix: Float, shape: tuple[int, ...]) -> Float:
    """A similarity about the frame's centre as one about its corner, px."""
    centre = np.array([(shape[1] - 1) / 2, (shape[0] - 1) / 2])
    shift = matrix[:, 2] + centre - matrix[:, :2] @ centre
    return np.concatenate([matrix[:, :2], shift[:, None]], axis=1)


def _hidden(
    known: Plane, middle: Plane, asked: Plane, to_known: list[Float], to_asked: list[Float]
) -> tuple[int, int]:
    """Pixels of `asked` at which the first layer is hidden by the second, and the reverse.

    Args:
        known: The frame that tells which pixels of `middle` belong to which layer.
        middle: The frame between.
        asked: The frame in which layers meet.
        to_known: (2, 3) similarity of each layer from `middle` to `known`, px.
        to_asked: Likewise to `asked`.
    """
    size = middle.shape[1], middle.shape[0]
    pull = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    back = [np.asarray(cv2.warpAffine(known, m, size, flags=pull), np.uint8) for m in to_known]
    own_one, own_other = _told_apart(middle, back)
    meet = np.full(middle.shape, 255, np.uint8)
    for matrix, to, own in zip(to_known, to_asked, (own_one, own_other), strict=True):
        # Outside of the known frame nothing tells whose a pixel is.
        inside = cv2.warpAffine(np.full_like(known, 255), matrix, size, flags=pull)
        own[inside < 255] = 0
        moved = cv2.warpAffine(own, to, size, flags=cv2.INTER_NEAREST)
        meet &= np.asarray(moved, np.uint8)
    if not meet.any():
        return 0, 0
    ahead = [np.asarray(cv2.warpAffine(middle, m, size), np.uint8) for m in to_asked]
    one_seen, other_seen = _told_apart(asked, ahead)
    return cv2.countNonZero(meet & other_seen), cv2.countNonZero(meet & one_seen)


def _told_apart(plane: Plane, shown: list[Plane]) -> tuple[Plane, Plane]:
    """255 where the first of two pictures shows what the plane does and the other not; v.v."""
    off = [cv2.blur(cv2.absdiff(plane, picture), _BLUR) for picture in shown]
    same = [
        np.asarray(cv2.threshold(far, SAME - 1, 255, cv2.THRESH_BINARY_INV)[1], np.uint8)
        for far in off
    ]
    return same[0] & ~same[1], same[1] & ~same[0]
