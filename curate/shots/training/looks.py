"""How one take may look: framing, colours, speed and camera, changed at 64x36."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from curate.shots.signals import HEIGHT, WIDTH

Floats = npt.NDArray[np.float32]
Random = np.random.Generator


def frame_numbers(available: int, wanted: int, start: int, rng: Random) -> npt.NDArray[np.intp]:
    """Which frames of a take are shown: faster, slower by repeats, forwards or backwards.

    Args:
        available: Frames of the take.
        wanted: Frames to show.
        start: First frame shown.
        rng: Source of randomness.

    Returns:
        (at most wanted,) indices; fewer where the take ends.
    """
    speed = float(rng.choice([1, 1, 1, 1, 1.25, 1.5, 2, 2, 3, 4, 0.8, 0.5, 0.4]))
    numbers = start + np.floor(np.arange(wanted) * speed + 1e-6).astype(np.intp)
    if rng.random() < 0.04:  # now and then frames are lost or shown again
        numbers = np.sort(
            numbers + rng.integers(-1, 3, len(numbers)) * (rng.random(len(numbers)) < 0.08)
        )
    numbers = numbers[(numbers >= 0) & (numbers < available)]
    return np.asarray(numbers[::-1] if rng.random() < 0.1 else numbers, np.intp)


@dataclass(frozen=True, slots=True)
class Look:
    """A choice of framing and colours that a whole shot keeps."""

    crop: tuple[float, float, float]
    flip: bool
    gain: float
    lift: float
    gamma: float
    colour: npt.NDArray[np.float32]
    tint: npt.NDArray[np.float32]
    bars: tuple[int, int]
    path: tuple[str, float, float]


def choose_look(rng: Random, bars: tuple[int, int]) -> Look:
    """A random look; bars (rows above and below, columns at the sides) are black."""
    scale = rng.uniform(0.55, 1.0) if rng.random() < 0.5 else 1.0
    grey = rng.random() < 0.06
    turn = rng.uniform(-0.5, 0.5) if rng.random() < 0.4 else 0.0
    strength = 0.0 if grey else rng.uniform(0.5, 1.5)
    colour = strength * np.array(
        [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]], np.float32
    )
    movement = rng.choice(
        ["rest", "pan", "shake", "whip", "push"], p=[0.58, 0.14, 0.11, 0.11, 0.06]
    )
    return Look(
        (scale, rng.random(), rng.random()),
        bool(rng.random() < 0.5),
        float(rng.uniform(0.6, 1.3)),
        float(rng.uniform(-25, 25)),
        float(np.exp(rng.normal(0, 0.25))),
        colour.astype(np.float32),
        rng.normal(0, 5, 2).astype(np.float32) * (not grey),
        bars,
        (str(movement), float(rng.uniform(-1, 1)), float(rng.uniform(-1, 1))),
    )


def show(yuv: npt.NDArray[np.uint8], look: Look, rng: Random) -> Floats:
    """Frames (T, 3, 36, 64) of a take in a look, 0 to 255."""
    frames = yuv.astype(np.float32)
    if look.flip:
        frames = frames[..., ::-1]
    frames = _framed(frames, look, rng)
    luma = np.clip(frames[:, 0] / 255, 0, 1) ** look.gamma
    frames[:, 0] = luma * 255 * look.gain + look.lift
    colours = np.einsum("ij,tjhw->tihw", look.colour, frames[:, 1:] - 128)
    frames[:, 1:] = colours + 128 + look.tint[:, None, None]
    rows, columns = look.bars
    if rows:
        _black(frames[:, :, :rows])
        _black(frames[:, :, -rows:])
    if columns:
        _black(frames[..., :columns])
        _black(frames[..., -columns:])
    return np.clip(frames, 0, 255)


def _black(area: Floats) -> None:
    area[:, 0], area[:, 1:] = 0, 128


def _framed(frames: Floats, look: Look, rng: Random) -> Floats:
    """Crop and camera path."""
    scale, u, v = look.crop
    kind, sideways, upwards = look.path
    if scale == 1.0 and kind == "rest":
        return np.ascontiguousarray(frames)
    if kind != "rest":
        scale = min(scale, 0.75)
    count = len(frames)
    position = np.zeros((count, 2), np.float32)
    sizes = np.full(count, scale, np.float32)
    t = np.linspace(-0.5, 0.5, count, dtype=np.float32)
    if kind == "pan":
        position[:] = t[:, None] * (sideways, upwards * 0.4)
    elif kind == "shake":
        steps = rng.normal(0, abs(sideways) * 0.05, (count, 2))
        position[:] = steps if upwards < 0 else np.cumsum(steps * 0.5, 0)
    elif kind == "whip":
        middle = rng.uniform(0.2, 0.8) * count
        width = rng.uniform(1.5, 8)
        position[:, 0] = np.tanh((np.arange(count) - middle) / width) * 0.5 * np.sign(sideways)
    elif kind == "push":
        sizes *= np.exp(t * sideways * 0.8)
    shown = np.empty_like(frames)
    before: npt.NDArray[np.float32] | None = None
    for i in range(count):
        size = float(np.clip(sizes[i], 0.3, 1))
        x = float(np.clip(u + position[i, 0], 0, 1)) * (1 - size) * WIDTH
        y = float(np.clip(v + position[i, 1], 0, 1)) * (1 - size) * HEIGHT
        matrix = np.array([[size, 0, x], [0, size, y]], np.float32)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        for c in range(3):
            shown[i, c] = cv2.warpAffine(
                frames[i, c], matrix, (WIDTH, HEIGHT), flags=flags, borderMode=cv2.BORDER_REPLICATE
            )
        here = np.array([x, y], np.float32)
        if before is not None and abs(here[0] - before[0]) * 64 / (size * WIDTH) > 2:
            width = int(min(15, abs(here[0] - before[0]) / size)) | 1
            shown[i] = np.stack([cv2.blur(plane, (width, 1)) for plane in shown[i]])
        before = here
    return shown
