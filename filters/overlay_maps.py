"""What a span of a few seconds looks like at every pixel: the input of the overlay network."""

from itertools import pairwise
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from filters.base import Chroma, Float, Gray

WINDOW_S: Final = 2.0
"""Length of the spans looked at: captions change every few seconds, logos stay."""
MIN_FRAMES: Final = 4
"""Frames of a span; with fewer nothing can be said about what stays."""
CHANNELS: Final = 12
NEUTRAL: Final = 128
"""Cb and Cr where there is no colour."""


def windows(t_s: Float) -> list[slice]:
    """Slices of about WINDOW_S that cover a clip, each of MIN_FRAMES frames or more.

    Args:
        t_s: (T,) seconds, increasing.

    Returns:
        None where there are fewer than MIN_FRAMES frames.
    """
    if len(t_s) < MIN_FRAMES:
        return []
    count = max(1, min(round(float(t_s[-1] - t_s[0]) / WINDOW_S), len(t_s) // MIN_FRAMES))
    limits = np.linspace(0, len(t_s), count + 1).round().astype(int)
    return [slice(int(a), int(b)) for a, b in pairwise(limits)]


def overlay_maps(gray: Gray, chroma: Chroma | None = None) -> Gray:
    """Pictures of one span: how it looks, what changes in it, and which edges stay.

    Args:
        gray: (T, H, W) uint8 luma.
        chroma: (N, 2, H, W) uint8 Cb and Cr of some of the frames, N > 0; None counts as grey.

    Returns:
        (CHANNELS, H, W) uint8: temporal mean; the frames after a sixth, a half and five sixths of
        the span; range over time; least and mean of the gradient's length, |dx| + |dy| of the
        Sobel operator over 4; |dx| and |dy| of the mean gradient (under a level pan only the last
        stays: what is drawn keeps both); mean Cb and Cr, and the least length of their gradient.
    """
    shape = gray.shape[1:]
    total, length = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    sums = np.zeros((2, *shape), np.int32)
    least, low, high = np.full(shape, 255, np.uint8), gray[0], gray[0]
    for frame in gray:
        dx, dy = cv2.spatialGradient(frame)
        strength = _length(dx, dy)
        cv2.accumulate(frame, total)
        cv2.accumulate(strength, length)
        sums[0] += dx
        sums[1] += dy
        least = np.minimum(least, strength)
        low, high = np.minimum(low, frame), np.maximum(high, frame)
    count = len(gray)
    across, down = np.abs(sums) / np.float32(4 * count)
    shown = [gray[min(count - 1, int(count * part))] for part in (1 / 6, 1 / 2, 5 / 6)]
    planes = [total / count, *shown, high - low, least, length / count, across, down]
    planes += _colour_maps(chroma, shape)
    return np.stack([np.clip(plane, 0, 255).astype(np.uint8) for plane in planes])


def _length(dx: npt.NDArray[Any], dy: npt.NDArray[Any]) -> Gray:
    """Length |dx| + |dy| of a Sobel gradient over 4, up to 255."""
    across, down = (cv2.convertScaleAbs(part, alpha=0.25) for part in (dx, dy))
    return np.asarray(cv2.add(across, down), np.uint8)


def _colour_maps(chroma: Chroma | None, shape: tuple[int, ...]) -> list[npt.NDArray[Any]]:
    """Mean Cb, mean Cr, and the least over the frames of the length of both gradients."""
    if chroma is None:
        grey = np.full(shape, NEUTRAL, np.uint8)
        return [grey, grey, np.zeros(shape, np.uint8)]
    least = np.full(shape, 255, np.uint8)
    for planes in chroma:
        blue, red = (_length(*cv2.spatialGradient(np.ascontiguousarray(p))) for p in planes)
        least = np.minimum(least, cv2.add(blue, red))
    return [*chroma.mean(axis=0, dtype=np.float32), least]
