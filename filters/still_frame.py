"""A frame around the picture that stands still, found by where motion begins.

Inside a picture nearly all changes a little, by what moves, the camera, or noise; outside of it
what an editor drew is as still as the codec keeps it. So the change over time jumps from one line
to the next, along most of it. In a scene at rest it grows step by step, or in a part of a line.
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from filters.base import Gray
from filters.seams import SeamMap

Plane: TypeAlias = npt.NDArray[np.float32]
Line: TypeAlias = npt.NDArray[np.float64]
Widths: TypeAlias = tuple[float, float, float, float]
"""Of the frame on the left, at the top, on the right and at the bottom, px; 0 for none."""
NO_FRAME: Final[Widths] = (0.0, 0.0, 0.0, 0.0)

NOISE: Final = 0.5
"""Grey levels of change over time that a codec leaves in what stands still."""
REST: Final = 2.0
"""The same of the quietest line of a frame, next to a moving picture."""
JUMP: Final = 2.5
"""Change of the picture's first lines over that of all lines before: a codec carries 1 to 5 grey
levels of change out of the picture, up to 8 px far."""
ALONG: Final = 0.6
"""Share of the line along which the change jumps."""
FAINT_JUMP: Final = 1.5
FAINT_ALONG: Final = (0.1, 0.3)
"""The same, at a seam and elsewhere, of a pair: two jumps equally far from both edges make each
other sure."""
JUMP_ALONE: Final = 4.0
ALL_ALONG: Final = 0.8
"""The same of a side that has no twin, or the share along which it is a seam: things that move have
straight edges too."""
SEAM: Final = 0.4
"""Share of a line along which it is a seam."""
TWIN_PX: Final = 1
"""px by which the two sides of a pair may differ: centring leaves one, scaling another."""
TWIN_JUMP: Final = 1.2
"""Jump of a side that mirrors one that is sure."""
LEAST_PX: Final = 4
"""Of a frame's width."""
MOST: Final = 0.46
"""Share of the side that a frame takes at most."""
BLEND: Final = 0.15
"""Share of the picture's change from which a line is in part picture: less is a codec's."""
STILL: Final = 3.0
"""Grey levels of change over time of what stands still, next to a moving picture."""
STILL_SHARE: Final = 0.98
"""Share of a line that stands still, for a frame to be mirrored where there is no jump."""


def still_frame(gray: Gray, found: SeamMap) -> Widths:
    """Widths of a frame that stands still around a picture that does not.

    Args:
        gray: (T, H, W) uint8 luma.
        found: Its seams.
    """
    if len(gray) < 3:
        return NO_FRAME
    change = _change(gray)
    height, width = change.shape
    left, top, right, bottom = NO_FRAME
    # Where there is a frame on all sides, lines across it are longer than the picture.
    for _ in range(2):
        columns = slice(int(left), width - int(right))
        top, bottom = _pair(change[:, columns], found.level[:, columns])
        rows = slice(int(top), height - int(bottom))
        left, right = _pair(change[rows].T, found.upright[rows].T)
        if not max(left, right):
            break
    return left, top, right, bottom


def _change(gray: Gray) -> Plane:
    """(H, W) standard deviation over time, grey levels."""
    total, square = (np.zeros(gray.shape[1:], np.float32) for _ in range(2))
    for frame in gray:
        cv2.accumulate(frame, total)
        cv2.accumulateSquare(frame, square)
    mean = total / len(gray)
    return np.sqrt(np.maximum(square / len(gray) - mean * mean, 0.0))


@dataclass(frozen=True, slots=True)
class _Side:
    """One side of the frame, lines counted from outside.

    Attributes:
        change: (K, C) over time, grey levels.
        mean: (K,) of it along the lines.
        before: (K,) greatest mean of the lines before but the last, which may be part picture.
        jump: (K,) least mean of three lines over that; 0 where no picture may begin.
        seam: (K,) share of the line's outer edge that is a seam.
    """

    change: Plane
    mean: Line
    before: Line
    jump: Line
    seam: Line

    def along(self, at: int) -> float:
        """Share of a line along which the change jumps."""
        return float((self.change[at : at + 3].mean(axis=0) > 2 * self.before[at]).mean())

    def width(self, at: int) -> float:
        """Of a frame that ends at a line, which may be part picture."""
        share = (self.mean[at - 1] - self.before[at]) / max(self.mean[at], 1e-6)
        return at - float(min(share, 1.0)) if share > BLEND else float(at)

    def best(self, first: int, last: int) -> int:
        """The greatest jump from line `first` to line `last`, inclusive."""
        return first + int(self.jump[first : last + 1].argmax())

    def sure(self, at: int) -> bool:
        """Whether motion begins along most of a line."""
        return bool(self.jump[at] >= JUMP) and self.along(at) >= ALONG

    def alone(self, at: int) -> bool:
        """Whether this side tells a frame though there is none on the other one."""
        if self.jump[at] < JUMP_ALONE or not self.sure(at):
            return False
        # Where two panes meet at a place that moves, motion begins at no seam.
        return self._seam(at) >= (SEAM if self.along(at) >= ALL_ALONG else ALL_ALONG)

    def faint(self, at: int) -> bool:
        """Whether motion begins along a part of a line."""
        least = FAINT_ALONG[0 if self._seam(at) >= SEAM else 1]
        return bool(self.jump[at] >= FAINT_JUMP) and self.along(at) >= least

    def _seam(self, at: int) -> float:
        return float(self.seam[max(0, at - 1) : at + 2].max())


def _side(change: Plane, seam: Line) -> _Side:
    mean = change.mean(axis=1, dtype=np.float64)
    before = np.zeros_like(mean)
    before[2:] = np.maximum.accumulate(mean)[:-2]
    before += NOISE
    inside = np.zeros_like(mean)
    inside[:-2] = np.minimum(np.minimum(mean[:-2], mean[1:-1]), mean[2:])
    jump = inside / before
    jump[:LEAST_PX] = 0.0
    jump[int(MOST * len(mean)) + 1 :] = 0.0
    if mean[:LEAST_PX].min() > REST:
        jump[:] = 0.0
    return _Side(change, mean, before, jump, seam)


def _pair(change: Plane, seam: Plane) -> tuple[float, float]:
    """Widths of the frame before and after (K, C) lines, with the seams at their upper edges."""
    if len(change) < 16:
        return 0.0, 0.0
    share = seam.mean(axis=1, dtype=np.float64)
    first = _side(change, share)
    last = _side(change[::-1], np.append(share[1:], 0.0)[::-1])
    a, b = first.best(0, len(change) - 1), last.best(0, len(change) - 1)
    pair = abs(a - b) <= TWIN_PX and first.faint(a) and last.faint(b)
    if pair or (first.sure(a) and last.sure(b)):
        return first.width(a), last.width(b)
    if first.alone(a):
        return first.width(a), _mirrored(last, a)
    if last.alone(b):
        return _mirrored(first, b), last.width(b)
    return 0.0, 0.0


def _mirrored(side: _Side, other: int) -> float:
    """Width of a frame, given the line at which it ends on the other side; 0 for none."""
    at = side.best(max(0, other - TWIN_PX), other + TWIN_PX)
    if side.jump[at] >= TWIN_JUMP:
        return side.width(at)
    still = (side.change[:other] <= STILL).mean(axis=1)
    return float(other) if still.min() >= STILL_SHARE else 0.0
