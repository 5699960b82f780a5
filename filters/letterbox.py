"""Flat borders around the picture: letterbox and pillarbox bars of any colour."""

from typing import Final

import numpy as np
import numpy.typing as npt

from filters.base import Clip, Gray, Unmeasurable

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
MAX_FRAMES: Final = 32
"""Frames looked at, spread over the clip: bars do not move."""


def border_share(clip: Clip) -> float:
    """Share of the frame's area outside `content_box`, 0 to 1.

    Raises:
        Unmeasurable: As `content_box`.
    """
    _, _, width, height = content_box(clip.gray)
    rows, columns = clip.gray.shape[1:]
    return float(1.0 - width * height / (rows * columns))


def content_box(gray: Gray) -> tuple[int, int, int, int]:
    """The picture without its flat borders.

    A border is a run of lines from the frame's edge that are of one colour along the line and over
    time, and end at a picture that differs from them along most of the line. Rows come first, then
    columns within them. A line half border, half picture counts as border.

    Args:
        gray: (T, H, W) uint8 luma of one shot.

    Returns:
        (x, y, width, height) in px of `gray`; the whole frame where there is no border.

    Raises:
        Unmeasurable: Every line is flat and steady ("black"): there is no picture.
    """
    sample = gray[np.unique(np.linspace(0, len(gray) - 1, MAX_FRAMES).round().astype(np.intp))]
    top, bottom = _borders(sample)
    inner = sample[:, top : sample.shape[1] - bottom]
    # (T, W, H): columns become rows.
    left, right = _borders(inner.swapaxes(1, 2))
    return left, top, gray.shape[2] - left - right, gray.shape[1] - top - bottom


def _borders(gray: Gray) -> tuple[int, int]:
    """Border rows at the top and at the bottom of (T, H, W)."""
    # (T, H)
    mean, spread = gray.mean(axis=2), gray.std(axis=2)
    colour = np.median(mean, axis=0)
    steady = (spread < FLAT_STD) & (np.abs(mean - colour) < STEADY)
    # (H,)
    flat = steady.mean(axis=0) >= FRAMES_SHARE
    if flat.all():
        raise Unmeasurable("black")
    top = _border(gray, flat, colour)
    return top, _border(gray[:, ::-1], flat[::-1], colour[::-1])


def _border(gray: Gray, flat: npt.NDArray[np.bool_], colour: npt.NDArray[np.float64]) -> int:
    """Border rows at the top of (T, H, W), given which rows are flat and their colours (H,)."""
    run = _one_colour_run(flat, colour)
    if not run or run >= len(flat) - 2:
        return 0
    # (3, W): how far the three rows after the run ever get from the border's colour.
    beyond = np.abs(gray[:, run : run + 3].astype(np.float32) - colour[run - 1]).max(axis=0)
    if (beyond.max(axis=0) > EDGE).mean() < EDGE_SHARE:
        return 0
    # A row blended from border and picture by the scaler is clearly weaker than the next one.
    blended = beyond[0].mean() < 0.8 * beyond[1].mean()
    return run + int(blended)


def _one_colour_run(flat: npt.NDArray[np.bool_], colour: npt.NDArray[np.float64]) -> int:
    """Length of the run of flat rows from the start that share the first row's colour."""
    border = flat & (np.abs(colour - colour[0]) < STEADY)
    return int(border.argmin()) if not border.all() else len(border)
