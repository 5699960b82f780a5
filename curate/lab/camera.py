"""Added camera motion: where the window lies on the stage in each frame."""

from typing import Final

import numpy as np
import numpy.typing as npt

from curate.lab.doses import TakePlan
from curate.lab.world import SIDE, STAGE, Wander

Offsets = npt.NDArray[np.float64]
"""(T, 2) px from the middle of the stage, x and y."""

ROOM_PX: Final = ((STAGE[0] - SIDE) / 2, (STAGE[1] - SIDE) / 2)
"""How far the window may leave the middle, px in x and in y."""

PAN_PX_S: Final = (60.0, 140.0)
"""Slowest and fastest pan, px per second; the picture's side is 256 px."""

SHAKE_PX: Final = (12.0, 6.0)
"""Spread of a shaken window about its place, px in x and in y."""

SHAKE_MEMORY_S: Final = 0.12
"""Time after which a shaken hand has forgotten where it was: a corner frequency of 1.3 Hz."""


def window_path(plan: TakePlan, fps: float, seed: int) -> Offsets:
    """Where the window lies in each frame of a take.

    A pan swings to and fro at an even speed, begins and ends in the middle; shake adds to it.
    Outside of both the window rests in the middle.

    Args:
        plan: Of the take.
        fps: Frames per second.
        seed: Of speeds and of the shake.
    """
    path = np.zeros((plan.frames, 2))
    for number, span in enumerate(plan.spans):
        rng = np.random.default_rng([seed, number])
        length = span.end - span.start
        if span.kind == "pans":
            path[span.start : span.end] += _pan(length, fps, rng)
        elif span.kind == "shake":
            path[span.start : span.end] += _shake(length, fps, rng)
    return np.clip(path, -np.array(ROOM_PX), np.array(ROOM_PX))


def _pan(length: int, fps: float, rng: np.random.Generator) -> Offsets:
    """An even swing, first to one side and then to the other, mostly along x."""
    way = float(rng.uniform(*PAN_PX_S)) / fps * length
    # Half a swing goes to one side and back, twice its reach; there must be a whole number of
    # halves for the pan to end in the middle.
    halves = max(1, round(way / (2 * 0.85 * ROOM_PX[0])))
    reach = min(way / (2 * halves), ROOM_PX[0])
    phase = halves / 2 * np.arange(length) / length
    triangle = 1 - 4 * np.abs((phase + 0.25) % 1 - 0.5)
    direction = np.array([rng.choice([-1.0, 1.0]), rng.uniform(-0.25, 0.25)])
    found: Offsets = triangle[:, None] * reach * direction
    return found


def _shake(length: int, fps: float, rng: np.random.Generator) -> Offsets:
    """A hand's tremble, faded in and out over three frames."""
    axes = [Wander(spread, SHAKE_MEMORY_S, fps, rng) for spread in SHAKE_PX]
    path = np.array([[axis.step() for axis in axes] for _ in range(length)])
    fade = np.minimum(np.arange(1, length + 1), np.arange(length, 0, -1)) / 3
    return path * np.minimum(fade, 1)[:, None]


def window(place: npt.NDArray[np.float64], picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Cut the window at an offset out of a stage, to the nearest pixel."""
    left, top = np.rint(np.array(ROOM_PX) + place).astype(int)
    return picture[top : top + SIDE, left : left + SIDE]
