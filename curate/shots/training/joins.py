"""Transitions between two shots at 64x36: mixtures over time, masks over space, and movements."""

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from curate.shots.signals import HEIGHT, WIDTH

Floats = npt.NDArray[np.float32]
Random = np.random.Generator

GREY: Final = np.array([0, 128, 128], np.float32)[:, None, None]
_Y, _X = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)


def course(frames: int, rng: Random) -> Floats:
    """Progress of a transition over its mixed frames: (frames,), strictly between 0 and 1."""
    t = ((np.arange(frames) + 1) / (frames + 1)).astype(np.float32)
    ease = rng.integers(5)
    if ease == 1:
        t = t * t * (3 - 2 * t)
    elif ease == 2:
        t = t**1.6
    elif ease == 3:
        t = 1 - (1 - t) ** 1.6
    return t


def dissolve(old: Floats, new: Floats, rng: Random) -> Floats:
    """Cross-fade; at times in linear light, or additive."""
    weight = course(len(old), rng)[:, None, None, None]
    if rng.random() < 0.12:
        light = (old / 255) ** 2.2 * (1 - weight) + (new / 255) ** 2.2 * weight
        mixed = old * (1 - weight) + new * weight
        mixed[:, 0] = light[:, 0] ** (1 / 2.2) * 255
        return mixed
    if rng.random() < 0.05:  # both at full strength in the middle
        outgoing, incoming = np.minimum(1, 2 - 2 * weight), np.minimum(1, 2 * weight)
        added = (old - GREY) * outgoing + (new - GREY) * incoming
        return np.clip(added + GREY, 0, 255)
    return old * (1 - weight) + new * weight


def fade(old: Floats, new: Floats, rng: Random) -> Floats:
    """Through a plain colour, with a hold of up to 40 %."""
    frames = len(old)
    colour = GREY.copy()
    look = rng.random()
    if look < 0.3:
        colour[0] = rng.uniform(225, 255)
    elif look < 0.4:
        colour[:, 0, 0] = rng.uniform((0, 70, 70), (255, 190, 190))
    else:
        colour[0] = rng.uniform(0, 18)
    hold = round(frames * rng.uniform(0, 0.4))
    out = round((frames - hold) * rng.uniform(0.25, 0.75))
    if rng.random() < 0.12:  # cut to the colour, then fade in, or the reverse
        out = 0 if rng.random() < 0.5 else frames - hold
    into = frames - hold - out
    weight = np.concatenate([course(out, rng), np.ones(hold, np.float32), course(into, rng)[::-1]])[
        :, None, None, None
    ]
    first = np.arange(frames)[:, None, None, None] < out + hold // 2
    return np.asarray(np.where(first, old, new) * (1 - weight) + colour * weight, np.float32)


def wipe(old: Floats, new: Floats, rng: Random) -> Floats:
    """A soft or hard edge that runs over the picture."""
    field = _field(rng)
    soft = 10 ** rng.uniform(-2.3, -0.4)
    position = course(len(old), rng)[:, None, None] * (1 + 2 * soft) - soft
    mask = np.clip((position - field) / soft + 0.5, 0, 1)[:, None].astype(np.float32)
    mixed = old * (1 - mask) + new * mask
    if rng.random() < 0.15:  # a bright or dark border on the edge
        border = (np.abs(position - field) < rng.uniform(0.01, 0.06))[:, None]
        mixed[:, :1] = np.where(border, rng.choice([0.0, 255.0]), mixed[:, :1])
    return np.asarray(mixed, np.float32)


def _field(rng: Random) -> Floats:
    """(36, 64), 0 where the new shot comes first, 1 where it comes last."""
    x, y = _X / (WIDTH - 1), _Y / (HEIGHT - 1)
    look = rng.integers(8)
    if look < 4:
        angle = rng.choice([0, 45, 90, 135, 180, 225, 270, 315]) if look else rng.uniform(0, 360)
        field = x * np.cos(np.deg2rad(angle)) + y * np.sin(np.deg2rad(angle))
    elif look == 4:  # iris, round or oblong
        cx, cy = rng.uniform(0.3, 0.7, 2)
        field = np.hypot((x - cx) * rng.uniform(0.8, 1.8), y - cy)
    elif look == 5:  # barn doors
        field = np.abs((x if rng.random() < 0.5 else y) - 0.5)
    elif look == 6:  # clock
        field = (np.arctan2(y - 0.5, x - 0.5) + rng.uniform(0, 6.28)) % 6.2832
    else:  # blinds
        field = (x if rng.random() < 0.5 else y) * rng.integers(3, 8) % 1
    field = field if rng.random() < 0.5 else -field
    return np.asarray((field - field.min()) / (np.ptp(field) + 1e-6), np.float32)


def slide(old: Floats, new: Floats, rng: Random) -> Floats:
    """The new shot moves in, over the old one or pushing it out."""
    frames = len(old)
    shares = course(frames, rng)
    axis, length = (3, WIDTH) if rng.random() < 0.65 else (2, HEIGHT)
    forward, push = rng.random() < 0.5, rng.random() < 0.6
    blur = push and rng.random() < 0.5
    mixed = np.empty_like(old)
    for i in range(frames):
        reach = min(length - 1, max(1, round(float(shares[i]) * length)))
        strip = np.concatenate([old[i], new[i]] if forward else [new[i], old[i]], axis - 1)
        start = reach if forward else length - reach
        pushed = np.take(strip, range(start, start + length), axis - 1)
        if push:
            mixed[i] = pushed
        else:
            moved = np.arange(length) >= length - reach if forward else np.arange(length) < reach
            shape = (1, 1, length) if axis == 3 else (1, length, 1)
            mixed[i] = np.where(moved.reshape(shape), pushed, old[i])
        if blur:
            size = (
                (int(rng.integers(3, 12)) | 1, 1) if axis == 3 else (1, int(rng.integers(3, 8)) | 1)
            )
            mixed[i] = np.stack([cv2.blur(plane, size) for plane in mixed[i]])
    return mixed


def zoom(old: Floats, new: Floats, rng: Random) -> Floats:
    """The old shot grows away while the new one appears, or the new one grows over it."""
    shares = course(len(old), rng)
    mixed = np.empty_like(old)
    over = rng.random() < 0.5
    most = rng.uniform(1.5, 4)
    for i, share in enumerate(shares):
        if over:
            width, height = max(2, round(WIDTH * share)), max(2, round(HEIGHT * share))
            x, y = (WIDTH - width) // 2, (HEIGHT - height) // 2
            mixed[i] = old[i]
            small = [cv2.resize(p, (width, height), interpolation=cv2.INTER_AREA) for p in new[i]]
            mixed[i, :, y : y + height, x : x + width] = np.stack(small)
        else:
            grown = _grow(old[i], 1 + (most - 1) * float(share))
            weight = np.clip((share - 0.3) / 0.5, 0, 1)
            mixed[i] = grown * (1 - weight) + new[i] * weight
    return mixed


def _grow(picture: Floats, factor: float) -> Floats:
    """Enlarge (3, 36, 64) about its centre."""
    matrix = cv2.getRotationMatrix2D((WIDTH / 2 - 0.5, HEIGHT / 2 - 0.5), 0, factor)
    size, border = (WIDTH, HEIGHT), cv2.BORDER_REPLICATE
    grown = [cv2.warpAffine(plane, matrix, size, borderMode=border) for plane in picture]
    return np.asarray(grown, np.float32)


def whip(old: Floats, new: Floats, rng: Random) -> Floats:
    """Both shots blurred in one direction while they change: a whip-pan transition."""
    weight = np.clip(course(len(old), rng) * 3 - 1, 0, 1)[:, None, None, None]
    mixed = old * (1 - weight) + new * weight
    peak = rng.uniform(8, 30)
    for i in range(len(mixed)):
        width = int(1 + peak * np.sin(np.pi * (i + 1) / (len(mixed) + 1))) | 1
        shift = int(rng.integers(-width, width + 1))
        mixed[i] = np.stack([cv2.blur(np.roll(p, shift, 1), (width, 1)) for p in mixed[i]])
    return np.asarray(mixed, np.float32)


GRADUAL: Final = {
    "dissolve": (dissolve, "dissolve"),
    "fade": (fade, "fade"),
    "wipe": (wipe, "wipe"),
    "slide": (slide, "wipe"),
    "zoom": (zoom, "wipe"),
    "whip": (whip, "wipe"),
}
"""Makers of mixed frames from the frames of both shots (T, 3, 36, 64), and the kind of each."""
