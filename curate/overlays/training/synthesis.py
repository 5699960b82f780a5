"""Training samples of the overlay network: takes, drawn overlays and decoys, as after a codec."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from curate.overlays.training.looks import TEXT, Sprite, burn, letters, style, words
from curate.overlays.training.marks import GRAPHIC, mark
from filters.overlay_maps import overlay_maps

Picture = npt.NDArray[np.uint8]
Random = np.random.Generator

DRAWN: Final = (640, 360)
"""Size for which looks are drawn; they are then halved, as the scaler halves a 360p video."""
SIZE: Final = (320, 180)
CELL: Final = 4
"""px of the analysed picture along a side of a labelled cell."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One span.

    Attributes:
        maps: (CHANNELS, 180, 320) uint8 of `filters.overlay_maps`.
        labels: (2, 45, 80) uint8: any overlay and text; 0, 1, or 255 where it is undecided.
    """

    maps: Picture
    labels: Picture


def sample(takes: Sequence[Picture], stills: Sequence[Picture], rng: Random) -> Sample:
    """Make a span of 4 to 14 analysed frames.

    Args:
        takes: (T, h, w, 3) uint8 RGB at 6 frames a second, h and w at least those of SIZE.
        stills: (h, w, 3) uint8 RGB pictures, h and w at least those of SIZE.
        rng: Source of all choices.
    """
    frames = int(rng.integers(5, 15))
    base = _take(takes, frames, rng) if rng.random() < 0.6 else _moved(takes, stills, frames, rng)
    base = _tone(_sharpened(base, rng), rng)
    sprites: list[Sprite] = []
    if rng.random() < 0.75:
        looks = list(TEXT.values()) + list(GRAPHIC.values())
        weights = np.array([2.0] * len(TEXT) + [2.6] * len(GRAPHIC))
        for _ in range(int(rng.choice([1, 1, 1, 2, 3]))):
            look = looks[int(rng.choice(len(looks), p=weights / weights.sum()))]
            sprites += look(5 * len(base), DRAWN, rng)
    drawn, masks = burn(base, [_halved(sprite, rng) for sprite in sprites])
    if rng.random() < 0.1:
        drawn = _barred(drawn, masks, rng)
    if rng.random() < 0.2:  # a video that was made larger
        soft = rng.uniform(0.4, 1.0)
        drawn = np.stack([cv2.GaussianBlur(f, (0, 0), soft) for f in drawn]).astype(np.uint8)
    gray = np.stack([cv2.cvtColor(f, cv2.COLOR_RGB2GRAY) for f in drawn]).astype(np.uint8)
    return Sample(overlay_maps(_coded(gray, rng)), _labels(masks))


def _halved(sprite: Sprite, rng: Random) -> Sprite:
    """At half of the size and a fifth of the rate, as the analysed picture shows it."""

    def half(rgba: Picture) -> Picture:
        size = (max(1, round(rgba.shape[1] / 2)), max(1, round(rgba.shape[0] / 2)))
        return np.asarray(cv2.resize(rgba, size, interpolation=cv2.INTER_AREA), np.uint8)

    rgba = sprite.rgba
    made = half(rgba) if isinstance(rgba, np.ndarray) else [half(r) for r in rgba]
    return replace(
        sprite, rgba=made, x=sprite.x // 2, y=sprite.y // 2, start=sprite.start // 5,
        end=max(sprite.start // 5 + 1, -(-sprite.end // 5)), hold=max(1, sprite.hold // 5),
        speed=sprite.speed * 2.5,
    )  # fmt: skip


def _coded(gray: Picture, rng: Random) -> Picture:
    """What a codec does: coarser blocks, and blocks that hardly change are left as they were."""
    quality, limit = int(rng.integers(35, 96)), float(rng.choice([0, 2, 4, 7]))
    out: list[Picture] = []
    for frame in gray:
        data = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        now = np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)
        if out and limit:
            change = cv2.blur(cv2.absdiff(now, out[-1]).astype(np.float32), (8, 8))
            now = np.where(change < limit, out[-1], now)
        out.append(now)
    return np.stack(out)


def _sharpened(frames: Picture, rng: Random) -> Picture:
    """Half of the time as sharp as cameras and editors make it: overlays are not alone in that."""
    if rng.random() < 0.4:
        return frames
    amount, reach = rng.uniform(0.3, 2.5), rng.uniform(0.6, 1.2)
    return np.stack(
        [
            cv2.addWeighted(f, 1 + amount, cv2.GaussianBlur(f, (0, 0), reach), -amount, 0)
            for f in frames
        ]
    ).astype(np.uint8)


def _take(takes: Sequence[Picture], frames: int, rng: Random) -> Picture:
    """A part of a take: cropped, mirrored, at its own speed, slower, or held."""
    take = takes[int(rng.integers(len(takes)))]
    frames = min(frames, len(take))
    start = int(rng.integers(0, len(take) - frames + 1))
    step = float(rng.choice([1, 0.5, 0]) if rng.random() < 0.3 else 1)
    part = take[start + (np.arange(frames) * step).astype(int)]
    height, width = part.shape[1:3]
    w = int(rng.uniform(min(0.85 * SIZE[0], width), width + 0.99))
    h = min(height, round(w * SIZE[1] / SIZE[0]))
    x, y = int(rng.integers(0, width - w + 1)), int(rng.integers(0, height - h + 1))
    if rng.random() < 0.5:
        part = part[:, :, ::-1]
    cut = np.stack(
        [cv2.resize(f[y : y + h, x : x + w], SIZE, interpolation=cv2.INTER_AREA) for f in part]
    ).astype(np.uint8)
    if step == 0:  # sensor noise keeps a held frame from being one picture
        cut = _noisy(cut, rng.uniform(0.5, 4), rng)
    return cut


def _decoys(rng: Random) -> list[Sprite]:
    """Letters and marks on things of the scene: seen at an angle, soft, unevenly lit."""
    sprites = []
    for _ in range(int(rng.integers(1, 4))):
        if rng.random() < 0.7:
            look = style(int(rng.integers(8, 34)), rng)
            made = letters(
                [words(int(rng.integers(1, 3)), rng) for _ in range(int(rng.integers(1, 3)))], look
            )
        else:
            made = mark(int(rng.integers(15, 60)), rng)
        h, w = made.shape[:2]
        bend = rng.uniform(-0.3, 0.3, (4, 2)) * (min(w, 3 * h), h)
        corners = np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32)
        target = (corners + bend).astype(np.float32)
        target -= target.min(axis=0)
        size = np.ceil(target.max(axis=0)).astype(int) + 1
        matrix = cv2.getPerspectiveTransform(corners, target)
        warped = cv2.warpPerspective(made, matrix, (int(size[0]), int(size[1])))
        soft = cv2.GaussianBlur(warped, (0, 0), rng.uniform(0.3, 1.3))
        soft = np.asarray(soft, np.float32)
        light = np.linspace(rng.uniform(0.4, 1), rng.uniform(0.4, 1), soft.shape[1])[None, :, None]
        soft[..., :3] = soft[..., :3] * light * 0.85 + 12
        x, y = int(rng.uniform(0, 0.8) * SIZE[0]), int(rng.uniform(0, 0.8) * SIZE[1])
        done = soft.clip(0, 255).astype(np.uint8)
        sprites.append(Sprite(done, x, y, 0, 10_000, True, alpha=rng.uniform(0.6, 0.95)))
    return sprites


def _moved(
    takes: Sequence[Picture], stills: Sequence[Picture], frames: int, rng: Random
) -> Picture:
    """A still with decoys under a moving or resting camera, with something that moves before it."""
    if rng.random() < 0.6:
        take = takes[int(rng.integers(len(takes)))]
        still = take[rng.integers(len(take))]
    else:
        still = stills[int(rng.integers(len(stills)))]
    resting = rng.random() < 0.6
    if rng.random() < 0.7:
        still = burn(still[None], _decoys(rng))[0][0]
    h, w = still.shape[:2]
    speed = 0.0 if resting else rng.uniform(0.5, 14)
    angle, grow = rng.uniform(0, 6.28), 0.0 if resting else rng.normal(0, 0.01)
    tremble = 0.0 if resting and rng.random() < 0.7 else rng.uniform(0, 0.8)
    x0, y0 = rng.uniform(0, w - SIZE[0]), rng.uniform(0, h - SIZE[1])
    moving = _thing(takes, rng) if rng.random() < 0.7 else None
    out = []
    for i in range(frames):
        s = 1 + grow * i
        jx, jy = rng.normal(0, tremble, 2) if tremble else (0.0, 0.0)
        move = np.array(
            [
                [s, 0, -x0 + speed * i * np.cos(angle) + jx],
                [0, s, -y0 + speed * i * np.sin(angle) + jy],
            ]
        )
        flags = cv2.INTER_CUBIC if speed or tremble else cv2.INTER_NEAREST
        frame = cv2.warpAffine(still, move, SIZE, flags=flags, borderMode=cv2.BORDER_REFLECT)
        out.append(np.asarray(frame, np.uint8))
    if moving is not None:
        _passes(out, moving, rng)
    return _noisy(np.stack(out), rng.uniform(0, 4), rng)


def _thing(takes: Sequence[Picture], rng: Random) -> Picture:
    """A part of a take, in an ellipse: (T, h, w, 4)."""
    take = takes[int(rng.integers(len(takes)))]
    w, h = int(rng.uniform(30, 150)), int(rng.uniform(30, 130))
    mask = np.zeros((h, w), np.float32)
    cv2.ellipse(mask, (w // 2, h // 2), (w // 2 - 4, h // 2 - 4), 0, 0, 360, 255.0, -1)
    alpha = cv2.GaussianBlur(mask, (0, 0), 1.3).astype(np.uint8)
    part = take[:, 20 : 20 + h, 20 : 20 + w]
    return np.concatenate([part, np.repeat(alpha[None, ..., None], len(part), axis=0)], axis=3)


def _passes(frames: list[Picture], thing: Picture, rng: Random) -> None:
    """Lay something over the frames along a straight way."""
    x, y = rng.uniform(-20, SIZE[0] - 20), rng.uniform(-20, SIZE[1] - 20)
    vx, vy = rng.normal(0, 9, 2)
    for i in range(len(frames)):
        sprite = Sprite(thing[i % len(thing)], round(x + vx * i), round(y + vy * i), 0, 1, False)
        frames[i] = burn(frames[i][None], [sprite])[0][0]


def _noisy(frames: Picture, sigma: float, rng: Random) -> Picture:
    bank = rng.normal(0, sigma, (3, *frames.shape[1:3], 1)).astype(np.float32)
    return np.stack(
        [np.clip(f + np.roll(bank[i % 3], i * 37, axis=1), 0, 255) for i, f in enumerate(frames)]
    ).astype(np.uint8)


def _tone(frames: Picture, rng: Random) -> Picture:
    """Another exposure and gamma."""
    gamma, gain = np.exp(rng.normal(0, 0.3)), rng.uniform(0.6, 1.2)
    table = np.clip(255 * gain * (np.arange(256) / 255) ** gamma, 0, 255).astype(np.uint8)
    return np.asarray(table[frames])


def _barred(frames: Picture, masks: Picture, rng: Random) -> Picture:
    """Bars over the picture, behind what was drawn."""
    grey = np.uint8(rng.choice([0, 16, 255, 90]))
    out = frames.copy()
    if rng.random() < 0.5:
        bar = int(SIZE[1] * rng.uniform(0.04, 0.2))
        places = [(slice(0, bar), slice(None)), (slice(-bar, None), slice(None))]
    else:
        bar = int(SIZE[0] * rng.uniform(0.05, 0.3))
        places = [(slice(None), slice(0, bar)), (slice(None), slice(-bar, None))]
    for rows, columns in places:
        covered = masks[:, 0, rows, columns, None] != 0
        out[:, rows, columns] = np.where(covered, out[:, rows, columns], grey)
    return out


def _labels(masks: Picture) -> Picture:
    """(2, 45, 80) from (T, 2, 180, 320): covered in 30 % of the frames, undecided below."""
    found = []
    for kind in range(2):
        share = masks[:, kind].mean(axis=0, dtype=np.float32)
        # Letters are filled to words: 7 px across and 3 px down.
        wide = cv2.morphologyEx(share, cv2.MORPH_CLOSE, np.ones((3, 7), np.uint8))
        size = (SIZE[0] // CELL, SIZE[1] // CELL)
        most = cv2.resize(wide, size, interpolation=cv2.INTER_AREA)
        label = np.full(most.shape, 255, np.uint8)
        label[most < 0.02] = 0
        label[most >= 0.25] = 1
        found.append(label)
    return np.stack(found)
