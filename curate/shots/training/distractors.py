"""What happens inside a shot and is no transition: light, things that pass, graphics, damage."""

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from curate.shots.signals import HEIGHT, WIDTH

Floats = npt.NDArray[np.float32]
Random = np.random.Generator
_Y, _X = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)


def _span(frames: int, shortest: int, longest: int, rng: Random) -> slice:
    length = min(int(rng.integers(shortest, longest + 1)), max(1, frames - 4))
    start = int(rng.integers(2, max(3, frames - length - 1)))
    return slice(start, start + length)


def flash(shot: Floats, rng: Random) -> None:
    """1 to 4 frames brighter, all of the picture or a part, white or coloured."""
    chosen = _span(len(shot), 1, 4, rng)
    strength = rng.uniform(40, 255)
    mask = np.ones((HEIGHT, WIDTH), np.float32)
    if rng.random() < 0.4:
        cx, cy = rng.uniform(0, WIDTH), rng.uniform(0, HEIGHT)
        mask = np.exp(-((_X - cx) ** 2 + (_Y - cy) ** 2) / rng.uniform(60, 900))
    decay = np.linspace(1, rng.uniform(0.2, 1), chosen.stop - chosen.start)[:, None, None]
    if rng.random() < 0.3:  # towards plain white
        weight = np.clip(decay * mask * strength / 200, 0, 1)[:, None]
        shot[chosen] = shot[chosen] * (1 - weight) + _plain(rng) * weight
    else:
        shot[chosen, 0] += decay * mask * strength


def _plain(rng: Random) -> Floats:
    luma = rng.choice([0, 255, 255, rng.uniform(0, 255)])
    spread = 60 if rng.random() < 0.3 else 0
    return np.array([luma, *(128 + rng.uniform(-1, 1, 2) * spread)], np.float32)[:, None, None]


def lost_frames(shot: Floats, rng: Random) -> None:
    """1 to 3 black, plain or foreign-looking frames, after which the shot goes on."""
    chosen = _span(len(shot), 1, 3, rng)
    if rng.random() < 0.5:
        shot[chosen] = _plain(rng)
    else:
        shot[chosen] = shot[chosen][:, :, ::-1, ::-1] * rng.uniform(0.3, 1)


def strobe(shot: Floats, rng: Random) -> None:
    """Light that goes on and off, or flickers, for a while."""
    chosen = _span(len(shot), 10, 60, rng)
    count = chosen.stop - chosen.start
    if rng.random() < 0.5:
        period = int(rng.integers(2, 12))
        course = (np.arange(count) // max(1, period // 2) % 2).astype(np.float32)
    else:
        course = rng.random(count).astype(np.float32) ** 3
    strength, tint = rng.uniform(-120, 160), rng.normal(0, 25, 2).astype(np.float32)
    shot[chosen, 0] += course[:, None, None] * strength
    shot[chosen, 1:] += course[:, None, None, None] * tint[:, None, None]


def light(shot: Floats, rng: Random) -> None:
    """Exposure, white balance or stage light that changes over some frames and stays."""
    start = int(rng.integers(2, max(3, len(shot) - 3)))
    length = int(rng.integers(1, 60))
    course = np.clip((np.arange(len(shot)) - start) / length, 0, 1).astype(np.float32)
    gain = 1 + course * (rng.uniform(-0.45, 0.6) if rng.random() < 0.7 else rng.uniform(0.6, 3))
    field = np.ones((HEIGHT, WIDTH), np.float32)
    if rng.random() < 0.3:
        angle = rng.uniform(0, 6.28)
        field = np.clip(
            0.5 + (_X / WIDTH - 0.5) * np.cos(angle) + (_Y / HEIGHT - 0.5) * np.sin(angle), 0, 1
        )
    shot[:, 0] *= 1 + (gain[:, None, None] - 1) * field
    if rng.random() < 0.5:
        tint = rng.normal(0, 18, 2).astype(np.float32)
        shot[:, 1:] += course[:, None, None, None] * tint[:, None, None] * field


def jolt(shot: Floats, rng: Random) -> None:
    """The camera is knocked for a few frames."""
    chosen = _span(len(shot), 1, 8, rng)
    for i in range(chosen.start, chosen.stop):
        dx, dy = rng.normal(0, 5), rng.normal(0, 3)
        matrix = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
        for c in range(3):
            shot[i, c] = cv2.warpAffine(
                shot[i, c], matrix, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE
            )


def passer(shot: Floats, rng: Random, other: Floats) -> None:
    """Something near the camera passes, filling up to all of the picture for a moment."""
    length = min(int(rng.integers(5, 30)), len(shot) - 2)
    if length < 3:
        return
    start = int(rng.integers(1, len(shot) - length))
    width = rng.uniform(0.25, 1.1) * WIDTH
    way = np.linspace(-width, WIDTH + width, length) if rng.random() < 0.7 else None
    texture = cv2.blur(other[0].transpose(1, 2, 0), (5, 5)).transpose(2, 0, 1)
    slant, edge = rng.uniform(-0.6, 0.6), rng.uniform(1, 8)
    for i in range(length):
        if way is None:  # comes close and goes again
            reach = np.sin(np.pi * (i + 1) / (length + 1)) * width
            distance = np.hypot(_X - WIDTH / 2, (_Y - HEIGHT / 2) * 1.3) - reach / 2
        else:
            distance = np.abs(_X + slant * (_Y - HEIGHT / 2) - way[i]) - width / 2
        mask = np.clip(0.5 - distance / edge, 0, 1)
        moved = np.roll(texture, int(way[i]) if way is not None else 0, 2)
        shot[start + i] = shot[start + i] * (1 - mask) + moved * mask


def graphics(shot: Floats, rng: Random) -> None:
    """A caption, logo, panel or inset appears, changes or goes."""
    low = rng.random() < 0.6
    height = int(rng.integers(3, 9)) if low else int(rng.integers(4, 24))
    width = int(rng.integers(10, 60)) if low else int(rng.integers(6, 36))
    y = HEIGHT - height - int(rng.integers(0, 4)) if low else int(rng.integers(0, HEIGHT - height))
    x = int(rng.integers(0, WIDTH - width))
    chosen = _span(len(shot), 3, len(shot), rng)
    times = np.arange(len(shot))
    ramp = 1 if rng.random() < 0.5 else int(np.exp(rng.uniform(0.7, 3.6)))
    inside = np.minimum(times - chosen.start + 1, chosen.stop - times) / ramp
    weight = (np.clip(inside, 0, 1) * rng.uniform(0.5, 1))[:, None, None, None]
    panel = np.full((3, height, width), 128, np.float32)
    panel[0] = rng.choice([0, 255]) if rng.random() < 0.7 else rng.uniform(0, 255)
    strokes = rng.random((height, width)) < 0.45
    panel[0][strokes] = 255 - panel[0][strokes]
    panel[1:] += rng.normal(0, 20, (2, 1, 1))
    clear = (strokes if rng.random() < 0.5 else np.ones_like(strokes)).astype(np.float32)
    area = shot[:, :, y : y + height, x : x + width]
    area[:] = area * (1 - weight * clear) + panel * weight * clear


def captions(shot: Floats, rng: Random) -> None:
    """Lines of text that replace one another at the bottom or the top."""
    height, row = int(rng.integers(2, 6)), int(rng.integers(1, 5))
    rows = (
        slice(HEIGHT - row - height, HEIGHT - row)
        if rng.random() < 0.8
        else slice(row, row + height)
    )
    ink = rng.choice([255.0, 255.0, rng.uniform(0, 255)])
    at = int(rng.integers(0, max(1, len(shot) // 2)))
    while at < len(shot):
        end = at + int(rng.integers(10, 70))
        width = int(rng.integers(10, 56))
        left = (WIDTH - width) // 2
        cover = (rng.random((height, width)) * rng.uniform(0.5, 1.3)).clip(0, 1).astype(np.float32)
        area = shot[at:end, :, rows, left : left + width]
        area[:, :1] = area[:, :1] * (1 - cover) + ink * cover
        area[:, 1:] = (area[:, 1:] - 128) * (1 - cover) + 128
        at = end + int(rng.integers(0, 30))


def damage(shot: Floats, rng: Random) -> None:
    """Blocks from elsewhere, a blur that comes in steps as at low bitrates, or heavy noise."""
    look = rng.integers(3)
    chosen = _span(len(shot), 1, 20, rng)
    if look == 0:
        for i in range(chosen.start, chosen.stop):
            y, x = int(rng.integers(0, 28)), int(rng.integers(0, 48))
            shot[i, :, y : y + 8, x : x + 16] = shot[
                max(0, i - 9), :, 28 - y : 36 - y, 48 - x : 64 - x
            ]
    elif look == 1:
        period = int(rng.integers(8, 60))
        for i in range(len(shot)):
            size = 1 + 2 * int(2 * (1 - i % period / period))
            shot[i] = np.stack([cv2.blur(plane, (size, size)) for plane in shot[i]])
    else:
        shot += rng.normal(0, rng.uniform(2, 14), shot.shape).astype(np.float32)


def blended(shot: Floats, rng: Random) -> None:
    """Each frame mixed with the one before, as conversion between frame rates does."""
    weight = rng.uniform(0.2, 0.5)
    shot[1:] = shot[1:] * (1 - weight) + shot[:-1] * weight


def dip(shot: Floats, rng: Random) -> None:
    """Darker for a while, but not to black: auto-exposure, a tunnel, a lamp."""
    chosen = _span(len(shot), 6, 40, rng)
    course = np.sin(np.pi * np.linspace(0, 1, chosen.stop - chosen.start))
    shot[chosen, 0] *= 1 - course[:, None, None] * rng.uniform(0.2, 0.7)


ALONE: Final[tuple[tuple[float, Callable[[Floats, Random], None]], ...]] = (
    (3.0, flash),
    (0.7, lost_frames),
    (1.0, strobe),
    (2.0, light),
    (1.0, jolt),
    (4.0, graphics),
    (1.0, damage),
    (0.6, blended),
    (0.8, dip),
    (1.5, captions),
)
"""Weight and maker; each changes the frames (T, 3, 36, 64) of one shot in place."""


def disturb(shot: Floats, others: Floats, rng: Random) -> None:
    """Apply up to three random distractors to one shot.

    Args:
        shot: (T, 3, 36, 64), changed in place.
        others: Frames of another take, as texture for what passes.
        rng: Source of randomness.
    """
    if len(shot) < 8:
        return
    weights = np.array([weight for weight, _ in ALONE])
    for _ in range(rng.choice([0, 1, 2, 3], p=[0.45, 0.35, 0.14, 0.06])):
        if rng.random() < 0.2:
            passer(shot, rng, others)
        else:
            ALONE[rng.choice(len(ALONE), p=weights / weights.sum())][1](shot, rng)
