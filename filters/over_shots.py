"""What stays over the shots of a source: logos, displays, scoreboards.

A new shot changes everything in the picture but what was drawn over it. Two shots agree at a place
where the gradients of their mean pictures point the same way, pixel by pixel; where what is drawn
moves or changes, the network's answers of both shots tell.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from filters.base import Clip, Evidence, Kept, OverShots, Unmeasurable
from filters.letterbox import content_box
from filters.text_overlay import (
    MARK_SHARE,
    MOST_MARK,
    TEXT,
    components,
    over_spans,
    overlays,
    staying,
)

Cells = npt.NDArray[np.float32]

MOST_OTHERS: Final = 8
"""Other shots that a clip is compared with, spread over the source."""
AROUND: Final = 3
"""Cells across of the window in which gradients are compared: 12 px at 320."""
FLAT: Final = 0.5
"""Mean square of a gradient, grey levels, below which there is nothing to compare."""
ALIKE: Final = 0.5
SAME_VIEW: Final = 0.25
"""Two shots that agree by more than ALIKE in this share of what is textured show one view (a talk
cut to and fro), which says nothing of overlays. Two clips of different scenes: below 0.15."""
UNSEEN: Final = 0.5
"""What is left of an agreement where the network sees no overlay at all."""
SEEN: Final = 0.25
"""The network's answer from which an agreement counts whole."""
RECURS: Final = 0.6
"""What the network's answer is worth where it holds in several shots: it errs at a place now and
then, hardly ever in two scenes at the same one."""
SINGLE: Final = 0.7
"""What an agreement with one other view is worth: edges of two scenes meet by chance now and then,
those of three hardly ever."""
SURE: Final = 0.3
"""Agreement from which a cell counts as area and is shown."""
EDGE_PX: Final = 4
"""Within this of the content box's sides nothing is compared: borders stay over shots too, even
lines of a px or two along the frame's edge, too thin to be found as borders."""
BORDER_PX: Final = 8
"""Further than that from a border the network's answer is no longer the border's."""


def keep(clip: Clip, shot: int) -> Kept:
    """What of a clip is needed once its source has passed.

    Args:
        clip: The clip.
        shot: Index of its shot in the source.

    Raises:
        Unmeasurable: As `filters.text_overlay.overlays`.
    """
    found = overlays(clip)
    total = np.zeros(clip.gray.shape[1:], np.float32)
    for frame in clip.gray:
        cv2.accumulate(frame, total)
    x, y, w, h = content_box(clip.gray)
    return Kept(
        shot=shot,
        mean=np.rint(total / len(clip.gray)).astype(np.uint8),
        drawn=_bytes(staying(found.cells)),
        text=_bytes(found.cells[:, TEXT]),
        box=(x + EDGE_PX, y + EDGE_PX, x + w - EDGE_PX, y + h - EDGE_PX),
        end_s=found.spans[-1][1],
    )


def alone(clip: Clip) -> float:
    """No score of one clip: its source's other shots are needed.

    Raises:
        Unmeasurable: "one_view"; or as `filters.text_overlay.overlays`.
    """
    overlays(clip)
    raise Unmeasurable("one_view")


def over_shots(kept: Sequence[Kept]) -> list[OverShots | None]:
    """What each clip of a source shares with other shots; None where no other view is there.

    Of each other shot the first clip is compared. A cell's agreement, and the lesser of what the
    network sees drawn in both, are medians over the views, the lower one of an even number.

    Args:
        kept: The clips of a source in order.
    """
    firsts: dict[int, Kept] = {}
    for clip in kept:
        firsts.setdefault(clip.shot, clip)
    fields = {shot: _fields(clip) for shot, clip in firsts.items()}
    found: list[OverShots | None] = []
    for clip in kept:
        others = [shot for shot in firsts if shot != clip.shot]
        if len(others) > MOST_OTHERS:
            at = np.linspace(0, len(others) - 1, MOST_OTHERS).round().astype(int)
            others = [others[i] for i in at]
        own = fields[clip.shot] if clip is firsts[clip.shot] else _fields(clip)
        views = [
            (agreed, np.minimum(_off_borders(clip), _off_borders(firsts[shot])))
            for shot in others
            if (agreed := _agreement(own, fields[shot])) is not None
        ]
        found.append(OverShots(clip, *map(_median, zip(*views, strict=True))) if views else None)
    return found


def _off_borders(clip: Kept) -> Cells:
    """(h, w) what the network sees drawn, 0 to 1; nothing near a border, which stays too."""
    drawn = np.asarray(clip.drawn / 255, np.float32)
    (height, width), (rows, columns) = clip.mean.shape, drawn.shape
    left, top, right, bottom = clip.box
    y, x = (np.arange(rows) + 0.5) * height / rows, (np.arange(columns) + 0.5) * width / columns
    drawn[(top > EDGE_PX) & (y < top + BORDER_PX)] = 0
    drawn[(bottom < height - EDGE_PX) & (y >= bottom - BORDER_PX)] = 0
    drawn[:, (left > EDGE_PX) & (x < left + BORDER_PX)] = 0
    drawn[:, (right < width - EDGE_PX) & (x >= right - BORDER_PX)] = 0
    return drawn


def _median(views: Sequence[Cells]) -> Cells:
    """(h, w) over the views, 0 or more; less for one view."""
    lower = np.sort(np.stack(views), axis=0)[(len(views) - 1) // 2]
    return np.asarray(np.maximum(lower, 0) * (1 if len(views) > 1 else SINGLE), np.float32)


def mark_sureness(found: OverShots) -> float:
    """How surely a small mark stays in its place over the shots, 0 to 1.

    Of the places smaller than MOST_MARK of the frame, the surest: the mean over its best cells,
    MARK_SHARE of the frame. Places are those of edges that agree, and those with what recurs.
    """
    return max((sure for sure, _ in _all_marks(found)), default=0.0)


def static_area(found: OverShots) -> float:
    """Share of the frame under what stays drawn over the picture over the shots, 0 to 1."""
    return float((_combined(found) >= SURE).mean())


def text_sureness(found: OverShots) -> float:
    """As `filters.text_overlay.text_sureness`, surer where text stays over the shots, 0 to 1."""
    text = found.kept.text.astype(np.float32) / 255
    seen = np.clip(text.mean(axis=0) / SEEN, 0, 1)
    stays = np.clip((found.agreement * seen - SURE / 2) / SURE, 0, 1)
    return over_spans(np.asarray(1 - (1 - text) * (1 - stays), np.float32))


def mark_boxes(found: OverShots) -> list[Evidence]:
    """The marks, the surest first."""
    marks: list[tuple[float, tuple[float, float, float, float]]] = []
    for sure, box in sorted(_all_marks(found), reverse=True):
        if not any(_meet(box, other) for _, other in marks):
            marks.append((sure, box))
    marks = marks[:4]
    return [Evidence(0.0, found.kept.end_s, box, sure, "mark") for sure, box in marks]


def static_boxes(found: OverShots) -> list[Evidence]:
    """Boxes of what stays."""
    return [
        Evidence(0.0, found.kept.end_s, box, float(inside.mean()), "overlay")
        for inside, box in components(_combined(found), SURE)
    ]


def _all_marks(found: OverShots) -> list[tuple[float, tuple[float, float, float, float]]]:
    return [*_marks(_weighted(found)), *_marks(_combined(found))]


def _meet(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    """Whether two boxes (x, y, width, height) overlap."""
    return all(a[i] < b[i] + b[i + 2] and b[i] < a[i] + a[i + 2] for i in (0, 1))


def _marks(stays: Cells) -> list[tuple[float, tuple[float, float, float, float]]]:
    least = max(1, round(MARK_SHARE * stays.size))
    return [
        (float(np.sort(inside)[-least:].sum() / least), box)
        for inside, box in components(stays, SURE / 2)
        if inside.size <= MOST_MARK * stays.size
    ]


def _weighted(found: OverShots) -> Cells:
    """Agreement, less where the network sees nothing drawn in the clip."""
    drawn = found.kept.drawn.astype(np.float32) / 255
    return np.asarray(found.agreement * np.clip(drawn / SEEN, UNSEEN, 1), np.float32)


def _combined(found: OverShots) -> Cells:
    """What stays by its edges, and what the network sees in several shots."""
    return np.asarray(1 - (1 - _weighted(found)) * (1 - RECURS * found.recurs), np.float32)


def _bytes(cells: Cells) -> npt.NDArray[np.uint8]:
    return np.rint(cells * 255).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class _Fields:
    """Gradients of a mean picture, (H, W), and their mean squares around each cell, (h, w)."""

    dx: Cells
    dy: Cells
    xx: Cells
    yy: Cells


def _fields(clip: Kept) -> _Fields:
    mean = clip.mean.astype(np.float32)
    # Scharr's weights sum to 32 for a slope of one grey level per px.
    dx = np.asarray(cv2.Scharr(mean, cv2.CV_32F, 1, 0, scale=1 / 32), np.float32)
    dy = np.asarray(cv2.Scharr(mean, cv2.CV_32F, 0, 1, scale=1 / 32), np.float32)
    left, top, right, bottom = clip.box
    for plane in (dx, dy):
        plane[:top], plane[bottom:] = 0, 0
        plane[:, :left], plane[:, right:] = 0, 0
    cells = clip.drawn.shape
    return _Fields(dx, dy, _around(dx * dx, cells), _around(dy * dy, cells))


def _around(plane: Cells, cells: tuple[int, ...]) -> Cells:
    """Mean around each cell."""
    small = cv2.resize(plane, (cells[1], cells[0]), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.blur(small, (AROUND, AROUND)), np.float32)


def _agreement(a: _Fields, b: _Fields) -> Cells | None:
    """Correlation of the gradients around each cell, -1 to 1; None for the same view.

    Half of it is the correlation over both directions, half that over the worse one: horizons and
    floors often meet in one direction, lettering does not stay in one.
    """
    x, y = (_around(p * q, a.xx.shape) for p, q in ((a.dx, b.dx), (a.dy, b.dy)))
    both = _ratio(x + y, a.xx + a.yy, b.xx + b.yy)
    textured = np.minimum(a.xx + a.yy, b.xx + b.yy) > FLAT
    if textured.any() and (both[textured] > ALIKE).mean() > SAME_VIEW:
        return None
    worse = np.minimum(_ratio(x, a.xx, b.xx), _ratio(y, a.yy, b.yy))
    return np.asarray((both + worse) / 2, np.float32)


def _ratio(shared: Cells, a: Cells, b: Cells) -> Cells:
    scale = np.sqrt(np.maximum(a, FLAT) * np.maximum(b, FLAT))
    return np.asarray(np.where(np.minimum(a, b) > FLAT, shared / scale, 0), np.float32)
