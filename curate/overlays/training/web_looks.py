"""Looks of text for the training only, as web video has them: dials, slogans, lists, watermarks."""

from dataclasses import replace
from typing import Final

import cv2
import numpy as np
from PIL import Image, ImageDraw

from curate.overlays.training.lettering import Style, colour, face, fitted, letters, style, words
from curate.overlays.training.looks import corner, faded, faint, spans
from curate.overlays.training.sprites import Look, Picture, Random, Sprite


def dial(frames: int, size: tuple[int, int], rng: Random) -> list[Sprite]:
    """A number in a thin ring, a closing arc or a disc, that counts: timers, speeds, levels."""
    height = size[1]
    ink = colour(rng, bool(rng.random() < 0.75))
    side = round(height * float(np.exp(rng.uniform(np.log(0.1), np.log(0.5)))))
    thick = max(2, round(side * rng.uniform(0.015, 0.08)))
    plate = (*colour(rng, sum(ink) < 384), int(rng.choice([0, 0, 0, 90, 180, 255])))
    px, font = max(10, round(side * rng.uniform(0.3, 0.6))), face(rng)
    most = 10 ** int(rng.choice([1, 1, 1, 2, 3]))
    first, step = int(rng.integers(0, most)), int(rng.choice([-1, -1, 1]))
    hold = round(float(np.exp(rng.uniform(np.log(4), np.log(60)))))
    swept, unit = rng.random() < 0.3, rng.random() < 0.15
    count = min(30, frames // hold + 1)
    pictures = []
    for turn in range(count):
        sheet = Image.new("RGBA", (side, side), (*ink, 0))
        draw, box = ImageDraw.Draw(sheet), (1, 1, side - 2, side - 2)
        draw.ellipse(box, fill=plate, outline=None if swept else (*ink, 255), width=thick)
        if swept:
            draw.arc(box, -90, -90 + 360 * (turn + 1) / count, fill=(*ink, 255), width=thick)
        lines = [str(abs(first + step * turn) % most), *(["sec"] if unit else [])]
        made = Image.fromarray(
            fitted(lines, Style(font, px, ink, pad=0), round(0.85 * side))[:side]
        )
        sheet.alpha_composite(made, ((side - made.width) // 2, (side - made.height) // 2))
        pictures.append(np.array(sheet))
    x, y = (int(rng.uniform(0.01, 0.99) * max(1, n - side)) for n in size)
    return [Sprite(pictures, x, y, 0, frames, True, faint(rng), hold)]


def slogan(frames: int, size: tuple[int, int], rng: Random) -> list[Sprite]:
    """One to three lines of which only the edge is drawn, or in two colours, or at an angle."""
    width, height = size
    look = style(round(height * rng.uniform(0.06, 0.2)), rng)
    lines = [words(int(rng.integers(1, 4)), rng) for _ in range(int(rng.choice([1, 1, 2, 3])))]
    kind = rng.random()
    if kind < 0.35:
        made = _hollow(lines, look, rng)
    elif kind < 0.6:
        made = _shaded(letters(lines, replace(look, box=None, outline=0, shadow=0)), rng)
    else:
        made = letters(lines, look)
    if kind > 0.5:
        made = _turned(made, float(rng.choice([90, -90, rng.normal(0, 8), rng.uniform(-50, 50)])))
    share = min(1.0, 0.9 * width / made.shape[1], 0.9 * height / made.shape[0])
    own = max(4, round(made.shape[1] * share)), max(4, round(made.shape[0] * share))
    made = np.asarray(cv2.resize(made, own, interpolation=cv2.INTER_AREA), np.uint8)
    x, y = (int(rng.uniform(0.01, 0.99) * (n - m)) for n, m in zip(size, own, strict=True))
    start, end = spans(frames, rng)[0]
    return [Sprite(made, x, y, start, end, True, faint(rng), fade=faded(rng))]


def table(frames: int, size: tuple[int, int], rng: Random) -> list[Sprite]:
    """Two to seven rows of a word and a number, bare or on a plate: places, prices, figures."""
    width, height = size
    px = round(height * rng.uniform(0.03, 0.065))
    look = replace(style(px, rng), box=None, pad=1)
    rows = int(rng.integers(2, 8))
    left = [letters([words(int(rng.integers(1, 3)), rng)], look) for _ in range(rows)]
    right = [letters([f"{int(10 ** rng.uniform(0, 4))}"], look) for _ in range(rows)]
    wide = max(a.shape[1] + b.shape[1] for a, b in zip(left, right, strict=True))
    wide = min(width - 8, round(wide * rng.uniform(1.1, 1.8)))
    step = round(px * rng.uniform(1.3, 2))
    tall = min(height - 8, step * rows + px)
    plate = (*colour(rng, sum(look.fill) < 384), int(rng.choice([0, 110, 180, 255])))
    sheet = Image.new("RGBA", (wide + px, tall), plate)
    for row, (a, b) in enumerate(zip(left, right, strict=True)):
        y = px // 2 + row * step
        sheet.alpha_composite(Image.fromarray(a[:, :wide]), (px // 2, y))
        sheet.alpha_composite(Image.fromarray(b), (max(0, px // 2 + wide - b.shape[1]), y))
    made = np.array(sheet)
    x = int(rng.uniform(0.01, 0.99) * max(1, width - made.shape[1]))
    y = int(rng.uniform(0.01, 0.99) * max(1, height - tall))
    start, end = spans(frames, rng)[0]
    return [Sprite(made, x, y, start, end, True, faint(rng), fade=faded(rng))]


def watermark(frames: int, size: tuple[int, int], rng: Random) -> list[Sprite]:
    """Words that repeat over the whole picture, or once and large, half transparent."""
    width, height = size
    look = Style(face(rng), round(height * rng.uniform(0.04, 0.1)), colour(rng, True), pad=1)
    made = letters([words(int(rng.integers(1, 3)), rng)], look)
    if rng.random() < 0.4:  # once
        made = fitted([words(1, rng)], replace(look, size=round(0.25 * height)), round(0.8 * width))
        places = [((width - made.shape[1]) // 2, (height - made.shape[0]) // 2)]
    else:
        made = _turned(made, float(rng.choice([0, 20, 30, 45])))
        across = round(made.shape[1] * rng.uniform(1.2, 2))
        down = round(made.shape[0] * rng.uniform(1.2, 2.5))
        places = [(x, y) for y in range(-down // 2, height, down) for x in range(0, width, across)]
        places = [places[i] for i in sorted(rng.permutation(len(places))[:24])]
    alpha = rng.uniform(0.25, 0.7)
    return [Sprite(made, x, y, 0, frames, True, alpha) for x, y in places]


def marquee(frames: int, size: tuple[int, int], rng: Random) -> list[Sprite]:
    """A line that runs along the picture at any height, bare or on a bar."""
    width, height = size
    look = replace(style(round(height * rng.uniform(0.035, 0.08)), rng), box=None, pad=1)
    line = letters([words(int(rng.integers(6, 18)), rng)], look)
    tall = line.shape[0]
    thick = round(tall * rng.uniform(1.1, 1.8))
    y = height - thick if rng.random() < 0.6 else 0
    if rng.random() < 0.4:
        y = int(rng.uniform(0.02, 0.98) * (height - thick))
    speed = float(rng.choice([-1, -1, -1, 1])) * rng.uniform(0.4, 7)
    x = int(rng.uniform(-0.5, 0.5) * width) if speed < 0 else int(0.5 * width - line.shape[1])
    sprites = []
    if rng.random() < 0.65:
        bar = np.empty((thick, width, 4), np.uint8)
        bar[...] = (*colour(rng, sum(look.fill) < 384), int(rng.integers(110, 256)))
        sprites.append(Sprite(bar, 0, y, 0, frames, False))
    top = y + (thick - tall) // 2
    return [*sprites, Sprite(line, x, top, 0, frames, True, faint(rng), speed=speed)]


def typed(frames: int, size: tuple[int, int], rng: Random) -> list[Sprite]:
    """A line that is written letter by letter, or word by word, and then stays."""
    width, height = size
    look = style(round(height * rng.uniform(0.045, 0.12)), rng)
    text = words(int(rng.integers(2, 6)), rng)
    made = fitted([text], look, round(0.9 * width))
    steps = len(text) if rng.random() < 0.6 else len(text.split())
    hold = max(1, round(frames * rng.uniform(0.2, 0.9) / steps))
    x = int(rng.uniform(0.02, 0.98) * (width - made.shape[1]))
    y = int(rng.uniform(0.05, 0.95) * (height - made.shape[0]))
    alpha = faint(rng)
    parts = [made[:, : max(2, round(made.shape[1] * n / steps))] for n in range(1, steps + 1)]
    return [
        Sprite(part, x, y, n * hold, frames if n == steps - 1 else (n + 1) * hold, True, alpha)
        for n, part in enumerate(parts)
        if n * hold < frames
    ]


def growing(frames: int, size: tuple[int, int], rng: Random) -> list[Sprite]:
    """A title that slowly becomes larger or smaller, or springs up and stays."""
    width, height = size
    look = style(round(height * rng.uniform(0.06, 0.16)), rng)
    lines = [words(int(rng.integers(1, 4)), rng) for _ in range(int(rng.choice([1, 1, 2])))]
    made = Image.fromarray(fitted(lines, look, round(0.75 * width)))
    by = rng.uniform(0.03, 0.2) * float(rng.choice([-1, 1]))
    springs = rng.random() < 0.3
    room = round(1.25 * made.width), round(1.25 * made.height)
    steps = 10 if springs else max(2, min(40, frames // 3))
    pictures = []
    for step in range(steps):
        at = step / (steps - 1)
        share = 1 + by * (at - 0.5) if not springs else min(1.0, 0.3 + at) + 0.1 * np.sin(3.1 * at)
        part = made.resize((max(2, round(made.width * share)), max(2, round(made.height * share))))
        sheet = Image.new("RGBA", room, (0, 0, 0, 0))
        sheet.paste(part, ((room[0] - part.width) // 2, (room[1] - part.height) // 2))
        pictures.append(np.array(sheet))
    x, y = corner(size, room, rng) if rng.random() < 0.3 else (
        int(rng.uniform(0, max(1, width - room[0]))), int(rng.uniform(0, max(1, height - room[1]))),
    )  # fmt: skip
    alpha = faint(rng)
    if springs:
        pictures += [pictures[-1]] * (frames - steps)
        return [Sprite(pictures[: max(1, frames)], x, y, 0, frames, True, alpha)]
    return [Sprite(pictures, x, y, 0, frames, True, alpha, hold=frames // steps + 1)]


def _hollow(lines: list[str], look: Style, rng: Random) -> Picture:
    """The edges of letters only."""
    edge = max(1, round(look.size * rng.uniform(0.02, 0.05)))
    made = letters(lines, replace(look, box=None, outline=0, shadow=0, pad=4 + edge))
    around = cv2.dilate(made[..., 3], np.ones((2 * edge + 1, 2 * edge + 1), np.uint8))
    made[..., 3] = cv2.subtract(around, made[..., 3])
    made[..., :3] = look.fill
    return made


def _shaded(made: Picture, rng: Random) -> Picture:
    """Letters that go from one colour at the top to another at the foot."""
    out, way = made.copy(), np.linspace(0, 1, made.shape[0])[:, None, None]
    light = bool(rng.random() < 0.75)
    first, last = (np.array(colour(rng, light), np.float64) for _ in range(2))
    out[..., :3] = np.rint(first * (1 - way) + last * way)
    return out


def _turned(made: Picture, degrees: float) -> Picture:
    turned = Image.fromarray(made).rotate(degrees, Image.Resampling.BICUBIC, expand=True)
    return np.array(turned)


WEB: Final[dict[str, Look]] = {
    "dial": dial, "slogan": slogan, "table": table, "watermark": watermark,
    "marquee": marquee, "typed": typed, "growing": growing,
}  # fmt: skip
"""Looks that the benchmark does not draw."""
