"""Burnt-in text and graphics: edges that stay in place while the picture behind them changes."""

from itertools import pairwise
from typing import Final, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from filters.base import Clip, Float, Gray, Unmeasurable
from filters.letterbox import content_box

Mask: TypeAlias = npt.NDArray[np.bool_]
"""(H, W) bool."""

WINDOW_S: Final = 2.0
"""Length of the spans looked at: captions change every few seconds, logos stay."""
MIN_FRAMES: Final = 5
"""Frames of a span; with fewer an edge can stay in place by accident."""
MIN_GRADIENT: Final = 24.0
"""Height in grey levels of the weakest step that counts; 3x3 Sobel answers 4 times that. Letters
are made to be read, so they stand out by more (algorithms.md section 4, item 1)."""
STEADY: Final = 0.85
"""Length of the mean gradient over the mean length: 1 for a burnt-in edge, near 0 for a passing
texture; the picture that shines through thin letters costs some of it."""
CHANGED: Final = 16
"""Grey levels between the extremes over a span from which a pixel counts as changed: noise of 3
grey levels at 320 px, a bad sensor, spans 10 in 12 frames."""
AROUND_PX: Final = 24
"""Reach of the surroundings that must change, at 320 px: twice the height of a caption line."""
AROUND_SHARE: Final = 0.6
SIDE_SHARE: Final = 0.3
"""Shares of changed pixels around a block, mean of its sides and least side."""
FREE_SHARE: Final = 0.4
MIN_TEXT_PX: Final = 5
"""Letters lower than 5 px cannot be read, whatever the size of the frame."""
MAX_HEIGHT: Final = 0.35
"""Share of the frame's height above which a block is no caption or logo but the scene."""
MOVED_PX: Final = 8.0
"""Camera path over a span, at 320 px, after which a scene's edge cannot be in place any more: the
width of a defocused edge. Distant things under a forward move are the exception."""
SCENE_SHARE: Final = 0.15
"""Share of changed pixels below which nothing moves behind an overlay, if the camera rests too."""


def area(clip: Clip) -> float:
    """Share of the frame's area under burnt-in text or graphics, mean over the clip, 0 to 1.

    In each span of about two seconds, strong edges whose gradient keeps its place and direction
    are joined to blocks the way letters of a line are. A block counts if it is dense in edges like
    text, and if the camera carried the scene away from under it or most of its surroundings
    changed. So a caption over a resting background is not seen, and a scene's own edges seen by a
    resting camera are not mistaken for one. Lettering on the scene moves with it: not counted.

    Raises:
        Unmeasurable: "static_scene" where neither camera nor picture moves in any span;
            "too_few_frames" for fewer than five analysed frames; "black" for no picture at all.
    """
    if len(clip.gray) < MIN_FRAMES:
        raise Unmeasurable("too_few_frames")
    x, y, w, h = content_box(clip.gray)
    height, width = clip.gray.shape[1:]
    path = _path(clip)
    shares = []
    for span in _spans(clip.gray_t_s):
        inner = clip.gray[span, y : y + h, x : x + w]
        changed_share = float((np.ptp(inner, axis=0) >= CHANGED).mean())
        travel_px = _travel_px(path[span], (width / 2, height / 2), width, height)
        if changed_share >= SCENE_SHARE or travel_px >= MOVED_PX * max(width, height) / 320:
            shares.append(float(overlay_mask(clip.gray[span], path[span]).mean()))
    if not shares:
        raise Unmeasurable("static_scene")
    return float(np.mean(shares))


def overlay_mask(gray: Gray, path: Float) -> Mask:
    """Where burnt-in text or graphics lie in one span.

    Args:
        gray: (T, H, W) uint8 luma, about two seconds.
        path: (T, 4) running sums of tx (frame widths), ty (frame heights), log scale and roll
            (radians, counter-clockwise as seen).

    Returns:
        (H, W) bool.
    """
    height, width = gray.shape[1:]
    scale = max(height, width) / 320
    edges = _steady_edges(gray)
    # Letters of one line are joined: 9 px across, 3 px down at 320 px.
    kernel = np.ones((_odd(3 * scale), _odd(9 * scale)), np.uint8)
    closed = cv2.morphologyEx(edges.astype(np.uint8), cv2.MORPH_CLOSE, kernel)
    joined = closed.astype(np.uint8, copy=False)
    changed = np.ptp(gray, axis=0) >= CHANGED
    count, labels, stats, centres = cv2.connectedComponentsWithStats(joined)
    mask = np.zeros((height, width), np.bool_)
    for label in range(1, count):
        x, y, w, h = (int(stats[label, part]) for part in range(4))
        block = labels[y : y + h, x : x + w] == label
        if h > MAX_HEIGHT * height or not _like_text(block, edges[y : y + h, x : x + w]):
            continue
        travel_px = _travel_px(path, (centres[label][0], centres[label][1]), width, height)
        if travel_px >= MOVED_PX * scale or _changes_around(
            changed, joined, (x, y, w, h), round(AROUND_PX * scale)
        ):
            mask[y : y + h, x : x + w] |= block
    return mask


def _spans(t_s: Float) -> list[slice]:
    """Slices of about WINDOW_S that cover the clip, each of MIN_FRAMES frames or more."""
    count = max(1, min(round(float(t_s[-1] - t_s[0]) / WINDOW_S), len(t_s) // MIN_FRAMES))
    limits = np.linspace(0, len(t_s), count + 1).round().astype(int)
    return [slice(int(a), int(b)) for a, b in pairwise(limits)]


def _path(clip: Clip) -> Float:
    """(T, 4) running sums of the motion; a pair without motion adds nothing."""
    steps = np.array(
        [(m.tx, m.ty, m.log_scale, np.radians(m.roll_deg)) for m in clip.motion], np.float64
    )
    return np.concatenate([np.zeros((1, 4)), np.cumsum(np.nan_to_num(steps), axis=0)])


def _steady_edges(gray: Gray) -> Mask:
    """(H, W) pixels with a strong gradient that keeps its direction in all frames."""
    total = np.zeros((2, *gray.shape[1:]), np.float32)
    length = np.zeros(gray.shape[1:], np.float32)
    weakest = np.full(gray.shape[1:], np.inf, np.float32)
    for frame in gray:
        gradient = np.stack(
            [cv2.Sobel(frame, cv2.CV_32F, 1, 0), cv2.Sobel(frame, cv2.CV_32F, 0, 1)]
        )
        strength = np.hypot(gradient[0], gradient[1])
        total += gradient
        length += strength
        np.minimum(weakest, strength, out=weakest)
    mean = length / len(gray)
    steady: Mask = np.hypot(total[0], total[1]) >= STEADY * np.maximum(length, 1e-6)
    # Sobel's factor 4. Never below half of the limit: one frame without the edge disproves it.
    strong: Mask = (mean >= 4 * MIN_GRADIENT) & (weakest >= 2 * MIN_GRADIENT)
    return strong & steady


def _like_text(block: Mask, edges: Mask) -> bool:
    """Whether a joined block has the size and the edge density of a word, a line or a logo."""
    height, width = block.shape
    # A line of a bar or a frame is thinner than letters; a word is longer than it is high.
    if min(height, width) < MIN_TEXT_PX or max(height, width) < 8:
        return False
    # Both the letters' share of the box (a frame or a long contour fills little of it) and the
    # edges' share of the letters (algorithms.md: 0.25) must be high.
    return float(block.mean()) >= 0.35 and float(edges[block].mean()) >= 0.25


def _travel_px(path: Float, place: tuple[float, float], width: int, height: int) -> float:
    """How far the camera's motion carries the scene that lies at `place` (x, y in px)."""
    x, y = place[0] - width / 2, place[1] - height / 2
    dx = path[:, 0] * width + path[:, 2] * x + path[:, 3] * y
    dy = path[:, 1] * height + path[:, 2] * y - path[:, 3] * x
    return float(np.hypot(np.ptp(dx), np.ptp(dy)))


def _changes_around(
    changed: Mask, joined: npt.NDArray[np.uint8], box: tuple[int, int, int, int], reach: int
) -> bool:
    """Whether the picture changes on every side of a box, other candidates left out.

    One side is not enough: a scene's resting edge has a moving thing next to it, a caption has the
    moving picture all around it. Sides beyond the frame do not vote.
    """
    x, y, w, h = box
    left, up = max(0, x - reach), max(0, y - reach)
    sides = [
        (slice(up, y), slice(left, x + w + reach)),
        (slice(y + h, y + h + reach), slice(left, x + w + reach)),
        (slice(y, y + h), slice(left, x)),
        (slice(y, y + h), slice(x + w, x + w + reach)),
    ]
    shares = []
    for side in sides:
        free = joined[side] == 0
        # Where candidates fill a side it is texture of the scene, and says nothing.
        if free.size >= reach * MIN_TEXT_PX and free.mean() >= FREE_SHARE:
            shares.append(float(changed[side][free].mean()))
    return len(shares) >= 2 and min(shares) >= SIDE_SHARE and float(np.mean(shares)) >= AROUND_SHARE


def _odd(size: float) -> int:
    """Nearest odd number of pixels, at least 1."""
    return max(1, 2 * round((size - 1) / 2) + 1)
