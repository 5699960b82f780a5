"""What a linear latent-action model learns from pairs with cuts, camera motion and still clips.

Frames follow o' = o + q + e with q = X a (action) and e = Y b (camera, others), a and b of unit
covariance; a share s of pairs is still (o' = o) and a share p is a cut (o' an independent frame).
The best linear predictor of o' is then (1 - p) o, and what it leaves has the covariance

    Sigma_res = (1 - p) (1 - s) (Sigma_q + Sigma_e) + p (2 - p) Sigma_o,

whose first eigenvectors the latent action spans (arXiv 2506.15691, propositions 4.1 and 4.2; cuts
and still clips are our extension). So cuts compete with actions by p (2 - p) lambda(Sigma_o)
against (1 - p) lambda(Sigma_q), camera motion wins where it varies more than the action, and still
clips change nothing but the number of pairs. On clean pairs z = U^T (q + e + p o).
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LinearWorld:
    """A linear world; frames of d numbers.

    Attributes:
        action: (d, A), X: change of the frame by unit actions.
        camera: (d, B), Y: change by unit camera motion; B may be 0.
        state: (d, d), Sigma_o.
    """

    action: Array
    camera: Array
    state: Array


@dataclass(frozen=True, slots=True)
class LinearPrediction:
    """What the linear model does after training on all pairs of a world.

    Attributes:
        basis: (d, latent) orthonormal columns that latent actions span.
        eigenvalues: (d,) of Sigma_res, descending; those after `latent` sum to the least error.
        action_r2: R2(z -> a) on clean pairs, dimensions pooled by variance.
        camera_r2: R2(z -> b) on clean pairs; None where there is no camera motion.
    """

    basis: Array
    eigenvalues: Array
    action_r2: float
    camera_r2: float | None


def predict_linear(
    world: LinearWorld, latent: int, *, cut_share: float = 0.0, static_share: float = 0.0
) -> LinearPrediction:
    """Predict the subspace that latent actions span and what they tell on clean pairs.

    Args:
        world: Covariances.
        latent: Dimensions of z, 1 to d.
        cut_share: p, 0 to 1.
        static_share: s, 0 to 1, of the pairs that are not cuts.

    Raises:
        ValueError: A share is outside of [0, 1].
    """
    for name, share in (("cut_share", cut_share), ("static_share", static_share)):
        if not 0 <= share <= 1:
            raise ValueError(f"{name} must be 0 to 1, not {share}")
    change = world.action @ world.action.T + world.camera @ world.camera.T
    residual = residual_covariance(change, world.state, cut_share, static_share)
    values, vectors = np.linalg.eigh(residual)
    basis = vectors[:, ::-1][:, :latent]
    spread = basis.T @ (change + cut_share**2 * world.state) @ basis
    camera = _r2(world.camera, basis, spread) if world.camera.shape[1] else None
    return LinearPrediction(basis, values[::-1], _r2(world.action, basis, spread), camera)


def residual_covariance(
    change: Array, state: Array, cut_share: float, static_share: float = 0.0
) -> Array:
    """Sigma_res (d, d) of Sigma_q + Sigma_e and Sigma_o, which may be estimates from video."""
    moving = (1 - cut_share) * (1 - static_share)
    residual: Array = moving * change + cut_share * (2 - cut_share) * state
    return residual


def cut_threshold(change: Array, state: Array, rank: int) -> float:
    """Share of cuts at which the first direction of Sigma_o outweighs an action's.

    Solves (1 - p) lambda_rank(change) = p (2 - p) lambda_1(state) for p, directions taken as
    orthogonal.

    Args:
        change: (d, d) Sigma_q + Sigma_e.
        state: (d, d) Sigma_o.
        rank: Which of the action's eigenvalues, from 1.

    Returns:
        0 to 1; from there on at least one dimension of z goes to what cuts change.
    """
    ratio = float(np.linalg.eigvalsh(change)[-rank] / np.linalg.eigvalsh(state)[-1])
    # p^2 - (2 + ratio) p + ratio = 0, the root below 1.
    return (2 + ratio - math.sqrt((2 + ratio) ** 2 - 4 * ratio)) / 2


def _r2(cause: Array, basis: Array, spread: Array) -> float:
    """R2 of the best linear probe from z to a cause of unit covariance, dimensions pooled."""
    cross = basis.T @ cause  # (latent, A) covariance of z with the cause
    explained = np.linalg.pinv(spread, hermitian=True) @ cross
    share: float = (cross * explained).sum().item() / cause.shape[1]
    return share
