"""What a span of a few seconds looks like at every pixel: the input of the overlay network."""

from itertools import pairwise
from typing import Final

import cv2
import numpy as np

from filters.base import Float, Gray

WINDOW_S: Final = 2.0
"""Length of the spans looked at: captions change every few seconds, logos stay."""
MIN_FRAMES: Final = 4
"""Frames of a span; with fewer nothing can be said about what stays."""
CHANNELS: Final = 9


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


def overlay_maps(gray: Gray) -> Gray:
    """Pictures of one span: how it looks, what changes in it, and which edges stay.

    Args:
        gray: (T, H, W) uint8 luma.

    Returns:
        (CHANNELS, H, W) uint8: temporal mean; the frames after a sixth, a half and five sixths of
        the span; range over time; least and mean of the gradient's length, |dx| + |dy| of the
        Sobel operator over 4; and |dx| and |dy| of the mean gradient. Under a level pan only the
        last stays: what is drawn keeps both.
    """
    shape = gray.shape[1:]
    total, length = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    sums = np.zeros((2, *shape), np.int32)
    least, low, high = np.full(shape, 255, np.uint8), gray[0], gray[0]
    for frame in gray:
        dx, dy = cv2.spatialGradient(frame)
        strength = cv2.add(cv2.convertScaleAbs(dx, alpha=0.25), cv2.convertScaleAbs(dy, alpha=0.25))
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
    return np.stack([np.clip(plane, 0, 255).astype(np.uint8) for plane in planes])
