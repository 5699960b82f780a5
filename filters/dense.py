"""Shift of the whole picture between every two neighbouring frames, from 64x36 luma.

The tracks of `filters.motion` are exact and see six instants a second; what is faster than that
(shake) needs every frame, and at 64x36 a least-squares shift costs a few hundredths of a
millisecond.
"""

from typing import Final, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from filters.base import Float, Gray

Field: TypeAlias = npt.NDArray[np.float32]
"""(P, H, W) float32."""

SIGMA_PX: Final = 1.5
"""Blur before the gradient, px of 64: keeps shifts of a pixel within the gradient's reach."""
MARGIN_PX: Final = 2
"""Rows and columns left out at the edges, where the blur and the new picture reach in."""
BLOCK: Final = (4, 6)
"""Rows and columns of a block: 8 x 10 blocks within the margin, weighted as wholes."""
ROUNDS: Final = 4
"""Times the weights are set anew; a foreground of a quarter of the frame is out after three."""
MIN_TEXTURE: Final = 1.0
"""Least eigenvalue of the mean gradient matrix, grey levels squared per px: below it a shift in
some direction shows no change."""
FAR_PX: Final = 0.6
"""Shift from which the frame is moved by whole pixels and the rest is solved again."""


def shifts(tiny: Gray, expected: Float | None = None) -> Float:
    """Shifts of the content from each frame to the next.

    Args:
        tiny: (F, 36, 64) uint8 luma.
        expected: (F - 1, 2) shifts in the unit returned, roughly; the parts of the picture that
            follow them are believed first, so a foreground does not pass for the camera.

    Returns:
        (F - 1, 2) float64 frame widths to the right and frame heights down; nan where the picture
        has no texture.

    Source:
        Lucas and Kanade 1981 with the mean of both gradients; blocks weighted by 1 over 1 plus
        their residual over four times the median residual (Geman and McClure 1987).
    """
    frames, height, width = tiny.shape
    if frames < 2:
        return np.empty((0, 2))
    picture, dx, dy = _gradients(tiny)
    guess = np.zeros((frames - 1, 2)) if expected is None else expected * (width, height)
    found = _solve(picture[:-1], picture[1:], (dx[:-1], dx[1:]), (dy[:-1], dy[1:]), guess)
    likely = np.where(np.isfinite(found), found, 0) if expected is None else guess
    far = np.flatnonzero(np.abs(likely).max(axis=1) > FAR_PX)
    if len(far):
        whole = np.round(likely[far]).astype(int)
        pairs = list(zip(far, whole, strict=True))
        moved = [
            np.stack([np.roll(part[i + 1], (-y, -x), axis=(0, 1)) for i, (x, y) in pairs])
            for part in (picture, dx, dy)
        ]
        rest = guess[far] - whole if expected is not None else np.zeros((len(far), 2))
        found[far] = whole + _solve(
            picture[far], moved[0], (dx[far], moved[1]), (dy[far], moved[2]), rest
        )
    return np.asarray(found / (width, height))


def _gradients(tiny: Gray) -> tuple[Field, Field, Field]:
    """Blurred frames and their gradients, (F, 36, 64) float32.

    The frames are filtered as one tall picture; what leaks between them lies within the margin.
    """
    frames, height, width = tiny.shape
    tall = tiny.reshape(frames * height, width).astype(np.float32)
    smooth = cv2.GaussianBlur(tall, (0, 0), SIGMA_PX)
    dx = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, ksize=1, scale=1 / 2)
    dy = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, ksize=1, scale=1 / 2)
    shape = (frames, height, width)
    parts = [np.asarray(part, np.float32).reshape(shape) for part in (smooth, dx, dy)]
    return parts[0], parts[1], parts[2]


def _solve(
    before: Field, after: Field, dx: tuple[Field, Field], dy: tuple[Field, Field], guess: Float
) -> Float:
    """(P, 2) shifts in px, x right and y down, of (P, 36, 64) pairs."""
    inner = (slice(None), slice(MARGIN_PX, -MARGIN_PX), slice(MARGIN_PX, -MARGIN_PX))
    gx = np.asarray((dx[0][inner] + dx[1][inner]) / 2, np.float32)
    gy = np.asarray((dy[0][inner] + dy[1][inner]) / 2, np.float32)
    change = np.asarray(after[inner] - before[inner], np.float32)
    change -= change.mean(axis=(1, 2), keepdims=True)
    # (P, B): per block, the parts of the normal equations.
    xx, xy, yy = _blocks(gx * gx), _blocks(gx * gy), _blocks(gy * gy)
    xt, yt, tt = _blocks(gx * change), _blocks(gy * change), _blocks(change * change)
    shift = guess
    for _ in range(ROUNDS):
        x, y = shift[:, :1], shift[:, 1:]
        left = tt + 2 * (x * xt + y * yt) + x * x * xx + 2 * x * y * xy + y * y * yy
        typical = np.median(left, axis=1, keepdims=True)
        weight = 1 / (1 + (np.maximum(left, 0) / (4 * typical + 1e-2)) ** 2)
        a, b, c, d, e = ((weight * part).sum(axis=1) for part in (xx, xy, yy, xt, yt))
        determinant = a * c - b * b
        safe = np.where(determinant > 0, determinant, np.inf)
        shift = np.stack([(b * e - c * d) / safe, (b * d - a * e) / safe], axis=1)
    total = weight.sum(axis=1) * BLOCK[0] * BLOCK[1]
    trace, product = (a + c) / total, determinant / total**2
    least = trace / 2 - np.sqrt(np.maximum(trace**2 / 4 - product, 0))
    shift[least < MIN_TEXTURE] = np.nan
    return shift


def _blocks(values: Field) -> Float:
    """Sum over each block of (P, H, W): (P, B)."""
    rows, columns = BLOCK
    count, height, width = values.shape
    # A product with the blocks' indicator is several times as fast as numpy's mean over two axes.
    belongs = np.repeat(np.eye(width // columns, dtype=np.float32), columns, axis=0)
    across: Field = (values.reshape(-1, width) @ belongs).reshape(count, height // rows, rows, -1)
    return np.asarray(across.sum(axis=2).reshape(count, -1), np.float64)
