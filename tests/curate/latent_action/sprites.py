"""A toy world on a token grid: a sprite over a still background, moved by a known action."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

SIDE: Final = 7
TOKENS: Final = SIDE * SIDE
CHANNELS: Final = 6
SPRITE: Final = 2


@dataclass(frozen=True)
class Sprites:
    """Tokens (clips, T, 49, 6) float32 and moves (clips, T - 1, 2) in tokens, (down, right)."""

    tokens: npt.NDArray[np.float32]
    moves: npt.NDArray[np.int64]


def make_sprites(clips: int, seed: int, steps: int = 4) -> Sprites:
    """Every clip has its own sprite, 2 tokens a side, and its own faint background.

    Moves are drawn from -1..1 each way; where one would leave the grid, its opposite is taken.
    """
    generator = np.random.default_rng(seed)
    places = np.empty((clips, steps, 2), dtype=np.int64)
    places[:, 0] = generator.integers(0, SIDE - SPRITE + 1, (clips, 2))
    moves = generator.integers(-1, 2, (clips, steps - 1, 2))
    for t in range(steps - 1):
        after = places[:, t] + moves[:, t]
        outside = (after < 0) | (after > SIDE - SPRITE)
        moves[:, t] = np.where(outside, -moves[:, t], moves[:, t])
        places[:, t + 1] = places[:, t] + moves[:, t]
    background = 0.3 * generator.normal(size=(clips, 1, CHANNELS, 1, 1)).repeat(SIDE, 3)
    background = background.repeat(SIDE, 4)
    frames = np.repeat(background, steps, axis=1)  # (clips, T, D, g, g)
    sprite = 2 * generator.normal(size=(clips, CHANNELS, SPRITE, SPRITE))
    for clip in range(clips):
        for t in range(steps):
            y, x = places[clip, t]
            frames[clip, t, :, y : y + SPRITE, x : x + SPRITE] = sprite[clip]
    tokens = frames.reshape(clips, steps, CHANNELS, TOKENS).swapaxes(2, 3)
    return Sprites(tokens.astype(np.float32), moves)
