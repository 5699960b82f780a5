"""Looks of text that no training sample has, for benchmarks/edit_looks.py."""

from dataclasses import replace
from typing import Final

import numpy as np
from PIL import Image, ImageDraw

from curate.overlays.training.lettering import Style, colour, face, fitted, letters, words
from curate.overlays.training.looks import spans
from curate.overlays.training.sprites import Look, Picture, Random, Sprite


def credits_roll(frames: int, size: tuple[int, int], rng: Random) -> list[Sprite]:
    """Centred lines that roll upward in a part of the width."""
    width, height = size
    px = round(height * rng.uniform(0.035, 0.06))
    look = Style(face(rng), px, colour(rng, True), pad=2, shadow=int(rng.integers(0, 2)))
    lines = [words(int(rng.integers(1, 4)), rng) for _ in range(24)]
    sheet = fitted(lines, look, round(0.45 * width))
    pace = height * rng.uniform(0.08, 0.25) / 30
    tall = min(height, sheet.shape[0])
    tops = (rng.uniform(0, 0.3) * sheet.shape[0] + pace * np.arange(frames)).astype(int)
    pictures = [sheet[(top + np.arange(tall)) % sheet.shape[0]] for top in tops]
    x = int(rng.choice([0.05, 0.3, 0.52]) * width)
    return [Sprite(pictures, x, (height - tall) // 2, 0, frames, True)]


def comments(frames: int, size: tuple[int, int], rng: Random) -> list[Sprite]:
    """Viewers' comments that run over the picture at several heights and paces."""
    width, height = size
    px = round(height * rng.uniform(0.05, 0.075))
    font = face(rng)
    sprites = []
    for row in range(int(rng.integers(3, 8))):
        look = Style(font, px, colour(rng, True), outline=1, pad=1)
        made = letters([words(int(rng.integers(2, 6)), rng)], look)
        x = int(rng.uniform(0.1, 1.2) * width)
        y = int(row * 1.4 * px + rng.uniform(0.01, 0.05) * height)
        speed = -rng.uniform(0.1, 0.3) * width / 30
        sprites.append(Sprite(made, x, y, 0, frames, True, speed=speed))
    return sprites


def panel(frames: int, size: tuple[int, int], rng: Random) -> list[Sprite]:
    """A translucent panel in a third of the picture: a heading and points below it."""
    width, height = size
    w, h = int(width * rng.uniform(0.25, 0.4)), int(height * rng.uniform(0.45, 0.8))
    sheet = Image.new("RGBA", (w, h), (0, 0, 0, 0))
    dark = rng.random() < 0.7
    ground, ink = colour(rng, not dark), colour(rng, dark)
    draw = ImageDraw.Draw(sheet)
    draw.rounded_rectangle((0, 0, w - 1, h - 1), 10, fill=(*ground, int(rng.integers(110, 220))))
    look = Style(face(rng), round(0.06 * height), ink, pad=0)
    y = 10
    lines = [words(2, rng)] + ["- " + words(int(rng.integers(2, 4)), rng) for _ in range(4)]
    for number, line in enumerate(lines):
        own = look if number == 0 else replace(look, size=round(0.04 * height))
        part = Image.fromarray(fitted([line], own, w - 20))
        if y + part.height < h:
            sheet.alpha_composite(part, (10, y))
        y += round(part.height * 1.7)
    x = int(0.03 * width) if rng.random() < 0.5 else width - w - int(0.03 * width)
    start, end = spans(frames, rng)[0]
    top = int(rng.uniform(0.05, 0.9) * (height - h))
    return [Sprite(np.array(sheet), x, top, start, end, True, fade=6)]


def quote(frames: int, size: tuple[int, int], rng: Random) -> list[Sprite]:
    """Two to four lines between large quotation marks, with the author below to the right."""
    width, height = size
    look = Style(face(rng), round(height * rng.uniform(0.055, 0.09)), colour(rng, True), pad=2)
    lines = [words(int(rng.integers(3, 6)), rng) for _ in range(int(rng.integers(2, 5)))]
    text = fitted(lines, look, round(0.7 * width), "left")
    sign = letters(["\u201c"], replace(look, size=3 * look.size))
    name = letters(["- " + words(2, rng)], replace(look, size=round(0.7 * look.size)))
    x, y = (width - text.shape[1]) // 2, int(rng.uniform(0.2, 0.6) * (height - text.shape[0]))
    parts = [
        (sign, x - sign.shape[1], y - look.size // 2),
        (text, x, y),
        (name, x + text.shape[1] - name.shape[1], y + text.shape[0] + 4),
    ]
    start, end = spans(frames, rng)[0]
    return [Sprite(p, at, max(0, top), start, end, True, fade=10) for p, at, top in parts]


def button(frames: int, size: tuple[int, int], rng: Random) -> list[Sprite]:
    """A pill with a word, which grows and shrinks, for a part of the time."""
    width, height = size
    px = round(height * rng.uniform(0.05, 0.085))
    look = Style(
        face(rng),
        px,
        (255, 255, 255),
        box=(*colour(rng, False), 255),
        round=px,
        pad=round(0.6 * px),
    )
    made = Image.fromarray(
        letters([str(rng.choice(["SUBSCRIBE", "Follow", "LIKE", "Join"]))], look)
    )
    pictures = [_grown(made, 1 + 0.06 * np.sin(step / 2.5)) for step in range(16)]
    x = int(rng.uniform(0.05, 0.95) * (width - pictures[0].shape[1]))
    y = int(rng.uniform(0.7, 0.95) * (height - pictures[0].shape[0]))
    start, end = spans(frames, rng)[0]
    return [Sprite(pictures, x, y, start, end, True, hold=2)]


def countdown(frames: int, size: tuple[int, int], rng: Random) -> list[Sprite]:
    """Large digits in a ring that change every second."""
    height = size[1]
    px = round(height * rng.uniform(0.12, 0.22))
    ink, font = colour(rng, rng.random() < 0.8), face(rng)
    pictures = []
    for number in range(frames // 30 + 1, 0, -1):
        sheet = Image.new("RGBA", (2 * px, 2 * px), (*ink, 0))
        ring = (3, 3, 2 * px - 4, 2 * px - 4)
        ImageDraw.Draw(sheet).ellipse(ring, outline=(*ink, 255), width=max(2, px // 16))
        digits = Image.fromarray(letters([str(number)], Style(font, px, ink, pad=0)))
        sheet.alpha_composite(digits, (px - digits.width // 2, px - digits.height // 2))
        pictures.append(np.array(sheet))
    x, y = (int(rng.uniform(0.05, 0.95) * (n - 2 * px)) for n in size)
    return [Sprite(pictures, x, y, 0, frames, True, hold=30)]


def _grown(picture: Image.Image, by: float) -> Picture:
    """Larger or smaller about its middle, in a frame that stays as large."""
    w, h = round(1.08 * picture.width), round(1.08 * picture.height)
    sheet = Image.new("RGBA", (w, h), (0, 0, 0, 0))
    part = picture.resize((round(picture.width * by), round(picture.height * by)))
    sheet.alpha_composite(part, ((w - part.width) // 2, (h - part.height) // 2))
    return np.array(sheet)


UNSEEN: Final[dict[str, Look]] = {
    "credits": credits_roll, "comments": comments, "panel": panel, "quote": quote,
    "button": button, "countdown": countdown,
}  # fmt: skip
"""Looks that are in the benchmark only."""
