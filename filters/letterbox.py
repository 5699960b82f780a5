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
from filters.base import Clip, Evidence, Gray, Unmeasurable
from filters.flat_bars import FLAT_STD, NEAR_PX, flat_box
from filters.framed import framed, paired
from filters.memo import once_per_clip
from filters.seams import Box
from filters.still_frame import NO_FRAME, Widths

MAX_FRAMES: Final = 24
"""Frames looked at, spread over the clip."""
LEAST_PX: Final = 8
"""Of a picture within borders of a part of the clip."""
MOST_SHARE: Final = 0.98
"""Share of the frame that such borders leave at most."""
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
    line and over time, and end at an edge (`flat_bars`). Parts of the clip with more of them than
    the whole make them "changing". Within them, copies of the picture out of focus and patterns
    that stand still are looked for (`framed`).

    Raises:
        Unmeasurable: As `content_box`.
    """
    sample = seams.spread_frames(gray, MAX_FRAMES)
    height, width = gray.shape[1:]
    box = flat = flat_box(sample)
    kind = None if flat == (0.0, 0.0, width, height) else "flat"
    x, y, w, h = whole_px(flat)
    changing = _changing(sample[:, y : y + h, x : x + w], kind is not None)
    if max(changing):
        left, top, right, bottom = changing
        ends = flat[0] + flat[2], flat[1] + flat[3]
        first = x + left if left else flat[0], y + top if top else flat[1]
        last = x + w - right if right else ends[0], y + h - bottom if bottom else ends[1]
        box, kind = (*first, last[0] - first[0], last[1] - first[1]), "changing"
    x, y, w, h = (round(v) for v in box)
    around = box[0], box[1], width - box[0] - box[2], height - box[1] - box[3]
    found = framed(sample[:, y : y + h, x : x + w], around)
    if found is not None:
        inner_x, inner_y, inner_w, inner_h = found[0]
        return Borders((x + inner_x, y + inner_y, inner_w, inner_h), found[1], box)
    return Borders(box, kind, box)


def _changing(sample: Gray, within: bool) -> Widths:
    """Widths of the flat borders of all parts of a clip, within those that are there throughout."""
    height, width = sample.shape[1:]
    sudden, others = _parts(sample)
    widths = [_part_widths(part, within, True) for part in sudden]
    widths += [_part_widths(part, within, False) for part in others]
    if not widths:
        return NO_FRAME
    left, top, right, bottom = (max(side) for side in zip(*widths, strict=True))
    # Parts are noisier than the whole.
    left, right = (side if side > NEAR_PX else 0.0 for side in (left, right))
    top, bottom = (side if side > NEAR_PX else 0.0 for side in (top, bottom))
    w, h = width - left - right, height - top - bottom
    if min(w, h) < LEAST_PX or w * h > MOST_SHARE * width * height:
        return NO_FRAME
    return left, top, right, bottom


def _parts(sample: Gray) -> tuple[list[Gray], list[Gray]]:
    """Consecutive parts of the clip that may have their own borders.

    Returns:
        Those in which the outermost lines of the same sides are plain, and those of PART_FRAMES
        frames, overlapping by half.
    """
    count = len(sample)
    # (T, 4)
    plain = np.stack([_plain(lines) for lines in _outermost(sample)], axis=1)
    changes = np.flatnonzero((plain[1:] != plain[:-1]).any(axis=1)) + 1
    runs = zip([0, *changes], [*changes, count], strict=True)
    sudden = [(a, b) for a, b in runs if LEAST_FRAMES <= b - a < count]
    starts = range(0, count - PART_FRAMES + 1, PART_FRAMES // 2)
    others = [(a, a + PART_FRAMES) for a in starts] if count >= 2 * PART_FRAMES else []

    def held(spans: list[tuple[int, int]]) -> list[Gray]:
        bordered = [sample[a:b] for a, b in spans if plain[a:b].all(axis=0).any()]
        # Most frames must hold a picture: a fade or a black hole has no borders.
        return [part for part in bordered if _spread(part) > 4 * FLAT_STD]

    return held(sudden), held(others)


def _spread(part: Gray) -> float:
    """Standard deviation of a frame, grey levels, median over the frames."""
    return float(np.median([cv2.meanStdDev(frame)[1][0, 0] for frame in part]))


def _part_widths(part: Gray, within: bool, sudden: bool) -> Widths:
    """Of the flat borders of a part; those of a short one, or within others, have two sides."""
    try:
        x, y, w, h = flat_box(part, sudden)
    except Unmeasurable:  # a card of plain lines
        return NO_FRAME
    height, width = part.shape[1:]
    sides = (x, width - x - w), (y, height - y - h)
    if within or len(part) < PART_FRAMES:
        sides = paired(*sides[0], width), paired(*sides[1], height)
    return sides[0][0], sides[1][0], sides[0][1], sides[1][1]


def _outermost(gray: Gray) -> tuple[Gray, ...]:
    """Two lines at each side, four times (T, 2, N)."""
    turned = gray.swapaxes(1, 2)
    return gray[:, :2], gray[:, -2:], turned[:, :2], turned[:, -2:]


def _plain(lines: Gray) -> npt.NDArray[np.bool_]:
    """(T,) whether (T, K, N) lines are of one colour."""
    return np.asarray(lines.reshape(len(lines), -1).std(axis=1) < FLAT_STD)
