"""Per-frame signals of shot transitions, from pictures of 64x36 pixels.

A signal at frame t compares frames on both sides of the instant between t-1 and t. Pairs at lag k
are a = t - 1 - (k-1)//2 and b = t + k//2: neighbours at lag 1, further apart at larger lags. Each
signal is one byte, so that what is stored in the `frames` table is exactly what the network sees.

Everything is computed for a block of frames at once, on 8-bit pictures where that suffices: a
signal costs microseconds a frame.

Sources: Hellinger distance of histograms and normalised correlation, textbook; motion-compensated
differences as in Fassold (arXiv 2502.09202); the linear-blend test for dissolves follows the
observation that a dissolved frame is a mixture of the frames at its two ends.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

WIDTH: Final = 64
HEIGHT: Final = 36
MARGIN: Final = 16
"""Frames before and after a frame that its signals read."""

LAGS: Final = (1, 2, 3, 5, 8, 12, 18, 26)
BLENDS: Final = (2, 4, 7, 11, 16)
"""Distances of the ends between which a frame is tested for being a mixture."""
FINE_LAGS: Final = (1, 2, 3)
"""Lags that are motion-compensated in a 6x8 grid at 64x36, by up to 2 px each way."""
WIDE_LAGS: Final = (1, 3, 5, 8, 12, 18, 26)
"""Lags that are motion-compensated in a 3x4 grid at 32x18, by up to 4 px sideways, 2 upwards."""
_BANDS: Final = ("mean", "low", "high")

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


def _names() -> tuple[str, ...]:
    names = [
        f"{kind}_{lag}"
        for kind in ("hist", "ncc", "edge", "chroma", "brightness", "contrast")
        for lag in LAGS
    ]
    names += [f"fine_{band}_{lag}" for lag in FINE_LAGS for band in _BANDS]
    names += [f"wide_{band}_{lag}" for lag in WIDE_LAGS for band in _BANDS]
    names += [f"blend_{what}_{k}" for k in BLENDS for what in ("residual", "weight", "change")]
    return (*names, "luma_mean", "luma_std")


NAMES: Final = _names()
"""One name per byte of a frame's signals, in order."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is computed of each frame by itself; leading axis: frames.

    Attributes:
        normal: (T, 36, 64) luma, blurred, mean 128, 40 per standard deviation.
        half: (T, 18, 32) the same at half the size.
        unit: (T, 576) half-size luma, mean 0, norm 1.
        luma: (T, 576) half-size luma, 0 to 255.
        colours: (T, 80) square roots of soft colour histograms, norm sqrt(3).
        edges: (T, 48) edge strength by place and direction, norm 1.
        chroma: (T, 2, 6, 8) block means of U and V.
        mean: (T,) luma mean.
        std: (T,) luma standard deviation.
    """

    normal: Bytes
    half: Bytes
    unit: Floats
    luma: Floats
    colours: Floats
    edges: Floats
    chroma: Floats
    mean: Floats
    std: Floats

    def take(self, chosen: slice | npt.NDArray[np.intp]) -> "Prepared":
        """Some of the frames."""
        return Prepared(*(getattr(self, name)[chosen] for name in self.__slots__))

    def __add__(self, later: "Prepared") -> "Prepared":
        """Frames followed by later frames."""
        return Prepared(
            *(
                np.concatenate([getattr(self, name), getattr(later, name)])
                for name in self.__slots__
            )
        )

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.mean)


def prepare(yuv: Bytes) -> Prepared:
    """Compute what each frame contributes by itself.

    Args:
        yuv: (T, 3, 36, 64) full-range planar YUV.
    """
    frames = len(yuv)
    luma = np.ascontiguousarray(yuv[:, 0])
    mean = luma.reshape(frames, -1).mean(1, dtype=np.float32)
    # Blur and edges run over all frames at once as one tall picture, each frame with a border of
    # its own outermost rows, so that neighbours in time do not mix.
    tall = np.pad(luma, ((0, 0), (1, 1), (0, 0)), mode="edge").reshape(-1, WIDTH)
    blurred = np.asarray(cv2.blur(tall, (3, 3))).reshape(frames, HEIGHT + 2, WIDTH)[:, 1:-1]
    deviation = blurred.astype(np.float32) - mean[:, None, None]
    spread = np.sqrt(np.square(deviation).mean((1, 2)))
    normal = deviation * (40 / (spread + 2))[:, None, None] + 128.5
    normal = np.clip(normal, 0, 255).astype(np.uint8)
    half = _shrink(normal, 2)
    small = _shrink(luma, 2).reshape(frames, -1).astype(np.float32)
    unit = small - small.mean(1, keepdims=True)
    # The constant keeps noise on a plain picture from counting as structure.
    unit /= np.sqrt(np.square(unit).sum(1, keepdims=True) + small.shape[1] * 4.0)
    chroma = np.stack([_blocks(np.ascontiguousarray(yuv[:, c])) for c in (1, 2)], 1)
    return Prepared(
        normal,
        half,
        unit,
        small,
        _colours(yuv),
        _edges(tall, frames),
        chroma.astype(np.float32),
        mean,
        spread.astype(np.float32),
    )


def compare(prepared: Prepared) -> Bytes:
    """The signals of all frames but the first and last `MARGIN`.

    Returns:
        (T - 2 * MARGIN, len(NAMES)) uint8.
    """
    count = len(prepared) - 2 * MARGIN
    columns: dict[str, npt.NDArray[np.floating]] = {}
    for lag in LAGS:
        first = MARGIN - 1 - (lag - 1) // 2
        second = MARGIN + lag // 2
        before = prepared.take(slice(first, first + count))
        after = prepared.take(slice(second, second + count))
        columns |= _pair(before, after, lag)
        if lag in FINE_LAGS:
            columns |= _bands(f"fine_{{}}_{lag}", _matched(before.normal, after.normal, 6, 2, 2))
        if lag in WIDE_LAGS:
            columns |= _bands(f"wide_{{}}_{lag}", _matched(before.half, after.half, 3, 4, 2))
    for distance in BLENDS:
        columns |= _blend(prepared.luma, distance, count)
    inside = slice(MARGIN, MARGIN + count)
    columns["luma_mean"] = prepared.mean[inside] / 255
    columns["luma_std"] = np.sqrt(prepared.std[inside] / 128)
    stacked = np.stack([columns[name] for name in NAMES], axis=1)
    return np.asarray(np.clip(stacked * 255 + 0.5, 0, 255), np.uint8)


def _pair(a: Prepared, b: Prepared, lag: int) -> dict[str, npt.NDArray[np.floating]]:
    """Signals that need no search."""
    overlap = np.einsum("ij,ij->i", a.colours, b.colours) / 3
    chroma = np.abs(a.chroma - b.chroma).mean((1, 2, 3))
    contrast = np.log((b.std + 2) / (a.std + 2))
    return {
        f"hist_{lag}": np.sqrt(np.clip(1 - overlap, 0, 1)),
        f"ncc_{lag}": np.sqrt(np.clip(1 - np.einsum("ij,ij->i", a.unit, b.unit), 0, 2) / 2),
        f"edge_{lag}": np.sqrt(np.clip(1 - np.einsum("ij,ij->i", a.edges, b.edges), 0, 1)),
        f"chroma_{lag}": np.sqrt(chroma / 64),
        f"brightness_{lag}": _signed((b.mean - a.mean) / 128),
        f"contrast_{lag}": _signed(contrast / 3),
    }


def _blend(luma: Floats, distance: int, count: int) -> dict[str, npt.NDArray[np.floating]]:
    """How well a frame is explained as weight * earlier + (1 - weight) * later."""
    now = luma[MARGIN : MARGIN + count]
    earlier = luma[MARGIN - distance :][:count]
    later = luma[MARGIN + distance :][:count]
    change, rest = earlier - later, now - later
    power = np.einsum("ij,ij->i", change, change) + 1e-3
    shared = np.einsum("ij,ij->i", rest, change)
    weight = np.clip(shared / power, -0.5, 1.5)
    left = np.einsum("ij,ij->i", rest, rest) - 2 * weight * shared + weight**2 * power
    size = np.sqrt(power / luma.shape[1])
    residual = np.sqrt(np.clip(left, 0, None) / luma.shape[1])
    return {
        f"blend_residual_{distance}": residual / (residual + size / 2 + 1),
        f"blend_weight_{distance}": (weight + 0.5) / 2,
        f"blend_change_{distance}": np.sqrt(size / 128),
    }


def _signed(value: npt.NDArray[np.floating]) -> Floats:
    """Map -1..1 to 0..1, finer near 0."""
    return np.asarray(0.5 + 0.5 * np.sign(value) * np.sqrt(np.abs(value)), np.float32)


def _bands(name: str, difference: Floats) -> dict[str, npt.NDArray[np.floating]]:
    """Mean and quartiles over the blocks of (T, blocks) differences."""
    low, high = difference.shape[1] // 4, difference.shape[1] * 3 // 4
    ranked = np.partition(difference, (low, high), axis=1)
    values = (difference.mean(1), ranked[:, low], ranked[:, high])
    return {
        name.format(band): np.sqrt(value / 128) for band, value in zip(_BANDS, values, strict=True)
    }


def _matched(before: Bytes, after: Bytes, rows: int, sideways: int, upwards: int) -> Floats:
    """Mean absolute difference per block after the best shift of each block.

    Args:
        before: (T, h, w).
        after: (T, h, w).
        rows: Rows of blocks; there are 4 / 3 as many columns.
        sideways: Shifts tried to the left and to the right, px.
        upwards: Shifts tried up and down, px.

    Returns:
        (T, blocks), 0 to 255.
    """
    frames, height, width = before.shape
    columns, block = rows * 4 // 3, height // rows
    # All frames in one tall picture, with a border of whole blocks between them.
    below = -(-2 * upwards // block) * block
    slab = height + below
    still = np.pad(before, ((0, 0), (0, below), (0, 0))).reshape(-1, width)
    border = ((0, 0), (upwards, below - upwards), (sideways, sideways))
    moving = np.pad(after, border, mode="edge").reshape(-1, width + 2 * sideways)
    length = frames * slab - below
    size = (columns, length // block)
    difference = np.empty((length, width), np.uint8)
    halved = np.empty((length // 2, width // 2), np.uint8)
    best = np.full(size[::-1], 255, np.uint8)
    for dy in range(2 * upwards + 1):
        for dx in range(2 * sideways + 1):
            shifted = moving[dy : dy + length, dx : dx + width]
            cv2.absdiff(still[:length], shifted, dst=difference)
            # In two steps, because OpenCV halves pictures many times faster than it averages.
            cv2.resize(difference, None, halved, 0.5, 0.5, cv2.INTER_AREA)
            means = cv2.resize(halved, size, interpolation=cv2.INTER_AREA)
            cv2.min(best, means, dst=best)
    padded = np.zeros((frames * slab // block, columns), np.uint8)
    padded[: size[1]] = best
    return padded.reshape(frames, -1, columns)[:, :rows].reshape(frames, -1).astype(np.float32)


def _shrink(pictures: Bytes, factor: int) -> Bytes:
    """Area-average (T, h, w) pictures by a whole factor."""
    frames, height, width = pictures.shape
    size = (width // factor, frames * height // factor)
    small = cv2.resize(pictures.reshape(-1, width), size, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8).reshape(frames, height // factor, width // factor)


def _blocks(plane: Bytes) -> Bytes:
    """Means over a 6x8 grid of (T, 36, 64) planes."""
    return np.asarray(
        cv2.resize(plane.reshape(-1, WIDTH), (8, len(plane) * 6), interpolation=cv2.INTER_AREA),
        np.uint8,
    ).reshape(len(plane), 6, 8)


def _soft_bins(centres: npt.NDArray[np.floating]) -> Floats:
    """(256, bins) share of a value in each bin: linear between the two nearest centres."""
    values, bins = np.arange(256), len(centres)
    return np.stack([np.interp(values, centres, row) for row in np.eye(bins)], 1).astype(np.float32)


_LUMA_BINS: Final = _soft_bins(np.linspace(4, 251, 32))
_SIDE = np.linspace(0, 1, 12) ** 1.7 * 110 + 2
_CHROMA_BINS: Final = _soft_bins(np.concatenate([128 - _SIDE[::-1], 128 + _SIDE]))
"""Finer near grey, where most of the colours of real video lie."""


def _colours(yuv: Bytes) -> Floats:
    """Square roots of the soft histograms of Y, U and V."""
    frames = len(yuv)
    planes = yuv.reshape(frames * 3, HEIGHT, WIDTH)
    counts = [np.ravel(cv2.calcHist([plane], [0], None, [256], [0, 256])) for plane in planes]
    shares = np.asarray(counts, np.float32).reshape(frames, 3, 256) / (WIDTH * HEIGHT)
    parts = [shares[:, 0] @ _LUMA_BINS, shares[:, 1] @ _CHROMA_BINS, shares[:, 2] @ _CHROMA_BINS]
    return np.sqrt(np.concatenate(parts, axis=1))


def _edges(tall: Bytes, frames: int) -> Floats:
    """Strength of upright, level and the two oblique edges on a 3x4 grid.

    Args:
        tall: (T * 38, 64) luma with a border row above and below each frame.
        frames: T.
    """
    across = cv2.Sobel(tall, cv2.CV_16S, 1, 0)
    down = cv2.Sobel(tall, cv2.CV_16S, 0, 1)
    oblique = (across + down) // 2, (across - down) // 2
    planes = []
    for plane in (across, down, *oblique):
        strength = cv2.convertScaleAbs(plane, alpha=0.5)
        inside = strength.reshape(frames, HEIGHT + 2, WIDTH)[:, 1:-1].reshape(-1, WIDTH)
        planes.append(cv2.resize(inside, (4, frames * 3), interpolation=cv2.INTER_AREA))
    edges = np.stack(planes, -1).reshape(frames, -1).astype(np.float32) + 0.5
    return np.asarray(edges / np.linalg.norm(edges, axis=1, keepdims=True), np.float32)
