"""What the overlay network is to answer for a sample, of what was drawn and can be seen."""

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from curate.overlays.training.sprites import Picture
from filters.overlay_network import CELL
from filters.text_overlay import WORDS

SIZE: Final = (320, 180)
"""Size that is analysed."""
LEAST_SEEN: Final = 14
"""Grey levels of luma by which an overlay must change the picture to be one."""
LEAST_COLOURED: Final = 22
"""Or levels of Cb or Cr."""
MOST_FILLED: Final = (14, 18)
"""Rows and columns of cells up to which a word or figure is filled: larger ones are several lines,
or lines at an angle, with something else between them."""


def labelled(masks: Picture, seen: Picture) -> Picture:
    """(2, 45, 80) from (T, 3, 360, 640): covered and seen in a fifth of the frames.

    What is covered for less, or covered but hardly to be seen, is undecided, and so is what may
    be text. Text is filled, any overlay is not: a cell may be text
    and, between strokes, no overlay.

    Args:
        masks: Not 0 where a graphic, text, or a mark with letters in it covers the picture.
        seen: Not 0 where that is to be seen.
    """
    found = []
    for kind in range(2):
        covered, visible = (_cells(planes[:, kind]) for planes in (masks, seen))
        label = np.full(covered.shape, 255, np.uint8)
        label[covered < 0.02] = 0
        label[visible >= 0.2] = 1
        found.append(label)
    found[1][(found[1] == 0) & (_cells(masks[:, 2]) >= 0.02)] = 255
    return np.stack([found[0], filled(found[1])])


def filled(label: Picture) -> Picture:
    """A label of text, (h, w), whose words and figures are rectangles of WORDS at least.

    A score is the mean over WORDS: a line that is lower, or the strokes of a large figure, would
    not fill it, however sure the network were of them. Of what is larger than MOST_FILLED only
    lines are filled, in height; single cells stay as they are.
    """
    out = label.copy()
    rows, columns = WORDS
    count, parts, stats, _ = cv2.connectedComponentsWithStats((label == 1).astype(np.uint8))
    for part in range(1, count):
        x, y, w, h, area = (int(v) for v in stats[part])
        if area < 2:
            continue
        top, tall = _grown(y, h, rows, label.shape[0])
        if h <= MOST_FILLED[0] and w <= MOST_FILLED[1]:
            left, wide = _grown(x, w, columns, label.shape[1])
            out[top : top + tall, left : left + wide] = 1
        elif h < rows:
            across = (parts[y : y + h] == part).any(axis=0)
            out[top : top + tall, across] = 1
    return out


def _grown(start: int, length: int, least: int, room: int) -> tuple[int, int]:
    """Start and length of a part made at least so long, about its middle, within a room."""
    wanted = max(length, least)
    return min(max(0, start - (wanted - length) // 2), room - wanted), wanted


def differs(a: Picture, b: Picture) -> npt.NDArray[np.bool_]:
    """Where two frames, (h, w, 3) uint8 RGB, differ in what can be seen: (h, w)."""
    apart = cv2.absdiff(*(cv2.cvtColor(frame, cv2.COLOR_RGB2YCrCb) for frame in (a, b)))
    limits = np.array([LEAST_SEEN, LEAST_COLOURED, LEAST_COLOURED])
    return np.asarray((apart > limits).any(axis=2))


def _cells(planes: Picture) -> npt.NDArray[np.float32]:
    """Share of the frames and of a cell, letters filled to words: 13 px across and 5 px down."""
    share = planes.mean(axis=0, dtype=np.float32)
    wide = cv2.morphologyEx(share, cv2.MORPH_CLOSE, np.ones((5, 13), np.uint8))
    size = (SIZE[0] // CELL, SIZE[1] // CELL)
    return np.asarray(cv2.resize(wide, size, interpolation=cv2.INTER_AREA))
