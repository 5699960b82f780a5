"""Frames of a pattern that stands still, and of the picture enlarged and blurred.

Both end at the picture along straight seams; what lies outside them tells which it is.
"""

from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from filters import seams
from filters.base import Gray
from filters.blurred_copy import LEAST_BAND, is_copied
from filters.seams import Box
from filters.still_frame import MOST, NO_FRAME, STILL_SHARE, Widths, still_frame

SEAM_SHARE: Final = 0.65
"""Share of a line's length along which it must stand out as a step."""
BLURRED_SEAM: Final = 0.35
"""The same of a copy: what it shows next to the seam is often alike, but it is known otherwise."""
SEAM_PX: Final = 0.75
"""px from the line where motion begins to the seam that is its place."""
MOST_RECTANGLES: Final = 40
"""That are looked at, those of the clearest seams."""
MOVES_SHARE: Final = 0.6
"""Share of the picture's outermost lines that stands still at most."""
STILL: Final = 10
"""Grey levels over the clip within which a pixel of a pattern stays: compression moves it by 4."""


def framed(gray: Gray, flat: Widths = NO_FRAME) -> tuple[Box, str] | None:
    """The picture within a frame and the frame's kind, blurred or pattern, or None.

    A blurred copy ends at straight seams. A pattern ends where motion begins; what is left of it,
    where the picture rests, at seams again.

    Args:
        gray: (T, H, W) uint8 luma.
        flat: Of flat borders around it. Where there are some, only frames count that leave the
            picture in the middle.
    """
    if min(gray.shape[1:]) < 32:
        return None
    found = seams.seam_map(gray)
    rectangles = _rectangles(found, BLURRED_SEAM, flat)
    copied = next((r for r in rectangles if is_copied(gray, r)), None)
    if copied is not None:
        return _exact(gray, copied), "blurred"
    height, width = gray.shape[1:]
    moving = _in_the_middle(still_frame(gray, found), flat, width, height)
    if not max(moving):
        pattern = _pattern(gray, [r for r in rectangles if r.share >= SEAM_SHARE])
        return None if pattern is None else (pattern, "pattern")
    left, top, right, bottom = _at_seams(gray, moving)
    x, y = round(left), round(top)
    inner = gray[:, y : height - round(bottom), x : width - round(right)]
    if min(inner.shape[1:]) >= 32:
        rest = _pattern(inner, _rectangles(seams.seam_map(inner), SEAM_SHARE, moving))
        if rest is not None:
            after, below = inner.shape[2] - rest[0] - rest[2], inner.shape[1] - rest[1] - rest[3]
            left, top = x + rest[0] if rest[0] else left, y + rest[1] if rest[1] else top
            right = round(right) + after if after else right
            bottom = round(bottom) + below if below else bottom
    return (left, top, width - left - right, height - top - bottom), "pattern"


def _at_seams(gray: Gray, frame: Widths) -> Widths:
    """Widths of a frame, to the seam within SEAM_PX where there is one."""
    height, width = gray.shape[1:]
    left, top, right, bottom = (round(v) for v in frame)
    rows = gray[:, top : height - bottom]
    columns = gray[:, :, left : width - right].swapaxes(1, 2)
    seam = (
        seams.refined(rows, left),
        seams.refined(columns, top),
        width - seams.refined(rows, width - right),
        height - seams.refined(columns, height - bottom),
    )
    near = [b if a and abs(a - b) <= SEAM_PX else a for a, b in zip(frame, seam, strict=True)]
    return near[0], near[1], near[2], near[3]


def _in_the_middle(frame: Widths, around: Widths, width: int, height: int) -> Widths:
    """The sides of a frame which, with the borders around it, leave the picture in the middle.

    Where there are no borders around it, all.
    """
    if not max(around):
        return frame
    left, top, right, bottom = (
        inner if inner >= LEAST_BAND or not outer else 0.0
        for inner, outer in zip(frame, around, strict=True)
    )
    # A frame on one side only must do without borders on the other.
    if max(around[0], around[2]) and not _alike(left + around[0], right + around[2], width):
        left = right = 0.0
    if max(around[1], around[3]) and not _alike(top + around[1], bottom + around[3], height):
        top = bottom = 0.0
    return left, top, right, bottom


def _alike(first: float, last: float, size: int) -> bool:
    return min(first, last) > 0 and abs(first - last) <= max(3, 0.03 * size)


def paired(first: float, last: float, size: int) -> tuple[float, float]:
    """Two bands of about one width, or none.

    Args:
        first: px, like the next two.
        last: At the other end.
        size: Of the frame.
    """
    return (first, last) if _alike(first, last, size) else (0.0, 0.0)


def _rectangles(found: seams.SeamMap, share: float, around: Widths) -> list[seams.Rectangle]:
    """Rectangles between seams that may be all of the picture, within borders around it."""
    height, width = found.upright.shape
    least = (1 - 2 * MOST) * height * width
    rectangles = [r for r in found.rectangles(share, 32) if least <= r.area]
    return [r for r in rectangles if _centred(r, width, height, around)][:MOST_RECTANGLES]


def _pattern(gray: Gray, found: list[seams.Rectangle]) -> Box | None:
    """The picture within a frame that stands still and ends at seams, or None."""
    passed = [r for r in found if _stands_still(gray, r)]
    if not passed:
        return None
    height, width = gray.shape[1:]
    best = _closed(gray, _least(passed))
    inner = (best.left > 0, best.top > 0, best.right < width, best.bottom < height)
    # A strip on one side, at rest and not where motion begins, may be anything.
    return _exact(gray, best) if sum(inner) > 1 else None


def _least(passed: list[seams.Rectangle]) -> seams.Rectangle:
    """A stripe of the frame may pass too: the picture is the least that does."""
    return max(passed, key=lambda r: (r.sides > 1, -r.area))


def _centred(r: seams.Rectangle, width: int, height: int, around: Widths) -> bool:
    """Editors put the picture into the middle, or against an edge; a door stands anywhere."""
    frame = (float(r.left), float(r.top), float(width - r.right), float(height - r.bottom))
    if _in_the_middle(frame, around, width, height) != frame:
        return False
    left, top, right, bottom = (a + b for a, b in zip(frame, around, strict=True))
    return all(
        abs(a - b) <= max(3, 0.03 * side) or (r.sides == 1 and min(a, b) == 0)
        for a, b, side in ((left, right, width), (top, bottom, height))
    )


def _exact(gray: Gray, r: seams.Rectangle) -> Box:
    """The rectangle to fractions of a px."""
    height, width = gray.shape[1:]
    rows, columns = gray[:, r.top : r.bottom], gray[:, :, r.left : r.right].swapaxes(1, 2)
    left = seams.refined(rows, r.left) if r.left else 0.0
    right = seams.refined(rows, r.right) if r.right < width else float(width)
    top = seams.refined(columns, r.top) if r.top else 0.0
    bottom = seams.refined(columns, r.bottom) if r.bottom < height else float(height)
    return left, top, right - left, bottom - top


def _stands_still(gray: Gray, r: seams.Rectangle) -> bool:
    """Whether all outside stands still while the picture inside does not."""
    still = np.ptp(gray, axis=0) <= STILL
    outside = np.ones(still.shape, np.bool_)
    outside[max(0, r.top - 2) : r.bottom + 2, max(0, r.left - 2) : r.right + 2] = False
    inside = 1 - float(still[r.top + 1 : r.bottom - 1, r.left + 1 : r.right - 1].mean())
    outside_moves = 1 - float(still[outside].mean()) if outside.any() else 1.0
    return outside_moves <= 0.02 and inside >= max(0.15, 10 * outside_moves)


def _closed(gray: Gray, r: seams.Rectangle) -> seams.Rectangle:
    """The rectangle with the sides that are too faint for a seam, where what stands still ends."""
    height, width = gray.shape[1:]
    still = np.ptp(gray[:, r.top : r.bottom, r.left : r.right], axis=0) <= STILL
    rows, columns = still.mean(axis=1), still.mean(axis=0)
    left, right = _both(columns, r.left, width - r.right)
    top, bottom = _both(rows, r.top, height - r.bottom)
    return replace(r, left=left, top=top, right=width - right, bottom=height - bottom)


def _both(still: npt.NDArray[np.float64], first: int, last: int) -> tuple[int, int]:
    """Widths of the bands at both ends, given those that end at a seam, 0 for none.

    Args:
        still: (N,) share of each line between them that stands still.
        first: px.
        last: px.
    """
    first, last = first or _still_run(still), last or _still_run(still[::-1])
    # The picture is mostly in the middle: what mirrors a band and stands still is one.
    if first and not last and still[-first:].min() >= STILL_SHARE:
        return first, first
    if last and not first and still[:last].min() >= STILL_SHARE:
        return last, last
    return first, last


def _still_run(still: npt.NDArray[np.float64]) -> int:
    """Lines from the edge that stand still, 0 if no picture begins right behind them.

    Args:
        still: (N,) share of each line that stands still.
    """
    run = int((still < STILL_SHARE).argmax())
    # In a scene at rest less and less of a line stands still towards what moves.
    return run if run >= LEAST_BAND and still[run : run + 3].min() < MOVES_SHARE else 0
