"""Straight steps along rows and columns of the picture: the edges of bars, panes and insets.

A step made by an editor lies between the same two columns in every row and every frame. Edges of a
scene bend, blur, end, or move with the camera.
"""

import math
from dataclasses import dataclass
from typing import Final, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from filters.base import Gray

Plane = npt.NDArray[np.float32]
Box: TypeAlias = tuple[float, float, float, float]
"""x, y, width, height in px; fractions where a line of the frame is part border, part picture."""

REACH: Final = 5
"""px on each side whose own steps a line is compared with: the texture that it lies in."""
SMOOTH_PX: Final = 9
"""px along the line over which steps are averaged: single rows of texture mean nothing."""
RATIO: Final = 1.6
"""Step across a line over the steps of the texture on the rougher side, from which it stands out.
Two pictures next to each other reach it along 90 to 100 % of their seam."""
LEAST: Final = 2.0
"""Grey levels of such a step: below it lies compression noise."""
BEND_PX: Final = 0.15
"""Distance of a seam's parts from a straight line that compression makes."""
MAX_FRAMES: Final = 24
"""Frames of a clip that are looked at."""


def steps(gray: Gray, wide: int = 2) -> Plane:
    """Mean step across each column, 2 px wide so that a line blended by the scaler counts whole.

    Args:
        gray: (T, H, W) uint8; swap the last two axes for rows.
        wide: 2, or 1 for the step between a column and the one before.

    Returns:
        (H, W) float32 grey levels: mean over time of |gray[x + wide - 1] - gray[x - 1]|; 0 at the
        ends.
    """
    out = np.zeros(gray.shape[1:], np.float32)
    if gray.shape[2] <= wide:
        return out
    total = np.zeros((gray.shape[1], gray.shape[2] - wide), np.float32)
    for frame in gray:
        cv2.accumulate(cv2.absdiff(frame[:, wide:], frame[:, :-wide]), total)
    out[:, 1 : gray.shape[2] - wide + 1] = total / len(gray)
    return out


def row_steps(gray: Gray, wide: int = 2) -> Plane:
    """`steps` of the frames turned on their side, without turning them: between rows.

    Args:
        gray: (T, H, W) uint8.
        wide: As for `steps`.

    Returns:
        (W, H) float32 grey levels.
    """
    out = np.zeros(gray.shape[1:], np.float32)
    if gray.shape[1] <= wide:
        return np.ascontiguousarray(out.T)
    total = np.zeros((gray.shape[1] - wide, gray.shape[2]), np.float32)
    for frame in gray:
        cv2.accumulate(cv2.absdiff(frame[wide:], frame[:-wide]), total)
    out[1 : gray.shape[1] - wide + 1] = total / len(gray)
    return np.ascontiguousarray(out.T)


def seams(step: Plane, coarse: int = 1) -> Plane:
    """Where a step stands out from the texture on both of its sides.

    Args:
        step: (H, W) of `steps`.
        coarse: Lines that are answered together, 1 up to SMOOTH_PX.

    Returns:
        (H / coarse, W) float32 0 or 1, 1 where the step between columns x - 1 and x + 1 is one, up
        to one column off.
    """
    height, width = step.shape[0] // coarse, step.shape[1]
    if width < 2 * REACH + 4 or not height:
        return np.zeros((height, width), np.float32)
    if coarse > 1:
        step = np.asarray(cv2.resize(step, (width, height), interpolation=cv2.INTER_AREA))
    window = max(1, min(SMOOTH_PX // coarse, height))
    along = cv2.blur(step, (1, window), borderType=cv2.BORDER_REPLICATE)
    # Mean of the three columns from 3 to REACH px away on either side.
    aside = cv2.blur(along, (REACH - 2, 1), borderType=cv2.BORDER_REPLICATE)
    left = np.empty_like(aside)
    right = np.empty_like(aside)
    shift = (REACH + 3) // 2
    left[:, shift:], left[:, :shift] = aside[:, :-shift], aside[:, :1]
    right[:, :-shift], right[:, -shift:] = aside[:, shift:], aside[:, -1:]
    found = along > RATIO * np.maximum(left, right) + LEAST
    return found.astype(np.float32)


def sharpened(found: Plane) -> Plane:
    """`seams` with each place joined to the next column, so that a line may lie between two."""
    joined = found.copy()
    joined[:, :-1] = np.maximum(found[:, :-1], found[:, 1:])
    return joined


def spread_frames(gray: Gray, most: int = MAX_FRAMES) -> Gray:
    """At most `most` frames, spread evenly."""
    if len(gray) <= most:
        return gray
    return gray[np.unique(np.linspace(0, len(gray) - 1, most).round().astype(np.intp))]


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A rectangle whose sides are seams, or lie on the frame's edge.

    Attributes:
        left: px, like the next three.
        top: From the frame's top.
        right: Exclusive.
        bottom: Exclusive.
        share: Least of the shares along which its four sides are seams; sides on the frame's edge
            count as 1.
        sides: How many of its sides are not on the frame's edge, 1 to 4.
    """

    left: int
    top: int
    right: int
    bottom: int
    share: float
    sides: int

    @property
    def area(self) -> int:
        """Px squared."""
        return (self.right - self.left) * (self.bottom - self.top)


@dataclass(frozen=True, slots=True)
class SeamMap:
    """Seams of both directions, ready to be asked for any line.

    Attributes:
        upright: (H, W) 0 or 1: a step between columns, at the left edge of the second.
        level: (H, W) 0 or 1: a step between rows.
    """

    upright: Plane
    level: Plane

    def rectangles(
        self, least_share: float, least_px: int = 16, lines: int = 14
    ) -> list[Rectangle]:
        """All rectangles between the strongest lines whose sides are seams, the best first.

        Args:
            least_share: Of each side, 0 to 1.
            least_px: Of each side's length.
            lines: Lines looked at in each direction, beside the frame's edges.
        """
        height, width = self.upright.shape
        xs = strongest(self.upright.sum(axis=0), least_px, lines, width)
        ys = strongest(self.level.sum(axis=1), least_px, lines, height)
        # Seam px above row y in column x, and left of column x in row y.
        down = np.pad(np.cumsum(self.upright, axis=0), ((1, 0), (0, 1)))
        across = np.pad(np.cumsum(self.level, axis=1), ((0, 1), (1, 0)))
        # (X, 1) pairs of columns and (1, Y) pairs of rows: every rectangle between them at once.
        left, right = (v[:, None] for v in _pairs(xs, least_px))
        top, bottom = (v[None] for v in _pairs(ys, least_px))
        tall, broad = bottom - top, right - left
        sides = (
            (left, 0, (down[bottom, left] - down[top, left]) / tall),
            (right, width, (down[bottom, right] - down[top, right]) / tall),
            (top, 0, (across[top, right] - across[top, left]) / broad),
            (bottom, height, (across[bottom, right] - across[bottom, left]) / broad),
        )
        least = np.full((len(left), top.size), np.inf, np.float32)
        inner = np.zeros(least.shape, np.intp)
        for at, end, share in sides:
            # A side on the frame's edge need not be a seam.
            least = np.minimum(least, np.where(at == end, np.float32(np.inf), share))
            inner += at != end
        found = [
            Rectangle(int(left[i, 0]), int(top[0, j]), int(right[i, 0]), int(bottom[0, j]),
                      float(least[i, j]), int(inner[i, j]))
            for i, j in np.argwhere((least >= least_share) & (inner > 0))
        ]  # fmt: skip
        return sorted(found, key=lambda r: (-r.share, -r.area))


def _pairs(places: list[int], least_px: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """All pairs of places at least `least_px` apart: the smaller ones, and the greater ones."""
    a, b = np.meshgrid(places, places, indexing="ij")
    apart = b - a >= least_px
    return a[apart].astype(np.intp), b[apart].astype(np.intp)


def strongest(strength: npt.NDArray[np.float32], least: float, most: int, size: int) -> list[int]:
    """Positions of the strongest lines, each the best of its neighbours, and both ends.

    Args:
        strength: (size,) of the line at each position.
        least: Strength of a line.
        most: Lines beside the ends.
        size: Px, the position of the last end.
    """
    near = np.max([np.roll(strength, shift) for shift in (-2, -1, 0, 1, 2)], axis=0)
    peaks = [
        int(x)
        for x in np.flatnonzero((strength >= least) & (strength >= near))
        if 2 <= x <= size - 3
    ]
    chosen: list[int] = []
    for x in sorted(peaks, key=lambda x: -strength[x]):
        if all(abs(x - other) > 2 for other in chosen):
            chosen.append(x)
        if len(chosen) == most:
            break
    return sorted([0, *chosen, size])


def seam_map(gray: Gray) -> SeamMap:
    """Seams of a clip or a part of one.

    Args:
        gray: (T, H, W) uint8 luma.
    """
    return seam_map_of(steps(gray), row_steps(gray))


def seam_map_of(between_columns: Plane, between_rows: Plane) -> SeamMap:
    """Seams, given (H, W) of `steps` and (W, H) of `row_steps`."""
    upright = sharpened(seams(between_columns))
    level = sharpened(seams(between_rows))
    # A step between x - 1 and x + 1 lies at the left or right edge of column x.
    return SeamMap(next_column(upright), next_column(level).T)


def next_column(found: Plane) -> Plane:
    """Each answer at the left edge of the next column."""
    out = np.zeros_like(found)
    out[:, 1:] = found[:, :-1]
    return out


def refined(gray: Gray, x: int) -> float:
    """Where between two columns a seam near `x` lies, to a fraction of a px.

    Args:
        gray: (T, H, W) uint8: the rows along which the seam runs.
        x: Left edge of the column after the seam, up to 2 px off.
    """
    first, last = max(1, x - 2), min(gray.shape[2] - 1, x + 2)
    if last <= first:
        return float(x)
    part = gray[:, :, first - 1 : last + 1].astype(np.int16)
    height = np.abs(np.diff(part, axis=2)).mean(axis=(0, 1))
    height = np.maximum(height - 1.2 * float(np.median(height)), 0)
    if not height.sum() > 0:
        return float(x)
    return float((np.arange(first, last + 1) * height).sum() / height.sum())


def straightness(gray: Gray, x: int, parts: int = 4) -> tuple[float, float]:
    """How straight and how sharp a seam is.

    Args:
        gray: (T, H, W) uint8: the rows along which the seam runs.
        x: Left edge of the column after the seam, up to 2 px off.
        parts: Parts of the seam that are compared.

    Returns:
        Standard deviation of the parts' places, px, weighted by their heights; and the share of
        the step that lies within two px.
    """
    first, last = max(1, x - 3), min(gray.shape[2] - 1, x + 3)
    if last - first < 2 or gray.shape[1] < parts:
        return math.inf, 0.0
    part = gray[:, :, first - 1 : last + 1].astype(np.int16)
    # (H, K)
    height = np.abs(np.diff(part, axis=2)).mean(axis=0, dtype=np.float32)
    rows = np.array_split(height, parts)
    heights = np.stack([r.mean(axis=0) for r in rows])
    clear = np.maximum(heights - 1.2 * np.median(heights, axis=1, keepdims=True), 0)
    weight = clear.sum(axis=1)
    if not weight.sum() > 0:
        return math.inf, 0.0
    places = (clear * np.arange(clear.shape[1])).sum(axis=1) / np.maximum(weight, 1e-6)
    mean = float((places * weight).sum() / weight.sum())
    spread = math.sqrt(float(((places - mean) ** 2 * weight).sum() / weight.sum()))
    total = clear.sum(axis=0)
    sharp = float(np.max(total[:-1] + total[1:]) / total.sum())
    return spread, sharp


def bend_penalty(bend: float) -> float:
    """What a seam's bend, px, takes off its sureness, 0 to 1."""
    return min(1.0, max(0.0, bend - BEND_PX))
