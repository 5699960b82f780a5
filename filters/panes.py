"""Several pictures in one frame: split screens, insets and collages, by their straight seams.

Where two pictures meet, the step between them lies between the same two columns or rows in every
frame and along all of the seam, whatever either shows. Edges of a scene are a little bent, turned
or blurred: doors, windows and posters give themselves away by a third of a pixel.
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from filters import seams
from filters.base import Clip, Evidence, Gray, Unmeasurable
from filters.letterbox import content_box
from filters.memo import once_per_clip

PxBox: TypeAlias = tuple[int, int, int, int]
"""x, y, width, height in px."""

LEAST_SHARE: Final = 0.5
"""Of a rectangle's side that must be a seam for it to be looked at."""
LEAST_PANE: Final = 0.15
"""Share of the frame's side that a pane of a split screen has at least (a fifth, less a gap)."""
INSET: Final = (0.015, 0.5)
"""Least and greatest share of the frame that an inset covers."""
ASPECT: Final = (0.3, 3.5)
"""Least and greatest width over height of an inset: beyond lie bars of text."""
CANDIDATES: Final = 16
"""Rectangles whose straightness is looked at."""
SEAM: Final = 0.75
WITHIN: Final = 0.85
"""Sureness from which a seam divides the frame, and a pane, into panes."""
MAX_PANES: Final = 9
MOVING_FRAMES: Final = 8
"""Frames in which the seam between moving panes is looked for, each by itself."""
LEAST_PX: Final = 90
"""Least side of a picture in which panes are looked for: shorter lines are straight by chance."""
COARSE: Final = 3
"""Lines taken together there: a third of the work."""
STEADY_PX: Final = 4.0
"""px at 320 by which a moving seam may leave a straight way."""
BEND_PX: Final = 0.15
"""Distance of a seam's parts from a straight line that compression makes."""
FRAMES: Final = 12
"""Frames of the clip over which steps are averaged."""


@dataclass(frozen=True, slots=True)
class Panes:
    """How a frame is divided.

    Attributes:
        split: How surely a seam crosses all of the picture, 0 to 1.
        panes: The parts, in px of the whole frame; one where nothing divides it.
        pictures: How surely a picture lies in a rectangle, 0 to 1, and where; the surest first.
    """

    split: float
    panes: tuple[PxBox, ...]
    pictures: tuple[tuple[float, PxBox], ...]


def split_share(clip: Clip) -> float:
    """How surely two or more pictures share the frame, 0 to 1.

    The share of a line across all of the picture along which it is a seam, less how far its parts
    are from one straight line (in px at 320). A seam that moves counts by its median over frames.

    Raises:
        Unmeasurable: As `content_box`.
    """
    return divided(clip.gray).split


def inset_share(clip: Clip) -> float:
    """How surely a picture lies within the picture, 0 to 1.

    Of the surest rectangle: the share of its weakest side that is a seam, less how far the parts
    of its sides are from straight lines.

    Raises:
        Unmeasurable: As `content_box`.
    """
    pictures = divided(clip.gray).pictures
    return pictures[0][0] if pictures else 0.0


def collage_share(clip: Clip) -> float:
    """How surely two or more pictures are laid out in the frame, 0 to 1: that of the second.

    With gaps between them the third is often lost to a rectangle that spans a gap.

    Raises:
        Unmeasurable: As `content_box`.
    """
    pictures = divided(clip.gray).pictures
    return pictures[1][0] if len(pictures) > 1 else 0.0


def split_panes(clip: Clip) -> list[Evidence]:
    """The panes of a split screen."""
    found = divided(clip.gray)
    if len(found.panes) < 2:
        return []
    return [_evidence(clip, box, found.split, "pane") for box in found.panes]


def insets(clip: Clip) -> list[Evidence]:
    """The surest inset."""
    return [_evidence(clip, box, sure, "inset") for sure, box in divided(clip.gray).pictures[:1]]


def collage_pictures(clip: Clip) -> list[Evidence]:
    """The pictures of a collage."""
    found = divided(clip.gray).pictures
    return [_evidence(clip, box, sure, "picture") for sure, box in found] if len(found) > 1 else []


def _evidence(clip: Clip, box: PxBox, value: float, note: str) -> Evidence:
    rows, columns = clip.gray.shape[1:]
    x, y, w, h = box
    shares = (x / columns, y / rows, w / columns, h / rows)
    return Evidence(0.0, float(clip.gray_t_s[-1]), shares, value, note)


@once_per_clip
def divided(gray: Gray) -> Panes:
    """How a clip's frame is divided.

    Args:
        gray: (T, H, W) uint8 luma.

    Raises:
        Unmeasurable: As `content_box`; "black" where less than 32 px of picture are left.
    """
    x, y, w, h = content_box(gray)
    inner = gray[:: max(1, round(len(gray) / FRAMES)), y : y + h, x : x + w]
    if min(inner.shape[1:]) < 32:
        raise Unmeasurable("black")
    if min(inner.shape[1:]) < LEAST_PX:
        return Panes(0.0, ((x, y, w, h),), ())
    found = seams.seam_map(inner)
    share, parts = _divide(inner, found, (0, 0, w, h), 0)
    moved = tuple((x + a, y + b, c, d) for a, b, c, d in parts[:MAX_PANES])
    pictures = [(sure, (x + a, y + b, c, d)) for sure, (a, b, c, d) in _pictures(inner, found)]
    return Panes(max(share, _moving(inner)), moved, tuple(pictures))


def _pictures(gray: Gray, found: seams.SeamMap) -> list[tuple[float, PxBox]]:
    """How sure each rectangle is, and where it lies: one for each place, the surest first."""
    height, width = gray.shape[1:]
    rated: list[tuple[float, PxBox]] = []
    for r in found.rectangles(LEAST_SHARE, max(10, round(0.08 * height))):
        w, h = r.right - r.left, r.bottom - r.top
        # A pane reaches from edge to edge; an inset has a side of its own in both directions.
        across = w == width or h == height
        if r.sides < 2 or across or not INSET[0] <= r.area / (height * width) <= INSET[1]:
            continue
        if ASPECT[0] <= w / h <= ASPECT[1]:
            rated.append((r.share * (1.0 - _bend(gray, r)), (r.left, r.top, w, h)))
        if len(rated) == CANDIDATES:
            break
    chosen: list[tuple[float, PxBox]] = []
    for sure, box in sorted(rated, reverse=True):
        if not any(_overlap(box, other) for _, other in chosen):
            chosen.append((sure, box))
    return chosen


def _overlap(a: PxBox, b: PxBox) -> bool:
    """Whether two boxes share more than a line or two."""
    wide = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    high = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    return wide > 3 and high > 3


def _bend(gray: Gray, r: seams.Rectangle) -> float:
    """Mean distance of the sides' parts from straight lines, px."""
    height, width = gray.shape[1:]
    rows = gray[:, r.top : r.bottom]
    columns = gray[:, :, r.left : r.right].swapaxes(1, 2)
    sides = ((rows, r.left, width), (rows, r.right, width),
             (columns, r.top, height), (columns, r.bottom, height))  # fmt: skip
    bends = [seams.straightness(part, at)[0] for part, at, size in sides if 0 < at < size]
    return float(np.mean([_penalty(bend) for bend in bends]))


def _penalty(bend: float) -> float:
    """What a seam's bend, px, takes off its sureness, 0 to 1."""
    return min(1.0, max(0.0, bend - BEND_PX))


def _divide(gray: Gray, found: seams.SeamMap, box: PxBox, depth: int) -> tuple[float, list[PxBox]]:
    """How sure the best seam across a box is, and the parts that it and those within leave."""
    x, y, w, h = box
    height, width = gray.shape[1:]
    part = gray[:, y : y + h, x : x + w]
    least = max(8, round(LEAST_PANE * width)), max(8, round(LEAST_PANE * height))
    across = _sure(part, found.upright[y : y + h, x : x + w], least[0])
    down = _sure(part.swapaxes(1, 2), found.level[y : y + h, x : x + w].T, least[1])
    sure = max(across[0], down[0])
    # Within a pane a seam is short: it must be surer to be one.
    if sure < (SEAM if depth == 0 else WITHIN) or depth == 4:
        return sure, [box]
    if across[0] >= down[0]:
        at = across[1]
        parts = [(x, y, at, h), (x + at, y, w - at, h)]
    else:
        at = down[1]
        parts = [(x, y, w, at), (x, y + at, w, h - at)]
    return sure, [p for half in parts for p in _divide(gray, found, half, depth + 1)[1]]


def _sure(gray: Gray, upright: seams.Plane, least: int) -> tuple[float, int]:
    """How sure the best seam between columns is, at least `least` px from both ends; its place."""
    width = upright.shape[1]
    if width <= 2 * least:
        return 0.0, 0
    shares = upright.mean(axis=0)
    best = (0.0, 0)
    for at in np.argsort(-shares[least : width - least], kind="stable")[:4]:
        x = least + int(at)
        if shares[x] > best[0]:
            sure = float(shares[x]) * (1.0 - _penalty(seams.straightness(gray, x)[0]))
            best = max(best, (sure, x))
    return best


def _moving(gray: Gray) -> float:
    """Median over frames of the best seam across the picture, where its place moves steadily."""
    # Every second or third frame, all equally far apart.
    chosen = gray[:: max(1, len(gray) // MOVING_FRAMES)][:MOVING_FRAMES]
    return max(_course(chosen), _course(chosen.swapaxes(1, 2)))


def _course(pictures: Gray) -> float:
    """Median share of the seams between columns that follow a straight line in time; else 0."""
    if len(pictures) < 5:
        return 0.0
    least = max(8, round(LEAST_PANE * pictures.shape[2]))
    courses = []
    for frame in pictures:
        shares = seams.sharpened(seams.seams(seams.steps(frame[None]), COARSE)).mean(axis=0)
        courses.append(shares[least:-least])
    places = np.array([int(c.argmax()) for c in courses], np.float64)
    shares = np.array([float(c.max()) for c in courses])
    at = np.arange(len(places))[:, None] - np.arange(len(places))
    # Theil and Sen: the median of all pairs' slopes is not moved by frames with another best seam.
    pace = float(np.median((places[:, None] - places)[at > 0] / at[at > 0]))
    left = places - pace * np.arange(len(places))
    on_way = np.abs(left - np.median(left)) <= STEADY_PX
    # A seam at rest is seen better over time than frame by frame.
    if abs(pace) < 0.5 or on_way.mean() < 0.6:
        return 0.0
    return float(np.median(shares[on_way]))
