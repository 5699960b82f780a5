"""Text and graphics drawn over the picture: captions, lower thirds, logos, clocks, displays.

A small network looks at spans of about two seconds: at how a span looks, at what changes in it and
at which edges stay (`filters.overlay_maps`, `filters.overlay_network`).
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from filters.base import Chroma, Clip, Evidence, Unmeasurable
from filters.letterbox import content_box
from filters.memo import once_per_clip
from filters.overlay_maps import MIN_FRAMES, overlay_maps, windows
from filters.overlay_network import CELL, network

Cells = npt.NDArray[np.float32]
Box = tuple[float, float, float, float]

ANY: Final = 0
TEXT: Final = 1
"""Which of the network's answers."""
SURE: Final = 0.5
"""Answer from which a cell is shown as evidence and counted as area."""
WORDS: Final = (3, 6)
"""Rows and columns of cells that text must fill together for a score near 1: 12 x 24 px at 320."""
MARK_SHARE: Final = 0.0017
"""Likewise for a mark: 6 of 3600 cells, 16 x 24 px at 320."""
MOST_MARK: Final = 0.08
"""Share of the frame above which something is no mark."""
ALWAYS: Final = 0.25
"""Quantile over the spans of a clip: what stays is there in three quarters of them."""


@dataclass(frozen=True, slots=True)
class Overlays:
    """The network's answers on a clip.

    Attributes:
        cells: (S, 2, h, w) float32, 0 to 1, per span: overlay of any kind, text. 0 outside the
            content box, which is all that is used of the clip.
        spans: (start, end) of each span, seconds after the clip's start.
    """

    cells: Cells
    spans: tuple[tuple[float, float], ...]


@once_per_clip
def overlays(clip: Clip) -> Overlays:
    """Look at a clip's spans.

    Raises:
        Unmeasurable: "too_few_frames" for fewer than four analysed frames; "black" for no picture.
    """
    if len(clip.gray) < MIN_FRAMES:
        raise Unmeasurable("too_few_frames")
    x, y, w, h = content_box(clip.gray)
    chosen = windows(clip.gray_t_s)
    maps = [overlay_maps(clip.gray[span], _colours(clip, span)) for span in chosen]
    cells = np.stack([network().scores(one) for one in maps])
    rows, columns = (np.arange(n) * CELL + CELL / 2 for n in cells.shape[2:])
    inside = ((rows >= y) & (rows < y + h))[:, None] & (columns >= x) & (columns < x + w)
    times = tuple((float(clip.gray_t_s[s][0]), float(clip.gray_t_s[s][-1])) for s in chosen)
    return Overlays(np.where(inside, cells, np.float32(0)), times)


def _colours(clip: Clip, span: slice) -> Chroma | None:
    """Chroma of the frames of a span, if it is known of any."""
    within = [n for n, at in enumerate(clip.chroma_at) if span.start <= at < span.stop]
    return clip.chroma[within] if clip.chroma is not None and within else None


def text_sureness(clip: Clip) -> float:
    """How surely text is drawn over the picture, 0 to 1; more so if it is there for long.

    Lettering on things of the scene moves and bends with them, or is lit and soft like them.

    Raises:
        Unmeasurable: As `overlays`.
    """
    return over_spans(overlays(clip).cells[:, TEXT])


def over_spans(text: Cells) -> float:
    """How surely text is drawn, of the answers per span, 0 to 1.

    Of each span the mean answer counts over the WORDS that most look like drawn text; of the
    spans, three quarters of the surest one and a quarter of the mean. So text that is there for a
    third of the clip can score five sixths, and one false answer of many spans counts a little
    less.

    Args:
        text: (S, h, w) answers, 0 to 1.
    """
    rows, columns = WORDS
    sure = [
        float(cv2.blur(span, (columns, rows), borderType=cv2.BORDER_CONSTANT).max())
        for span in text
    ]
    return float(3 * max(sure) + np.mean(sure)) / 4


def text_boxes(clip: Clip) -> list[Evidence]:
    """Boxes of drawn text per span; of neighbouring spans they are not joined."""
    found = overlays(clip)
    return [
        Evidence(start, end, box, sure, "text")
        for cells, (start, end) in zip(found.cells[:, TEXT], found.spans, strict=True)
        for sure, box in _boxes(cells)
    ]


def staying(cells: Cells) -> Cells:
    """(h, w) answer that holds in three quarters of the spans."""
    return np.asarray(np.quantile(cells[:, ANY], ALWAYS, axis=0), np.float32)


def _boxes(cells: Cells) -> list[tuple[float, Box]]:
    """Mean answer and box of each place that is sure."""
    return [(float(inside.mean()), box) for inside, box in components(cells, SURE)]


def components(cells: Cells, least: float) -> list[tuple[Cells, Box]]:
    """The cells and the box, in shares of the frame, of each connected place of cells."""
    height, width = cells.shape
    count, labels, stats, _ = cv2.connectedComponentsWithStats((cells >= least).astype(np.uint8))
    found = []
    for label in range(1, count):
        x, y, w, h, area = (int(v) for v in stats[label])
        if area >= 2:
            box = (x / width, y / height, w / width, h / height)
            found.append((cells[labels == label], box))
    return found
