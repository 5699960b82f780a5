"""The linear latent-action model in closed form: an exact oracle, and the baseline to beat."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch

Array = npt.NDArray[np.float64]

MAX_LINEAR_SIZE: Final = 1024
"""Most numbers per frame (N D): the eigenproblem grows with the cube (0.3 s at 1024)."""

RIDGE_SHARE: Final = 0.1
"""Ridge of `fit_linear`, in units of the mean variance of a frame's numbers.

Pulls the predictor towards copying, since small corpora have fewer pairs than unknowns.
"""


@dataclass(frozen=True, slots=True)
class LinearAction:
    """A linear latent-action model: z = U^T (o' - predict(o)), o'^ = predict(o) + U z.

    Attributes:
        mean: (K,) mean of the earlier frame.
        next_mean: (K,) mean of the later frame.
        transition: (K, K), best linear predictor of the later from the earlier frame, row vectors.
        basis: (K, d) orthonormal columns U.
        discarded: Sum of the residual covariance's eigenvalues outside U: the squared error on
            the data of the fit.
    """

    mean: Array
    next_mean: Array
    transition: Array
    basis: Array
    discarded: float

    def infer(self, before: Array, after: Array) -> Array:
        """Latent actions (n, d) of pairs of frames, both (n, K)."""
        predicted = (before - self.mean) @ self.transition + self.next_mean
        latents: Array = (after - predicted) @ self.basis
        return latents

    def reconstruct(self, before: Array, after: Array) -> Array:
        """Predict later frames from earlier ones and the latents of each pair, all (n, K)."""
        predicted = (before - self.mean) @ self.transition + self.next_mean
        reconstructed: Array = predicted + (after - predicted) @ self.basis @ self.basis.T
        return reconstructed


def solve_linear(before: Array, after: Array, latent: int, ridge: float = 0.0) -> LinearAction:
    """Solve min over A, B, C, D of the squared error of A o + B (C o + D o') against o'.

    Given the best linear prediction of o' from o, the optimum is the principal components of what
    is left.

    Source: arXiv 2506.15691, propositions 4.1 and 4.2; the ridge towards the identity is ours.

    Args:
        before: (n, K) earlier frames o.
        after: (n, K) later frames o'.
        latent: Dimensions d of the latent action; K where that is smaller.
        ridge: Weight, at least 0, of |A - I|^2 beside the mean squared error.
    """
    mean, next_mean = before.mean(0), after.mean(0)
    o, change = before - mean, (after - next_mean) - (before - mean)
    covariance = o.T @ o / len(o)
    cross = o.T @ change / len(o)
    if ridge > 0:
        deviation = np.linalg.solve(covariance + ridge * np.eye(len(covariance)), cross)
    else:
        deviation = np.linalg.lstsq(covariance, cross, rcond=None)[0]
    residual = change - o @ deviation
    values, vectors = np.linalg.eigh(residual.T @ residual / len(residual))
    kept = min(latent, len(values))
    discarded = float(values[: len(values) - kept].sum())
    transition = np.eye(len(covariance)) + deviation
    return LinearAction(mean, next_mean, transition, vectors[:, ::-1][:, :kept], discarded)


def fit_linear(tokens: torch.Tensor, latent: int) -> LinearAction:
    """Fit the linear model to all pairs of adjacent frames of clips.

    Args:
        tokens: (clips, T, N, D), normalised; a frame is its N D numbers.
        latent: Dimensions of the latent action.
    """
    before, after = pairs(tokens)
    return solve_linear(before, after, latent, RIDGE_SHARE * float(before.var(0).mean()))


def pairs(tokens: torch.Tensor) -> tuple[Array, Array]:
    """Earlier and later frames of every adjacent pair, each (clips (T-1), N D) float64."""
    frames = tokens.flatten(2).numpy().astype(np.float64)
    size = frames.shape[-1]
    return frames[:, :-1].reshape(-1, size), frames[:, 1:].reshape(-1, size)
