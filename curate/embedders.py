"""Image embedders for search and duplicates: pictures in, unit vectors out."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from curate.backbones import Backbone, Device, NotFiniteError, load_backbone
from curate.bundled import Image
from curate.specs import Family, parse_spec
from manifests.errors import ConfigError


class Similarities(NamedTuple):
    """Cosines of clip vectors (unit mean of a clip's unit frame vectors).

    Attributes:
        candidate: From here a pair is worth a look at its stills.
        copy: From here a pair is a copy whatever its stills say.
    """

    candidate: float
    copy: float


SIMILARITIES: Final[dict[Family, Similarities]] = {
    "bundled": Similarities(candidate=0.70, copy=0.97),
    "open_clip": Similarities(candidate=0.93, copy=0.97),
    "timm": Similarities(candidate=0.90, copy=0.97),
}
"""What each family's cosines mean.

`bundled` is measured on 190 real videos, 4 stills each: 57 pairs that share footage (re-encodings,
excerpts, logos, damage) and 17,885 that do not, many of them robot episodes in one room. From 0.70
on are 52 of the 57 and 275 of the others; the most alike of the others has 0.937 (two episodes of
one simulated robot); from 0.97 on are 14 of the 57, and with those that stills verify 25, and none
of the others.
`open_clip` is folklore, not measured here: 0.95 (openai/CLIP issue 260), 0.9 to 0.99 in NeMo
Curator's settings. `timm` holds models of many kinds; its numbers are a cautious guess.
"""


class Embedder:
    """A loaded image embedder.

    Attributes:
        spec: The canonical spec string.
        dim: Length of a vector.
        candidate_similarity: Least cosine for a pair of clips to be looked at.
        copy_similarity: Cosine from which a pair of clips is a copy.
    """

    def __init__(self, backbone: Backbone, batch_size: int) -> None:
        self._backbone = backbone
        self._batch_size = batch_size
        self.spec = str(backbone.spec)
        self.candidate_similarity, self.copy_similarity = similarities(self.spec)
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
    similarities(spec)
    return Embedder(load_backbone(parse_spec(spec), device), batch_size)


def similarities(spec: str) -> Similarities:
    """What the cosines of an embedder mean, without loading it.

    Raises:
        ConfigError: The spec is wrong or names no image embedder.
    """
    family = parse_spec(spec).family
    if family not in SIMILARITIES:
        raise ConfigError(
            f"{spec} encodes video and is no image embedder; take one of {', '.join(SIMILARITIES)}"
        )
    return SIMILARITIES[family]
