"""Borders around the picture: flat bars of any colour, patterns, and blurred copies of the picture.

Every border ends at the picture along a straight line; what lies outside is of one colour, or
stands still, or repeats the picture enlarged and out of focus.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from filters import seams
from filters.base import Clip, Evidence, Gray
from filters.flat_bars import FLAT_STD, NEAR_PX, flat_box
from filters.framed import framed, paired
from filters.memo import once_per_clip
from filters.seams import Box

MAX_FRAMES: Final = 24
"""Frames looked at, spread over the clip."""
GROWN_PX: Final = 8.0
"""px by which a border that is there throughout grows at least, to be another in a part."""
PART_FRAMES: Final = 6
LEAST_FRAMES: Final = 3
"""Frames of a part of the clip that may have its own borders: a second at 6 frames a second, or
half of one where they come or go at once."""


@dataclass(frozen=True, slots=True)
class Borders:
    """What lies around the picture.

    Attributes:
        box: Where the picture is.
        kind: flat, changing (flat, in a part of the clip), pattern or blurred; None for no border.
        flat: What flat borders leave: the box, and around it a pattern or a blurred copy.
    """

    box: Box
    kind: str | None
    flat: Box


def border_share(clip: Clip) -> float:
    """Share of the frame's area outside `content_box`, 0 to 1.

    Raises:
        Unmeasurable: As `content_box`.
    """
    _, _, width, height = borders(clip.gray).box
    rows, columns = clip.gray.shape[1:]
    return float(min(1.0, max(0.0, 1.0 - width * height / (rows * columns))))


def border_bands(clip: Clip) -> list[Evidence]:
    """The bands outside the picture, each with its kind."""
    found = borders(clip.gray)
    rows, columns = clip.gray.shape[1:]
    x, y, w, h = (v / s for v, s in zip(found.box, (columns, rows) * 2, strict=True))
    bands = ((0.0, 0.0, 1.0, y), (0.0, y + h, 1.0, 1 - y - h),
             (0.0, y, x, h), (x + w, y, 1 - x - w, h))  # fmt: skip
    last = float(clip.gray_t_s[-1])
    return [
        Evidence(0.0, last, (bx, by, bw, bh), bw * bh, found.kind)
        for bx, by, bw, bh in bands
        if bw > 1e-3 and bh > 1e-3
    ]


def content_box(gray: Gray) -> tuple[int, int, int, int]:
    """The picture without its borders, in whole px: a line half border counts as border.

    Args:
        gray: (T, H, W) uint8 luma of one shot.

    Returns:
        (x, y, width, height) in px of `gray`; the whole frame where there is no border.

    Raises:
        Unmeasurable: Every line is flat and steady ("black"): there is no picture.
    """
    return whole_px(borders(gray).box)


def whole_px(box: Box) -> tuple[int, int, int, int]:
    """A box in whole px: a line half border counts as border."""
    x, y, w, h = box
    left, top = int(np.ceil(x - 0.05)), int(np.ceil(y - 0.05))
    right, bottom = int(np.floor(x + w + 0.05)), int(np.floor(y + h + 0.05))
    return left, top, max(1, right - left), max(1, bottom - top)


@once_per_clip
def borders(gray: Gray) -> Borders:
    """The picture without its borders, and what kind they are.

    Flat borders come first: runs of lines from the frame's edge that are of one colour along the
    line and over time, and end at a picture that differs from them along most of the line. A part
    of the clip with more of them than the whole counts as "changing". Then, where a straight step
    is found on two opposite sides, patterns that stand still and enlarged copies of the picture.

    Raises:
        Unmeasurable: As `content_box`.
    """
    sample = seams.spread_frames(gray, MAX_FRAMES)
    whole = (0.0, 0.0, float(gray.shape[2]), float(gray.shape[1]))
    flat = flat_box(sample)
    parts = _near(_common([_part_box(part) for part in _parts(sample)] or [flat]), flat, whole[2:])
    kind = None if flat == whole else "flat"
    box = flat
    if _area(parts) < 0.98 * _area(flat):
        box, kind = parts, "changing"
    x, y, w, h = (round(v) for v in box)
    inner = sample[:, y : y + h, x : x + w]
    around = box[0], box[1], gray.shape[2] - box[0] - box[2], gray.shape[1] - box[1] - box[3]
    found = framed(inner, around)
    if found is not None:
        left, top, width, height = found[0]
        return Borders((x + left, y + top, width, height), found[1], box)
    return Borders(box, kind, box)


def _area(box: Box) -> float:
    return box[2] * box[3]


def _parts(sample: Gray) -> list[Gray]:
    """Consecutive parts of the clip that may have their own borders.

    Those of PART_FRAMES frames, overlapping by half, and those in which the outermost lines of the
    same sides are plain.
    """
    count = len(sample)
    spans = [(s, s + PART_FRAMES) for s in range(0, count - PART_FRAMES + 1, PART_FRAMES // 2)]
    if count < 2 * PART_FRAMES:
        spans = []
    plain = np.stack([_plain(lines) for lines in _outermost(sample)], axis=1)
    changes = np.flatnonzero((plain[1:] != plain[:-1]).any(axis=1)) + 1
    runs = zip([0, *changes], [*changes, count], strict=True)
    spans += [(a, b) for a, b in runs if b - a >= LEAST_FRAMES and b - a < count and plain[a].any()]
    spread = np.array([cv2.meanStdDev(frame)[1][0, 0] for frame in sample])
    # Most frames must hold a picture: a fade or a black hole has no borders.
    return [sample[a:b] for a, b in spans if float(np.median(spread[a:b])) > 4 * FLAT_STD]


def _part_box(part: Gray) -> Box:
    """The picture without the flat borders of a part; those of a short one have two sides."""
    x, y, w, h = flat_box(part)
    if len(part) < PART_FRAMES:
        height, width = part.shape[1:]
        x, right = paired(x, width - x - w, width)
        y, bottom = paired(y, height - y - h, height)
        w, h = width - x - right, height - y - bottom
    return x, y, w, h


def _outermost(gray: Gray) -> tuple[Gray, ...]:
    """Two lines at each side, four times (T, 2, N)."""
    turned = gray.swapaxes(1, 2)
    return gray[:, :2], gray[:, -2:], turned[:, :2], turned[:, -2:]


def _plain(lines: Gray) -> npt.NDArray[np.bool_]:
    """(T,) whether (T, K, N) lines are of one colour."""
    return np.asarray(lines.reshape(len(lines), -1).std(axis=1) < FLAT_STD)


def _common(boxes: list[Box]) -> Box:
    """What all boxes share."""
    left, top = max(b[0] for b in boxes), max(b[1] for b in boxes)
    right = min(b[0] + b[2] for b in boxes)
    bottom = min(b[1] + b[3] for b in boxes)
    if right - left < 8 or bottom - top < 8:
        return max(boxes, key=_area)
    return left, top, right - left, bottom - top


def _near(box: Box, whole: Box, size: tuple[float, float]) -> Box:
    """The box with sides next to those of the whole clip in their place: parts are noisier."""
    ends = [(x, y, x + w, y + h) for x, y, w, h in (box, whole)]
    edges = (0.0, 0.0, *size)
    left, top, right, bottom = (
        of_all if abs(of_part - of_all) <= (NEAR_PX if of_all == edge else GROWN_PX) else of_part
        for of_part, of_all, edge in zip(*ends, edges, strict=True)
    )
    return left, top, right - left, bottom - top
