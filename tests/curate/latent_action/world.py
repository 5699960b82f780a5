"""A toy world with a known action: a sprite that each action moves by one place on a ring."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

STEPS: Final = 4
TOKENS: Final = 6
CHANNELS: Final = 4


@dataclass(frozen=True)
class World:
    """Tokens (clips, T, TOKENS, CHANNELS) float32, the sprite's places (clips, T) and the shifts
    (clips, T - 1), -1 or 1.

    A sprite three tokens wide lies on a faint background of the clip; the shift is a coin's, so
    no past frame tells it.
    """

    tokens: npt.NDArray[np.float32]
    places: npt.NDArray[np.int64]
    shifts: npt.NDArray[np.int64]


def make_world(clips: int, seed: int, steps: int = STEPS) -> World:
    generator = np.random.default_rng(seed)
    shifts = generator.choice([-1, 1], (clips, steps - 1))
    start = generator.integers(0, TOKENS, (clips, 1))
    places = np.concatenate([start, start + shifts.cumsum(1)], axis=1) % TOKENS
    # The sprite itself is the same in every world.
    sprite = np.zeros((TOKENS, CHANNELS))
    sprite[:3] = 2 * np.random.default_rng(99).normal(size=(3, CHANNELS))
    moved = np.stack([np.roll(sprite, place, axis=0) for place in range(TOKENS)])
    background = 0.3 * generator.normal(size=(clips, 1, TOKENS, CHANNELS))
    return World((moved[places] + background).astype(np.float32), places, shifts)
