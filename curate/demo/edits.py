"""Edits of a video as pure functions on arrays, for the demo corpus and for tests.

Frames go in and come out as (T, H, W, 3) uint8 RGB; the input is never changed.
"""

import math
from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np

from filters.base import Frames

CAPTION_BAND: Final = 0.24
"""Lowest share of the picture within which a caption is drawn."""


def join_cut(first: Frames, second: Frames) -> Frames:
    """Put two shots of the same size one after the other: a hard cut at frame len(first)."""
    _check_same_size(first, second)
    return np.concatenate([first, second])


def join_dissolve(first: Frames, second: Frames, overlap: int) -> Frames:
    """Let one shot dissolve into the other over `overlap` frames.

    Args:
        first: (T1, H, W, 3) uint8.
        second: (T2, H, W, 3) uint8.
        overlap: Frames that mix both, 1 to min(T1, T2).

    Returns:
        (T1 + T2 - overlap, H, W, 3) uint8. Frame T1 - overlap + i holds the second shot with
        weight (i + 1) / (overlap + 1), so that no mixed frame is a pure one.
    """
    _check_same_size(first, second)
    if not 1 <= overlap <= min(len(first), len(second)):
        raise ValueError(
            f"overlap must be 1 to {min(len(first), len(second))} frames, got {overlap}"
        )
    start = len(first) - overlap
    weights = np.arange(1, overlap + 1) / (overlap + 1)
    # (overlap, H, W, 3)
    mixed = np.stack(
        [
            cv2.addWeighted(a, 1 - w, b, w, 0)
            for a, b, w in zip(first[start:], second[:overlap], weights, strict=True)
        ]
    )
    return np.concatenate([first[:start], mixed, second[overlap:]])


def add_bars(frames: Frames, height_px: int) -> Frames:
    """Letterbox: centre the picture in a higher frame between two black bars."""
    _, h, _, _ = frames.shape
    if height_px < h:
        raise ValueError(f"height_px must be at least the picture's {h}, got {height_px}")
    top = (height_px - h) // 2
    return np.pad(frames, ((0, 0), (top, height_px - h - top), (0, 0), (0, 0)))


def burn_captions(frames: Frames, texts: Sequence[str]) -> Frames:
    """Burn subtitles into the picture: white, outlined in black, low and centred.

    Args:
        frames: (T, H, W, 3) uint8.
        texts: Captions shown one after the other, each for an equal share of the frames.

    Returns:
        A copy in which only rows of the lowest `CAPTION_BAND` of the picture differ.
    """
    if not texts:
        raise ValueError("texts must hold at least one caption")
    out = frames.copy()
    shares = np.array_split(np.arange(len(out)), len(texts))
    for indices, text in zip(shares, texts, strict=True):
        for index in indices:
            _draw_caption(out[index], text)
    return out


def hold_frame(frames: Frames, at: int, hold: int) -> Frames:
    """Freeze: show frame `at` for `hold` more frames, then go on."""
    if not 0 <= at < len(frames):
        raise ValueError(f"at must be 0 to {len(frames) - 1}, got {at}")
    still = np.repeat(frames[at : at + 1], hold, axis=0)
    return np.concatenate([frames[: at + 1], still, frames[at + 1 :]])


def crop_share(frames: Frames, left: float, top: float, right: float, bottom: float) -> Frames:
    """Cut away a share of each side.

    Args:
        frames: (T, H, W, 3) uint8.
        left: Share of the width, 0 to 1, like the three others of their side.
        top: Share of the height.
        right: Share of the width.
        bottom: Share of the height.

    Returns:
        (T, h, w, 3) uint8 with h and w even, as 4:2:0 video needs them.
    """
    _, height, width, _ = frames.shape
    x, y = round(left * width), round(top * height)
    w, h = round((1 - right) * width) - x, round((1 - bottom) * height) - y
    if min(w, h) < 2:
        raise ValueError(f"nothing is left of {width}x{height} px: {w}x{h} px")
    return frames[:, y : y + h - h % 2, x : x + w - w % 2].copy()


def pan_still(
    still: Frames,
    count: int,
    *,
    size: tuple[int, int],
    start: tuple[float, float, float],
    end: tuple[float, float, float],
) -> Frames:
    """Move a virtual camera over a still picture (the Ken Burns effect).

    Args:
        still: (1, H, W, 3) uint8.
        count: Frames to make, at least 2.
        size: Width and height of the result, px.
        start: First window: centre x, centre y and width, as shares of the still's sides.
        end: Last window; those between are interpolated linearly.

    Returns:
        (count, height, width, 3) uint8.
    """
    if count < 2:
        raise ValueError(f"count must be at least 2, got {count}")
    picture = still[0]
    height, width, _ = picture.shape
    frames = []
    for x, y, share in np.linspace(start, end, count):
        scale = share * width / size[0]
        # Result pixel (u, v) is taken from the still at scale * (u, v) + offset.
        offset_x = x * width - scale * (size[0] - 1) / 2
        offset_y = y * height - scale * (size[1] - 1) / 2
        window = np.array([[scale, 0, offset_x], [0, scale, offset_y]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        frames.append(
            cv2.warpAffine(picture, window, size, flags=flags, borderMode=cv2.BORDER_REFLECT)
        )
    return np.stack(frames).astype(np.uint8, copy=False)


def add_noise(frames: Frames, sigma: float, seed: int = 0) -> Frames:
    """Add sensor noise: normal, independent per frame and pixel, the same in all channels."""
    rng = np.random.default_rng(seed)
    out = np.empty_like(frames)
    for index, frame in enumerate(frames):
        noise = rng.normal(0, sigma, (*frame.shape[:2], 1))
        out[index] = np.clip(np.rint(frame + noise), 0, 255)
    return out


def shake_sideways(frames: Frames, amplitude_px: int, every: int = 5, seed: int = 0) -> Frames:
    """Shake the camera: the window jumps to a new random place every few frames.

    Places alternate between the left and the right half, so that each swing is at least half of
    the amplitude; the way between two places follows half a cosine.

    Args:
        frames: (T, H, W, 3) uint8.
        amplitude_px: Greatest shift of the window from the middle, px.
        every: Frames per swing.
        seed: Of the places.

    Returns:
        (T, H, W - 2 * amplitude_px, 3) uint8.
    """
    width = frames.shape[2] - 2 * amplitude_px
    if amplitude_px < 1 or width < 2:
        raise ValueError(f"amplitude_px leaves nothing of {frames.shape[2]} px: {amplitude_px}")
    swings = math.ceil(len(frames) / every) + 1
    rng = np.random.default_rng(seed)
    places = amplitude_px * rng.uniform(0.5, 1, swings) * (-1) ** np.arange(swings)
    swing, step = np.divmod(np.arange(len(frames)), every)
    eased = (1 - np.cos(np.pi * step / every)) / 2
    path = places[swing] * (1 - eased) + places[swing + 1] * eased
    lefts = np.rint(amplitude_px + path).astype(int)
    return np.stack(
        [frame[:, x : x + width] for frame, x in zip(frames, lefts, strict=True)],
    )


def _draw_caption(frame: Frames, text: str) -> None:
    height, width, _ = frame.shape
    band = frame[height - int(CAPTION_BAND * height) :]
    font = cv2.FONT_HERSHEY_SIMPLEX
    stroke = max(1, round(height / 240))
    (w, h), _ = cv2.getTextSize(text, font, 1, stroke)
    # Nine tenths of the width at most; capitals of 7 % of the height, as subtitles have.
    scale = min(0.9 * width / w, 0.07 * height / h)
    x, y = round((width - scale * w) / 2), round((len(band) + scale * h) / 2)
    # The outline is the text itself, moved: OpenCV 5 widens letters along with their stroke.
    moves = [(i, j) for i in (-stroke, 0, stroke) for j in (-stroke, 0, stroke)]
    for i, j in moves:
        cv2.putText(band, text, (x + i, y + j), font, scale, (0, 0, 0), stroke, cv2.LINE_AA)
    cv2.putText(band, text, (x, y), font, scale, (255, 255, 255), stroke, cv2.LINE_AA)


def _check_same_size(first: Frames, second: Frames) -> None:
    if first.shape[1:] != second.shape[1:]:
        raise ValueError(
            f"both shots must have one size, got {first.shape[1:]}, {second.shape[1:]}"
        )
