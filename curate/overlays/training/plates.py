"""Print of strong colours on things at rest: signs, buttons, labels, boards, displays."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from curate.overlays.training.decoys import seen_at
from curate.overlays.training.lettering import Style, face, fitted, words
from curate.overlays.training.marks import mark
from curate.overlays.training.paint import pair, sheet, strong
from curate.overlays.training.shapes import SHAPES
from curate.overlays.training.sprites import Picture, Random

_SOFT: Final = (0.45, 1.6)
"""Blur of print by lens and sensor, px of the drawn picture."""


def printed(picture: Picture, rng: Random) -> Picture:
    """A still picture with one to three printed or painted things on it, lit as what they lie on.

    Unlike `decoys.lettered` they are nearly frontal, sharp and strong in colour, so little but the
    lens, the light and their slant tells them from what is drawn over a picture.

    Args:
        picture: (h, w, 3) uint8 RGB, at least 64 px wide and high.
        rng: Source of all choices.

    Returns:
        A new picture of the same shape.
    """
    out = picture.astype(np.float32)
    height, width = picture.shape[:2]
    for _ in range(int(rng.choice([1, 1, 2, 3]))):
        tall = round(height * float(np.exp(rng.uniform(np.log(0.06), np.log(0.4)))))
        wide = round(tall * float(np.exp(rng.uniform(np.log(0.6), np.log(5)))))
        wide = max(24, min(wide, round(0.6 * width)))
        share = rng.random()
        kinds = SHAPES if share < _SHAPES_SHARE else _PLATES
        kind = _bare if share > 1 - _BARE_SHARE else kinds[int(rng.integers(len(kinds)))]
        made = slanted(kind((wide, max(16, tall)), rng), rng)
        h, w = (min(a, b) for a, b in zip(made.shape[:2], picture.shape[:2], strict=True))
        x, y = int(rng.integers(0, width - w + 1)), int(rng.integers(0, height - h + 1))
        part = out[y : y + h, x : x + w]
        alpha = made[:h, :w, 3:].astype(np.float32) / 255
        part[:] = part * (1 - alpha) + _lit(made[:h, :w, :3], part, rng) * alpha
    return out.clip(0, 255).astype(np.uint8)


def slanted(made: Picture, rng: Random) -> Picture:
    """(h, w, 4) uint8 as a camera that stands nearly before it sees it: soft, a few px larger."""
    h, w = made.shape[:2]
    reach = float(rng.choice([0.01, 0.03, 0.08]))
    corners = np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32)
    turn = np.deg2rad(rng.normal(0, float(rng.choice([0.5, 2, 6]))))
    cos, sin = np.cos(turn), np.sin(turn)
    target = corners @ np.array([[cos, sin], [-sin, cos]]) + rng.uniform(-reach, reach, (4, 2)) * (
        min(w, 3 * h),
        h,
    )
    target = (target - target.min(axis=0) + 2).astype(np.float32)
    return seen_at(made, target, rng.uniform(*_SOFT))


def _lit(colours: Picture, ground: npt.NDArray[np.float32], rng: Random) -> Picture:
    """Print under the light of the place: darker to one side, and as bright as what is behind."""
    h, w = colours.shape[:2]
    across = np.linspace(rng.uniform(0.65, 1.05), rng.uniform(0.65, 1.05), w)[None]
    down = np.linspace(rng.uniform(0.75, 1.05), rng.uniform(0.75, 1.05), h)[:, None]
    bright = float(np.quantile(ground, 0.9)) if ground.size else 255.0
    level = rng.uniform(0, 0.6) * (bright / 220 - 1) + 1
    veil = rng.uniform(0, 25)  # what the lens scatters
    shown = colours * (across * down * level)[..., None].clip(0.2, 1.1)
    return np.asarray(shown * (1 - veil / 255) + veil, np.float32).clip(0, 255).astype(np.uint8)


def _written(
    image: Image.Image, lines: Sequence[str], look: Style, box: tuple[int, int, int, int]
) -> None:
    """Lines in the middle of a box (x, y, w, h) of a picture, no larger than it."""
    x, y, w, h = box
    made = fitted(lines, replace(look, size=max(7, look.size), pad=0), max(4, w))
    if made.shape[0] > h:
        share = h / made.shape[0]
        own = max(2, round(made.shape[1] * share)), max(2, h)
        made = np.asarray(cv2.resize(made, own, interpolation=cv2.INTER_AREA), np.uint8)
    place = x + max(0, w - made.shape[1]) // 2, y + max(0, h - made.shape[0]) // 2
    image.alpha_composite(Image.fromarray(made), place)


def _sign(size: tuple[int, int], rng: Random) -> Picture:
    """One to three lines on a plate."""
    ground, ink = pair(rng)
    image, _ = sheet(size, ground, rng)
    w, h = size
    count = int(rng.choice([1, 1, 2, 3]))
    lines = [words(int(rng.integers(1, 3)), rng) for _ in range(count)]
    if rng.random() < 0.25:
        lines = [str(rng.integers(0, 10 ** int(rng.integers(1, 4))))]
    look = Style(face(rng), round(0.8 * h / count), ink)
    _written(image, lines, look, (w // 12, h // 10, w - w // 6, h - h // 5))
    return np.array(image)


def _buttons(size: tuple[int, int], rng: Random) -> Picture:
    """Round or square buttons in rows, with signs on or under them."""
    ground, rim = pair(rng)
    image, draw = sheet(size, ground, rng)
    w, h = size
    cell = max(14, min(w, round(h / int(rng.integers(1, 4)))))
    face_of, under, square = face(rng), rng.random() < 0.3, rng.random() < 0.3
    inks = [pair(rng) for _ in range(int(rng.integers(1, 4)))]
    for y in range(0, h - cell + 1, cell):
        for x in range(0, w - cell + 1, cell):
            fill, ink = inks[int(rng.integers(len(inks)))]
            m = round(cell * 0.12)
            box = (x + m, y + m, x + cell - m - 1, y + cell - m - (cell // 4 if under else 1))
            shape = draw.rectangle if square else draw.ellipse
            shape(box, fill=(*fill, 255), outline=(*rim, 255), width=max(1, cell // 16))
            sign = str(rng.choice(["+", "-", "1", "2", "3", "i", "!", "ON", "O", "II", "A", "UP"]))
            look = Style(face_of, round(0.5 * cell), rim if under else ink)
            at = (x + m, box[3] + 1, cell - 2 * m, cell // 4) if under else _inner(box)
            _written(image, [sign], look, at)
    return np.array(image)


def _inner(box: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """(x, y, w, h) of the middle of a box of corners."""
    w, h = box[2] - box[0], box[3] - box[1]
    return box[0] + w // 4, box[1] + h // 4, max(4, w // 2), max(4, h // 2)


def _label(size: tuple[int, int], rng: Random) -> Picture:
    """A product's label: a mark, a name, smaller lines."""
    ground, ink = pair(rng)
    image, _ = sheet(size, ground, rng)
    w, h = size
    left = 0
    if rng.random() < 0.6:
        side = max(12, min(round(0.6 * h), w // 3))
        drawn = Image.fromarray(mark(side, rng)[0])
        image.alpha_composite(drawn, (w // 20, max(0, h - drawn.height) // 2))
        left = side + w // 20
    font, room = face(rng), w - left - w // 10
    _written(image, [words(1, rng)], Style(font, round(0.4 * h), ink),
             (left + w // 20, h // 12, room, round(0.42 * h)))  # fmt: skip
    small = [words(int(rng.integers(2, 6)), rng) for _ in range(int(rng.integers(1, 5)))]
    _written(image, small, Style(font, max(7, round(0.3 * h / len(small))), ink),
             (left + w // 20, round(0.55 * h), room, round(0.36 * h)))  # fmt: skip
    return np.array(image)


def _board(size: tuple[int, int], rng: Random) -> Picture:
    """Parts and small print on a circuit board or a machine's front."""
    ground, ink = pair(rng)
    image, draw = sheet(size, ground, rng)
    w, h = size
    for _ in range(int(rng.integers(4, 25))):
        x, y = int(rng.uniform(0, 0.9) * w), int(rng.uniform(0, 0.9) * h)
        own = int(rng.uniform(0.05, 0.3) * w) + 2, int(rng.uniform(0.05, 0.25) * h) + 2
        draw.rectangle((x, y, x + own[0], y + own[1]), fill=(*strong(rng), 255))
        if rng.random() < 0.7:
            text = f"{rng.choice(list('RCUQJD'))}{rng.integers(1, 99)}"
            look = Style(face(rng), max(7, round(0.09 * h)), ink)
            _written(image, [text], look, (x, max(0, y - h // 8), max(12, w // 8), h // 8))
    return np.array(image)


def _display(size: tuple[int, int], rng: Random) -> Picture:
    """Lit figures on a dark ground: clocks, scales, ovens."""
    dark = (int(rng.integers(0, 40)),) * 3
    ink = strong(rng)
    ink = ink if sum(ink) > 300 else (255, int(rng.integers(40, 256)), int(rng.integers(0, 80)))
    image, _ = sheet(size, dark, rng, 0.1)
    w, h = size
    text = str(rng.choice(["{:02d}:{:02d}", "{}.{}", "{}", "-{}", "{}%"]))
    text = text.format(int(rng.integers(0, 60)), int(rng.integers(0, 60)))
    _written(image, [text], Style(face(rng), round(0.8 * h), ink),
             (w // 10, h // 8, w - w // 5, h - h // 4))  # fmt: skip
    return np.array(image)


def _bare(size: tuple[int, int], rng: Random) -> Picture:
    """Letters, figures or a mark right on a thing: an appliance, a wall, a shirt, a cap."""
    w, h = size
    image = Image.new("RGBA", size, (0, 0, 0, 0))
    ink, font = strong(rng), face(rng)
    if rng.random() < 0.2:
        drawn = Image.fromarray(mark(max(12, min(w, h)), rng)[0])
        image.alpha_composite(drawn, (max(0, w - drawn.width) // 2, 0))
        return np.array(image)
    if rng.random() < 0.4:  # a scale: figures in a row or a column
        count = int(rng.integers(2, 8))
        first, step = int(rng.integers(0, 10)), int(rng.choice([1, 1, 2, 5, 10, 50]))
        across = w >= h
        for n in range(count):
            own = (w // count, h) if across else (w, h // count)
            at = (n * own[0] * across, n * own[1] * (not across), *own)
            look = Style(font, max(7, round(0.6 * min(own))), ink)
            _written(image, [str(first + step * n)], look, at)
        return np.array(image)
    count = int(rng.choice([1, 1, 2, 3]))
    lines = [words(int(rng.integers(1, 3)), rng) for _ in range(count)]
    if rng.random() < 0.3:
        lines = [lines[0][: int(rng.integers(1, 4))].upper()]
    _written(image, lines, Style(font, round(0.8 * h / count), ink), (0, 0, w, h))
    return np.array(image)


_PLATES: Final[tuple[Callable[[tuple[int, int], Random], Picture], ...]] = (
    _sign, _sign, _buttons, _buttons, _label, _board, _display,
)  # fmt: skip
_BARE_SHARE: Final = 0.3
"""Share of the printed things without a plate."""
_SHAPES_SHARE: Final = 0.3
"""Share of those without letters."""
