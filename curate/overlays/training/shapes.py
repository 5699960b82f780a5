"""Shapes of strong colours without letters: frames, targets, stripes, signs, scales, keys."""

from collections.abc import Callable
from typing import Final

import numpy as np
from PIL import Image, ImageDraw

from curate.overlays.training.decoys import Size
from curate.overlays.training.paint import pair, sheet, strong
from curate.overlays.training.sprites import Picture, Random


def _blank(size: Size) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = Image.new("RGBA", size, (0, 0, 0, 0))
    return image, ImageDraw.Draw(image)


def _frame(size: Size, rng: Random) -> Picture:
    """The frame of a picture, a mirror or a window, with something pale in it or nothing."""
    image, draw = _blank(size)
    w, h = size
    wide = max(2, round(min(size) * rng.uniform(0.04, 0.16)))
    if rng.random() < 0.6:
        tone = int(rng.integers(150, 250))
        draw.rectangle((0, 0, w - 1, h - 1), fill=(tone, tone, tone, 255))
        for _ in range(int(rng.integers(0, 9))):
            x, y = int(rng.uniform(0.1, 0.8) * w), int(rng.uniform(0.1, 0.8) * h)
            own = int(rng.uniform(0.05, 0.3) * w) + 1, int(rng.uniform(0.05, 0.3) * h) + 1
            dark = tone - int(rng.integers(20, 110))
            draw.ellipse((x, y, x + own[0], y + own[1]), fill=(dark, dark, dark, 255))
    ink = (*strong(rng), 255)
    draw.rectangle((0, 0, w - 1, h - 1), outline=ink, width=wide)
    parts = int(rng.choice([1, 1, 1, 2, 3]))
    for n in range(1, parts):  # the bars of a window
        at = n * w // parts
        draw.rectangle((at, 0, at + wide, h - 1), fill=ink)
    return np.array(image)


def _target(size: Size, rng: Random) -> Picture:
    """Discs and rings about one middle, alone or several in a row, with or without a ground."""
    side = max(12, min(size))
    count = max(1, min(4, size[0] // side))
    image, draw = (
        sheet((count * side, side), strong(rng), rng, 0.0)
        if rng.random() < 0.5
        else _blank((count * side, side))
    )
    inks = [strong(rng) for _ in range(int(rng.integers(2, 5)))]
    for n in range(count):
        for ring, ink in enumerate(inks):
            m = round(side * (0.08 + 0.4 * ring / len(inks)))
            box = (n * side + m, m, (n + 1) * side - m - 1, side - m - 1)
            draw.ellipse(box, fill=(*ink, 255))
    return np.array(image)


def _stripes(size: Size, rng: Random) -> Picture:
    """Bands of two or three colours at an angle, or a checkerboard of them."""
    w, h = size
    ground, ink = pair(rng)
    inks = np.array([ground, ink, strong(rng)][: int(rng.choice([2, 2, 3]))], np.uint8)
    yy, xx = np.mgrid[0:h, 0:w].astype(np.float32)
    apart = max(3.0, min(size) * rng.uniform(0.12, 0.6))
    if rng.random() < 0.25:
        which = (xx // apart + yy // apart).astype(int)
    else:
        angle = rng.choice([0, np.pi / 2, np.pi / 4, -np.pi / 4])
        which = np.floor((xx * np.cos(angle) + yy * np.sin(angle)) / apart).astype(int)
    opaque = np.full((h, w, 1), 255, np.uint8)
    return np.concatenate([inks[which % len(inks)], opaque], axis=2)


def _sign(size: Size, rng: Random) -> Picture:
    """A round, three-cornered or other sign with an edge and an arrow, a bar or nothing on it."""
    side = max(14, min(size))
    image, draw = _blank((side, side))
    ground, ink = pair(rng)
    edge, m, c = (*strong(rng), 255), side // 12, side / 2
    corners = int(rng.choice([3, 4, 8, 24]))
    turn = float(rng.choice([0, 180 / corners]))  # degrees
    for reach, fill in ((c - 1, edge), (c - 1 - m, (*ground, 255))):
        draw.regular_polygon((c, c, reach), corners, rotation=turn, fill=fill)
    q = side * rng.uniform(0.12, 0.22)
    kind = rng.random()
    if kind < 0.35:
        draw.rectangle((c - q, c - q / 3, c + q, c + q / 3), fill=(*ink, 255))
    elif kind < 0.75:
        draw.rectangle((c - q, c - q / 4, c, c + q / 4), fill=(*ink, 255))
        draw.polygon([(c, c - q), (c + q, c), (c, c + q)], fill=(*ink, 255))
    return np.ascontiguousarray(np.rot90(np.array(image), int(rng.integers(4))))


def _scale(size: Size, rng: Random) -> Picture:
    """Marks of a ruler, a measuring jug, a thermometer: short and long lines evenly apart."""
    image, draw = _blank(size)
    w, h = size
    ink, across = (*strong(rng), 255), w >= h
    length, room = (w, h) if across else (h, w)
    apart, thick = max(4, length // int(rng.integers(4, 24))), max(1, room // 20)
    every = int(rng.choice([2, 4, 5, 10]))
    for n, at in enumerate(range(0, length - thick, apart)):
        long = round(room * (0.9 if n % every == 0 else 0.5))
        box = (at, 0, at + thick, long) if across else (0, at, long, at + thick)
        draw.rectangle(box, fill=ink)
    return np.array(image)


def _keys(size: Size, rng: Random) -> Picture:
    """Keys, lamps or holes in rows, on a ground or on the thing itself."""
    w, h = size
    ground, ink = pair(rng)
    image, draw = sheet(size, ground, rng) if rng.random() < 0.6 else _blank(size)
    cell = min(w, max(5, round(h / int(rng.integers(1, 7)))))
    m, shape = max(1, round(cell * rng.uniform(0.1, 0.3))), rng.random() < 0.5
    odd = strong(rng)
    for y in range(0, h - cell + 1, cell):
        for x in range(0, w - cell + 1, cell):
            fill = odd if rng.random() < 0.15 else ink
            box = (x + m, y + m, x + cell - m, y + cell - m)
            (draw.rectangle if shape else draw.ellipse)(box, fill=(*fill, 255))
    return np.array(image)


def _blobs(size: Size, rng: Random) -> Picture:
    """Discs, squares and rings, some within others: lamps, knobs, tiles, sweets, confetti."""
    image, draw = _blank(size)
    count = int(rng.choice([1, 2, 5, 12]))
    for _ in range(count):
        side = max(8, round(min(size) * rng.uniform(0.15, 0.9 if count < 3 else 0.45)))
        x, y = (int(rng.uniform(0, max(1, room - side))) for room in size)
        for inner in range(int(rng.choice([1, 2, 2, 3]))):
            own = max(3, round(side * rng.uniform(0.25, 0.7) ** inner))
            dx, dy = (round((side - own) * rng.uniform(0.3, 0.7)) for _ in range(2))
            _one(draw, (x + dx, y + dy, x + dx + own - 1, y + dy + own - 1), rng)
    return np.array(image)


def _one(draw: ImageDraw.ImageDraw, box: tuple[int, int, int, int], rng: Random) -> None:
    """A disc, square, ring, bar, cross or triangle in a box of corners."""
    ink, (x0, y0, x1, y1) = (*strong(rng), 255), box
    thick = max(1, (x1 - x0) // 5)
    kind = int(rng.choice([0, 0, 0, 1, 1, 1, 2, 3, 4, 5]))
    if kind == 0:
        draw.ellipse(box, fill=ink)
    elif kind == 1:
        draw.rectangle(box, fill=ink)
    elif kind == 2:
        draw.ellipse(box, outline=ink, width=thick)
    elif kind == 5:
        draw.polygon([(x0, y1), (x1, y1), ((x0 + x1) // 2, y0)], fill=ink)
    if kind in {3, 4}:
        draw.rectangle((x0, (y0 + y1 - thick) // 2, x1, (y0 + y1 + thick) // 2), fill=ink)
    if kind == 4:
        draw.rectangle(((x0 + x1 - thick) // 2, y0, (x0 + x1 + thick) // 2, y1), fill=ink)


SHAPES: Final[tuple[Callable[[Size, Random], Picture], ...]] = (
    _frame, _frame, _target, _stripes, _sign, _scale, _keys, _blobs, _blobs, _blobs,
)  # fmt: skip
