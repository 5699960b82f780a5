"""Looks of drawn text: captions, names, titles, tickers, clocks, scores."""

import string
from dataclasses import replace
from itertools import pairwise
from typing import Final

import numpy as np

from curate.overlays.training.lettering import Style, colour, face, fitted, letters, style, words
from curate.overlays.training.sprites import Look, Picture, Random, Sprite


def spans(frames: int, rng: Random, least: float = 0.3) -> list[tuple[int, int]]:
    """One to three spans one after the other, with pauses, that fill at least `least`."""
    count = int(rng.integers(1, 4))
    if count == 1:
        start = int(rng.uniform(0, 0.35) * frames) if rng.random() < 0.5 else 0
        end = frames - int(rng.uniform(0, 0.35) * frames) if rng.random() < 0.4 else frames
        return [(start, max(end, start + int(least * frames)))]
    edges = np.sort(rng.choice(np.arange(1, max(count + 1, frames)), count - 1, replace=False))
    edges = np.concatenate([[0], edges, [frames]])
    gap = int(rng.choice([0, 0, 2, 6]))
    return [(int(a), max(int(a) + 1, int(b) - gap)) for a, b in pairwise(edges)]


def faint(rng: Random) -> float:
    """Opacity of letters: mostly full, else down to what is just readable."""
    return float(rng.uniform(0.4, 0.95)) if rng.random() < 0.18 else 1.0


def faded(rng: Random) -> float:
    """Frames, of 30 a second, over which something appears."""
    return float(rng.choice([0, 0, rng.uniform(4, 15)]))


def caption(frames: int, size: tuple[int, int], rng: Random) -> list[Sprite]:
    """Subtitles: one or two lines, low and centred or to the left, that change."""
    width, height = size
    look = style(round(height * rng.uniform(0.035, 0.085)), rng)
    base = (
        height * rng.uniform(0.82, 0.97) if rng.random() < 0.85 else height * rng.uniform(0.15, 0.4)
    )
    align = "left" if rng.random() < 0.15 else "center"
    alpha, fade = faint(rng), faded(rng)
    sprites = []
    for start, end in spans(frames, rng):
        lines = [words(int(rng.integers(2, 7)), rng) for _ in range(int(rng.integers(1, 3)))]
        made = fitted(lines, look, round(0.92 * width), align)
        y = int(np.clip(base - made.shape[0], 0, height - made.shape[0]))
        x = round(0.06 * width) if align == "left" else (width - made.shape[1]) // 2
        sprites.append(Sprite(made, x, y, start, end, True, alpha, fade=fade))
    return sprites


def popping(frames: int, size: tuple[int, int], rng: Random) -> list[Sprite]:
    """Large words in the middle that change twice a second, as short-video captions do."""
    width, height = size
    look = style(round(height * rng.uniform(0.07, 0.14)), rng)
    y = int(height * rng.uniform(0.3, 0.75))
    hold = max(2, int(frames * rng.uniform(0.08, 0.3)))
    made = [
        fitted([words(int(rng.integers(1, 4)), rng)], look, round(0.9 * width))
        for _ in range(frames // hold + 1)
    ]
    return [
        Sprite(m, (width - m.shape[1]) // 2, y, i * hold, (i + 1) * hold, True)
        for i, m in enumerate(made)
    ]


def karaoke(frames: int, size: tuple[int, int], rng: Random) -> list[Sprite]:
    """One line whose letters change colour from left to right."""
    width, height = size
    look = style(round(height * rng.uniform(0.05, 0.1)), rng)
    text = words(int(rng.integers(3, 7)), rng)
    sung = replace(look, fill=colour(rng, True))
    before, after = (fitted([text], s, round(0.9 * width)) for s in (look, sung))
    steps = 12
    pictures = []
    for step in range(steps):
        at = round(before.shape[1] * step / (steps - 1))
        pictures.append(np.concatenate([after[:, :at], before[:, at:]], axis=1))
    y = int(height * rng.uniform(0.6, 0.85))
    hold = max(1, frames // steps + 1)
    return [Sprite(pictures, (width - before.shape[1]) // 2, y, 0, frames, True, hold=hold)]


def lower_third(frames: int, size: tuple[int, int], rng: Random) -> list[Sprite]:
    """A name and a title of another size, low and to one side, on a bar, beside a rule or bare."""
    width, height = size
    first = style(round(height * rng.uniform(0.045, 0.09)), rng)
    second = style(max(8, round(first.size * rng.uniform(0.45, 0.85))), rng)
    if rng.random() < 0.6:  # of one family, as most are
        second = replace(second, font=first.font, fill=first.fill, outline=0)
    margin = int(width * rng.uniform(0.03, 0.12))
    most = width - margin - 4
    name = fitted([words(int(rng.integers(1, 4)), rng)], first, most)
    title = fitted([words(int(rng.integers(2, 6)), rng)], second, most)
    wide, tall = max(name.shape[1], title.shape[1]), name.shape[0] + title.shape[0]
    right = rng.random() < 0.3
    x = width - margin - wide if right else margin
    if rng.random() < 0.15:
        x = (width - wide) // 2
    y = min(int(height * rng.uniform(0.62, 0.84)), height - tall - 2)
    start, end = spans(frames, rng)[0]
    back = _ground(x, y, wide, tall, size, rng)
    flush = [x + wide - p.shape[1] if right else x for p in (name, title)]
    parts = [(name, flush[0], y), (title, flush[1], y + name.shape[0])]
    alpha, fade = faint(rng), faded(rng)
    return [
        Sprite(p, at, top, start, end, text, alpha, fade=fade)
        for text, some in ((False, back), (True, parts))
        for p, at, top in some
    ]


def _ground(
    x: int, y: int, wide: int, tall: int, size: tuple[int, int], rng: Random
) -> list[tuple[Picture, int, int]]:
    """What a name lies on: a bar, one that fades out, a rule beside or below, or nothing."""
    kind = rng.random()
    ink = colour(rng, rng.random() < 0.3)
    if kind < 0.35:
        bar = np.empty(
            (tall + 8, max(wide + 16, int(size[0] * rng.uniform(0.2, 0.9))), 4), np.uint8
        )
        bar[...] = (*ink, int(rng.integers(90, 256)))
        if rng.random() < 0.4:
            fall = np.linspace(1, 0, bar.shape[1]) ** rng.uniform(0.4, 1)
            bar[..., 3] = (bar[..., 3] * fall).astype(np.uint8)
        return [(bar, max(0, x - 8), max(0, y - 4))]
    thick = int(rng.integers(2, 7))
    if kind < 0.5:
        rule = np.full((tall, thick, 4), (*ink, 255), np.uint8)
        return [(rule, max(0, x - thick - 4), y)]
    if kind < 0.6:
        rule = np.full((thick, wide, 4), (*ink, 255), np.uint8)
        return [(rule, x, min(size[1] - thick, y + tall + 1))]
    return []


def ticker(frames: int, size: tuple[int, int], rng: Random) -> list[Sprite]:
    """A news bar along the lower edge, its line standing or running to the left."""
    width, height = size
    thick = round(height * rng.uniform(0.06, 0.12))
    bar = np.zeros((thick, width, 4), np.uint8)
    bar[...] = (*colour(rng, rng.random() < 0.4), int(rng.integers(180, 256)))
    look = style(round(thick * 0.6), rng)
    line = letters(
        [words(int(rng.integers(8, 20)), rng)], Style(look.font, look.size, look.fill, pad=1)
    )
    y = height - thick - int(height * rng.choice([0, 0, 0.03, 0.06]))
    speed = -rng.uniform(1, 5) if rng.random() < 0.6 else 0.0
    x = int(rng.uniform(0, 0.5) * width)
    return [Sprite(bar, 0, y, 0, frames, False),
            Sprite(line, x, y + thick // 8, 0, frames, True, speed=speed)]  # fmt: skip


def title(frames: int, size: tuple[int, int], rng: Random) -> list[Sprite]:
    """A title of one to three lines anywhere in the picture, the first line sometimes larger."""
    width, height = size
    look = style(round(height * rng.uniform(0.05, 0.2)), rng)
    lines = [words(int(rng.integers(1, 4)), rng) for _ in range(int(rng.integers(1, 4)))]
    align = str(rng.choice(["left", "center", "right"]))
    most = round(rng.uniform(0.4, 0.95) * width)
    parts = [fitted(lines, look, most, align)]
    if rng.random() < 0.35:  # a line of another size below
        small = replace(look, size=max(9, round(look.size * rng.uniform(0.3, 0.6))), outline=0)
        parts.append(fitted([words(int(rng.integers(2, 6)), rng)], small, most))
    wide, tall = max(p.shape[1] for p in parts), sum(p.shape[0] for p in parts)
    x, y = int(rng.uniform(0, max(1, width - wide))), int(rng.uniform(0, max(1, height - tall)))
    if rng.random() < 0.4:
        x, y = (width - wide) // 2, max(0, (height - tall) // 2)
    start, end = spans(frames, rng)[0]
    alpha, fade = faint(rng), faded(rng)
    sprites = []
    for part in parts:
        free = wide - part.shape[1]
        at = x + {"left": 0, "center": free // 2, "right": free}[align]
        sprites.append(Sprite(part[: height - 2], at, y, start, end, True, alpha, fade=fade))
        y += part.shape[0]
    return sprites


def clock(frames: int, size: tuple[int, int], rng: Random) -> list[Sprite]:
    """A time stamp or counter in a corner, its last digits running."""
    height = size[1]
    look = style(round(height * rng.uniform(0.035, 0.07)), rng)
    base = f"{rng.integers(0, 24):02d}:{rng.integers(0, 60):02d}:" + (
        "REC " if rng.random() < 0.1 else ""
    )
    hold = int(rng.choice([1, 2, 8, 15]))
    made = [letters([f"{base}{i % 60:02d}"], look) for i in range(max(1, frames // hold + 1))]
    w = max(m.shape[1] for m in made)
    x, y = corner(size, (w, made[0].shape[0]), rng)
    return [Sprite(made, x, y, 0, frames, True, faint(rng), hold)]


def scoreboard(frames: int, size: tuple[int, int], rng: Random) -> list[Sprite]:
    """Two teams and a score on coloured boxes, as in sports broadcasts."""
    height = size[1]
    px = round(height * rng.uniform(0.035, 0.06))
    cells = []
    for text in (code(3, rng), str(rng.integers(0, 99)), str(rng.integers(0, 99)), code(3, rng)):
        light = rng.random() < 0.5
        cell = Style(
            face(rng),
            px,
            colour(rng, light),
            box=(*colour(rng, not light), 255),
            pad=px // 3,
        )
        cells.append(letters([text], cell))
    low = min(c.shape[0] for c in cells)
    made = np.concatenate([c[:low] for c in cells], axis=1)
    x, y = corner(size, (made.shape[1], low), rng)
    return [Sprite(made, x, y, 0, frames, True, alpha=rng.uniform(0.8, 1))]


def code(count: int, rng: Random) -> str:
    """Random capitals."""
    return "".join(rng.choice(list(string.ascii_uppercase), count))


def corner(size: tuple[int, int], own: tuple[int, int], rng: Random) -> tuple[int, int]:
    """A place for something small: mostly a corner, else the middle of a side."""
    (width, height), (w, h) = size, own
    mx, my = int(width * rng.uniform(0.005, 0.09)), int(height * rng.uniform(0.01, 0.11))
    x = [mx, width - w - mx, (width - w) // 2][rng.choice(3, p=[0.42, 0.46, 0.12])]
    y = [my, height - h - my][rng.integers(2)]
    return int(np.clip(x, 0, max(0, width - w))), int(np.clip(y, 0, max(0, height - h)))


TEXT: Final[dict[str, Look]] = {
    "caption": caption, "popping": popping, "karaoke": karaoke, "lower_third": lower_third,
    "ticker": ticker, "title": title, "clock": clock, "scoreboard": scoreboard,
}  # fmt: skip
"""Looks of text."""
