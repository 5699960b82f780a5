"""Speed that changes within a clip by showing frames more than once: slow motion that begins."""

from typing import Final

import numpy as np
import numpy.typing as npt

from filters import repeated
from filters.base import Clip, Evidence, Float, Unmeasurable, once

WINDOW_S: Final = 0.4
"""Time before and after a moment over which frames are counted; shorter ramps are cuts."""
MIN_WINDOW: Final = 8
"""Fewest steps of a window: at fewer, one repeat more or less is a tenth."""
MOVING: Final = 0.6
"""Share of a window's steps near which something must move."""
CLEAR: Final = 0.3
"""Change of the share from which a moment is named as evidence; 24 in 30 a second is 0.2."""


def strength(clip: Clip) -> float:
    """Greatest change of the share of repeated frames from 0.4 s before a moment to 0.4 s after.

    0.5 where motion drops to half its speed by doubling frames, 0.67 to a third; 0 where frames
    repeat evenly or not at all. A recording that stalls at random gives up to 0.4. Slow motion by
    blended frames, and speed that is raised by dropping frames, leave no repeats and are not seen.

    Raises:
        Unmeasurable: As `filters.repeated.steps`; "too_few_frames" where the clip is shorter than
            two windows; "static_scene" where nothing moves on both sides of any moment.
    """
    return float(np.nanmax(np.abs(_changes(clip)[0])))


def moments(clip: Clip) -> list[Evidence]:
    """Moments at which the speed changes: "slower" or "faster", with the change of the share.

    Raises:
        Unmeasurable: As `strength`.
    """
    changes, window = _changes(clip)
    size = np.nan_to_num(np.abs(changes))
    found = []
    while size.max() >= CLEAR:
        at = int(size.argmax())
        t_s = float(clip.tiny_t_s[at + window])
        note = "slower" if changes[at] > 0 else "faster"
        found.append(Evidence(t_s, t_s, None, float(size[at]), note))
        size[max(0, at - window) : at + window + 1] = 0
    return found


@once
def _changes(clip: Clip) -> tuple[Float, int]:
    """Share of repeats in the window after each moment less that before, and the window's steps.

    nan where too little moves on a side.
    """
    repeats, moves = repeated.steps(clip)
    fps = (len(clip.tiny_t_s) - 1) / float(clip.tiny_t_s[-1] - clip.tiny_t_s[0])
    window = max(MIN_WINDOW, round(WINDOW_S * fps))
    if len(moves) < 2 * window:
        raise Unmeasurable("too_few_frames")
    moving = _sums(moves, window)
    enough = moving >= MOVING * window
    share = np.where(enough, _sums(repeats, window) / np.maximum(moving, 1), np.nan)
    changes = share[window:] - share[:-window]
    if not np.isfinite(changes).any():
        raise Unmeasurable("static_scene")
    return changes, window


def _sums(flags: npt.NDArray[np.bool_], window: int) -> Float:
    """(N - window + 1,) how many of each `window` neighbours are set."""
    total = np.concatenate([[0], np.cumsum(flags)])
    return np.asarray(total[window:] - total[:-window], np.float64)
