"""Colours of paint and plastic, and plates of them."""

from typing import Final

import cv2
import numpy as np
from PIL import Image, ImageDraw

from curate.overlays.training.sprites import Random

Ink = tuple[int, int, int]
"""R, G and B."""

LEAST_APART: Final = 140
"""Sum over R, G and B of the levels by which print differs from its ground."""


def strong(rng: Random) -> Ink:
    """(R, G, B) of paint or plastic: more often saturated than white, black or grey."""
    if rng.random() < 0.55:
        hsv = np.array(
            [[[rng.uniform(0, 180), rng.uniform(130, 256), rng.uniform(70, 256)]]], np.uint8
        )
        r, g, b = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0]
        return (int(r), int(g), int(b))
    grey = int(rng.choice([rng.integers(0, 50), rng.integers(200, 256), rng.integers(50, 200)]))
    return (grey, grey, grey)


def pair(rng: Random) -> tuple[Ink, Ink]:
    """Ground and ink that can be told apart, by tone or by colour alone."""
    while True:
        ground, ink = strong(rng), strong(rng)
        if sum(abs(a - b) for a, b in zip(ground, ink, strict=True)) > LEAST_APART:
            return ground, ink


def sheet(
    size: tuple[int, int], fill: Ink, rng: Random, round_by: float = 0.3
) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """A plate, (width, height) px, some with an edge of another colour.

    A third have round corners, of a radius of `round_by` of the shorter side.
    """
    image = Image.new("RGBA", size, (*fill, 0))
    draw = ImageDraw.Draw(image)
    radius = float(rng.choice([0, 0, round_by])) * min(size)
    edge = strong(rng) if rng.random() < 0.4 else None
    draw.rounded_rectangle(
        (0, 0, size[0] - 1, size[1] - 1), radius, fill=(*fill, 255),
        outline=edge and (*edge, 255), width=max(1, round(min(size) * rng.uniform(0.02, 0.1))),
    )  # fmt: skip
    return image, draw
