"""Drawn overlays: sprites of text and graphics that are burnt into frames, with their truth."""

import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

Picture = npt.NDArray[np.uint8]
Random = np.random.Generator

_FONT_FOLDERS: Final = ("/usr/share/fonts", "/usr/local/share/fonts", "/Library/Fonts")
_WORDS: Final = Path(__file__).with_name("words.txt").read_text().split()


@dataclass(frozen=True, slots=True)
class Sprite:
    """A picture that lies over the frames [start, end).

    Attributes:
        rgba: (h, w, 4) uint8, or several that follow each other, one per `hold` frames, in a loop.
        x: Left edge, px of the frame.
        y: Top edge.
        start: First frame.
        end: Index after the last frame.
        text: Whether it holds letters or digits.
        alpha: Factor of its opacity, 0 to 1.
        hold: Frames that each of several pictures is shown.
        speed: px per frame to the right (a ticker moves to the left).
        box: Whether the whole rectangle is overlay (a filled box), else where it is opaque.
    """

    rgba: Picture | Sequence[Picture]
    x: int
    y: int
    start: int
    end: int
    text: bool
    alpha: float = 1.0
    hold: int = 1
    speed: float = 0.0

    def at(self, frame: int) -> Picture:
        """The picture shown in a frame."""
        if isinstance(self.rgba, np.ndarray):
            return self.rgba
        return self.rgba[(frame - self.start) // self.hold % len(self.rgba)]


Look = Callable[[int, tuple[int, int], Random], list[Sprite]]
"""(frames, (width, height), rng) -> sprites."""


def burn(frames: Picture, sprites: Sequence[Sprite]) -> tuple[Picture, Picture]:
    """Lay sprites over frames.

    Args:
        frames: (T, H, W, 3) uint8 RGB; not changed.
        sprites: What to draw, the last on top.

    Returns:
        The frames, and (T, 2, H, W) uint8 masks: any overlay, and text, where opacity is above
        an eighth. Letters are filled to lines by whoever needs that.
    """
    out = frames.copy()
    masks = np.zeros((len(frames), 2, *frames.shape[1:3]), np.uint8)
    for index in range(len(frames)):
        for sprite in sprites:
            if sprite.start <= index < sprite.end:
                moved = round(sprite.x + sprite.speed * (index - sprite.start))
                _lay(out[index], masks[index], sprite, sprite.at(index), moved)
    return out, masks


def _lay(frame: Picture, masks: Picture, sprite: Sprite, rgba: Picture, x: int) -> None:
    height, width = frame.shape[:2]
    left, top = max(0, x), max(0, sprite.y)
    right, bottom = min(width, x + rgba.shape[1]), min(height, sprite.y + rgba.shape[0])
    if right <= left or bottom <= top:
        return
    part = rgba[top - sprite.y : bottom - sprite.y, left - x : right - x]
    alpha = part[..., 3:].astype(np.float32) / 255 * sprite.alpha
    place = frame[top:bottom, left:right]
    place[:] = np.rint(place * (1 - alpha) + part[..., :3] * alpha).astype(np.uint8)
    seen = alpha[..., 0] > 0.125
    masks[0, top:bottom, left:right] |= seen
    if sprite.text:
        masks[1, top:bottom, left:right] |= seen


@cache
def fonts() -> tuple[str, ...]:
    """Scalable fonts of the system with Latin letters, in a fixed order."""
    found = sorted(
        str(p)
        for folder in _FONT_FOLDERS
        for p in Path(folder).rglob("*.?tf")
        if not any(word in p.name for word in ("Symbol", "Dingbat", "Emoji", "Math", "Fallback"))
    )
    if not found:
        raise RuntimeError(f"no fonts in {', '.join(_FONT_FOLDERS)}")
    return tuple(found)


@cache
def _font(path: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size)


@dataclass(frozen=True, slots=True)
class Style:
    """How letters look."""

    font: str
    size: int
    fill: tuple[int, int, int]
    outline: int = 0
    outline_fill: tuple[int, int, int] = (0, 0, 0)
    box: tuple[int, int, int, int] | None = None
    shadow: int = 0
    pad: int = 4


def style(size: int, rng: Random, chosen: Sequence[str] | None = None) -> Style:
    """A random style with letters of a readable contrast."""
    names = chosen or fonts()
    light = rng.random() < 0.75
    fill = colour(rng, light)
    outline, box, shadow = 0, None, 0
    kind = rng.random()
    if kind < 0.4:
        outline = max(1, round(size * rng.uniform(0.04, 0.13)))
    elif kind < 0.65:
        back = colour(rng, not light)
        box = (*back, int(rng.integers(110, 256)))
    elif kind < 0.85:
        shadow = max(1, round(size * rng.uniform(0.04, 0.1)))
    edge = colour(rng, not light)
    pad = round(size * rng.uniform(0.1, 0.5))
    return Style(str(rng.choice(names)), size, fill, outline, edge, box, shadow, pad)


def colour(rng: Random, light: bool) -> tuple[int, int, int]:
    """A light or dark colour, half of the time nearly grey."""
    plain = rng.random()
    if plain < 0.5:
        grey = int(rng.integers(225, 256)) if light else int(rng.integers(0, 30))
        return (grey, grey, grey)
    hue = rng.uniform(0, 180)
    value = rng.uniform(190, 255) if light else rng.uniform(20, 130)
    hsv = np.array([[[hue, rng.uniform(60, 255), value]]], np.uint8)
    r, g, b = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0]
    return (int(r), int(g), int(b))


def words(count: int, rng: Random) -> str:
    """Random words, of mixed case."""
    text = " ".join(str(w) for w in rng.choice(_WORDS, count))
    form = rng.random()
    if form < 0.25:
        return text.upper()
    return text.capitalize() if form < 0.7 else text


def letters(lines: Sequence[str], look: Style, align: str = "center") -> Picture:
    """Lines of text as (h, w, 4) uint8, tightly framed by the style's padding."""
    font = _font(look.font, look.size)
    text = "\n".join(lines)
    canvas = ImageDraw.Draw(Image.new("L", (8, 8)))
    gap = round(0.25 * look.size)
    box = canvas.multiline_textbbox(
        (0, 0), text, font=font, stroke_width=look.outline, spacing=gap, align=align
    )
    width, height = int(box[2] - box[0]), int(box[3] - box[1])
    size = (width + 2 * look.pad + look.shadow, height + 2 * look.pad + look.shadow)
    base = (*look.fill, 0) if look.outline == 0 else (*look.outline_fill, 0)
    image = Image.new("RGBA", size, look.box or base)
    draw = ImageDraw.Draw(image)
    at = (look.pad - box[0], look.pad - box[1])
    if look.shadow:
        draw.multiline_text(
            (at[0] + look.shadow, at[1] + look.shadow), text, font=font, spacing=gap,
            fill=(*look.outline_fill, 200), align=align,
        )  # fmt: skip
    draw.multiline_text(
        at, text, font=font, fill=(*look.fill, 255), spacing=gap, align=align,
        stroke_width=look.outline, stroke_fill=(*look.outline_fill, 255),
    )  # fmt: skip
    return np.array(image)


def fitted(lines: Sequence[str], look: Style, width: int, align: str = "center") -> Picture:
    """`letters`, scaled down to at most `width` px."""
    made = letters(lines, look, align)
    if made.shape[1] <= width:
        return made
    height = max(1, round(made.shape[0] * width / made.shape[1]))
    return np.asarray(cv2.resize(made, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


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


def caption(frames: int, size: tuple[int, int], rng: Random) -> list[Sprite]:
    """Subtitles: one or two lines, low and centred, that change."""
    width, height = size
    look = style(round(height * rng.uniform(0.04, 0.085)), rng)
    base = (
        height * rng.uniform(0.82, 0.97) if rng.random() < 0.85 else height * rng.uniform(0.15, 0.4)
    )
    sprites = []
    for start, end in spans(frames, rng):
        lines = [words(int(rng.integers(2, 7)), rng) for _ in range(int(rng.integers(1, 3)))]
        made = fitted(lines, look, round(0.92 * width))
        y = int(np.clip(base - made.shape[0], 0, height - made.shape[0]))
        sprites.append(Sprite(made, (width - made.shape[1]) // 2, y, start, end, True))
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
    sung = Style(look.font, look.size, colour(rng, True), look.outline, look.outline_fill,
                 look.box, look.shadow, look.pad)  # fmt: skip
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
    """A name and a title on bars, low and to one side."""
    width, height = size
    first = style(round(height * rng.uniform(0.05, 0.085)), rng)
    second = style(round(first.size * rng.uniform(0.5, 0.8)), rng)
    x = int(width * rng.uniform(0.03, 0.12)) if rng.random() < 0.7 else int(width * 0.5)
    y = int(height * rng.uniform(0.66, 0.8))
    name = fitted([words(2, rng)], first, width - x - 4)
    title = fitted([words(int(rng.integers(2, 6)), rng)], second, width - x - 4)
    start, end = spans(frames, rng)[0]
    if rng.random() < 0.5:  # a bar behind both
        bar = np.zeros(
            (name.shape[0] + title.shape[0] + 8, int(width * rng.uniform(0.4, 0.9)), 4), np.uint8
        )
        bar[...] = (*colour(rng, rng.random() < 0.3), int(rng.integers(140, 256)))
        back = [Sprite(bar, max(0, x - 8), y - 4, start, end, True)]
    else:
        back = []
    return [*back, Sprite(name, x, y, start, end, True),
            Sprite(title, x, y + name.shape[0], start, end, True)]  # fmt: skip


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
    return [Sprite(bar, 0, y, 0, frames, True),
            Sprite(line, x, y + thick // 8, 0, frames, True, speed=speed)]  # fmt: skip


def title(frames: int, size: tuple[int, int], rng: Random) -> list[Sprite]:
    """A large title anywhere in the picture, some lines of any alignment."""
    width, height = size
    look = style(round(height * rng.uniform(0.06, 0.2)), rng)
    lines = [words(int(rng.integers(1, 4)), rng) for _ in range(int(rng.integers(1, 4)))]
    made = fitted(
        lines, look, round(rng.uniform(0.4, 0.95) * width), str(rng.choice(["left", "center"]))
    )
    made = made[: height - 2]
    x = int(rng.uniform(0, width - made.shape[1]))
    y = int(rng.uniform(0, height - made.shape[0]))
    start, end = spans(frames, rng)[0]
    return [Sprite(made, x, y, start, end, True)]


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
    return [Sprite(made, x, y, 0, frames, True, hold=hold)]


def scoreboard(frames: int, size: tuple[int, int], rng: Random) -> list[Sprite]:
    """Two teams and a score on coloured boxes, as in sports broadcasts."""
    height = size[1]
    px = round(height * rng.uniform(0.035, 0.06))
    cells = []
    for text in (code(3, rng), str(rng.integers(0, 99)), str(rng.integers(0, 99)), code(3, rng)):
        light = rng.random() < 0.5
        cell = Style(
            str(rng.choice(fonts())),
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
