"""How much a clip's picture changes at all, whether the camera or something in view moves."""

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from filters.base import Clip, Float, Unmeasurable

LAG_S: Final = 1.0
"""Frames this far apart are compared: long enough for slow motion to show over noise."""
PER_SECOND: Final = 4
"""Comparisons a second: a sample of a clip's length, dense against the lag."""
QUANTILE: Final = 0.99
"""The 23 most changed of 2304 pixels: a thing of 0.2 % of the frame, with the 3x3 blur and its old
and new place, covers about 40; single noisy pixels do not reach it."""


def change(clip: Clip) -> float:
    """Mean change of the most changed 1 % of the picture within one second, in grey levels, 0 up.

    Sensor noise and compression are averaged away (64x36 pixels, then a 3x3 blur), and a change of
    the whole picture's brightness (flicker, exposure, fade) is taken out as the median change. A
    clip shorter than two seconds is compared over half its length.

    Raises:
        Unmeasurable: The clip has one frame ("too_few_frames").
    """
    if len(clip.tiny) < 2:
        raise Unmeasurable("too_few_frames")
    before, after = _pairs(clip.tiny_t_s)
    pairs = zip(before, after, strict=True)
    return float(np.mean([_top(clip.tiny[a], clip.tiny[b]) for a, b in pairs]))


def _pairs(t_s: Float) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Indices of the earlier and the later frame of each comparison, at least one of each."""
    length_s = float(t_s[-1] - t_s[0])
    lag_s = min(LAG_S, length_s / 2)
    start_s = np.arange(t_s[0], t_s[-1] - lag_s + 1e-6, 1 / PER_SECOND)
    before = np.minimum(np.searchsorted(t_s, start_s - 1e-6), len(t_s) - 2)
    after = np.minimum(np.searchsorted(t_s, t_s[before] + lag_s - 1e-6), len(t_s) - 1)
    return before, np.maximum(after, before + 1)


def _top(before: npt.NDArray[np.uint8], after: npt.NDArray[np.uint8]) -> float:
    """Quantile of the absolute change between two (36, 64) pictures."""
    difference = cv2.blur(after.astype(np.float32) - before, (3, 3))
    return float(np.quantile(np.abs(difference - np.median(difference)), QUANTILE))
