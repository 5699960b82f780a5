"""Where one picture may show the whole of another: windows, tried all at once on tiny pictures."""

from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import product
from typing import Final

import numpy as np
import numpy.typing as npt

from curate.filmstrip import SIDE, Strip

Floats = npt.NDArray[np.float32]
Window = tuple[float, float]
"""Start and length along one axis, shares of the picture."""

COARSE: Final = 12
"""Pixels per side at which all windows are tried; one of them is half the step between windows."""
FINE: Final = 16
"""Pixels per side at which the best window is refined and judged."""

_CROPS: Final = ((1.0, 1), (0.9, 3), (0.8, 3), (0.7, 4), (0.6, 5))
"""(length, positions) of windows that keep the shape: crops down to 36 % of the area."""
_SQUEEZED: Final = ((0.75, 3), (0.5625, 3))
"""Likewise of one axis alone: bars that were not found, and 16:9 made 4:3 or square."""
_FLAT: Final = 1.0
"""Standard deviation in grey levels below which a picture shows nothing."""


@dataclass(frozen=True, slots=True)
class View:
    """The part of one picture that shows the whole of another, as shares of the former."""

    x: float
    width: float
    y: float
    height: float


def windows(length: float, positions: int) -> list[Window]:
    """Windows of one length, evenly placed."""
    if positions == 1:
        return [((1 - length) / 2, length)]
    return [(i / (positions - 1) * (1 - length), length) for i in range(positions)]


@cache
def _grids() -> tuple[tuple[tuple[Window, ...], tuple[Window, ...]], ...]:
    """Windows along x and along y that are combined with each other."""
    whole = (0.0, 1.0)
    crops = [(tuple(windows(*c)), tuple(windows(*c))) for c in _CROPS]
    wide = [(tuple(windows(*c)), (whole,)) for c in _SQUEEZED]
    high = [((whole,), tuple(windows(*c))) for c in _SQUEEZED]
    return (*crops, *wide, *high)


@cache
def views() -> tuple[View, ...]:
    """The views that `bank` tries, in its order."""
    return tuple(View(x[0], x[1], y[0], y[1]) for xs, ys in _grids() for x, y in product(xs, ys))


@lru_cache(maxsize=1 << 14)
def averaging(window: Window, size: int) -> Floats:
    """(size, 32): weights that average a window of a strip's row into `size` pixels.

    A window that reaches over the edge sees the outermost pixel there.
    """
    edges = (window[0] + window[1] * np.arange(size + 1) / size) * SIDE
    pixels = np.arange(SIDE)
    left = np.clip(edges[:-1, None], 0, SIDE - 1e-3)
    right = np.clip(edges[1:, None], 1e-3, SIDE)
    right = np.maximum(right, left + 1e-3)
    overlap = np.minimum(right, pixels + 1) - np.maximum(left, pixels)
    weights = np.maximum(overlap, 0)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


@cache
def _matrices(size: int) -> tuple[tuple[Floats, Floats], ...]:
    return tuple(
        (np.concatenate([averaging(x, size) for x in xs]),
         np.concatenate([averaging(y, size) for y in ys]))
        for xs, ys in _grids()
    )  # fmt: skip


def bank(strip: Strip) -> Floats:
    """(V, K, 144): every view of every picture, zero mean and unit length.

    Args:
        strip: (K, 32, 32) uint8.
    """
    pictures = strip.astype(np.float32)
    parts = []
    for across, down in _matrices(COARSE):
        rows = pictures @ across.T  # (K, 32, nx * 12)
        cells = np.einsum("ij,kjl->kil", down, rows, optimize=True)  # (K, ny * 12, nx * 12)
        nx, ny = len(across) // COARSE, len(down) // COARSE
        cells = cells.reshape(len(strip), ny, COARSE, nx, COARSE)
        parts.append(cells.transpose(3, 1, 0, 2, 4).reshape(nx * ny, len(strip), -1))
    return normalised(np.concatenate(parts))


def shrunk(strip: npt.NDArray[np.generic], view: View, size: int) -> Floats:
    """(K, size * size): one view of every picture, zero mean and unit length."""
    return normalised(averaged(strip, view, size).reshape(len(strip), -1))


def averaged(strip: npt.NDArray[np.generic], view: View, size: int) -> Floats:
    """(K, size, size): one view of every picture, in grey levels."""
    across = averaging((view.x, view.width), size)
    down = averaging((view.y, view.height), size)
    return np.asarray(down @ (strip.astype(np.float32) @ across.T), np.float32)


def mirrored(pictures: Floats, size: int) -> Floats:
    """Flattened square pictures, left and right exchanged."""
    square = pictures.reshape(*pictures.shape[:-1], size, size)
    return np.ascontiguousarray(square[..., ::-1]).reshape(pictures.shape)


def normalised(rows: Floats) -> Floats:
    """Rows less their mean at unit length; rows that show nothing become zero."""
    rows = rows - rows.mean(axis=-1, keepdims=True)
    length = np.linalg.norm(rows, axis=-1, keepdims=True)
    least = _FLAT * np.sqrt(rows.shape[-1])
    return np.where(length < least, 0, rows / np.maximum(length, least)).astype(np.float32)
