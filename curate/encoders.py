"""Frozen encoders whose patch tokens a latent-action trainer reads, frame by frame."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from curate.backbones import (
    Backbone,
    Device,
    NotFiniteError,
    choose_device,
    faster_precision,
    load_backbone,
)
from curate.bundled import Image
from curate.specs import parse_spec
from curate.vjepa2 import load_vjepa2
from filters.base import Frames
from manifests.errors import ConfigError

__all__ = [
    "Encoder", "NotFiniteError", "Precision", "Tokens", "load_encoder", "probe_precision",
    "prove_causal",
]  # fmt: skip

Tokens = npt.NDArray[np.float16]
"""(T, N, D) float16: N cells in row-major order, D channels."""

Precision: TypeAlias = Literal["float32", "bfloat16"]

_HALF_MAX: Final = float(np.finfo(np.float16).max)

_TOLERANCE: Final = 1e-3
"""Largest difference of equal frames' tokens, of the tokens' largest value.

On a CPU the two answers are identical. A GPU library may choose another kernel between two calls,
which moves the last bits of float16 (2^-11 is 5e-4); what leaks in from a later frame is larger.
"""

_PROOF_SHAPE: Final = (4, 96, 128, 3)
"""Frames of the clip on which causality is proved at load."""


class Encoder:
    """A loaded, causal encoder.

    Attributes:
        spec: The canonical spec string.
        channels: D, length of a token.
        tokens: N, tokens per frame (grid squared).
        causal: Whether it was proved that no token depends on a later frame.
    """

    def __init__(self, backbone: Backbone, grid: int, batch_size: int) -> None:
        self._backbone = backbone
        self._grid = grid
        self._batch_size = batch_size
        self.spec = str(backbone.spec)
        self.tokens = grid * grid
        rng = np.random.default_rng(0)
        clip = rng.integers(0, 256, _PROOF_SHAPE, dtype=np.uint8)
        self.channels = self.encode(clip[:1]).shape[2]
        prove_causal(self.encode, clip)
        self.causal = True

    def encode(self, frames: Frames | Sequence[Image]) -> Tokens:
        """Encode frames, each by itself.

        Args:
            frames: (T, H, W, 3) uint8 RGB, T at least 1; or T pictures of any sizes.

        Returns:
            (T, N, D) float16: patch tokens averaged over a grid x grid cut of the model's input
            (its central crop, for most models).

        Raises:
            NotFiniteError: A token is infinite, undefined or beyond what float16 holds.
        """
        if not len(frames):
            raise ValueError("frames must hold at least one frame, not 0")
        cells = self._backbone.run(self._pooled, list(frames), self._batch_size)
        largest = float(np.abs(cells).max())
        if largest > _HALF_MAX:
            raise NotFiniteError(
                f"{self.spec} returned {largest:g}; float16 holds up to {_HALF_MAX:g}"
            )
        return cells.astype(np.float16)

    def _pooled(self, pixels: torch.Tensor) -> torch.Tensor:
        """(n, 3, h, w) -> (n, N, D)."""
        patches = self._backbone.patches(pixels).float()  # (n, D, h', w')
        if min(patches.shape[2:]) < self._grid:
            height, width = patches.shape[2:]
            raise ConfigError(
                f"encode.grid = {self._grid} is finer than the {height} x {width} patches "
                f"of {self.spec}"
            )
        return functional.adaptive_avg_pool2d(patches, self._grid).flatten(2).transpose(1, 2)


def load_encoder(
    spec: str,
    *,
    grid: int = 4,
    device: Device = "auto",
    batch_size: int = 32,
    cpu_precision: Precision = "float32",
) -> Encoder:
    """Load an encoder and prove that it is causal.

    Args:
        spec: See `curate.specs.GRAMMAR`.
        grid: Tokens are averaged to grid x grid cells; at most the model's own patches per side.
        device: `auto` takes CUDA where it exists.
        batch_size: Frames per forward pass, at least 1.
        cpu_precision: What a CPU works in; CUDA works in half precision.

    Raises:
        ConfigError: The spec or the grid is wrong, there is no such device, or the encoder lets a
            frame's tokens depend on later frames.
        ModelUnavailableError: The weights can be had neither from a file nor from the hub.
    """
    backbone = _backbone(spec, device)
    if backbone.device.type == "cpu" and cpu_precision == "bfloat16":
        backbone = replace(backbone, bfloat16=True)
    return Encoder(backbone, grid, batch_size)


def probe_precision(spec: str, device: Device = "auto") -> Precision:
    """What `load_encoder` should be told on this machine: `curate.backbones.faster_precision`.

    Raises:
        ConfigError: As `load_encoder`.
        ModelUnavailableError: As `load_encoder`.
    """
    backbone = _backbone(spec, device)
    return faster_precision(backbone) if backbone.device.type == "cpu" else "float32"


def _backbone(spec: str, device: Device) -> Backbone:
    parsed = parse_spec(spec)
    if parsed.family == "vjepa2":
        return load_vjepa2(parsed, choose_device(device))
    return load_backbone(parsed, device)


def prove_causal(encode: Callable[[Frames], Tokens], frames: Frames) -> None:
    """Show that no token depends on a later frame: change the second half, compare the first.

    An encoder that sees the next frame puts the answer into the latent action's input, and every
    number measured on it is void.

    Args:
        encode: Function of (T, H, W, 3) uint8 to (T, N, D).
        frames: A clip of at least 2 frames.

    Raises:
        ConfigError: A token of the first half changed.
    """
    if len(frames) < 2:
        raise ValueError(f"frames must hold at least 2 frames, not {len(frames)}")
    half = len(frames) // 2
    changed = frames.copy()
    changed[half:] = 255 - changed[half:]
    before = encode(frames)[:half].astype(np.float32)
    after = encode(changed)[:half].astype(np.float32)
    leak = float(np.abs(before - after).max())
    if leak > _TOLERANCE * float(np.abs(before).max()):
        raise ConfigError(
            f"the encoder is not causal: changing later frames moved earlier tokens by {leak:g}; "
            "encode each frame by itself"
        )
