"""Which tracks are the picture behind, where two groups of them move on their own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from filters import tracks
from filters.base import Float
from filters.tracks import Points

Mask: TypeAlias = npt.NDArray[np.bool_]
"""(N,) bool, one per track."""

MIN_SHARE: Final = 0.2
"""Below this the largest consistent group is no longer the picture. Walking with a head camera, the
worst usable case among real clips, lies at 0.26 to 0.35. (Pairs across a cut fail earlier: of 303
pairs of different clips, those of different content kept fewer than MIN_TRACKS or no consensus.)"""
MIN_BEHIND: Final = 0.1
"""The same where two groups explain most of the tracks: a thing in front has more texture than a
plain wall, whose few tracks are the camera's all the same."""
MIN_TRACKS: Final = 5
"""Four parameters need 2 points; fewer than 5 agree by accident."""
TWO: Final = 0.85
"""Share of the tracks that two groups explain together, from which there are two rigid layers and
no more. Things before a still give 0.86 to 0.97; a drive and a walk, with many layers, less."""
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
OUTER: Final = 0.25
"""Share of each side that is the border zone, where foreground objects lie least."""
OUTER_WEIGHT: Final = 2.0
"""Weight of a track in the border zone (algorithms.md 2.3)."""

# SURROUNDS, REACHES and HIDDEN are what `benchmarks/motion.py layers --part a` prints: by logistic
# regression on pairs with foregrounds in the middle and anywhere, differences of log odds per unit.
SURROUNDS: Final = 2.4
"""Share of the other group's tracks within a group's hull, less the reverse. What lies in front
hides what is behind it, so no track of the picture lies within a thing; the picture's own hull goes
around the thing."""
REACHES: Final = 3.2
"""Natural log of the ratio of the groups' radii: a thing is compact."""
SUPPORTED: Final = 1.2
"""Natural log of the ratio of support, where one group rests. Captions and logos lie all around the
frame; they are told from a picture at rest by their few tracks alone. The weight sets the
certainty, not the choice."""
HIDDEN: Final = 2.2
"""Log ratio of the pixels at which one group is hidden by the other (`filters.occlusion`)."""
IN_DOUBT: Final = 4.0
"""Log odds by the other cues, either way, within which that is looked at: it costs time."""
ALIKE: Final = 0.7
"""Cosine between the displacements that two motions cause over the frame from which they are alike:
45 degrees apart."""
RADIUS: Final = 0.9
"""Quantile of the distances to a group's middle that is its radius."""


@dataclass(frozen=True, slots=True)
class Group:
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


@dataclass(frozen=True, slots=True)
class Layers:
    """The picture, and what moves before it.

    Attributes:
        picture: The group that is the camera's.
        followed: Tracks that follow it or, where there are two layers and no more, the other group.
        certainty: 1 less twice the chance that the other group is the picture; None where there
            are not two layers and no more.
        alike: Whether the two layers move much the same way, as near and far ground do from a
            train, so that neither is a wrong choice; False where there are not two.
    """

    picture: Group
    followed: Mask
    certainty: float | None = None
    alike: bool = False


Behind: TypeAlias = Callable[[Group, Group], float]
"""Evidence that the first of two groups lies behind the second, as a log ratio."""


def find(
    start: Points, end: Points, width: int, height: int, behind: Behind | None = None
) -> Layers | None:
    """Take the two largest groups of tracks apart; None where no group is the picture.

    Args:
        start: (N, 2) px.
        end: (N, 2) px.
        width: Of the frame, px.
        height: Of the frame, px.
        behind: What hides what, asked where the tracks of two layers and no more leave a doubt;
            None where pixels of three frames are not at hand.

    Source:
        Fischler and Bolles 1981 (RANSAC), twice; Wang and Adelson 1994 (layers).
    """
    first, second = two_largest(start, end, width, height)
    if first is None:
        return None
    if second is None or not _is_rival(first, second, start, end):
        alone = first.inliers.mean() >= MIN_SHARE and first.inliers.sum() >= MIN_TRACKS
        return Layers(first, first.inliers) if alone else None
    odds = _log_odds(first, second, start, end)
    if not _are_all(first, second):
        picture = first if odds >= 0 else second
        return Layers(picture, picture.inliers)
    if behind is not None and abs(odds) < IN_DOUBT:
        odds += HIDDEN * behind(first, second)
    picture = first if odds >= 0 else second
    certainty = float(np.tanh(abs(odds) / 2))
    both = first.inliers | second.inliers
    return Layers(picture, both, certainty, _are_alike(first, second, width, height))


def two_largest(
    start: Points, end: Points, width: int, height: int
) -> tuple[Group | None, Group | None]:
    """The largest group of tracks and, where that is not the picture beyond doubt, the next one."""
    centre = np.array([(width - 1) / 2, (height - 1) / 2], np.float32)
    start, end = start - centre, end - centre
    first = _group(start, end, np.ones(len(start), np.bool_), width, height)
    if first is None or (first.inliers.mean() >= CLEAR and first.spread >= WIDE):
        return first, None
    rest = ~first.inliers
    if rest.sum() < tracks.MIN_TRACKS:
        return first, None
    return first, _group(start, end, rest, width, height)


def _group(start: Points, end: Points, among: Mask, width: int, height: int) -> Group | None:
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
    return Group(np.asarray(matrix, np.float64), inliers, limit_px, weight * span, min(1.0, span))


def _is_rival(first: Group, second: Group, start: Points, end: Points) -> bool:
    """Whether the smaller group can be the picture at all."""
    two = _are_all(first, second) and not rests(second, start, end)
    least = MIN_BEHIND if two else MIN_SHARE
    return bool(second.inliers.mean() >= least and second.inliers.sum() >= MIN_TRACKS)


def _are_all(first: Group, second: Group) -> bool:
    """Whether two groups leave no room for a third: scenes with depth have many."""
    return bool((first.inliers | second.inliers).mean() >= TWO)


def rests(group: Group, start: Points, end: Points) -> bool:
    """Whether the tracks of a group stay where they are."""
    moved_px = np.linalg.norm((end - start)[group.inliers], axis=1)
    return float(np.median(moved_px)) < PINNED_PX


def _are_alike(first: Group, second: Group, width: int, height: int) -> bool:
    """Whether two motions that are more than rest lead the frame's corners much the same way."""
    half = np.array([width / 2, height / 2])
    corners = np.array([(-1, -1), (-1, 1), (1, -1), (1, 1)]) * half
    one, other = (
        (corners @ (group.matrix[:, :2] - np.eye(2)).T + group.matrix[:, 2]).ravel()
        for group in (first, second)
    )
    sizes = float(np.linalg.norm(one)), float(np.linalg.norm(other))
    # The root of the four corners' mean square, as against one track's shift.
    return min(sizes) > 2 * PINNED_PX and float(one @ other) > ALIKE * sizes[0] * sizes[1]


def _log_odds(first: Group, second: Group, start: Points, end: Points) -> float:
    """Natural log of the odds that the first group is the picture and the second lies before it."""
    if rests(first, start, end) != rests(second, start, end):
        return SUPPORTED * _log_ratio(first.support, second.support)
    surrounds, reaches = cues(start[first.inliers], start[second.inliers])
    return SURROUNDS * surrounds + REACHES * reaches


def cues(one: Points, other: Points) -> tuple[float, float]:
    """What tells that one of two groups of points lies behind the other; both 0 where nothing does.

    Returns:
        Share of the other's points within the hull of the one, less the reverse, -1 to 1; and the
        natural log of the ratio of their radii.
    """
    surrounds = _inside(other, one) - _inside(one, other)
    return surrounds, _log_ratio(_radius_px(one), _radius_px(other))


def _inside(points: Points, around: Points) -> float:
    """Share of the points that lie within the hull of others, 0 to 1."""
    hull = cv2.convexHull(around)
    away = [cv2.pointPolygonTest(hull, (float(x), float(y)), True) for x, y in points]
    return float(np.mean(np.array(away) > 1))


def _radius_px(points: Points) -> float:
    away = np.linalg.norm(points - points.mean(axis=0), axis=1)
    return float(np.quantile(away, RADIUS))


def _log_ratio(one: float, other: float) -> float:
    """Natural log of the ratio, of which neither is taken below a thousandth."""
    return float(np.log(max(one, 1e-3) / max(other, 1e-3)))
