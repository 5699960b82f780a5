"""How much the forward model obeys the latent action.

    delta PSNR(h) = 10 log10(mean MSE(h), actions of another clip / mean MSE(h), own actions)
    sweep(alpha)  = mean absolute rollout error with alpha times the inferred action

Source: Genie's delta PSNR (arXiv 2402.15391) in feature space, where the peak cancels; foreign
actions are drawn from the clips themselves and not from a prior, which weakly bounded latents do
not follow. A model that uses its action has its least error at alpha = 1.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from curate.latent_action.model import LatentActionModel
from curate.study.metrics import context_frames, roll_out

Array = npt.NDArray[np.float64]

SCALES: Final = (0.0, 0.5, 1.0, 1.5)


def delta_psnr(mse_shuffled: npt.ArrayLike, mse: npt.ArrayLike) -> Array:
    """Ratio of mean squared errors in dB, elementwise; nan where the latter is 0."""
    above, below = np.asarray(mse_shuffled, dtype=np.float64), np.asarray(mse, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        gain: Array = np.where(below > 0, 10 * np.log10(above / below), np.nan)
    return gain


@torch.no_grad()
def scale_sweep(
    model: LatentActionModel,
    tokens: torch.Tensor,
    horizon: int,
    scales: Sequence[float] = SCALES,
    *,
    batch: int = 64,
) -> Array:
    """Rollout errors with inferred actions multiplied.

    Args:
        model: A latent-action model.
        tokens: (n, T, N, D), normalised.
        horizon: H, 1 to T - 1.
        scales: Factors alpha.
        batch: Clips at a time; bounds memory.

    Returns:
        (scales, n, H) mean absolute errors.

    Raises:
        ValueError: The horizon does not fit, or the model is a twin without actions.
    """
    steps = tokens.shape[1]
    if not 1 <= horizon < steps:
        raise ValueError(f"horizon must be 1 to {steps - 1} for clips of {steps}, not {horizon}")
    c = context_frames(steps, horizon)
    parts = []
    for frames in torch.split(tokens, batch):
        latents = model.infer(frames)
        if latents is None:
            raise ValueError("a model without actions has none to scale")
        target = frames[:, c : c + horizon]
        rolled = [roll_out(model, frames[:, :c], alpha * latents.mean, horizon) for alpha in scales]
        parts.append(torch.stack([(r - target).abs().mean((-2, -1)) for r in rolled]))
    errors: Array = torch.cat(parts, dim=1).double().numpy()
    return errors
