"""The objective of a latent-action model: prediction plus a bound on the latent's information.

Reductions, which arXiv 2601.05230 does not state: the prediction error is the mean over batch,
frames, tokens and channels; the KL divergence is summed over latent dimensions and averaged over
batch and frames, as in AdaWorld's code (Little-Podi/AdaWorld, lam/lam/model.py). The KL is added
to what is minimised; the sign printed in 2601.05230 is a misprint.
"""

import torch

from curate.latent_action.regularisers import Latents, Regulariser, kl_divergence, penalty

__all__ = ["kl_divergence", "prediction_error", "regulariser"]


def prediction_error(predicted: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Mean absolute difference over every axis, a scalar.

    Args:
        predicted: Frames of any shape.
        target: Frames of the same shape.
    """
    return (predicted - target).abs().mean()


def regulariser(latents: Latents | None, beta: float) -> torch.Tensor:
    """Penalty on latent actions: `beta` times the mean KL divergence, a scalar.

    Zero where there are no latents (the no-action twin) or `beta` is 0 (regulariser `none`).
    """
    return penalty(latents, Regulariser("kl", beta))
