"""Frames shown more than once: rate conversion, slow motion by repetition, stalled capture."""

from collections import Counter
from itertools import pairwise
from typing import Final, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from filters.base import Clip, Evidence, Float, Gray, Unmeasurable, once

Flags: TypeAlias = npt.NDArray[np.bool_]
"""(F - 1,) bool, one per step between neighbouring frames."""

TOP: Final = 46
"""The 2 % most changed of 2304 pixels tell a step: a thing of 0.5 % of the frame moves so many."""
REPEAT: Final = 0.2
"""Step over the largest step near it, below which the frame is the one before again."""
BESIDE: Final = 2
DIP: Final = 0.35
"""Or over the larger of two steps before and of two after, whichever is less: motion that comes and
goes has no single dips."""
REPEAT_CHANGE: Final = 3.0
"""Grey levels (mean of the TOP pixels) that a repeat may still change after compression."""
MOVES: Final = 3.0
"""Grey levels of the largest step near from which something moves at all; below, a repeat cannot
be told from rest."""
REACH_FRAMES: Final = 5
"""A frame held for more steps than this is a pause or a freeze (filters.freeze), not a cadence."""
WINDOW: Final = 30
"""Steps of a window in which a regular cadence is looked for: about a second."""
REGULAR: Final = 0.5
"""Greatest ratio of the small steps' sum to that of new steps where one frame in n is new."""
REGULAR_SINGLE: Final = 0.3
"""The same where one frame in n repeats: fewer of them, and encoders make weak patterns too."""
CLEARLY: Final = 0.8
"""A small step above this share of the lesser new one beside it breaks the cadence."""
BROKEN: Final = 0.15
"""Greatest sum of breaking steps, as a share of the new ones. Steps count by their size, so a pause
within a cadence, where all steps are noise, does not hide it."""
AROUND: Final = 2
"""Frames before and after a step that tell which way the picture is changing."""
NO_PROGRESS: Final = 0.3
"""Greatest ratio of small to new steps in `progress`; uneven steps of a film whose rate was changed
unevenly, none of which repeats, fall below 0.4 in some windows."""
MIN_MOVING: Final = 6
"""Steps near motion that a cadence needs."""


def share(clip: Clip) -> float:
    """Share of the frames that repeat the frame before, among frames where something moves, 0 to 1.

    0.2 for 24 frames a second stored at 30 (3:2), 0.5 for doubled frames, 0.67 for tripled ones.

    Raises:
        Unmeasurable: "static_scene" where nothing moves, "too_few_frames".
    """
    repeats, moves = steps(clip)
    return float(repeats.sum() / moves.sum())


def runs(clip: Clip) -> list[Evidence]:
    """Spans in which frames repeat, with their cadence: 2x, 3x ..., 3:2 or irregular.

    Raises:
        Unmeasurable: As `share`.
    """
    repeats, _ = steps(clip)
    at = np.flatnonzero(repeats)
    if len(at) < 2:
        return []
    found = []
    # Repeats further apart than a conversion of 24 to 30 puts them belong to different spans.
    for part in np.split(at, np.flatnonzero(np.diff(at) > 2 * REACH_FRAMES) + 1):
        first, last = int(part[0]), int(part[-1]) + 1
        if len(part) < 2:
            continue
        value = len(part) / (last - first)
        note = cadence(repeats[first:last])
        found.append(
            Evidence(float(clip.tiny_t_s[first]), float(clip.tiny_t_s[last]), None, value, note)
        )
    return found


def cadence(repeats: Flags) -> str:
    """Name the pattern of repeats: "2x", "3x", "4x" ..., "3:2" (one in five) or "irregular"."""
    new = np.flatnonzero(~repeats)
    if len(new) < 2:
        return "irregular"
    gap, count = Counter(np.diff(new).tolist()).most_common(1)[0]
    share = repeats.mean()
    if gap > 1 and count >= 0.8 * (len(new) - 1):
        return f"{gap}x"
    one_in = np.diff(np.flatnonzero(repeats))
    if 0.15 < share < 0.27 and len(one_in) and (np.abs(one_in - 5) <= 1).mean() >= 0.8:
        return "3:2"
    return "irregular"


@once
def steps(clip: Clip) -> tuple[Flags, Flags]:
    """Which steps repeat a frame, and near which something moves.

    Returns:
        Two (F - 1,) bool; a repeat is always near motion.

    Raises:
        Unmeasurable: "static_scene" where nothing moves, "too_few_frames".
    """
    if len(clip.tiny) <= MIN_MOVING:
        raise Unmeasurable("too_few_frames")
    change = step_change(clip.tiny)
    near = np.ones((1, 2 * REACH_FRAMES + 1), np.uint8)
    largest = cv2.dilate(change[None], near)[0]
    beside = np.minimum(_largest(change, -BESIDE), _largest(change, BESIDE))
    limit = np.maximum(REPEAT * largest, DIP * beside)
    low = (change < limit) & (change < REPEAT_CHANGE)
    # A cadence goes on: a step is judged only if new frames lie near it on both sides, so the rest
    # before and after a cut between stills is none.
    new = np.flatnonzero(~low & (largest > MOVES))
    moves = np.zeros(len(change), np.bool_)
    for first, last in pairwise(new):
        if last - first <= REACH_FRAMES + 1:
            moves[first : last + 1] = True
    if moves.sum() < MIN_MOVING:
        raise Unmeasurable("static_scene")
    regular = _cadences(change, change) | _cadences(progress(clip.tiny), change, NO_PROGRESS)
    return moves & (low | regular), moves


def _largest(change: npt.NDArray[np.float32], reach: int) -> npt.NDArray[np.float32]:
    """Per step, the largest of the `reach` steps after it, or before it where negative."""
    padded = np.pad(change, abs(reach))
    views = np.lib.stride_tricks.sliding_window_view(padded, abs(reach))
    shift = abs(reach) + 1 if reach > 0 else 0
    return np.asarray(views.max(axis=1)[shift : shift + len(change)])


def _cadences(
    series: npt.NDArray[np.float32], change: npt.NDArray[np.float32], strictest: float = 1.0
) -> Flags:
    """Steps that are small at regular places, where compression hides that they are nothing.

    In windows of about a second, every cadence (one new frame in 2 to 6, one repeat in 4 to 6) is
    tried at every phase. One holds where the small steps are well below the new ones beside them;
    the best of those that hold counts.

    Args:
        series: (F - 1,) steps in any measure.
        change: (F - 1,) grey levels, which tell where something moves at all.
        strictest: Greatest ratio of small to new steps, where below the pattern's own.
    """
    found = np.zeros(len(series), np.bool_)
    if len(series) < WINDOW:
        return found
    starts = sorted({*range(0, len(series) - WINDOW + 1, WINDOW // 2), len(series) - WINDOW})
    # (W, 30): all windows at once, since there are 35 patterns to try.
    parts, changes = (
        np.stack([values[start : start + WINDOW] for start in starts])
        for values in (series, change)
    )
    largest = np.partition(changes, -WINDOW // 8, axis=1)[:, -WINDOW // 8]
    best = np.where(largest > MOVES, 1.0, 0.0)
    chosen = np.full(len(parts), -1)
    for number, (pattern, most) in enumerate(_PATTERNS):
        ratio = _fits(parts, pattern)
        better = (ratio <= min(most, strictest)) & (ratio < best)
        best[better], chosen[better] = ratio[better], number
    for start, number in zip(starts, chosen, strict=True):
        if number >= 0:
            found[start : start + WINDOW] |= _PATTERNS[number][0]
    return found


def _patterns() -> list[tuple[Flags, float]]:
    """Where the repeats of a window lie, and the greatest ratio of small to new steps."""
    index, found = np.arange(WINDOW), []
    for period in range(2, REACH_FRAMES + 2):
        for phase in range(period):
            found.append((index % period != phase, REGULAR))
            if period >= 4:
                found.append((index % period == phase, REGULAR_SINGLE))
    return found


def _fits(parts: npt.NDArray[np.float32], repeats: Flags) -> Float:
    """(W,) ratios of the small steps to the new ones beside; 1 where too many are not small.

    Args:
        parts: (W, WINDOW) steps.
        repeats: (WINDOW,) where the pattern says that frames repeat.
    """
    new, at = np.flatnonzero(~repeats), np.flatnonzero(repeats)
    after = np.minimum(np.searchsorted(new, at), len(new) - 1)
    before = np.maximum(after - 1, 0)
    beside = np.maximum(np.minimum(parts[:, new[before]], parts[:, new[after]]), 0)
    small = np.abs(parts[:, at])
    whole = np.maximum(beside.sum(axis=1), 1e-6)
    broken = np.where(small > CLEARLY * beside, small, 0).sum(axis=1) / whole
    holds = (broken <= BROKEN) & (whole >= MOVES * len(at))
    return np.where(holds, small.sum(axis=1) / whole, 1.0).astype(np.float64)


def step_change(tiny: Gray) -> npt.NDArray[np.float32]:
    """(F - 1,) mean change of the TOP most changed pixels of each step, grey levels."""
    change = np.abs(np.diff(tiny.astype(np.int16), axis=0)).reshape(len(tiny) - 1, -1)
    top = np.partition(change, change.shape[1] - TOP, axis=1)[:, -TOP:]
    return np.asarray(top.mean(axis=1), np.float32)


def progress(tiny: Gray) -> npt.NDArray[np.float32]:
    """(F - 1,) how far each step goes the way that the picture changes around it, grey levels.

    The step's product with the direction of the change from AROUND frames before it to AROUND after
    it, the step itself left out. What an encoder does to a repeat has no such direction.
    """
    frames = tiny.reshape(len(tiny), -1).astype(np.float32)
    step = np.diff(frames, axis=0)
    at = np.arange(len(step))
    first, last = np.maximum(at - AROUND, 0), np.minimum(at + 1 + AROUND, len(step))
    around = frames[last] - frames[first] - step
    length = np.maximum(np.linalg.norm(around, axis=1), 1e-6)
    return np.asarray((step * around).sum(axis=1) / length, np.float32)


_PATTERNS: Final = _patterns()
