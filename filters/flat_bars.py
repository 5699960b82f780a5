"""Flat bars around the picture, of any colour, with hard or soft edges."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from filters.base import Gray, Unmeasurable
from filters.framed import paired
from filters.ramp import Ramp, ramp
from filters.seams import Box

FLAT_STD: Final = 3.0
"""Grey levels along a border line (algorithms.md section 4, item 5): bars after compression."""
STEADY: Final = 3.0
"""Grey levels by which a border line's mean may leave its median over time."""
FRAMES_SHARE: Final = 0.95
"""Share of the frames in which a border line must be flat and steady."""
EDGE: Final = 8.0
"""Grey levels between the border's colour and the picture next to it."""
EDGE_SHARE: Final = 0.5
"""Share of the line next to the border that must differ from it at some time. A burnt-out sky or
a night sky is flat and steady too, but what stands in front of it first meets it in few columns."""
SOFT: Final = (0.03, 0.05)
"""Shares of the frame's longer side within which a soft edge rises to the picture."""
STEEP: Final = 1.0
"""Grey levels per px by which an edge rises at least: a sky brightens by half of that."""
BEHIND_PX: Final = 4
"""px of the picture behind the widest edge that are looked at."""
STEADY_SHARE: Final = 0.5
"""Of the edge's steepness, at most, is the picture's right behind it."""
MISFIT: Final = 0.35
"""Of the picture's height: columns of soft and hard edges stay within 0.2 of a common ramp, those
of a scene before a plain wall or screen are 0.5 and more off."""
NEAR_PX: Final = 3.0
"""px by which the widths of two borders may differ and be the same."""
TWIN_PX: Final = 1.0
"""The same of two faint edges."""


@dataclass(frozen=True, slots=True)
class _Side:
    """A flat border at one side.

    Attributes:
        colour: Grey levels.
        rows: Its width up to its edge, px; 0 where there is none.
        sure: Whether its edge alone tells it from a plain part of a scene.
    """

    colour: float
    rows: float = 0.0
    sure: bool = False


def flat_box(sample: Gray, sudden: bool = False) -> Box:
    """The picture without flat borders; nested ones (bars around a frame) are all taken.

    Args:
        sample: (T, H, W) uint8 luma.
        sudden: Whether outermost lines turn plain as these frames begin or end: then two faint
            edges that mirror each other count too.

    Raises:
        Unmeasurable: Every line is flat and steady ("black"): there is no picture.
    """
    x, y, w, h = 0.0, 0.0, float(sample.shape[2]), float(sample.shape[1])
    colour: float | None = None
    for nested in range(3):
        inner = sample[:, int(np.ceil(y)) : int(y + h), int(np.ceil(x)) : int(x + w)]
        if min(inner.shape[1:]) < 8:
            break
        try:
            top, bottom, above = _flat_rows(inner, colour, sudden)
            middle = inner[:, int(np.ceil(top)) : inner.shape[1] - int(np.ceil(bottom))]
            left, right, aside = _flat_rows(middle.swapaxes(1, 2), colour, sudden)
        except Unmeasurable:
            if (x, y) == (0.0, 0.0) and h == sample.shape[1] and w == sample.shape[2]:
                raise
            break
        if nested:
            # Within bars a wall or a road is as flat; what an editor added has two sides.
            top, bottom = paired(top, bottom, inner.shape[1])
            left, right = paired(left, right, inner.shape[2])
        if not max(top, bottom, left, right):
            break
        colour = above if aside is None else aside
        x, y = np.ceil(x) + left, np.ceil(y) + top
        w, h = inner.shape[2] - left - right, inner.shape[1] - top - bottom
    return float(x), float(y), float(w), float(h)


def _flat_rows(gray: Gray, known: float | None, sudden: bool) -> tuple[float, float, float | None]:
    """Border rows at the top and at the bottom of (T, H, W), and their colour.

    Args:
        gray: (T, H, W) uint8 luma.
        known: Colour of borders around it.
        sudden: Of `flat_box`.
    """
    # A border begins at the frame's edge: most pictures have none, as their two outer rows tell.
    outer, _ = _flat(gray[:, [0, -1]])
    if not outer.any():
        return 0.0, 0.0, None
    flat, colour = _flat(gray)
    if flat.all():
        raise Unmeasurable("black")
    top = _flat_border(gray, flat, colour)
    bottom = _flat_border(gray[:, ::-1], flat[::-1], colour[::-1])
    apart = abs(top.rows - bottom.rows)
    if abs(top.colour - bottom.colour) < STEADY:
        # What is too faint for an edge is one where it mirrors the other side, or goes around.
        twin = top.sure or bottom.sure
        likely = sudden or (known is not None and abs(top.colour - known) < STEADY)
        if (twin and apart <= NEAR_PX) or (likely and apart <= TWIN_PX and top.rows > 0):
            return top.rows, bottom.rows, top.colour
    above, below = top.rows if top.sure else 0.0, bottom.rows if bottom.sure else 0.0
    return above, below, top.colour if above else bottom.colour if below else None


def _flat(gray: Gray) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64]]:
    """Which rows of (T, H, W) are of one colour, along the row and over time, and of which."""
    width = gray.shape[2]
    # (T, H): sums of integers are exact.
    mean = gray.sum(axis=2, dtype=np.uint32) / width
    square = np.square(gray, dtype=np.uint16).sum(axis=2, dtype=np.uint32) / width
    colour = np.median(mean, axis=0)
    steady = (square - mean * mean < FLAT_STD**2) & (np.abs(mean - colour) < STEADY)
    return steady.mean(axis=0) >= FRAMES_SHARE, colour


def _flat_border(gray: Gray, flat: npt.NDArray[np.bool_], colour: npt.NDArray[np.float64]) -> _Side:
    """The border at the top of (T, H, W), given which rows are flat and their colours (H,)."""
    run = _one_colour_run(flat, colour)
    side = _Side(float(colour[0]))
    if not run or run >= len(flat) - 2:
        return side
    before = min(run, 2)
    # The picture changes further in: a wide edge is looked for only where a narrow one does not do.
    for soft in SOFT:
        reach = round(soft * max(gray.shape[1:])) + BEHIND_PX
        # (T, K, W): how far the rows around the edge are from the border's colour.
        beyond = np.abs(gray[:, run - before : run + reach].astype(np.float32) - colour[run - 1])
        if beyond.shape[1] < 6:
            return side
        mean = beyond.mean(axis=0, dtype=np.float64)
        edge = ramp(mean.mean(axis=1), before)
        if np.ceil(edge.end) + 2 <= len(mean):
            sure = _is_border(beyond, mean, edge)
            return replace(side, rows=run - before + edge.middle, sure=sure)
    return side


def _is_border(beyond: npt.NDArray[np.float32], mean: npt.NDArray[np.float64], edge: Ramp) -> bool:
    """Whether an edge is a border's.

    Args:
        beyond: (T, K, W) how far rows are from the border's colour, grey levels.
        mean: (K, W) of them over time.
        edge: Their ramp, with two rows behind it.
    """
    # In a scene that brightens from black there is no place where the brightening ends.
    steep = edge.height / edge.width
    if steep < STEEP or edge.drift > STEADY_SHARE * steep:
        return False
    behind = beyond[:, int(edge.end) : int(np.ceil(edge.end)) + 2]
    clear = behind.max(axis=(0, 1)) > EDGE
    return bool(clear.mean() >= EDGE_SHARE) and edge.misfit(mean[:, clear]) <= MISFIT


def _one_colour_run(flat: npt.NDArray[np.bool_], colour: npt.NDArray[np.float64]) -> int:
    """Length of the run of flat rows from the start that share the first row's colour."""
    border = flat & (np.abs(colour - colour[0]) < STEADY)
    return int(border.argmin()) if not border.all() else len(border)
