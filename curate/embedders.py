"""Image embedders for search and duplicates: pictures in, unit vectors out."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from curate.backbones import Backbone, Device, NotFiniteError, load_backbone
from curate.bundled import Image
from curate.specs import Family, parse_spec
from manifests.errors import ConfigError

CANDIDATES: Final[dict[Family, float]] = {"bundled": 0.55, "open_clip": 0.75, "timm": 0.6}
"""Cosine of clip vectors (unit mean of a clip's unit frame vectors) from which a pair is looked at.

`bundled` is measured by benchmarks/dedup.py: 2 % of random pairs of clips of different sources lie
above, and all transformed copies. For the other families it is what a corpus of too few sources to
calibrate takes (`curate.dedup.calibrate`): CLIP's folklore bound of 0.93 to 0.95 for copies
(openai/CLIP issue 260) would propose no crops, and verification makes a low bound cost time alone.
"""


class Embedder:
    """A loaded image embedder.

    Attributes:
        spec: The canonical spec string.
        dim: Length of a vector.
    """

    def __init__(self, backbone: Backbone, batch_size: int) -> None:
        self._backbone = backbone
        self._batch_size = batch_size
        self.spec = str(backbone.spec)
        self.dim = self.embed([np.zeros((32, 32, 3), np.uint8)]).shape[1]

    def embed(self, images: Sequence[Image]) -> npt.NDArray[np.float32]:
        """Embed pictures.

        Args:
            images: (H, W, 3) uint8 RGB, of any sizes, at least one pixel each.

        Returns:
            (n, dim) float32, rows of unit length; (0, dim) for no pictures.

        Raises:
            NotFiniteError: The model returned an infinite, undefined or all-zero vector.
        """
        if not len(images):
            return np.zeros((0, self.dim), np.float32)
        vectors = self._backbone.run(self._backbone.vectors, images, self._batch_size)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not lengths.all():
            raise NotFiniteError(f"{self.spec} returned a vector of zeros, which has no direction")
        return np.asarray(vectors / lengths, np.float32)


def load_embedder(spec: str, *, device: Device = "auto", batch_size: int = 32) -> Embedder:
    """Load an image embedder.

    Args:
        spec: See `curate.specs.GRAMMAR`; not vjepa2.
        device: `auto` takes CUDA where it exists.
        batch_size: Pictures per forward pass, at least 1.

    Raises:
        ConfigError: The spec is wrong or names no image embedder, or there is no such device.
        ModelUnavailableError: The weights can be had neither from a file nor from the hub.
    """
    candidate_similarity(spec)
    return Embedder(load_backbone(parse_spec(spec), device), batch_size)


def candidate_similarity(spec: str) -> float:
    """From which cosine on pairs of clips are looked at, without loading the embedder.

    Raises:
        ConfigError: The spec is wrong or names no image embedder.
    """
    parsed = parse_spec(spec)
    family = parsed.family
    if family == "bundled" and parsed.name:
        raise ConfigError(f"{spec} is an inner map, for tokens; the embedder is `bundled`")
    if family not in CANDIDATES:
        raise ConfigError(
            f"{spec} encodes video and is no image embedder; take one of {', '.join(CANDIDATES)}"
        )
    return CANDIDATES[family]
