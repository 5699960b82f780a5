"""Clips in which a part is played again."""

from typing import Final

import numpy as np

from filters.base import Clip, Evidence, Unmeasurable, once
from filters.similarity import Square, differences, thinned

MIN_PERIOD_S: Final = 0.5
"""Shorter periods are repeated frames or shaking."""
MIN_AGAIN_S: Final = 0.5
"""Least length of what is played again."""
MOVES: Final = 1.0
"""Mean squared grey levels between frames half a period apart, below which nothing moves."""
JUMP: Final = 2.0
"""Largest step over the 90 % quantile of the steps of a period, from which there is a seam. What
swings or turns by itself comes back without one, and cannot be told from a loop without a seam."""
NOISE: Final = 0.15
"""As filters.boomerang."""


def repetition(clip: Clip) -> float:
    """How well a part of half a second or more is played again, 0 to 1.

    For the best period, 1 less the ratio of two differences over the repeated part: between frames
    one period apart, and between frames a quarter of a second or half a period apart, whichever
    is less: a pose taken up again is no repetition. Periods without a jump at their end count less:
    what swings or turns by itself has none.

    Raises:
        Unmeasurable: "too_few_frames" below a second, "static_scene" where nothing moves.
    """
    return _best(clip)[0]


def again(clip: Clip) -> list[Evidence]:
    """The first and the second time of the repeated part.

    Raises:
        Unmeasurable: As `repetition`.
    """
    value, first, last, period = _best(clip)
    if value <= 0:
        return []
    return [
        Evidence(first, last, None, value, "first"),
        Evidence(first + period, last + period, None, value, "again"),
    ]


@once
def _best(clip: Clip) -> tuple[float, float, float, float]:
    """The score; start, end and period in s."""
    chosen = thinned(len(clip.tiny))
    t_s = clip.tiny_t_s[chosen]
    least = int(np.searchsorted(t_s, t_s[0] + MIN_PERIOD_S - 1e-6))
    run = int(np.searchsorted(t_s, t_s[0] + MIN_AGAIN_S - 1e-6))
    if len(t_s) < least + run + 2 or least < 2:
        raise Unmeasurable("too_few_frames")
    square = differences(clip)
    step = np.sqrt(np.diagonal(square, 1))
    best, moving = (0.0, 0.0, 0.0, 0.0), False
    for lag in range(least, len(square) - run):
        apart = np.diagonal(square, lag)
        motion = _motion(square, lag, run)
        window = max(run, 1)
        near = np.convolve(apart, np.full(window, 1 / window), "valid")
        half = max(1, window // 2)
        halves = np.convolve(motion, np.full(half, 1 / half), "valid")
        # Both halves must move: one change of pose that happens twice is no repetition.
        around = np.minimum(halves[: len(near)], halves[window - half :][: len(near)])
        enough = around > MOVES
        if not enough.any():
            continue
        moving = True
        ratio = np.where(enough, np.maximum(near - NOISE, 0) / np.maximum(around, MOVES), 1.0)
        at = int(ratio.argmin())
        value = (1 - float(np.sqrt(min(1.0, ratio[at])))) * _seam(step, at, at + lag)
        if value > best[0]:
            last = min(at + window, len(t_s) - 1 - lag)
            best = value, float(t_s[at]), float(t_s[last]), float(t_s[at + lag] - t_s[at])
    if not moving:
        raise Unmeasurable("static_scene")
    return best


def _seam(step: Square, first: int, again: int) -> float:
    """Largest step from one start to the other over the typical large one, over JUMP, at most 1."""
    steps = step[max(0, first - 1) : again + 1]
    large = float(np.quantile(steps, 0.9))
    return min(1.0, float(steps.max()) / large / JUMP) if large > 0 else 0.0


def _motion(square: Square, lag: int, run: int) -> Square:
    """Per start, the least of the differences within the part and on the way to its repetition."""
    count = len(square) - lag
    ways = (max(1, run // 2), max(1, lag // 2))
    return np.minimum(*(np.diagonal(square, way)[:count] for way in ways))
