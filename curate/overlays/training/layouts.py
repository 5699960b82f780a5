"""Looks of text for the training only: paragraphs, numbers, labels, badges."""

from dataclasses import replace
from typing import Final

import numpy as np
from PIL import Image, ImageDraw

from curate.overlays.training.lettering import Style, colour, face, fitted, letters, style, words
from curate.overlays.training.looks import corner, faded, faint, spans
from curate.overlays.training.sprites import Look, Picture, Random, Sprite

_FORMS: Final = ("{}", "{}", "{}%", "${}", "{}.5", "x{}", "{} km", "No. {}", "{} / 10", "+{}")
"""How numbers are written."""


def paragraph(frames: int, size: tuple[int, int], rng: Random) -> list[Sprite]:
    """Several lines in a part of the width, bare or on a plate, that stand or scroll."""
    width, height = size
    look = style(round(height * rng.uniform(0.03, 0.08)), rng)
    lines = [words(int(rng.integers(1, 7)), rng) for _ in range(int(rng.integers(3, 15)))]
    align = str(rng.choice(["left", "left", "center", "right"]))
    made = fitted(lines, look, round(rng.uniform(0.25, 0.9) * width), align)
    x = int(rng.uniform(0.02, 0.98) * (width - made.shape[1]))
    alpha, fade = faint(rng), faded(rng)
    if rng.random() < 0.4:
        made = made[: height - 4]
        y = int(rng.uniform(0.02, 0.98) * (height - made.shape[0]))
        start, end = spans(frames, rng)[0]
        return [Sprite(made, x, y, start, end, True, alpha, fade=fade)]
    rise = float(rng.choice([-1, -1, -1, 1])) * height * rng.uniform(0.03, 0.4) / 30
    # Somewhere on its way at the middle of the time.
    y = int(rng.uniform(0.1, 0.9) * height - made.shape[0] / 2 - rise * frames / 2)
    return [Sprite(made, x, y, 0, frames, True, alpha, rise=rise)]


def number(frames: int, size: tuple[int, int], rng: Random) -> list[Sprite]:
    """Figures of any size that count or stay: prices, shares, places, bare or on a plate."""
    width, height = size
    look = style(round(height * float(np.exp(rng.uniform(np.log(0.05), np.log(0.35))))), rng)
    form = str(rng.choice(_FORMS))
    first, step = int(10 ** rng.uniform(0, 4.2)), int(rng.choice([-1, 1, 1, 3]))
    hold = round(float(np.exp(rng.uniform(np.log(3), np.log(75)))))
    texts = [form.format(abs(first + step * i)) for i in range(min(40, frames // hold + 1))]
    made = [fitted([text], look, round(0.6 * width)) for text in texts]
    own = max(m.shape[1] for m in made), max(m.shape[0] for m in made)
    x, y = (
        corner(size, own, rng)
        if rng.random() < 0.5
        else (int(rng.uniform(0, width - own[0])), int(rng.uniform(0, max(1, height - own[1]))))
    )
    return [Sprite(made, x, y, 0, frames, True, faint(rng), hold)]


def label(frames: int, size: tuple[int, int], rng: Random) -> list[Sprite]:
    """A few words on a plate with straight or round corners, anywhere in the picture."""
    width, height = size
    px = round(height * rng.uniform(0.03, 0.1))
    look = style(px, rng)
    dark = sum(look.fill) < 3 * 128
    plate = (*colour(rng, dark), int(rng.integers(120, 256)))
    look = replace(
        look, outline=0, shadow=0, soft=0.0, box=plate, box_end=None,
        round=int(rng.choice([0, 0.3 * px, px])), pad=round(px * rng.uniform(0.2, 0.8)),
    )  # fmt: skip
    lines = [words(int(rng.integers(1, 3)), rng) for _ in range(int(rng.choice([1, 1, 1, 2])))]
    made: Picture = letters(lines, look)
    most = round(0.7 * width)
    made = made if made.shape[1] <= most else fitted(lines, look, most)
    x = int(rng.uniform(0.01, 0.99) * (width - made.shape[1]))
    y = int(rng.uniform(0.01, 0.99) * (height - made.shape[0]))
    start, end = spans(frames, rng)[0]
    return [Sprite(made, x, y, start, end, True, faint(rng), fade=faded(rng))]


def badge(frames: int, size: tuple[int, int], rng: Random) -> list[Sprite]:
    """One or two characters in a disc, ring or box, or bare, that may change: ranks, counts."""
    height = size[1]
    px = round(height * float(np.exp(rng.uniform(np.log(0.06), np.log(0.28)))))
    light = bool(rng.random() < 0.7)
    ink, ground = colour(rng, light), colour(rng, not light)
    kind, font, room = int(rng.integers(5)), face(rng), rng.uniform(1.3, 2.2)
    side, thick = max(8, round(px * room)), max(1, round(px * rng.uniform(0.03, 0.16)))
    first, letter = int(rng.integers(0, 60)), rng.random() < 0.2
    hold = round(float(np.exp(rng.uniform(np.log(5), np.log(90)))))
    pictures = []
    for step in range(min(12, frames // hold + 1)):
        sheet = Image.new("RGBA", (side, side), (*ink, 0))
        draw, box = ImageDraw.Draw(sheet), (1, 1, side - 2, side - 2)
        if kind == 0:
            draw.ellipse(box, outline=(*ink, 255), width=thick)
        elif kind == 1:
            draw.ellipse(box, fill=(*ground, 255))
        elif kind == 2:
            draw.rounded_rectangle(box, side * rng.uniform(0, 0.3), fill=(*ground, 255))
        elif kind == 3:
            share = 360 * (step + 1) / (frames // hold + 1)
            draw.arc(box, -90, -90 + share, fill=(*ground, 255), width=thick + 1)
        text = chr(65 + (first + step) % 26) if letter else str(abs(first % 13 - step))
        outline = thick if kind == 4 and rng.random() < 0.5 else 0
        shown = fitted([text], Style(font, px, ink, outline, ground, pad=0), round(0.85 * side))
        made = Image.fromarray(shown[:side])
        sheet.alpha_composite(made, ((side - made.width) // 2, (side - made.height) // 2))
        pictures.append(np.array(sheet))
    x, y = (int(rng.uniform(0.01, 0.99) * max(1, n - side)) for n in size)
    return [Sprite(pictures, x, y, 0, frames, True, faint(rng), hold)]


def drifting(sprites: list[Sprite], rng: Random) -> list[Sprite]:
    """What was laid out, moving slowly as one, as editors let titles drift."""
    angle, pace = rng.uniform(0, 2 * np.pi), rng.uniform(0.1, 1.5)
    across, down = pace * np.cos(angle), pace * np.sin(angle)
    return [replace(s, speed=s.speed + across, rise=s.rise + down) for s in sprites]


LAYOUTS: Final[dict[str, Look]] = {
    "paragraph": paragraph,
    "number": number,
    "label": label,
    "badge": badge,
}
"""Looks that the benchmark does not draw."""
