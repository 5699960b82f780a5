"""One frozen target space for all arms: channels standardised, rotated, reduced, scaled once.

Fitted on a neutral reference sample, never per arm and never on evaluation clips: errors of arms
in different spaces have different units and cannot be compared.
"""

from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

_CHUNK_CLIPS: Final = 64  # bounds the float32 copy of the tokens
_DEAD: Final = 1e-6  # a channel's deviation, relative to the largest, below which it says nothing


@dataclass(frozen=True)
class Normaliser:
    """A frozen affine map of tokens, y = (x - mean) @ projection.

    Attributes:
        mean: (D,) per-channel mean.
        projection: (D, K) standardisation, principal axes and one common scale in one matrix. The
            axes are not whitened: directions that vary more weigh more in the error.
    """

    mean: Array
    projection: Array

    @cached_property
    def hash(self) -> str:
        """16 hexadecimal digits of the map's numbers: equal where errors are comparable."""
        digest = blake2b(digest_size=8)
        for part in (self.mean, self.projection):
            digest.update(np.ascontiguousarray(part, dtype="<f8").tobytes())
        return digest.hexdigest()

    def apply(self, tokens: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Map (n, T, N, D) tokens of any float type to (n, T, N, K) float32.

        Raises:
            ValueError: The channels differ from those of the fit.
        """
        if tokens.ndim != 4 or tokens.shape[-1] != len(self.mean):
            raise ValueError(f"tokens must be (n, T, N, {len(self.mean)}), not {tokens.shape}")
        out = np.empty((*tokens.shape[:-1], self.projection.shape[1]), dtype=np.float32)
        projection = self.projection.astype(np.float32)
        mean = self.mean.astype(np.float32)
        for start in range(0, len(tokens), _CHUNK_CLIPS):
            part = slice(start, start + _CHUNK_CLIPS)
            out[part] = (tokens[part].astype(np.float32) - mean) @ projection
        return out


def fit_normaliser(tokens: npt.NDArray[Any], channels: int) -> Normaliser:
    """Fit the map to a reference sample.

    Args:
        tokens: (n, T, N, D) of the neutral reference (`StudyPlan.reference`).
        channels: Most channels kept, K; fewer where the tokens have fewer.

    Returns:
        A map under which the sample has mean 0 and a mean variance per kept channel of 1.

    Raises:
        ValueError: The sample is empty, not finite, or constant.
    """
    if tokens.ndim != 4 or not len(tokens):
        raise ValueError(f"the reference sample must be (n, T, N, D), not {tokens.shape}")
    mean, covariance = _moments(tokens)
    if not np.isfinite(covariance).all():
        raise ValueError("the reference sample holds tokens that are not finite")
    deviation = np.sqrt(np.diag(covariance))
    alive = deviation > _DEAD * deviation.max()
    if not alive.any():
        raise ValueError("the reference sample is constant: every frame has the same tokens")
    inverse = np.where(alive, 1 / np.where(alive, deviation, 1), 0)
    values, vectors = np.linalg.eigh(covariance * inverse * inverse[:, None])
    kept = min(channels, int(alive.sum()))
    values, vectors = values[::-1][:kept], vectors[:, ::-1][:, :kept]
    # The sign of an axis is arbitrary; fix it so that the same data give the same map.
    vectors = vectors * np.sign(vectors[np.abs(vectors).argmax(0), np.arange(kept)])
    return Normaliser(mean, inverse[:, None] * vectors / np.sqrt(values.mean()))


def _moments(tokens: npt.NDArray[Any]) -> tuple[Array, Array]:
    """Mean (D,) and covariance (D, D) over clips, frames and tokens."""
    size = tokens.shape[-1]
    total, square, count = np.zeros(size), np.zeros((size, size)), 0
    # Sums about the first token lose no digits to a large common offset.
    origin = tokens[0, 0, 0].astype(np.float64)
    for start in range(0, len(tokens), _CHUNK_CLIPS):
        rows = tokens[start : start + _CHUNK_CLIPS].reshape(-1, size).astype(np.float64) - origin
        total += rows.sum(0)
        square += rows.T @ rows
        count += len(rows)
    mean = total / count
    return mean + origin, square / count - np.outer(mean, mean)
