"""Motion vectors that a codec stored, followed between two analysed frames in place of tracks."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from filters.tracks import Points

Field: TypeAlias = npt.NDArray[np.float32]
"""(R, C, 2) float32: by how many px of the video the content of each cell of CELL px moved right
and down since the frame that it was predicted from; nan where it was not predicted."""

CELL: Final = 8
"""Px; the smallest block that libav tells vectors of."""


@dataclass(frozen=True, slots=True)
class Vectors:
    """What a codec says of the motion between two frames of a video.

    Attributes:
        fields: Of the frames after the first up to the second, in order, each predicted from the
            one before it in this list (the first of them from the first frame); None where the
            codec tells nothing of one of them.
        width: Of the video, px.
        height: Of the video, px.
    """

    fields: tuple[Field, ...] | None
    width: int
    height: int


def field(centre: Points, size: Points, moved: Points, width: int, height: int) -> Field:
    """Lay blocks out as a field.

    Args:
        centre: (N, 2) of each block, px.
        size: (N, 2) width and height of each block, at least CELL but for the frame's edge.
        moved: (N, 2) displacement of the content since the reference, px.
        width: Of the frame, px.
        height: Of the frame, px.
    """
    rows, columns = math.ceil(height / CELL), math.ceil(width / CELL)
    cells = np.full((rows * columns, 2), np.nan, np.float32)
    # The quarters of a block of 16 x 16 are its four cells; those of smaller ones fall together.
    for side in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
        x, y = np.floor((centre + size * (np.array(side, np.float32) / 4)) / CELL).T
        inside = (x >= 0) & (x < columns) & (y >= 0) & (y < rows)
        cells[(y * columns + x)[inside].astype(np.intp)] = moved[inside]
    return cells.reshape(rows, columns, 2)


def follow(
    vectors: Vectors, fields: Sequence[Field], points: Points, size: tuple[int, int]
) -> tuple[Points, Points]:
    """Where points of the later picture were in the earlier one.

    A point is carried back through the cells it lies in, frame by frame; one that comes to a block
    without a vector (intra coded) or leaves the picture is lost.

    Args:
        vectors: The size of the video.
        fields: In order of time.
        points: (N, 2) px of the later picture.
        size: Width and height of the pictures, which are the video scaled, px.

    Returns:
        (M, 2) start and (M, 2) end, px of the pictures.
    """
    scale = np.array([vectors.width / size[0], vectors.height / size[1]], np.float32)
    kept, at = np.arange(len(points)), (points + 0.5) * scale
    for cells in reversed(fields):
        x, y = np.floor(at / CELL).astype(np.intp).T
        inside = (x >= 0) & (y >= 0) & (x < cells.shape[1]) & (y < cells.shape[0])
        moved = cells[y[inside], x[inside]]
        known = ~np.isnan(moved[:, 0])
        at, kept = at[inside][known] - moved[known], kept[inside][known]
    start = (at / scale - 0.5).astype(np.float32)
    return start, points[kept]
