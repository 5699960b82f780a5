"""Drawn pictures and clips whose motion is known because we moved them."""

from collections.abc import Callable
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

from filters.base import Clip, GlobalMotion
from filters.clip import clip_from_gray

Image = npt.NDArray[np.uint8]

WIDTH, HEIGHT = 320, 180
FPS = 30.0


@cache
def texture(height: int = HEIGHT, width: int = WIDTH, seed: int = 0) -> Image:
    """Coarse and fine noise with discs and boxes: as trackable as a street, without repetition."""
    rng = np.random.default_rng(seed)
    coarse = cv2.GaussianBlur(rng.normal(0, 1, (height, width)), (0, 0), 12)
    fine = cv2.GaussianBlur(rng.normal(0, 1, (height, width)), (0, 0), 2)
    picture = 120 + 25 * coarse / coarse.std() + 20 * fine / fine.std()
    image: Image = picture.clip(20, 230).astype(np.uint8)
    for _ in range(height * width // 1500):
        x, y = int(rng.integers(0, width)), int(rng.integers(0, height))
        size, grey = int(rng.integers(4, 16)), int(rng.integers(30, 220))
        if rng.random() < 0.5:
            cv2.circle(image, (x, y), size, grey, -1)
        else:
            cv2.rectangle(image, (x, y), (x + size, y + size), grey, -1)
    return image


def view(
    dx: float = 0.0,
    dy: float = 0.0,
    scale: float = 1.0,
    clockwise_deg: float = 0.0,
    size: tuple[int, int] = (WIDTH, HEIGHT),
) -> Image:
    """A window on a large picture whose content has been moved, about the window's centre.

    `dx` and `dy` move the content right and down in px, `scale` above 1 enlarges it.
    """
    width, height = size
    margin = 400
    large = texture(height + 2 * margin, width + 2 * margin, seed=1)
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    angle = np.radians(clockwise_deg)
    # y points down, so this matrix turns clockwise as seen.
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shift = centre + np.array([dx, dy]) - turn @ (centre + margin)
    matrix = np.concatenate([turn, shift[:, None]], axis=1)
    return cv2.warpAffine(large, matrix, size, flags=cv2.INTER_LINEAR).astype(np.uint8, copy=False)


def clip(draw: Callable[[int], Image], seconds: float = 3.0, fps: float = FPS) -> Clip:
    """The clip whose frame i is `draw(i)`."""
    return clip_from_gray(np.stack([draw(i) for i in range(round(seconds * fps))]), fps)


@cache
def panning(px_per_frame: float = 1.0) -> Clip:
    """The camera turns right: 30 px of 320 a second to the left for the content."""
    return clip(lambda i: view(dx=-px_per_frame * i))


@cache
def still(noise: float = 0.0) -> Clip:
    """One picture, with fresh sensor noise of this many grey levels in each frame."""
    rng = np.random.default_rng(3)
    return clip(lambda i: noisy(view(), noise, rng))


def noisy(image: Image, noise: float, rng: np.random.Generator) -> Image:
    """The image plus normal noise."""
    noised: Image = (
        (image + rng.normal(0, noise, image.shape)).round().clip(0, 255).astype(np.uint8)
    )
    return noised if noise else image


@cache
def with_object(size_px: int = 40, dx: float = 0.0) -> Clip:
    """A resting camera before which a textured box goes to and fro; `dx` moves the view."""

    def draw(i: int) -> Image:
        frame = view(dx=dx).copy()
        x, y = round(140 + 60 * np.sin(i / 16)), 60
        frame[y : y + size_px, x : x + size_px] = texture(size_px, size_px, seed=5)
        return frame

    return clip(draw)


@cache
def flat(grey: int, frames: int = 60) -> Clip:
    """Frames of one colour."""
    return clip_from_gray(np.full((frames, HEIGHT, WIDTH), grey, np.uint8), FPS)


def made_of(
    motions: list[GlobalMotion], step_s: float = 1 / 6, size: tuple[int, int] = (320, 180)
) -> Clip:
    """A clip with the given motions between grey frames of (width, height)."""
    count = len(motions) + 1
    t_s = step_s * np.arange(count, dtype=np.float64)
    return Clip(
        gray=np.zeros((count, size[1], size[0]), np.uint8),
        gray_t_s=t_s,
        motion=tuple(motions),
        tiny=np.zeros((count, 36, 64), np.uint8),
        tiny_t_s=t_s,
    )
