"""Clips played forwards and then backwards."""

from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from filters.base import Clip, Evidence, Unmeasurable, once
from filters.similarity import differences, thinned

Squares: TypeAlias = npt.NDArray[np.float32]

MIN_SIDE_S: Final = 0.5
"""Least length of the part that is played back (algorithms.md section 3)."""
MOVES: Final = 1.0
"""Mean squared grey levels between the turn and the frames around it, below which nothing moves:
the rest of a still clip is its own mirror."""
SLOW: Final = 0.35
"""Speed in the two frames next to the turn over that five to seven frames off, from which the turn
is no natural one: where a thing swings, speed grows evenly from 0 and gives 0.2."""
BESIDE: Final = range(-6, 7, 2)
"""Twice the frames beside a turn at which the speed is looked at too."""
NOISE: Final = 0.15
"""Mean squared grey levels that compression may put between a frame and its repetition."""


def mirror(clip: Clip) -> float:
    """How well a part of a second or more is its own mirror in time, 0 to 1.

    Over the frames around the best turning point, 1 less the ratio of two differences: between
    frames at equal distance before and after the turn, and between those frames and the turn.
    A thing that swings slows down where it turns, a film played backwards does not: turns whose
    steps are below 0.35 of those a little further off count in proportion.

    Raises:
        Unmeasurable: "too_few_frames" below a second, "static_scene" where nothing moves.
    """
    return _best(clip)[0]


def turns(clip: Clip) -> list[Evidence]:
    """The mirrored part around the best turning point.

    Raises:
        Unmeasurable: As `mirror`.
    """
    value, first, last = _best(clip)
    return [Evidence(first, last, None, value)] if value > 0 else []


@once
def _best(clip: Clip) -> tuple[float, float, float]:
    """The score, and start and end of the part in s."""
    chosen = thinned(len(clip.tiny))
    t_s = clip.tiny_t_s[chosen]
    least = int(np.searchsorted(t_s, t_s[0] + MIN_SIDE_S - 1e-6))
    if len(t_s) < max(2 * least + 1, 9):
        raise Unmeasurable("too_few_frames")
    square = differences(clip)
    step = np.sqrt(np.diagonal(square, 1))
    best, moving = (0.0, 0.0, 0.0), False
    count = len(square)
    # A turn lies on a frame or between two: `total` is twice its place.
    for total in range(2 * least, 2 * (count - 1) - 2 * least + 1):
        after = np.arange(total // 2 + 1, min(count - 1, total) + 1)
        before = total - after
        centre = total // 2
        apart = square[before, after]
        from_turn = (square[before, centre] + square[after, centre]) / 2
        motion = from_turn.mean()
        if motion < MOVES:
            continue
        moving = True
        likeness = 1 - float(np.sqrt(max(0.0, apart.mean() - NOISE) / motion))
        if likeness <= best[0]:
            continue
        # A swing seen from a turn a little beside its own resembles its mirror nearly as much.
        value = likeness * min(_speed_at_turn(step, total + off) for off in BESIDE)
        if value > best[0]:
            best = value, float(t_s[before[-1]]), float(t_s[after[-1]])
    if not moving:
        raise Unmeasurable("static_scene")
    return best


def _speed_at_turn(step: Squares, total: int) -> float:
    """Speed next to the turn over the speed five to seven frames off, over SLOW and at most 1."""
    # Between two frames the turn itself is a step of nothing, which is passed over.
    first = max(0, total // 2 + total % 2)
    last = max(0, total // 2 - 1)
    beside = [*step[first : first + 2], *step[max(0, last - 1) : last + 1]]
    off = [*step[first + 4 : first + 7], *step[max(0, last - 6) : max(0, last - 3)]]
    if not off or max(off) <= 0:
        return 0.0
    return min(1.0, float(np.mean(beside) / np.mean(off)) / SLOW)
