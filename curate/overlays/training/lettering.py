"""Letters: fonts, styles, and lines of text as pictures with their opacity."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from curate.overlays.training.sprites import Picture, Random

_FOLDERS: Final = (
    Path("/usr/share/fonts"),
    Path("/usr/local/share/fonts"),
    Path.home() / ".local/share/fonts",
)
_TABLE: Final = Path(__file__).with_name("fonts.txt")
_WORDS: Final = Path(__file__).with_name("words.txt").read_text().split()
_STROKES: Final = {"train": (0, 1, 3, 4, 5), "unseen": (2, 7)}
"""OpenCV's own faces in each part of the fonts: single strokes up to version 4, from version 5 on
one sans serif, which is drawn without its outline."""
_STROKE: Final = "hershey "
_DRAWN_PART: ContextVar[str] = ContextVar("_DRAWN_PART", default="train")


@cache
def families(part: str) -> tuple[tuple[str, ...], ...]:
    """Fonts of one part of fonts.txt that are installed, by family.

    Args:
        part: "train", or "unseen", which no training sample is drawn in.

    Raises:
        RuntimeError: If a family has no file; names the Debian packages.
    """
    files: dict[str, str] = {}
    for folder in _FOLDERS:
        for path in sorted(folder.rglob("*.?tf")):
            files.setdefault(path.name, str(path))
    found, missing = [], []
    for line in _TABLE.read_text().splitlines():
        its_part, package, *patterns = line.split()
        if its_part != part:
            continue
        names = [n for n in sorted(files) if any(Path(n).match(p) for p in patterns)]
        found.append(tuple(files[n] for n in names))
        missing += [] if names else [package]
    if missing:
        raise RuntimeError(f"fonts are missing, install the packages: {' '.join(missing)}")
    return (*found, tuple(f"{_STROKE}{face}" for face in _STROKES[part]))


@contextmanager
def drawn_in(part: str) -> Iterator[None]:
    """Draw letters in another part of the fonts within a block."""
    token = _DRAWN_PART.set(part)
    try:
        yield
    finally:
        _DRAWN_PART.reset(token)


def face(rng: Random) -> str:
    """A random font: a family, then one of its files."""
    among = families(_DRAWN_PART.get())
    family = among[int(rng.integers(len(among)))]
    return family[int(rng.integers(len(family)))]


@cache
def _font(path: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size)


@dataclass(frozen=True, slots=True)
class Style:
    """How letters look.

    Attributes:
        font: A file, or a Hershey face.
        size: px.
        fill: Colour.
        outline: px around each letter.
        outline_fill: Colour of the outline and of the shadow.
        box: Colour and opacity of a box behind all lines.
        box_end: The same at the box's other end, if it is a gradient.
        round: Radius of the box's corners, px.
        shadow: px to the right and down.
        soft: Blur of the shadow, px; without an offset a glow.
        pad: px around the lines.
        spaced: Letters apart.
    """

    font: str
    size: int
    fill: tuple[int, int, int]
    outline: int = 0
    outline_fill: tuple[int, int, int] = (0, 0, 0)
    box: tuple[int, int, int, int] | None = None
    box_end: tuple[int, int, int, int] | None = None
    round: int = 0
    shadow: int = 0
    soft: float = 0.0
    pad: int = 4
    spaced: bool = False


def style(size: int, rng: Random) -> Style:
    """A random style with letters of a readable contrast."""
    light = rng.random() < 0.75
    fill, edge = colour(rng, light), colour(rng, not light)
    outline, shadow, soft, radius = 0, 0, 0.0, 0
    box, end = None, None
    kind = rng.random()
    if kind < 0.3:
        outline = max(1, round(size * rng.uniform(0.03, 0.13)))
    elif kind < 0.58:
        box = (*colour(rng, not light), int(rng.integers(90, 256)))
        radius = int(rng.choice([0, 0, 0.2 * size, 0.5 * size]))
        if rng.random() < 0.3:  # fades out, or into another colour
            end = (*colour(rng, not light), int(rng.choice([0, box[3]])))
    elif kind < 0.83:
        shadow = max(1, round(size * rng.uniform(0.03, 0.1)))
        soft = float(rng.choice([0, 0.04 * size, 0.1 * size]))
    pad = round(size * rng.uniform(0.1, 0.5))
    return Style(face(rng), size, fill, outline, edge, box, end, radius, shadow, soft, pad,
                 bool(rng.random() < 0.12))  # fmt: skip


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
    if look.spaced:
        lines = [" ".join(line) for line in lines]
    ink, edge = (_strokes if look.font.startswith(_STROKE) else _glyphs)(lines, look, align)
    fringe = look.shadow + round(2 * look.soft)
    size = (ink.width + 2 * look.pad + fringe, ink.height + 2 * look.pad + fringe)
    image = _box(size, look)
    if look.shadow:
        shade = Image.new("L", size, 0)
        shade.paste(edge, (look.pad + look.shadow, look.pad + look.shadow))
        if look.soft:
            shade = shade.filter(ImageFilter.GaussianBlur(look.soft))
        image.alpha_composite(_inked(shade.point(lambda v: v * 4 // 5), look.outline_fill))
    for layer, fill in ((edge, look.outline_fill), (ink, look.fill)):
        if layer is edge and not look.outline:
            continue
        image.alpha_composite(_inked(layer, fill), (look.pad, look.pad))
    return np.array(image)


def fitted(lines: Sequence[str], look: Style, width: int, align: str = "center") -> Picture:
    """`letters`, scaled down to at most `width` px."""
    made = letters(lines, look, align)
    if made.shape[1] <= width:
        return made
    height = max(1, round(made.shape[0] * width / made.shape[1]))
    return np.asarray(cv2.resize(made, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _inked(layer: Image.Image, fill: tuple[int, int, int]) -> Image.Image:
    image = Image.new("RGBA", layer.size, (*fill, 0))
    image.putalpha(layer)
    return image


def _box(size: tuple[int, int], look: Style) -> Image.Image:
    """The ground of the letters, clear where the style has no box."""
    if look.box is None:
        return Image.new("RGBA", size, (*look.fill, 0))
    image = Image.new("RGBA", size, look.box)
    if look.box_end is not None:
        way = np.linspace(0, 1, size[0], dtype=np.float32)[None, :, None]
        row = np.array(look.box, np.float32) * (1 - way) + np.array(look.box_end, np.float32) * way
        image = Image.fromarray(np.repeat(row.astype(np.uint8), size[1], axis=0))
    if look.round:
        inside = Image.new("L", size, 0)
        ImageDraw.Draw(inside).rounded_rectangle(
            (0, 0, size[0] - 1, size[1] - 1), min(look.round, size[1] // 2), fill=255
        )
        image = Image.composite(image, Image.new("RGBA", size, (*look.box[:3], 0)), inside)
    return image


def _glyphs(lines: Sequence[str], look: Style, align: str) -> tuple[Image.Image, Image.Image]:
    """Opacity of the letters, and of them with their outline."""
    font, text, gap = _font(look.font, look.size), "\n".join(lines), round(0.25 * look.size)
    box = ImageDraw.Draw(Image.new("L", (8, 8))).multiline_textbbox(
        (0, 0), text, font=font, stroke_width=look.outline, spacing=gap, align=align
    )
    size = (max(1, int(box[2] - box[0])), max(1, int(box[3] - box[1])))
    # Red holds the letters, green also their outline.
    layers = Image.new("RGB", size)
    ImageDraw.Draw(layers).multiline_text(
        (-box[0], -box[1]), text, font=font, fill=(255, 255, 0), spacing=gap, align=align,
        stroke_width=look.outline, stroke_fill=(0, 255, 0),
    )  # fmt: skip
    return layers.getchannel(0), layers.getchannel(1)


def _strokes(lines: Sequence[str], look: Style, align: str) -> tuple[Image.Image, Image.Image]:
    """The same of a Hershey face: 22 px high at a scale of 1."""
    kind, scale = int(look.font.removeprefix(_STROKE)), look.size / 30
    thick = max(1, round(look.size / 18))
    step, border = round(1.35 * look.size), look.outline + thick + 2
    wide = [cv2.getTextSize(line, kind, scale, thick)[0][0] for line in lines]
    shape = (step * len(lines) + 2 * border, max(wide) + 2 * border)
    layers = []
    for stroke in (thick, thick + 2 * look.outline):
        layer = np.zeros(shape, np.uint8)
        for row, line in enumerate(lines):
            free = max(wide) - wide[row]
            x = border + {"left": 0, "center": free // 2, "right": free}[align]
            at = (x, border + step * row + look.size)
            cv2.putText(layer, line, at, kind, scale, 255, stroke, cv2.LINE_AA)
        layers.append(Image.fromarray(layer))
    return layers[0], layers[1]
