"""Drawn graphics: logos, displays, progress bars, stickers."""

from typing import Final

import cv2
import numpy as np
from PIL import Image, ImageDraw

from curate.overlays.training.lettering import Style, colour, face, fitted, letters, style, words
from curate.overlays.training.looks import code, corner, spans
from curate.overlays.training.sprites import Look, Picture, Random, Sprite


def mark(px: int, rng: Random) -> tuple[Picture, bool | None]:
    """A drawn mark of about `px` px: shapes in up to three colours, four times oversampled.

    Returns:
        The picture, and whether it is text: no, or undecided where some letters are in it.
    """
    big = 4 * px
    image = Image.new("RGBA", (big, big), (255, 255, 255, 0))
    draw = ImageDraw.Draw(image)
    white = rng.random() < 0.4
    for layer in range(int(rng.integers(1, 4))):
        m = big * (0.02 + 0.14 * layer) + rng.uniform(0, 0.08) * big
        box = (m, m, big - m, big - m)
        ink = colour(rng, True) if white and layer == 0 else colour(rng, bool(rng.random() < 0.5))
        fill = (*((250, 250, 250) if white else ink), 255)
        kind = rng.integers(6)
        if kind == 0:
            draw.ellipse(box, fill=fill)
        elif kind == 1:
            draw.rounded_rectangle(box, radius=big * rng.uniform(0.02, 0.3), fill=fill)
        elif kind == 2:
            points = int(rng.integers(3, 9))
            angle = np.arange(2 * points) * np.pi / points + rng.uniform(0, 6)
            reach = (big / 2 - m) * np.where(np.arange(2 * points) % 2, rng.uniform(0.4, 1), 1)
            draw.polygon([(big / 2 + r * np.cos(a), big / 2 + r * np.sin(a))
                          for r, a in zip(reach, angle, strict=True)], fill=fill)  # fmt: skip
        elif kind == 3:
            draw.arc(
                box,
                rng.uniform(0, 180),
                rng.uniform(200, 400),
                fill=fill,
                width=round(big * rng.uniform(0.05, 0.18)),
            )
        elif kind == 4:
            draw.ellipse(box, outline=fill, width=max(2, round(big * rng.uniform(0.03, 0.12))))
        else:
            for _ in range(3):
                draw.line(
                    [tuple(rng.uniform(m, big - m, 2)) for _ in range(3)],
                    fill=fill,
                    width=round(big * rng.uniform(0.03, 0.12)),
                )
    lettered = rng.random() < 0.4
    if lettered:
        text = code(int(rng.integers(1, 4)), rng)
        look = Style(
            face(rng),
            round(big * rng.uniform(0.3, 0.6)),
            colour(rng, bool(rng.random() < 0.5)),
            pad=0,
        )
        made = Image.fromarray(fitted([text], look, round(big * 0.9)))
        image.alpha_composite(
            made, (max(0, (big - made.width) // 2), max(0, (big - made.height) // 2))
        )
    small = cv2.resize(np.array(image), (px, px), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8), None if lettered else False


def logo(frames: int, size: tuple[int, int], rng: Random) -> list[Sprite]:
    """A station's or channel's mark: shapes, letters or both; opaque or half transparent."""
    width, height = size
    px = round(height * rng.uniform(0.05, 0.2))
    made, text = mark(px, rng)
    parts: list[tuple[Picture, int, int, bool | None]] = [(made, 0, 0, text)]
    kind = rng.random()
    if kind < 0.45:
        look = style(max(8, round(px * rng.uniform(0.25, 0.7))), rng)
        word = fitted([words(int(rng.integers(1, 3)), rng)], look, round(0.4 * width))
        parts = [(word, 0, 0, True)]
        if kind >= 0.25:  # both, side by side
            parts = [
                (made, 0, 0, text),
                (word, px + 4, (max(px, len(word)) - len(word)) // 2, True),
            ]
    if rng.random() < 0.3:  # grey marks
        parts = [(_grey(picture), *rest) for picture, *rest in parts]  # type: ignore[misc]
    wide, tall = (
        max(p.shape[1] + x for p, x, *_ in parts),
        max(len(p) + y for p, _, y, _ in parts),
    )
    x, y = corner(size, (wide, tall), rng)
    if rng.random() < 0.12:
        x, y = int(rng.uniform(0, max(1, width - wide))), int(rng.uniform(0, height - tall))
    alpha = rng.choice([1, 1, rng.uniform(0.35, 0.95)])
    return [Sprite(p, x + dx, y + dy, 0, frames, t, alpha=alpha) for p, dx, dy, t in parts]


def _grey(picture: Picture) -> Picture:
    out = picture.copy()
    out[..., :3] = out[..., :3].mean(axis=2, keepdims=True).astype(np.uint8)
    return out


def animated_logo(frames: int, size: tuple[int, int], rng: Random) -> list[Sprite]:
    """A mark that turns about its upright axis, spins, pulses or blinks."""
    px = round(size[1] * rng.uniform(0.08, 0.2))
    made, text = mark(px, rng)
    kind, steps = rng.integers(4), 16
    pictures = []
    for step in range(steps):
        phase = step / steps
        if kind == 0:
            wide = max(2, round(px * abs(np.cos(np.pi * phase))))
            flat = np.zeros_like(made)
            at = (px - wide) // 2
            flat[:, at : at + wide] = cv2.resize(made, (wide, px), interpolation=cv2.INTER_AREA)
        elif kind == 1:
            turn = cv2.getRotationMatrix2D((px / 2, px / 2), 360 * phase, 1)
            flat = np.asarray(cv2.warpAffine(made, turn, (px, px)), np.uint8)
        else:
            flat = made.copy()
            wave = 0.5 + 0.5 * np.cos(2 * np.pi * phase) if kind == 2 else float(phase < 0.7)
            flat[..., 3] = (flat[..., 3] * (0.3 + 0.7 * wave)).astype(np.uint8)
        pictures.append(np.asarray(flat, np.uint8))
    x, y = corner(size, (px, px), rng)
    return [Sprite(pictures, x, y, 0, frames, text, hold=int(rng.integers(1, 5)))]


def hud(frames: int, size: tuple[int, int], rng: Random) -> list[Sprite]:
    """A game's or recorder's display: bars, a disc, a cross, brackets."""
    width, height = size
    sprites = []
    for kind in rng.choice(5, int(rng.integers(1, 4)), replace=False):
        ink = (*colour(rng, bool(rng.random() < 0.7)), int(rng.integers(150, 256)))
        if kind == 0:
            w, h = (
                int(width * rng.uniform(0.12, 0.35)),
                max(4, int(height * rng.uniform(0.015, 0.045))),
            )
            bar = np.zeros((h, w, 4), np.uint8)
            bar[...] = (*colour(rng, False), 200)
            bar[1:-1, 1 : int(w * rng.uniform(0.3, 0.95))] = ink
            sprites.append(Sprite(bar, *corner(size, (w, h), rng), 0, frames, False))
        elif kind == 1:
            px = int(height * rng.uniform(0.15, 0.28))
            made, text = mark(px, rng)
            at = corner(size, (px, px), rng)
            sprites.append(Sprite(made, *at, 0, frames, text, alpha=0.9))
        elif kind == 2:
            px = int(height * rng.uniform(0.06, 0.14)) | 1
            cross = np.zeros((px, px, 4), np.uint8)
            cross[px // 2 - 1 : px // 2 + 1] = ink
            cross[:, px // 2 - 1 : px // 2 + 1] = ink
            sprites.append(Sprite(cross, (width - px) // 2, (height - px) // 2, 0, frames, False))
        elif kind == 3:
            long, thick = int(height * 0.1), int(rng.integers(2, 5))
            for cx, cy in ((0, 0), (1, 0), (0, 1), (1, 1)):
                bracket = np.zeros((long, long, 4), np.uint8)
                bracket[-thick if cy else 0 : None if cy else thick] = ink
                bracket[:, -thick if cx else 0 : None if cx else thick] = ink
                m = int(0.06 * height)
                sprites.append(
                    Sprite(
                        bracket,
                        width - m - long if cx else m,
                        height - m - long if cy else m,
                        0,
                        frames,
                        False,
                    )
                )
        else:
            look = style(round(height * rng.uniform(0.035, 0.06)), rng)
            made = letters([f"{code(2, rng)} {rng.integers(0, 999)}"], look)
            sprites.append(
                Sprite(made, *corner(size, (made.shape[1], made.shape[0]), rng), 0, frames, True)
            )
    return sprites


def progress(frames: int, size: tuple[int, int], rng: Random) -> list[Sprite]:
    """A player's bar along an edge that fills."""
    width, height = size
    thick = max(3, round(height * rng.uniform(0.012, 0.035)))
    inset = int(width * rng.choice([0, 0, 0.04]))
    wide = width - 2 * inset
    empty, full = (
        (*colour(rng, bool(rng.random() < 0.5)), int(rng.integers(120, 256))),
        (*colour(rng, True), 255),
    )
    steps, first, last = 24, rng.uniform(0, 0.5), rng.uniform(0.55, 1)
    pictures = []
    for share in np.linspace(first, last, steps):
        bar = np.zeros((thick, wide, 4), np.uint8)
        bar[...] = empty
        bar[:, : int(share * wide)] = full
        pictures.append(bar)
    y = height - thick - int(height * rng.choice([0, 0, 0.03, 0.07]))
    return [Sprite(pictures, inset, y, 0, frames, False, hold=max(1, frames // steps + 1))]


def sticker(frames: int, size: tuple[int, int], rng: Random) -> list[Sprite]:
    """A larger graphic, an arrow, a ring or a mark, that appears for a while."""
    width, height = size
    px = round(height * rng.uniform(0.12, 0.35))
    x, y = int(rng.uniform(0, width - px)), int(rng.uniform(0, height - px))
    start, end = spans(frames, rng)[0]
    made, text = mark(px, rng)
    return [Sprite(made, x, y, start, end, text)]


GRAPHIC: Final[dict[str, Look]] = {
    "logo": logo, "animated_logo": animated_logo, "hud": hud, "progress": progress,
    "sticker": sticker,
}  # fmt: skip
"""Looks of graphics."""
