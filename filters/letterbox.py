"""Borders around the picture: flat bars of any colour, patterns, and blurred copies of the picture.

Every border ends at the picture along a straight line; what lies outside is of one colour, or
stands still, or repeats the picture enlarged and out of focus.
"""

from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from filters import seams
from filters.base import Clip, Evidence, Gray, Unmeasurable
from filters.framed import framed, paired
from filters.memo import once_per_clip
from filters.ramp import Ramp, ramp
from filters.seams import Box

FLAT_STD: Final = 3.0
"""Grey levels along a border line (algorithms.md section 4, item 5): bars after compression."""
STEADY: Final = 3.0
"""Grey levels by which a border line's mean may leave its median over time."""
FRAMES_SHARE: Final = 0.95
"""Share of the frames in which a border line must be flat and steady."""
EDGE: Final = 8.0
"""Grey levels between the border's colour and the picture next to it."""
EDGE_SHARE: Final = 0.5
"""Share of the line next to the border that must differ from it at some time. A burnt-out sky or
a night sky is flat and steady too, but what stands in front of it first meets it in few columns."""
SOFT: Final = (0.03, 0.05)
"""Shares of the frame's longer side within which a soft edge rises to the picture."""
STEEP: Final = 1.0
"""Grey levels per px by which an edge rises at least: a sky brightens by half of that."""
BEHIND_PX: Final = 4
"""px of the picture behind the widest edge that are looked at."""
STEADY_SHARE: Final = 0.5
"""Of the edge's steepness, at most, is the picture's right behind it."""
MISFIT: Final = 0.35
"""Of the picture's height: columns of soft and hard edges stay within 0.2 of a common ramp, those
of a scene before a plain wall or screen are 0.5 and more off."""
MAX_FRAMES: Final = 24
"""Frames looked at, spread over the clip."""
NEAR_PX: Final = 3.0
"""px by which the widths of two borders may differ and be the same."""
GROWN_PX: Final = 8.0
"""px by which a border that is there throughout grows at least, to be another in a part."""
PART_FRAMES: Final = 6
"""Frames of a part of the clip that may have its own borders: a second at 6 frames a second."""


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


@dataclass(frozen=True, slots=True)
class _Side:
    """A flat border at one side.

    Attributes:
        colour: Grey levels.
        rows: Its width up to its edge, px; 0 where there is none.
        sure: Whether its edge alone tells it from a plain part of a scene.
    """

    colour: float
    rows: float = 0.0
    sure: bool = False


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
    flat = _flat_box(sample)
    parts = _near(_common([_flat_box(part) for part in _parts(sample)] or [flat]), flat, whole[2:])
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
    """Consecutive parts of PART_FRAMES frames, overlapping by half; none of a short clip."""
    if len(sample) < 2 * PART_FRAMES:
        return []
    starts = range(0, len(sample) - PART_FRAMES + 1, PART_FRAMES // 2)
    spread = np.array([cv2.meanStdDev(frame)[1][0, 0] for frame in sample])
    # Most frames must hold a picture: a fade or a black hole has no borders.
    return [
        sample[s : s + PART_FRAMES]
        for s in starts
        if float(np.median(spread[s : s + PART_FRAMES])) > 4 * FLAT_STD
    ]


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


def _flat_box(sample: Gray) -> Box:
    """The picture without flat borders; nested ones (bars around a frame) are all taken."""
    x, y, w, h = 0.0, 0.0, float(sample.shape[2]), float(sample.shape[1])
    for nested in range(3):
        inner = sample[:, int(np.ceil(y)) : int(y + h), int(np.ceil(x)) : int(x + w)]
        if min(inner.shape[1:]) < 8:
            break
        try:
            top, bottom = _flat_rows(inner)
            middle = inner[:, int(np.ceil(top)) : inner.shape[1] - int(np.ceil(bottom))]
            left, right = _flat_rows(middle.swapaxes(1, 2))
        except Unmeasurable:
            if (x, y) == (0.0, 0.0) and h == sample.shape[1] and w == sample.shape[2]:
                raise
            break
        if nested:
            # Within bars a wall or a road is as flat; what an editor added has two sides.
            top, bottom = paired(top, bottom, inner.shape[1])
            left, right = paired(left, right, inner.shape[2])
        if not max(top, bottom, left, right):
            break
        x, y = np.ceil(x) + left, np.ceil(y) + top
        w, h = inner.shape[2] - left - right, inner.shape[1] - top - bottom
    return float(x), float(y), float(w), float(h)


def _flat_rows(gray: Gray) -> tuple[float, float]:
    """Border rows at the top and at the bottom of (T, H, W)."""
    # A border begins at the frame's edge: most pictures have none, as their two outer rows tell.
    outer, _ = _flat(gray[:, [0, -1]])
    if not outer.any():
        return 0.0, 0.0
    flat, colour = _flat(gray)
    if flat.all():
        raise Unmeasurable("black")
    top = _flat_border(gray, flat, colour)
    bottom = _flat_border(gray[:, ::-1], flat[::-1], colour[::-1])
    return _mirrored(top, bottom), _mirrored(bottom, top)


def _mirrored(side: _Side, other: _Side) -> float:
    """Width of a border whose edge is sure, or that mirrors one of its colour whose edge is."""
    alike = abs(side.rows - other.rows) <= NEAR_PX and abs(side.colour - other.colour) < STEADY
    return side.rows if side.sure or (other.sure and alike) else 0.0


def _flat(gray: Gray) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64]]:
    """Which rows of (T, H, W) are of one colour, along the row and over time, and of which."""
    width = gray.shape[2]
    # (T, H): sums of integers are exact.
    mean = gray.sum(axis=2, dtype=np.uint32) / width
    square = np.square(gray, dtype=np.uint16).sum(axis=2, dtype=np.uint32) / width
    colour = np.median(mean, axis=0)
    steady = (square - mean * mean < FLAT_STD**2) & (np.abs(mean - colour) < STEADY)
    return steady.mean(axis=0) >= FRAMES_SHARE, colour


def _flat_border(gray: Gray, flat: npt.NDArray[np.bool_], colour: npt.NDArray[np.float64]) -> _Side:
    """The border at the top of (T, H, W), given which rows are flat and their colours (H,)."""
    run = _one_colour_run(flat, colour)
    side = _Side(float(colour[0]))
    if not run or run >= len(flat) - 2:
        return side
    before = min(run, 2)
    # The picture changes further in: a wide edge is looked for only where a narrow one does not do.
    for soft in SOFT:
        reach = round(soft * max(gray.shape[1:])) + BEHIND_PX
        # (T, K, W): how far the rows around the edge are from the border's colour.
        beyond = np.abs(gray[:, run - before : run + reach].astype(np.float32) - colour[run - 1])
        if beyond.shape[1] < 6:
            return side
        mean = beyond.mean(axis=0, dtype=np.float64)
        edge = ramp(mean.mean(axis=1), before)
        if np.ceil(edge.end) + 2 <= len(mean):
            sure = _is_border(beyond, mean, edge)
            return replace(side, rows=run - before + edge.middle, sure=sure)
    return side


def _is_border(beyond: npt.NDArray[np.float32], mean: npt.NDArray[np.float64], edge: Ramp) -> bool:
    """Whether an edge is a border's.

    Args:
        beyond: (T, K, W) how far rows are from the border's colour, grey levels.
        mean: (K, W) of them over time.
        edge: Their ramp, with two rows behind it.
    """
    # In a scene that brightens from black there is no place where the brightening ends.
    steep = edge.height / edge.width
    if steep < STEEP or edge.drift > STEADY_SHARE * steep:
        return False
    behind = beyond[:, int(edge.end) : int(np.ceil(edge.end)) + 2]
    clear = behind.max(axis=(0, 1)) > EDGE
    return bool(clear.mean() >= EDGE_SHARE) and edge.misfit(mean[:, clear]) <= MISFIT


def _one_colour_run(flat: npt.NDArray[np.bool_], colour: npt.NDArray[np.float64]) -> int:
    """Length of the run of flat rows from the start that share the first row's colour."""
    border = flat & (np.abs(colour - colour[0]) < STEADY)
    return int(border.argmin()) if not border.all() else len(border)
