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


def bubble(frames: int, size: tuple[int, int], rng: Random) -> list[Sprite]:
    """A speech bubble with a tail: one to three dark lines on white, or light ones on a colour."""
    width, height = size
    dark = rng.random() < 0.7
    look = Style(face(rng), round(height * rng.uniform(0.04, 0.07)), colour(rng, not dark), pad=2)
    lines = [words(int(rng.integers(1, 4)), rng) for _ in range(int(rng.integers(1, 4)))]
    text = Image.fromarray(fitted(lines, look, round(0.4 * width)))
    w, h = round(1.5 * text.width) + 8, round(1.7 * text.height) + 8
    tail = round(0.3 * h)
    sheet = Image.new("RGBA", (w, h + tail), (0, 0, 0, 0))
    draw, ground = ImageDraw.Draw(sheet), (*colour(rng, dark), 255)
    at = rng.uniform(0.2, 0.7) * w
    draw.polygon([(at, 0.8 * h), (at + 0.15 * w, 0.8 * h), (at - 0.1 * w, h + tail - 1)], ground)
    draw.ellipse((0, 0, w - 1, h - 1), ground)
    sheet.alpha_composite(text, ((w - text.width) // 2, (h - text.height) // 2))
    x, y = (
        int(rng.uniform(0.02, 0.98) * max(1, n - m)) for n, m in zip(size, sheet.size, strict=True)
    )
    start, end = spans(frames, rng)[0]
    return [Sprite(np.array(sheet), x, y, start, end, True)]


def detections(frames: int, size: tuple[int, int], rng: Random) -> list[Sprite]:
    """Two to four boxes of a detector that drift, each with a name and a number on a plate."""
    width, height = size
    sprites = []
    for _ in range(int(rng.integers(2, 5))):
        ink = colour(rng, True)
        px = round(height * rng.uniform(0.03, 0.05))
        look = Style(face(rng), px, (0, 0, 0), box=(*ink, 255), pad=2)
        name = Image.fromarray(
            letters([f"{words(1, rng).lower()} {rng.uniform(0.3, 1):.2f}"], look)
        )
        w, h = int(width * rng.uniform(0.12, 0.4)), int(height * rng.uniform(0.15, 0.5))
        sheet = Image.new("RGBA", (max(w, name.width), h + name.height), (0, 0, 0, 0))
        thick = int(rng.integers(1, 4))
        box = (0, name.height, w - 1, h + name.height - 1)
        ImageDraw.Draw(sheet).rectangle(box, outline=(*ink, 255), width=thick)
        sheet.alpha_composite(name, (0, 0))
        x = int(rng.uniform(0, max(1, width - sheet.width)))
        y = int(rng.uniform(0, max(1, height - sheet.height)))
        pace = rng.normal(0, 0.4, 2)
        drawn = np.array(sheet)
        sprites.append(Sprite(drawn, x, y, 0, frames, True, speed=pace[0], rise=pace[1]))
    return sprites


def chat(frames: int, size: tuple[int, int], rng: Random) -> list[Sprite]:
    """A stream's messages in a corner: coloured names, light text; a new one pushes the others."""
    width, height = size
    px = round(height * rng.uniform(0.032, 0.05))
    font, most, shown = face(rng), round(rng.uniform(0.25, 0.4) * width), int(rng.integers(4, 8))
    ground = (0, 0, 0, int(rng.choice([0, 90, 140])))
    rows, pictures, step = [], [], round(1.5 * px)
    for _ in range(shown + 6):
        name = letters([words(1, rng)], Style(font, px, colour(rng, True), pad=1))
        said = letters([words(int(rng.integers(1, 5)), rng)], Style(font, px, (240,) * 3, pad=1))
        line = np.zeros((max(len(name), len(said)), name.shape[1] + 4 + said.shape[1], 4), np.uint8)
        line[: len(name), : name.shape[1]] = name
        line[: len(said), name.shape[1] + 4 :] = said
        rows.append(Image.fromarray(line[:step, :most]))
    for first in range(6):
        sheet = Image.new("RGBA", (most, step * shown), ground)
        for place, row in enumerate(rows[first : first + shown]):
            sheet.alpha_composite(row, (0, place * step))
        pictures.append(np.array(sheet))
    x = int(rng.choice([0.02 * width, 0.98 * width - most]))
    y = int(rng.uniform(0.3, 0.97) * (height - step * shown))
    return [Sprite(pictures, x, y, 0, frames, True, hold=int(rng.integers(12, 60)))]


def _grown(picture: Image.Image, by: float) -> Picture:
    """Larger or smaller about its middle, in a frame that stays as large."""
    w, h = round(1.08 * picture.width), round(1.08 * picture.height)
    sheet = Image.new("RGBA", (w, h), (0, 0, 0, 0))
    part = picture.resize((round(picture.width * by), round(picture.height * by)))
    sheet.alpha_composite(part, ((w - part.width) // 2, (h - part.height) // 2))
    return np.array(sheet)


UNSEEN: Final[dict[str, Look]] = {
    "credits": credits_roll, "comments": comments, "panel": panel, "quote": quote,
    "button": button, "countdown": countdown, "bubble": bubble, "detections": detections,
    "chat": chat,
}  # fmt: skip
"""Looks that are in the benchmark only."""
