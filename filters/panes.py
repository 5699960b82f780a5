"""Several pictures in one frame: split screens, insets and collages, by their straight seams.

Where two pictures meet, the step between them lies between the same two columns or rows in every
frame and along all of the seam, whatever either shows. Edges of a scene are a little bent, turned
or blurred: doors, windows and posters give themselves away by a third of a pixel.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from filters import pictures, seams
from filters.base import Clip, Evidence, Gray, Unmeasurable
from filters.letterbox import Borders, borders, whole_px
from filters.memo import once_per_clip
from filters.moving_seam import moving_share
from filters.pictures import Picture, PxBox

LEAST_PANE: Final = 0.15
"""Share of the frame's side that a pane of a split screen has at least (a fifth, less a gap)."""
SEAM: Final = 0.75
WITHIN: Final = 0.85
"""Sureness from which a seam divides the frame, and a pane, into panes."""
MAX_PANES: Final = 9
LEAST_PX: Final = 90
"""Least side of a picture in which panes are looked for: shorter lines are straight by chance."""
GAP_PX: Final = 3
"""Between the pictures of a collage on a pattern: parts of one picture have none."""
SPREAD: Final = 0.8
"""Sureness of the second of them: halves of one picture, and parts of a pattern, reach 0.7."""
LEAST_SIZE: Final = 0.2
"""Of what moves, the area of a picture on a pattern: its own cells are smaller."""
GAP_CHANGE: Final = 2.0
"""Change over time within a picture over that of the gap beside it."""
FRAMES: Final = 12
"""Frames of the clip over which steps are averaged."""


@dataclass(frozen=True, slots=True)
class Panes:
    """How a frame is divided.

    Attributes:
        split: How surely a seam crosses all of the picture, 0 to 1.
        panes: The parts, in px of the whole frame; one where nothing divides it.
        inset: The surest rectangle with another picture in it; None where there is none.
        pictures: Such rectangles that lie apart, chosen so that the second is as sure as can be.
    """

    split: float
    panes: tuple[PxBox, ...]
    inset: Picture | None
    pictures: tuple[Picture, ...]


def split_share(clip: Clip) -> float:
    """How surely two or more pictures share the frame, 0 to 1.

    The share of a line across all of the picture along which it is a seam, less how far its parts
    are from one straight line (in px at 320). A seam that moves counts by its median over frames.

    Raises:
        Unmeasurable: As `content_box`.
    """
    return divided(clip.gray).split


def inset_share(clip: Clip) -> float:
    """How surely a picture lies within the picture, 0 to 1: that of the surest rectangle.

    Raises:
        Unmeasurable: As `content_box`.
    """
    found = divided(clip.gray).inset
    return found[0] if found else 0.0


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
    found = divided(clip.gray).inset
    return [_evidence(clip, found[1], found[0], "inset")] if found else []


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
    found = borders(gray)
    x, y, w, h = whole_px(found.box)
    sample = gray[:: max(1, round(len(gray) / FRAMES))]
    inner = sample[:, y : y + h, x : x + w]
    if min(inner.shape[1:]) < 32:
        raise Unmeasurable("black")
    steps = seams.steps(inner), seams.row_steps(inner)
    rated = _rated(inner, *steps, x, y)
    apart = pictures.apart(rated)
    if found.kind == "pattern":
        # Pictures of a collage that stand still pass for a pattern around those that move.
        spread = pictures.apart(_on_ground(sample, found, (x, y, w, h)), GAP_PX)
        if len(spread) > 1 and spread[1][0] >= SPREAD:
            apart = spread
    inset = rated[0] if rated else None
    if min(inner.shape[1:]) < LEAST_PX:
        return Panes(0.0, ((x, y, w, h),), inset, tuple(apart))
    share, parts = _divide(inner, seams.seam_map_of(*steps), (0, 0, w, h), 0)
    moved = tuple((x + a, y + b, c, d) for a, b, c, d in parts[:MAX_PANES])
    return Panes(max(share, moving_share(inner, LEAST_PANE)), moved, inset, tuple(apart))


def _rated(
    gray: Gray, between_columns: seams.Plane, between_rows: seams.Plane, x: int, y: int
) -> list[Picture]:
    """Rectangles within the part of a frame that begins at x and y, the surest first."""
    if min(gray.shape[1:]) < LEAST_PX:
        return []
    found = pictures.pictures(gray, between_columns, between_rows)
    return [(sure, (x + a, y + b, c, d)) for sure, (a, b, c, d) in found]


def _on_ground(gray: Gray, found: Borders, box: PxBox) -> list[Picture]:
    """Pictures on a pattern, the moving one and those beside it, the surest first.

    Args:
        gray: (T, H, W) uint8 luma.
        found: Its borders.
        box: What moves: one picture or several.
    """
    x, y, w, h = whole_px(found.flat)
    ground = gray[:, y : y + h, x : x + w]
    change = gray.std(axis=0, dtype=np.float32)
    rated = _rated(ground, seams.steps(ground), seams.row_steps(ground), x, y)
    return [one for one in rated if _counts(change, one[1], box)]


def _counts(change: seams.Plane, one: PxBox, box: PxBox) -> bool:
    """Whether a rectangle on a pattern may be a picture: no cell of it, no part of a picture."""
    if one[2] * one[3] < LEAST_SIZE * box[2] * box[3]:
        return False
    (left, top, right, bottom), (a, b, c, d) = _ends(one), _ends(box)
    if not (a - GAP_PX <= left and b - GAP_PX <= top):
        return True
    if not (right <= c + GAP_PX and bottom <= d + GAP_PX):
        return True
    # Within what moves, a picture ends at a gap that stands still.
    turned = change[top:bottom].T
    upright = change[:, left:right]
    sides = (
        (left - a, turned[left : left + GAP_PX], turned[max(0, left - GAP_PX) : left]),
        (c - right, turned[right - GAP_PX : right], turned[right : right + GAP_PX]),
        (top - b, upright[top : top + GAP_PX], upright[max(0, top - GAP_PX) : top]),
        (d - bottom, upright[bottom - GAP_PX : bottom], upright[bottom : bottom + GAP_PX]),
    )
    return all(
        inside.mean() >= GAP_CHANGE * outside.mean()
        for room, inside, outside in sides
        if room > GAP_PX
    )


def _ends(box: PxBox) -> PxBox:
    """Left, top, right and bottom."""
    return box[0], box[1], box[0] + box[2], box[1] + box[3]


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
            sure = float(shares[x]) * (1.0 - seams.bend_penalty(seams.straightness(gray, x)[0]))
            best = max(best, (sure, x))
    return best
