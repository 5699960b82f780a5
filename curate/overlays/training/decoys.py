"""What looks like drawn overlays and is none: lettering, repeating and flat things of the scene."""

from collections.abc import Callable, Sequence
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from curate.overlays.training.lettering import letters, style, words
from curate.overlays.training.marks import mark
from curate.overlays.training.sprites import Picture, Random, Sprite, burn

Floats = npt.NDArray[np.float32]
Size = tuple[int, int]
"""Width and height, px."""


def lettered(picture: Picture, rng: Random) -> Picture:
    """Letters and marks on things of a still picture: at an angle, soft, unevenly lit."""
    height, width = picture.shape[:2]
    sprites = []
    for _ in range(int(rng.integers(1, 5))):
        made = sign(rng, most=width // 2)
        x, y = int(rng.uniform(0, 0.8) * width), int(rng.uniform(0, 0.8) * height)
        sprites.append(Sprite(made, x, y, 0, 1, True, alpha=rng.uniform(0.6, 0.95)))
    return np.asarray(burn(picture[None], sprites)[0][0])


def sign(rng: Random, most: int) -> Picture:
    """(h, w, 4) lettering as a camera sees it on a thing, up to about `most` px wide."""
    if rng.random() < 0.75:
        look = style(int(rng.integers(14, 70)), rng)
        lines = [words(int(rng.integers(1, 3)), rng) for _ in range(int(rng.integers(1, 4)))]
        made = letters(lines, look)
    else:
        made = mark(int(rng.integers(30, 120)), rng)[0]
    shrink = min(1.0, most / made.shape[1])
    h, w = max(2, round(made.shape[0] * shrink)), max(2, round(made.shape[1] * shrink))
    made = np.asarray(cv2.resize(made, (w, h), interpolation=cv2.INTER_AREA), np.uint8)
    if rng.random() < 0.15:  # the spine of a book, a banner
        made = np.ascontiguousarray(np.rot90(made))
        h, w = w, h
    bend = rng.uniform(-0.3, 0.3, (4, 2)) * (min(w, 3 * h), h)
    corners = np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32)
    target = (corners + bend).astype(np.float32)
    target -= target.min(axis=0)
    soft = np.asarray(seen_at(made, target, rng.uniform(0.5, 2.4)), np.float32)
    light = np.linspace(rng.uniform(0.4, 1), rng.uniform(0.4, 1), soft.shape[1])[None, :, None]
    soft[..., :3] = soft[..., :3] * light * 0.85 + 12
    return soft.clip(0, 255).astype(np.uint8)


def seen_at(made: Picture, target: npt.NDArray[np.float32], soft: float) -> Picture:
    """A thing at an angle, as a lens blurs it; what is clear around it leaves no dark rim.

    Args:
        made: (h, w, 4) uint8 RGB and opacity.
        target: (4, 2) where its corners come to lie, px from 0, clockwise from the upper left.
        soft: Blur, px.

    Returns:
        (H, W, 4) uint8 that ends a pixel after the last corner.
    """
    h, w = made.shape[:2]
    corners = np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32)
    opaque = made[..., 3:].astype(np.float32) / 255
    mixed = np.concatenate([made[..., :3] * opaque, 255 * opaque], axis=2)
    size = np.ceil(target.max(axis=0)).astype(int) + 1
    matrix = cv2.getPerspectiveTransform(corners, target)
    warped = cv2.warpPerspective(mixed, matrix, (int(size[0]), int(size[1])))
    out = np.asarray(cv2.GaussianBlur(warped, (0, 0), soft), np.float32)
    out[..., :3] /= np.maximum(out[..., 3:] / 255, 1e-3)
    return out.clip(0, 255).astype(np.uint8)


def texture(size: Size, rng: Random) -> Picture:
    """A picture of one kind of thing, often repeating, seen at an angle, soft and unevenly lit.

    Args:
        size: (width, height), px.
        rng: Source of all choices.
    """
    width, height = size
    big = (width * 5 // 4, height * 5 // 4)
    drawn = _DRAWN[int(rng.integers(len(_DRAWN)))](big, rng)
    corners = np.array([[0, 0], [big[0], 0], [big[0], big[1]], [0, big[1]]], np.float32)
    bend = rng.uniform(0, rng.choice([0.02, 0.12]), (4, 2)) * big
    inward = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]])
    seen = (corners + bend * inward).astype(np.float32)
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(seen, target)
    out = cv2.warpPerspective(drawn, matrix, size, flags=cv2.INTER_AREA)
    out = np.asarray(cv2.GaussianBlur(out, (0, 0), rng.uniform(0.4, 2)), np.float32)
    across = np.linspace(rng.uniform(0.4, 1.1), rng.uniform(0.4, 1.1), width)
    down = np.linspace(rng.uniform(0.6, 1.1), rng.uniform(0.6, 1.1), height)
    out *= (down[:, None] * across)[..., None].astype(np.float32)
    return out.clip(0, 255).astype(np.uint8)


def banded(picture: Picture, rng: Random) -> Picture:
    """A still picture with one to three bands of a texture: rows of windows, shelves, rails."""
    height, width = picture.shape[:2]
    out = picture.copy()
    for _ in range(int(rng.integers(1, 4))):
        w, h = int(width * rng.uniform(0.15, 0.9)), int(height * rng.uniform(0.03, 0.2))
        x, y = int(rng.uniform(0, width - w)), int(rng.uniform(0, height - h))
        band = texture((w, h), rng)
        if rng.random() < 0.5:  # farther away
            band = texture((3 * w, 3 * h), rng)
            band = np.asarray(cv2.resize(band, (w, h), interpolation=cv2.INTER_AREA), np.uint8)
        out[y : y + h, x : x + w] = band
    return out


def swayed(frames: Sequence[Picture], rng: Random) -> list[Picture]:
    """Parts of the picture move a few px to and fro, as leaves, cloth and water do."""
    height, width = frames[0].shape[:2]
    yy, xx = np.mgrid[0:height, 0:width].astype(np.float32)
    coarse = rng.uniform(0, 6.28, (2, 7, 12)).astype(np.float32)
    phase = np.stack(
        [cv2.resize(c, (width, height), interpolation=cv2.INTER_CUBIC) for c in coarse]
    )
    reach, pace = rng.uniform(0.5, 5), rng.uniform(0.3, 1.2)
    out = []
    for index, frame in enumerate(frames):
        dx, dy = reach * np.sin(phase + pace * index)
        moved = cv2.remap(frame, xx + dx, yy + dy / 2, cv2.INTER_LINEAR, borderMode=4)
        out.append(np.asarray(moved, np.uint8))
    return out


def _colour(rng: Random) -> Floats:
    return np.asarray(rng.uniform(20, 235) + rng.uniform(-30, 30, 3), np.float32)


def _sheet(size: Size, rng: Random) -> Floats:
    return np.tile(_colour(rng), (size[1], size[0], 1)).astype(np.float32)


def _bricks(size: Size, rng: Random) -> Floats:
    """Rows of stones of uneven tone, each row shifted by half a stone."""
    out, tall = _sheet(size, rng), int(rng.integers(8, 40))
    wide, gap, stone = int(tall * rng.uniform(1.2, 3.5)), int(rng.integers(1, 5)), _colour(rng)
    for row, y in enumerate(range(0, size[1], tall)):
        for x in range(-wide // 2 * (row % 2), size[0], wide):
            tone = stone + rng.normal(0, 12)
            out[y + gap : y + tall, max(0, x + gap) : x + wide] = tone
    return out + rng.normal(0, 5, out.shape).astype(np.float32)


def _bars(size: Size, rng: Random) -> Floats:
    """Bars, slats or stripes at any angle, evenly apart: fences, blinds, shirts, radiators."""
    out, ink = _sheet(size, rng), _colour(rng)
    yy, xx = np.mgrid[0 : size[1], 0 : size[0]].astype(np.float32)
    angle = rng.choice([0, np.pi / 2, rng.uniform(0, np.pi)])
    apart = rng.uniform(5, 50)
    phase = ((xx * np.cos(angle) + yy * np.sin(angle)) / apart) % 1
    covered = phase < rng.uniform(0.15, 0.7)
    if rng.random() < 0.3:  # a net or grid
        covered |= ((-xx * np.sin(angle) + yy * np.cos(angle)) / apart) % 1 < 0.2
    out[covered] = ink
    return out


def _leaves(size: Size, rng: Random) -> Floats:
    """Many small, bright and dark leaves over each other."""
    out, tint = _sheet(size, rng), rng.uniform(0.3, 1, 3)
    for _ in range(int(rng.integers(800, 2500))):
        at = (int(rng.uniform(0, size[0])), int(rng.uniform(0, size[1])))
        axes = (int(rng.integers(3, 16)), int(rng.integers(1, 7)))
        tone = [float(v) for v in rng.uniform(10, 250) * tint]
        cv2.ellipse(out, at, axes, float(rng.uniform(0, 180)), 0, 360, tone, -1)
    return out


def _windows(size: Size, rng: Random) -> Floats:
    """A front of windows with frames and bars, some of them lit."""
    out, frame, pane = _sheet(size, rng), _colour(rng), _colour(rng)
    wide, tall = int(rng.integers(8, 80)), int(rng.integers(10, 80))
    gap, thick = int(rng.integers(3, 30)), int(rng.integers(1, 4))
    for y in range(int(rng.integers(0, 30)), size[1], tall + gap):
        for x in range(int(rng.integers(0, 30)), size[0], wide + gap):
            out[y : y + tall, x : x + wide] = frame
            out[y + thick : y + tall - thick, x + thick : x + wide - thick] = pane + rng.normal(
                0, 25
            )
            out[y : y + tall, x + wide // 2 : x + wide // 2 + thick] = frame
    return out


def _shelf(size: Size, rng: Random) -> Floats:
    """Shelves of books or boxes with print on them."""
    out, tall = _sheet(size, rng), int(rng.integers(50, 130))
    for y in range(0, size[1], tall):
        x = 0
        while x < size[0]:
            wide = int(rng.integers(8, 45))
            low = int(tall * rng.uniform(0, 0.3))
            ground = _colour(rng)
            out[y + low : y + tall - 5, x : x + wide - 1] = ground
            for at in range(y + low + 6, y + tall - 12, int(rng.integers(4, 12))):
                if rng.random() < 0.6:  # print, too small to be read
                    out[at : at + 2, x + 2 : x + max(4, wide - 4)] = 255 - ground
            x += wide
        out[y + tall - 5 : y + tall] = 40
    return out


def _scattered(size: Size, rng: Random) -> Floats:
    """Discs and boxes of flat tones on a clouded ground: pebbles, tiles, lids, parts on a bench."""
    height, width = size[1], size[0]
    out = _sheet(size, rng)
    for reach, strength in ((rng.uniform(8, 30), 25), (rng.uniform(1, 5), rng.uniform(0, 20))):
        cloud = cv2.GaussianBlur(
            rng.normal(0, 1, (height, width)).astype(np.float32), (0, 0), reach
        )
        part = np.asarray(strength * cloud / max(float(cloud.std()), 1e-6), np.float32)
        out += part[..., None]
    for _ in range(int(width * height / rng.uniform(3000, 30000))):
        x, y, reach = (int(rng.uniform(0, n)) for n in (width, height, 34))
        tone = [float(v) for v in _colour(rng)]
        if rng.random() < 0.5:
            cv2.circle(out, (x, y), reach + 4, tone, -1)
        else:
            cv2.rectangle(out, (x, y), (x + reach + 6, y + reach + 6), tone, -1)
    return out


_DRAWN: Final[tuple[Callable[[Size, Random], Floats], ...]] = (
    _bricks, _bars, _leaves, _windows, _shelf, _scattered, _scattered,
)  # fmt: skip
