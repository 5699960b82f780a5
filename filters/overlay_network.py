"""The overlay network: where in a span of a clip something was drawn over the picture.

A small fully convolutional network in numpy over `filters.overlay_maps`. The weights are in a file
beside this module; `curate.overlays.training` made them and says from what.
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import Final

import numpy as np
import numpy.typing as npt

from filters.base import Gray
from filters.overlay_maps import CHANNELS

Floats = npt.NDArray[np.float32]

CELL: Final = 4
"""px of the analysed picture along a side of a cell of the answer."""
OFFSET: Final = (0.45, 0.45, 0.45, 0.45, 0.2, 0.06, 0.12, 0.04, 0.04, 0.5, 0.5, 0.02)
SCALE: Final = (4.0, 4.0, 4.0, 4.0, 4.0, 8.0, 6.0, 10.0, 10.0, 10.0, 10.0, 20.0)
"""Per channel: (value / 255 - offset) * scale has a spread of about 1."""
_FILE: Final = files("filters").joinpath("overlay_weights.npz")


@dataclass(frozen=True, slots=True)
class Network:
    """Weights.

    Attributes:
        arrays: `<layer>.weight` (out, in, k, k) and `<layer>.bias` of the layers a to h and o.
    """

    arrays: dict[str, Floats]

    def scores(self, maps: Gray) -> Floats:
        """How surely each cell is under an overlay.

        Args:
            maps: (CHANNELS, H, W) uint8 of `filters.overlay_maps`.

        Returns:
            (2, ceil(H / 4), ceil(W / 4)) float32 in 0 to 1: of any kind, and of text.
        """
        if maps.shape[0] != CHANNELS:
            raise ValueError(f"expected {CHANNELS} channels, got {maps.shape}")
        shift = np.array(OFFSET, np.float32)[:, None, None]
        scale = np.array(SCALE, np.float32)[:, None, None]
        x: Floats = np.asarray((maps / np.float32(255) - shift) * scale, np.float32)
        x = self._relu("a", x, stride=2)
        x = self._relu("b", x, stride=2)
        x = self._relu("c", x)
        y: Floats = self._relu("d", x, stride=2)
        for name, dilation in (("e", 2), ("f", 4)):
            y = np.add(y, self._relu(name, y, dilation=dilation))
        y = y.repeat(2, axis=1).repeat(2, axis=2)[:, : x.shape[1], : x.shape[2]]
        x = self._relu("g", np.concatenate([x, y]))
        x = x + self._relu("h", x)
        logits = self._layer("o", x)
        return np.asarray(1 / (1 + np.exp(-logits)), np.float32)

    def _relu(self, name: str, x: Floats, stride: int = 1, dilation: int = 1) -> Floats:
        return np.asarray(np.maximum(self._layer(name, x, stride, dilation), 0), np.float32)

    def _layer(self, name: str, x: Floats, stride: int = 1, dilation: int = 1) -> Floats:
        """Convolution with zeros around, as sums of one matrix product per tap."""
        weight, bias = self.arrays[f"{name}.weight"], self.arrays[f"{name}.bias"]
        size = weight.shape[2]
        _, height, width = x.shape
        rows, columns = -(-height // stride), -(-width // stride)
        if size == 1:
            flat = weight[:, :, 0, 0] @ x.reshape(len(x), -1)
            return (flat + bias[:, None]).reshape(-1, height, width)
        padded = np.pad(x, ((0, 0), (dilation, dilation), (dilation, dilation)))
        taps = np.empty((size, size, len(x), rows, columns), np.float32)
        for i in range(size):
            for j in range(size):
                top, left = i * dilation, j * dilation
                taps[i, j] = padded[
                    :, top : top + (rows - 1) * stride + 1 : stride,
                    left : left + (columns - 1) * stride + 1 : stride,
                ]  # fmt: skip
        matrix = weight.transpose(0, 2, 3, 1).reshape(len(weight), -1)
        flat = matrix @ taps.reshape(-1, rows * columns) + bias[:, None]
        return np.asarray(flat.reshape(-1, rows, columns), np.float32)


@cache
def network() -> Network:
    """The shipped weights."""
    with np.load(BytesIO(_FILE.read_bytes())) as stored:
        return Network({name: stored[name].astype(np.float32) for name in stored.files})
