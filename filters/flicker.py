"""Brightness that pulsates: lamps against the shutter, strobes, unstable exposure, old film."""

from typing import Final

import numpy as np

from filters.base import Clip, Evidence, Float, Unmeasurable, once

MIN_FRAMES: Final = 8
MIN_LUMA: Final = 4.0
"""Grey levels above black from which a pixel's brightness has a ratio."""
SLOW_S: Final = 0.5
"""Brightness that changes more slowly than this is exposure control or the scene."""


def strength(clip: Clip) -> float:
    """Root mean square of the picture's brightness around its 0.5 s trend, in %, 0 up.

    The brightness of a step is the median over the picture of the ratio of luma, so a thing that
    moves or a camera that turns does not count. Single jumps (a flash, a cut) count little: the
    middle four fifths of the deviations are taken.

    Raises:
        Unmeasurable: "too_few_frames", or "black" where too little is bright enough.
    """
    off = np.abs(_deviation(clip))
    return float(100 * np.sqrt((np.sort(off)[: max(1, round(0.9 * len(off)))] ** 2).mean()))


def spans(clip: Clip) -> list[Evidence]:
    """The span from the first to the last frame that is off the trend by half the largest.

    Raises:
        Unmeasurable: As `strength`.
    """
    off = np.abs(_deviation(clip))
    at = np.flatnonzero(off >= off.max() / 2) if off.max() > 0 else np.empty(0, int)
    if len(at) < 2:
        return []
    first, last = float(clip.tiny_t_s[at[0]]), float(clip.tiny_t_s[at[-1]])
    return [Evidence(first, last, None, float(100 * off.max()))]


@once
def _deviation(clip: Clip) -> Float:
    """(F,) natural log of the brightness less its trend."""
    if len(clip.tiny) < MIN_FRAMES:
        raise Unmeasurable("too_few_frames")
    tiny = clip.tiny[:, ::2, ::2]
    # Log luma above video black; (F - 1, 2304) steps.
    level = np.log(np.maximum(tiny.reshape(len(tiny), -1).astype(np.float32) - 12, MIN_LUMA))
    bright = (np.median(tiny[::4], axis=0) > 12 + 2 * MIN_LUMA).ravel()
    if bright.mean() < 0.1:
        raise Unmeasurable("black")
    steps = np.median(np.diff(level[:, bright], axis=0), axis=1).astype(np.float64)
    path = np.concatenate([[0.0], np.cumsum(steps)])
    return path - trend(path, clip.tiny_t_s, SLOW_S)


def trend(path: Float, t_s: Float, window_s: float) -> Float:
    """(F,) running mean over a window, as wide as fits on both sides at the ends."""
    total = np.concatenate([[0.0], np.cumsum(path)])
    step_s = float(np.median(np.diff(t_s)))
    reach = max(1, round(window_s / step_s / 2))
    index = np.arange(len(path))
    reach_at = np.minimum(reach, np.minimum(index, len(path) - 1 - index))
    low, high = index - reach_at, index + reach_at + 1
    return np.asarray((total[high] - total[low]) / (high - low))
