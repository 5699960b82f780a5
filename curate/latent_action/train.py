"""Training with a fixed budget, the same for every arm, reproducible from the seed."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from curate.latent_action.bottlenecks import sparse_penalty
from curate.latent_action.losses import prediction_error, regulariser
from curate.latent_action.model import LatentActionModel, ModelConfig
from manifests.errors import CurateError

# As in arXiv 2601.05230, appendix A.
WEIGHT_DECAY: Final = 0.04
WARM_UP_SHARE: Final = 0.1
GRADIENT_NORM: Final = 1.0
"""Gradients are clipped to this norm (V-JEPA 2-AC; not stated in 2601.05230)."""


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """A model's sizes and its budget.

    Attributes:
        model: Sizes.
        steps: Optimiser steps.
        batch_size: Clips per step; all clips where there are fewer.
        learning_rate: Peak of the schedule.
        beta: Weight of the KL divergence; 0 for none.
        regularise: False trains with deterministic latents (regulariser `none`), whatever `beta`.
        sparse_l1: Weight of the L1 norm of the sparse penalty, which then replaces the KL
            divergence; None for the KL divergence.
    """

    model: ModelConfig
    steps: int = 400
    batch_size: int = 32
    learning_rate: float = 1e-3
    beta: float = 1e-3
    regularise: bool = True
    sparse_l1: float | None = None


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained model.

    Attributes:
        model: In evaluation mode.
        losses: (steps,) prediction error of each training batch, without the regulariser.
        cpu_s: CPU time of training.
    """

    model: LatentActionModel
    losses: npt.NDArray[np.float64]
    cpu_s: float


class TrainingDiverged(CurateError, ArithmeticError):
    """A loss is no number: what was learned so far is worthless."""


def train(tokens: torch.Tensor, config: TrainConfig, seed: int, *, action: bool) -> Trained:
    """Train a latent-action model, or its no-action twin, for a fixed number of steps.

    AdamW with linear warm-up and cosine decay to 0. The global random state is left unchanged;
    the same seed gives the same batches with and without action.

    Args:
        tokens: (clips, T, N, D) float32, normalised.
        config: Sizes and budget.
        seed: Decides initial weights, batches and noise.
        action: False trains the no-action twin.

    Raises:
        ValueError: The tokens do not have the sizes of `config.model`, or there are none.
        TrainingDiverged: A loss is infinite or no number.
    """
    model_config = config.model
    shape = (model_config.steps, model_config.tokens, model_config.channels)
    if len(tokens) == 0 or tokens.shape[1:] != shape:
        raise ValueError(f"tokens must be (clips, *{shape}), not {tuple(tokens.shape)}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LatentActionModel(model_config, action=action)
    batches = _batches(len(tokens), config.batch_size, torch.Generator().manual_seed(seed))
    noise_source = torch.Generator().manual_seed(seed + 1)
    optimiser = torch.optim.AdamW(_parameter_groups(model), lr=config.learning_rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, _schedule(config.steps))
    gaussian = model_config.bottleneck == "gaussian" and config.sparse_l1 is None
    beta = config.beta if config.regularise and gaussian else 0.0
    stochastic = action and beta > 0
    losses = np.empty(config.steps)
    begin = time.process_time()
    for step in range(config.steps):
        frames = tokens[next(batches)]
        noise = None
        if stochastic:
            size = (len(frames), model_config.steps - 1, model_config.latent)
            noise = torch.randn(size, generator=noise_source)
        predicted, latents, penalty = model(frames, noise)
        error = prediction_error(predicted, frames[:, 1:])
        penalty = penalty + regulariser(latents, beta)
        if config.sparse_l1 is not None and latents is not None:
            penalty = penalty + sparse_penalty(latents.mean, config.sparse_l1)
        if not torch.isfinite(error + penalty):
            raise TrainingDiverged(
                f"the loss is {error.item():g} + {penalty.item():g} at step {step} of "
                f"{config.steps}; a lower learning rate than {config.learning_rate:g} may help"
            )
        optimiser.zero_grad()
        torch.autograd.backward(error + penalty)
        nn.utils.clip_grad_norm_(model.parameters(), GRADIENT_NORM)
        optimiser.step()
        schedule.step()
        losses[step] = error.item()
    return Trained(model.eval(), losses, time.process_time() - begin)


def _batches(clips: int, size: int, generator: torch.Generator) -> Iterator[torch.Tensor]:
    """Endless batches of clip indices: whole epochs without repetition, the remainder left out."""
    size = min(size, clips)
    while True:
        order = torch.randperm(clips, generator=generator)
        yield from order[: clips - clips % size].view(-1, size)


def _schedule(steps: int) -> "_WarmUpCosine":
    return _WarmUpCosine(steps, max(1, round(WARM_UP_SHARE * steps)))


@dataclass(frozen=True, slots=True)
class _WarmUpCosine:
    """Factor of the peak learning rate at a step."""

    steps: int
    warm_up: int

    def __call__(self, step: int) -> float:
        if step < self.warm_up:
            return (step + 1) / self.warm_up
        progress = (step - self.warm_up) / max(1, self.steps - self.warm_up)
        return 0.5 * (1 + math.cos(math.pi * progress))


def _parameter_groups(model: nn.Module) -> list[dict[str, object]]:
    """Decay weight matrices only; biases, norms, position codes and constants are left free."""
    decayed = [m.weight for m in model.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    chosen = {id(p) for p in decayed}
    free = [p for p in model.parameters() if id(p) not in chosen]
    return [
        {"params": decayed, "weight_decay": WEIGHT_DECAY},
        {"params": free, "weight_decay": 0.0},
    ]
