"""How much every two frames of a clip differ: what loops and boomerangs are found in."""

from typing import Final, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from filters.base import Clip, once

Square: TypeAlias = npt.NDArray[np.float32]
"""(n, n) float32 mean squared difference in grey levels squared."""

MOST: Final = 256
"""Frames compared; longer clips are thinned out evenly, since cost grows with the square."""


def thinned(frames: int) -> npt.NDArray[np.intp]:
    """Indices of the frames that are compared."""
    return np.arange(0, frames, -(-frames // MOST))


@once
def differences(clip: Clip) -> Square:
    """Mean squared difference of every two frames of `thinned`, each less its mean brightness."""
    tiny = clip.tiny[thinned(len(clip.tiny))]
    count, height, width = tiny.shape
    tall = tiny.reshape(count * height, width).astype(np.float32)
    small = cv2.resize(tall, (width // 2, count * height // 2), interpolation=cv2.INTER_AREA)
    points = small.reshape(count, -1)
    points = points - points.mean(axis=1, keepdims=True)
    points -= points.mean(axis=0)  # Smaller numbers keep float32 exact to 0.01 grey levels.
    square = (points * points).sum(axis=1)
    product = points @ points.T
    found = (square[:, None] + square[None] - 2 * product) / points.shape[1]
    return np.asarray(np.maximum(found, 0), np.float32)
