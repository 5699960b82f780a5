"""Drawn text found where there is none: boxes that move before drawn grounds, of 61 seeds.

    python -m benchmarks.drawn_scenes

Prints how many of the scenes are above the bound of `text_overlay`, and the surest, for a box that
moves level, level with sensor noise, and on an arc.
"""

from typing import Final

import cv2
import numpy as np

from filters.base import Clip
from filters.registry import FILTERS
from filters.text_overlay import text_sureness
from tests.filters.scenes import Image, clip, noisy, texture

SEEDS: Final = range(1, 62)
WAYS: Final = {"level": (0, 0.0), "level, noise of 2 grey levels": (0, 2.0), "arc": (25, 0.0)}
"""Reach across the way, px of 180, and sigma of the noise."""


def scene(seed: int, reach: int, noise: float) -> Clip:
    """Three seconds of a textured box that goes to and fro before a ground of that seed."""
    ground, box = texture(580, 1120, seed=seed)[200:380, 400:720], texture(40, 40, seed=5)
    rng = np.random.default_rng(seed)

    def draw(i: int) -> Image:
        frame = ground.copy()
        x, y = round(140 + 60 * np.sin(i / 16)), round(60 + reach * np.sin(i / 11))
        frame[y : y + 40, x : x + 40] = box
        return noisy(frame, noise, rng)

    return clip(draw)


def main() -> None:
    """Measure and print."""
    cv2.setNumThreads(1)
    for name, (reach, noise) in WAYS.items():
        found = [text_sureness(scene(seed, reach, noise)) for seed in SEEDS]
        above = sum(not FILTERS["text_overlay"].keeps(value) for value in found)
        print(f"{name}: {above} of {len(found)} above the bound, the surest {max(found):.2f}")


if __name__ == "__main__":
    main()
