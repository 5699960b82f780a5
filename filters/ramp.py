"""Where a border ends: the middle of the ramp along which its lines turn into the picture.

A hard edge is a ramp of half a pixel that compression rings before, a soft one of up to a thirtieth
of the frame. All ramps of a grid are fitted at once by least squares.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

STEP: Final = 0.25
"""px between the starts that are tried."""
WIDER: Final = 1.15
"""Each width that is tried over the one before."""
STARTS: Final = (-1.5, 4.0)
"""px after the last flat line within which a ramp starts: a codec rings up to 4 px before an edge,
and the first px of a soft one are flat still."""
LEAST: Final = 0.5
"""px, width of a hard edge."""
DRIFT: Final = 5.0
"""Lines squared, weight of the picture's change behind the edge in the fit: where a steep change
and a wide ramp are as good, the ramp is taken."""
_FINE: Final = 8
"""Points of a line over which a ramp is averaged."""


@dataclass(frozen=True, slots=True)
class Ramp:
    """An edge of a border.

    Attributes:
        start: Where it leaves the border's colour, lines after the first given one.
        width: Lines over which it rises, 0.5 up.
        height: Of the picture right behind it, grey levels.
        drift: Grey levels per line by which the picture goes on to rise behind it; less than 0
            where it falls.
    """

    start: float
    width: float
    height: float
    drift: float

    @property
    def middle(self) -> float:
        """Where the border ends."""
        return self.start + self.width / 2

    def misfit(self, distance: Array) -> float:
        """How far columns are from rising along this ramp, each to its own height.

        The edge of a thing in the scene has another place in each column.

        Args:
            distance: (K, C) how far from the border's colour each of some columns is.

        Returns:
            Median over the columns of the greatest distance from the ramp, from a line before it to
            a line behind it, over the column's height.
        """
        first, last = max(0, int(self.start) - 1), int(np.ceil(self.end)) + 2
        up = _risen(len(distance), np.array([self.start]), np.array([self.width]))[0]
        height = np.maximum(distance[last - 2 : last].mean(axis=0), 1e-6)
        off = np.abs(distance - height * up[:, None])[first:last].max(axis=0)
        return float(np.median(off / height))

    @property
    def end(self) -> float:
        """Where the picture is whole."""
        return self.start + self.width


def ramp(distance: Array, flat: int) -> Ramp:
    """The ramp that fits best: height * share + drift * share * lines behind its end.

    Args:
        distance: (K,) how far lines are from the border's colour, grey levels, from within the
            border to behind its edge; K at least 6.
        flat: How many of the first lines are of the border's colour, 1 up.
    """
    starts, widths, up, on = _grid(len(distance), flat)
    # Normal equations of two unknowns, for every ramp at once: (R,) each.
    uu, vv, uv = (up * up).sum(1), (on * on).sum(1), (up * on).sum(1)
    vv = vv + DRIFT * uu
    du, dv = up @ distance, on @ distance
    det = np.maximum(uu * vv - uv * uv, 1e-9)
    height, drift = (vv * du - uv * dv) / det, (uu * dv - uv * du) / det
    rest = distance - height[:, None] * up - drift[:, None] * on
    best = int((rest * rest).sum(1).argmin())
    return Ramp(float(starts[best]), float(widths[best]), float(height[best]), float(drift[best]))


@lru_cache(maxsize=32)
def _grid(lines: int, flat: int) -> tuple[Array, Array, Array, Array]:
    """Ramps that are tried.

    Returns:
        (R,) starts and widths; (R, lines) mean share of each line that a ramp of height 1 has
        risen by, and that times the lines behind the ramp's end.
    """
    first, last = max(0.5, flat + STARTS[0]), flat + STARTS[1]
    wide = LEAST * WIDER ** np.arange(np.log(lines / LEAST) / np.log(WIDER))
    starts, widths = np.meshgrid(np.arange(first, last + STEP, STEP), wide, indexing="ij")
    inside = starts + widths <= lines - 1
    starts, widths = starts[inside], widths[inside]
    up = _risen(lines, starts, widths)
    behind = np.arange(lines) + 0.5 - (starts + widths)[:, None]
    return starts, widths, up, up * behind


def _risen(lines: int, starts: Array, widths: Array) -> Array:
    """(R, lines) mean share of each line by which R ramps have risen."""
    at = (np.arange(lines * _FINE) + 0.5) / _FINE
    risen = np.clip((at - starts[:, None]) / widths[:, None], 0, 1)
    return np.asarray(risen.reshape(len(starts), lines, _FINE).mean(axis=2), np.float64)
