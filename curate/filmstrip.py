"""Filmstrips: a clip as a row of tiny luma pictures at a steady rate, to verify copies with."""

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

Strip = npt.NDArray[np.uint8]
"""(K, 32, 32) uint8 luma, the content box stretched to a square."""

SIDE: Final = 32
"""Pixels per side: coarse enough to survive strong compression, and a third of it still shows
where things move. A picture costs 1 kB."""
RATE: Final = 8.0
"""Pictures a second: any other strip of the same footage has a picture within 1/16 s."""


def filmstrip(
    tiny: npt.NDArray[np.uint8],
    t_s: npt.NDArray[np.float64],
    box: tuple[float, ...] = (0.0, 0.0, 1.0, 1.0),
) -> tuple[Strip, npt.NDArray[np.float64]]:
    """Cut a filmstrip from the tiny luma of all frames of a clip.

    Args:
        tiny: (F, h, w) uint8.
        t_s: (F,) seconds after the clip's start, increasing.
        box: x, y, width, height of the content, as shares of the frame.

    Returns:
        (K, 32, 32) and the K times of its pictures, s; K is 0 only where F is.
    """
    if not len(tiny):
        return np.zeros((0, SIDE, SIDE), np.uint8), np.zeros(0)
    grid = np.arange(t_s[0], t_s[-1] + 1e-6, 1 / RATE)
    chosen = np.unique(_nearest(t_s, grid))
    return np.stack([_square(tiny[i], box) for i in chosen]), t_s[chosen]


def _nearest(t_s: npt.NDArray[np.float64], wanted: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    after = np.clip(np.searchsorted(t_s, wanted), 0, len(t_s) - 1)
    before = np.maximum(after - 1, 0)
    closer = np.abs(t_s[before] - wanted) <= np.abs(t_s[after] - wanted)
    return np.where(closer, before, after)


def _square(picture: Strip, box: tuple[float, ...]) -> Strip:
    """The content at twice the size by interpolation, then averaged: the box is not rounded."""
    height, width = picture.shape
    scale_x, scale_y = box[2] * width / (2 * SIDE), box[3] * height / (2 * SIDE)
    # Centre of a fine pixel (i + 0.5) * scale + origin is the tiny picture's coordinate + 0.5.
    shift_x = box[0] * width + scale_x / 2 - 0.5
    shift_y = box[1] * height + scale_y / 2 - 0.5
    matrix = np.array([[scale_x, 0, shift_x], [0, scale_y, shift_y]])
    fine = cv2.warpAffine(
        picture,
        matrix,
        (2 * SIDE, 2 * SIDE),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(cv2.resize(fine, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def pack(strip: Strip) -> bytes:
    """As stored."""
    return strip.tobytes()


def unpack(content: bytes) -> Strip:
    """The strip that `pack` stored."""
    return np.frombuffer(content, np.uint8).reshape(-1, SIDE, SIDE)
