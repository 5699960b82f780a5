"""Frames of a pattern that stands still, and of the picture enlarged and blurred.

Both end at the picture along straight seams; what lies outside them tells which it is.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from filters import seams
from filters.base import Gray
from filters.seams import Box

MOST: Final = 0.46
"""Share of a side that one border may take."""
SEAM_SHARE: Final = 0.65
"""Share of a line's length along which it must stand out as a step."""
COPY_NCC: Final = 0.75
"""Correlation of a band with the enlarged, blurred picture (algorithms.md: 0.8 over both; each
band alone reaches less where the editor blurs more than we do). Bands of scenes stay below 0.6."""
LEAST_BAND: Final = 5
"""px of a border that stands still, at least."""
STILL_SHARE: Final = 0.98
"""Share of a pattern's line that stands still."""
MOVES_SHARE: Final = 0.6
"""Share of the picture's outermost lines that stands still at most."""
STILL: Final = 10
"""Grey levels over the clip within which a pixel of a pattern stays: compression moves it by 4."""

Test: TypeAlias = Callable[[Gray, seams.Rectangle], bool]
"""Whether what lies outside the rectangle in (T, H, W) is no part of the picture."""


def framed(gray: Gray) -> tuple[Box, str] | None:
    """The picture within a frame that ends at straight steps and the frame's kind, or None."""
    if min(gray.shape[1:]) < 32:
        return None
    height, width = gray.shape[1:]
    found = seams.seam_map(gray).rectangles(SEAM_SHARE, 32)
    least = (1 - 2 * MOST) * height * width
    centred = [r for r in found if least <= r.area and _centred(r, width, height)]
    for name, test in _BANDS.items():
        passed = [r for r in centred[:40] if test(gray, r)]
        if passed:
            # A stripe of the pattern may pass too: the picture is the least that does.
            best = max(passed, key=lambda r: (r.sides > 1, -r.area))
            if name == "pattern":
                best = _closed(gray, best)
            return _exact(gray, best), name
    return None


def _centred(r: seams.Rectangle, width: int, height: int) -> bool:
    """Editors put the picture into the middle, or against an edge; a door stands anywhere."""
    bands = ((r.left, width - r.right, width), (r.top, height - r.bottom, height))
    return all(
        abs(a - b) <= max(3, 0.03 * side) or (r.sides == 1 and min(a, b) == 0)
        for a, b, side in bands
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


def _copies_picture(gray: Gray, r: seams.Rectangle) -> bool:
    """Whether both bands are the picture between them, enlarged to the frame and blurred."""
    if (r.left == 0) == (r.top == 0):  # blurred copies lie on two opposite sides
        return False
    if r.left == 0:
        gray = gray.swapaxes(1, 2)
        r = seams.Rectangle(r.top, r.left, r.bottom, r.right, r.share, r.sides)
    height, width = gray.shape[1:]
    left, right = r.left, width - r.right
    inner = width - left - right
    scale = width / inner
    rows = max(2, round(height / scale))
    start = (height - rows) // 2
    small = (max(8, width // 8), max(8, height // 8))
    edges = round(left * small[0] / width), round(right * small[0] / width)
    if min(edges) < 1:
        return False
    found: list[list[float]] = [[], []]
    for frame in gray[:: max(1, len(gray) // 8)]:
        part = frame[start : start + rows, left : width - right]
        copy = _soft(cv2.resize(part, small, interpolation=cv2.INTER_AREA))
        shown = cv2.resize(frame, small, interpolation=cv2.INTER_AREA).astype(np.float32)
        for side, columns in enumerate((slice(0, edges[0]), slice(small[0] - edges[1], None))):
            found[side].append(_correlation(copy[:, columns], _soft(shown[:, columns])))
    return min(float(np.median(side)) for side in found) >= COPY_NCC


def _soft(picture: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
    soft = cv2.GaussianBlur(np.asarray(picture, np.float32), (0, 0), 1.5)
    return np.asarray(soft, np.float32)


def _correlation(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> float:
    """Of two pictures, -1 to 1; 0 where one is of one colour."""
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / scale if scale > a.size else 0.0


_BANDS: Final[dict[str, Test]] = {"blurred": _copies_picture, "pattern": _stands_still}
