"""Bands beside the picture that show the picture itself, enlarged to the frame and blurred."""

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from filters.base import Gray
from filters.seams import Rectangle

COPY_NCC: Final = 0.75
"""Correlation of a band with the enlarged, blurred picture (algorithms.md: 0.8 over both; each
band alone reaches less where the editor blurs more than we do). Of scenes some reach 0.88: a wall
or a table is as bright on all sides."""
SHARP: Final = 0.4
"""Sharpness of the bands over that of the picture: copies 0.02 to 0.3, scenes of a correlation of
COPY_NCC 0.5 to 2.4, on the tuning half of benchmarks/edits.py and other clips."""
LEAST_BAND: Final = 5
"""px of a band, at least."""
SEAM_PX: Final = 4
"""px beside a seam in which sharpness is the seam's."""


def is_copied(gray: Gray, r: Rectangle) -> bool:
    """Whether both bands beside a rectangle are a copy of it that is out of focus.

    Args:
        gray: (T, H, W) uint8 luma.
        r: A rectangle as wide or as high as the frame.
    """
    if (r.left == 0) == (r.top == 0):  # copies lie on two opposite sides
        return False
    if r.left == 0:
        gray, r = gray.swapaxes(1, 2), Rectangle(r.top, r.left, r.bottom, r.right, r.share, r.sides)
    width = gray.shape[2]
    if min(r.left, width - r.right) < LEAST_BAND or r.right - r.left <= 4 * SEAM_PX:
        return False
    sample = gray[:: max(1, len(gray) // 8)]
    return _correlations(sample, r) >= COPY_NCC and _sharpness(sample, r) <= SHARP


def _correlations(gray: Gray, r: Rectangle) -> float:
    """Of the bands on the left and right with the enlarged picture: the lower one, -1 to 1."""
    height, width = gray.shape[1:]
    left, right = r.left, width - r.right
    inner = width - left - right
    scale = width / inner
    rows = max(2, round(height / scale))
    start = (height - rows) // 2
    small = (max(8, width // 8), max(8, height // 8))
    edges = round(left * small[0] / width), round(right * small[0] / width)
    if min(edges) < 1:
        return -1.0
    found: list[list[float]] = [[], []]
    for frame in gray:
        part = frame[start : start + rows, left : width - right]
        copy = _soft(cv2.resize(part, small, interpolation=cv2.INTER_AREA))
        shown = cv2.resize(frame, small, interpolation=cv2.INTER_AREA).astype(np.float32)
        for side, columns in enumerate((slice(0, edges[0]), slice(small[0] - edges[1], None))):
            found[side].append(_correlation(copy[:, columns], _soft(shown[:, columns])))
    return min(float(np.median(side)) for side in found)


def _sharpness(gray: Gray, r: Rectangle) -> float:
    """Curvature of the bands on the left and right over that of the picture, means."""
    total = np.zeros(gray.shape[1:], np.float32)
    for frame in gray:
        total += np.abs(cv2.Laplacian(frame, cv2.CV_16S))
    total = total[1:-1]
    bands = np.concatenate(
        [total[:, 1 : r.left - SEAM_PX], total[:, r.right + SEAM_PX : -1]], axis=1
    )
    picture = total[:, r.left + SEAM_PX : r.right - SEAM_PX]
    return float(bands.mean() / max(picture.mean(), 1e-6)) if bands.size else 1.0


def _soft(picture: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
    soft = cv2.GaussianBlur(np.asarray(picture, np.float32), (0, 0), 1.5)
    return np.asarray(soft, np.float32)


def _correlation(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> float:
    """Of two pictures, -1 to 1; 0 where one is of one colour."""
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / scale if scale > a.size else 0.0
