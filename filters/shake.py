"""Shake of the camera: what is faster than any intended move."""

from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from filters import dense, repeated
from filters.base import Clip, Float, Unmeasurable

LOWEST_HZ: Final = 2.0
"""Slower motion is a pan, a step of the one who carries the camera, a correction."""
MIN_FRAMES: Final = 12
MIN_RATE: Final = 8.0
"""Frames a second below which half the rate is hardly above LOWEST_HZ."""
MIN_MEASURED: Final = 0.7
"""Share of the steps that need texture; the others are filled in between."""


def strength(clip: Clip) -> float:
    """Root mean square of the camera's path above 2 Hz, in % of the frame's width, 0 up.

    The path is the running sum of the picture's shift between all neighbouring frames (see
    filters.dense); repeated frames are left out. A sine of amplitude A % gives A / sqrt(2).

    Raises:
        Unmeasurable: "too_few_frames" (fewer than 12 frames, or below 8 a second), "black",
            "textureless".
    """
    path, step_s = _path(clip)
    return 100 * high_passed_rms(path, step_s)


def high_passed_rms(path: Float, step_s: float) -> float:
    """Root mean square of a (n, 2) path above LOWEST_HZ, in its own unit.

    The speed is windowed (Hann) and integrated as a spectrum, which leaves a steady or slowly
    changing move without trace, however long.
    """
    speed = np.diff(path, axis=0) / step_s
    speed = speed - speed.mean(axis=0)
    window = np.hanning(len(speed) + 2)[1:-1]
    spectrum = np.fft.rfft(speed * window[:, None], axis=0)
    hz = np.fft.rfftfreq(len(speed), step_s)
    high = hz >= LOWEST_HZ
    if not high.any():
        return 0.0
    # Mean square by Parseval (positive frequencies count twice, the last one once).
    twice = np.where(np.isclose(hz, 1 / (2 * step_s)), 1.0, 2.0)[high]
    # A difference between frames is 2 sin(pi f step) times the path.
    per_path = 2 * np.sin(np.pi * hz[high] * step_s) / step_s
    power = (np.abs(spectrum[high]) ** 2).sum(axis=1) / per_path**2
    return float(np.sqrt((twice * power).sum() / (len(speed) * (window**2).sum())))


def _path(clip: Clip) -> tuple[Float, float]:
    """(n, 2) places of the picture in frame widths at even times, and the step in s."""
    t_s = clip.tiny_t_s
    if len(t_s) < MIN_FRAMES:
        raise Unmeasurable("too_few_frames")
    if clip.tiny.std(axis=(1, 2)).max() <= 3.0:
        raise Unmeasurable("black")
    step_s = float(np.median(np.diff(t_s)))
    if step_s > 1 / MIN_RATE:
        raise Unmeasurable("too_few_frames")
    shift = dense.shifts(clip.tiny, _expected(clip, t_s))
    measured = np.isfinite(shift[:, 0])
    if measured.mean() < MIN_MEASURED:
        raise Unmeasurable("textureless")
    dt_s = np.diff(t_s)
    middle_s = t_s[:-1] + dt_s / 2
    height, width = clip.gray.shape[1:]
    speed = shift * (1, height / width) / dt_s[:, None]
    filled = np.stack(
        [np.interp(middle_s, middle_s[measured], part[measured]) for part in speed.T], axis=1
    )
    places = np.concatenate([np.zeros((1, 2)), np.cumsum(filled * dt_s[:, None], axis=0)])
    kept = _real_frames(clip, shift)
    even_s = np.arange(t_s[0], t_s[-1] + step_s / 2, step_s)
    return np.stack([np.interp(even_s, t_s[kept], part[kept]) for part in places.T], axis=1), step_s


def _expected(clip: Clip, t_s: Float) -> Float:
    """(n - 1, 2) shifts in widths and heights that the tracks promise, at even speed between."""
    path = np.zeros((len(clip.gray), 2))
    for i, pair in enumerate(clip.motion):
        step = (pair.tx, pair.ty) if pair.missing is None else (0.0, 0.0)
        path[i + 1] = path[i] + step
    return np.stack([np.diff(np.interp(t_s, clip.gray_t_s, part)) for part in path.T], axis=1)


def _real_frames(clip: Clip, shift: Float) -> npt.NDArray[np.intp]:
    """Indices of the frames that tell where the camera was: all but repeats on the way.

    A repeat before which and after which the picture goes the same way is the frame before again,
    and the step after it makes up for it; where it turns back, the camera rested at the turn.
    """
    try:
        repeats, _ = repeated.steps(clip)
    except Unmeasurable:
        return np.arange(len(clip.tiny))
    real = np.ones(len(clip.tiny), np.bool_)
    new = np.flatnonzero(~repeats)
    for first, last in pairwise(new):
        if last > first + 1 and np.nansum(shift[first] * shift[last]) > 0:
            real[first + 2 : last + 1] = False
    return np.flatnonzero(real)
