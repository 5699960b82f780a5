"""Tokens as stored bytes: float16, or int8 with one scale per token."""

from typing import Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

Dtype: TypeAlias = Literal["float16", "int8"]

_LARGEST: Final = 127
"""int8 goes to -128; the symmetric range keeps 0 at 0 and the sign of every value."""
_SCALE_BYTES: Final = 4
"""float32: float16 would lose half the digits of the scale of a faint token."""


def token_bytes(channels: int, dtype: Dtype) -> int:
    """Stored bytes of one token of D channels."""
    return 2 * channels if dtype == "float16" else channels + _SCALE_BYTES


def pack(tokens: npt.NDArray[np.float16], dtype: Dtype) -> bytes:
    """Bytes of tokens, step after step, so that any run of steps is one range of bytes.

    int8 stores round(127 * x / max|x|) of each token, then max|x| / 127 as float32.

    Args:
        tokens: (T, N, D) float16, finite.
        dtype: The stored form.
    """
    if dtype == "float16":
        return np.ascontiguousarray(tokens, dtype="<f2").tobytes()
    values = tokens.astype(np.float32)
    scale = np.abs(values).max(axis=-1, keepdims=True) / _LARGEST  # (T, N, 1)
    levels = np.rint(values / np.where(scale > 0, scale, 1)).astype(np.int8)
    stored = np.concatenate([levels.view(np.uint8), scale.astype("<f4").view(np.uint8)], axis=-1)
    return stored.tobytes()


def unpack(
    steps: npt.NDArray[np.uint8], tokens: int, channels: int, dtype: Dtype
) -> npt.NDArray[np.float16]:
    """Tokens of stored steps.

    Args:
        steps: (T, bytes per step) uint8; a view of a file, say.
        tokens: N.
        channels: D.
        dtype: The stored form.

    Returns:
        (T, N, D) float16: of float16 a view of `steps` where it is contiguous.
    """
    if dtype == "float16":
        halves: npt.NDArray[np.float16] = np.ascontiguousarray(steps).view("<f2")
        return halves.reshape(len(steps), tokens, channels)
    stored = steps.reshape(len(steps), tokens, channels + _SCALE_BYTES)
    levels = stored[..., :channels].view(np.int8).astype(np.float32)
    scale = np.ascontiguousarray(stored[..., channels:]).view("<f4")
    return np.asarray(levels * scale, np.float16)
