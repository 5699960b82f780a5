"""Training with a fixed budget, the same for every arm, reproducible from the seed."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from curate.latent_action.checkpoints import fingerprint, read_checkpoint, write_checkpoint
from curate.latent_action.losses import prediction_error
from curate.latent_action.model import LatentActionModel, ModelConfig
from curate.latent_action.regularisers import NONE, Codebook, Latents, Regulariser, penalty

# As in arXiv 2601.05230, appendix A.
WEIGHT_DECAY: Final = 0.04
WARM_UP_SHARE: Final = 0.1
GRADIENT_NORM: Final = 1.0
"""Gradients are clipped to this norm (V-JEPA 2-AC; not stated in 2601.05230)."""

RESTART_STEPS: Final = 50
"""Codes that no latent action of so many steps chose are replaced."""
RESTART_SHARE: Final = 0.8
"""Codes are replaced within this share of the budget; later ones could not be learned."""

_EVIDENCE_CLIPS: Final = 64  # bounds memory; no effect on a value


class DivergedError(ArithmeticError):
    """Training gave a loss that is infinite or undefined."""


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """A model's sizes and its budget.

    Attributes:
        model: Sizes.
        steps: Optimiser steps.
        batch_size: Clips per step; all clips where there are fewer.
        learning_rate: Peak of the schedule.
        beta: Weight of the KL divergence; 0 for none. Not looked at where `regulariser` is given.
        regularise: False trains with deterministic latents (regulariser `none`), whatever `beta`.
        regulariser: Bound on the latent action; None takes `kl` with `beta`.
    """

    model: ModelConfig
    steps: int = 400
    batch_size: int = 32
    learning_rate: float = 1e-3
    beta: float = 1e-3
    regularise: bool = True
    regulariser: Regulariser | None = None

    @property
    def bound(self) -> Regulariser:
        """The regulariser that holds."""
        if not self.regularise:
            return NONE
        return Regulariser("kl", self.beta) if self.regulariser is None else self.regulariser


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained model and what training took.

    Attributes:
        model: In evaluation mode.
        losses: (steps done,) prediction error of each training batch, without the regulariser.
        penalties: (steps done,) what the regulariser added.
        cpu_s: CPU seconds of the process over the steps of this call.
        wall_s: Seconds that they took.
        clips_per_s: Clips trained on per second of `wall_s`.
    """

    model: LatentActionModel
    losses: npt.NDArray[np.float64]
    penalties: npt.NDArray[np.float64]
    cpu_s: float
    wall_s: float
    clips_per_s: float


def train(
    tokens: torch.Tensor,
    config: TrainConfig,
    seed: int,
    *,
    action: bool,
    device: str = "cpu",
    checkpoint: Path | None = None,
    checkpoint_steps: int = 200,
    until: int | None = None,
) -> Trained:
    """Train a latent-action model, or its no-action twin, for a fixed number of steps.

    AdamW with linear warm-up and cosine decay to 0. The global random state is left unchanged;
    the same seed gives the same batches with and without action. On a CPU, training that was
    interrupted and goes on from its checkpoint ends with the same weights to the last bit.

    Args:
        tokens: (clips, T, N, D) float32, normalised.
        config: Sizes and budget.
        seed: Decides initial weights, batches, noise and which codes restart.
        action: False trains the no-action twin.
        device: `cpu`, or `cuda`, where the arithmetic is bfloat16.
        checkpoint: File that the state is written to and, where it exists, read from.
        checkpoint_steps: Steps between writes.
        until: Stop, as if interrupted, after this step of the whole budget.

    Raises:
        ValueError: The tokens do not have the sizes of `config.model`, are not finite, or there
            are none; or the checkpoint is of another training.
        DivergedError: The loss of a step is not finite.
    """
    _check(tokens, config.model)
    run = _Run(tokens, config, seed, action, torch.device(device))
    key = fingerprint(tokens, config, seed, action)
    if checkpoint is not None and checkpoint.exists():
        run.resume(read_checkpoint(checkpoint, key))
    first, last = run.step, config.steps if until is None else min(until, config.steps)
    cpu, wall = time.process_time(), time.perf_counter()
    while run.step < last:
        run.advance()
        if checkpoint is not None and (run.step % checkpoint_steps == 0 or run.step == last):
            write_checkpoint(checkpoint, key, run.state())
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    clips = (run.step - first) * min(config.batch_size, len(tokens))
    return Trained(
        run.model.eval(),
        run.losses[: run.step],
        run.penalties[: run.step],
        cpu_s=cpu,
        wall_s=wall,
        clips_per_s=clips / wall if clips else 0.0,
    )


def _check(tokens: torch.Tensor, config: ModelConfig) -> None:
    shape = (config.steps, config.tokens, config.channels)
    if len(tokens) == 0 or tokens.shape[1:] != shape:
        raise ValueError(f"tokens must be (clips, *{shape}), not {tuple(tokens.shape)}")
    bad = ~torch.isfinite(tokens).flatten(1).all(1)
    if bad.any():
        raise ValueError(f"tokens of clip {int(bad.nonzero()[0])} are not finite")


class _Run:
    """A training between two steps: all that the next step depends on."""

    def __init__(
        self,
        tokens: torch.Tensor,
        config: TrainConfig,
        seed: int,
        action: bool,
        device: torch.device,
    ) -> None:
        self.tokens, self.config, self.device = tokens, config, device
        self.bound = config.bound
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = LatentActionModel(config.model, action=action, regulariser=self.bound)
        self.model = model.to(device)
        self.evidence = _evidence(self.model, tokens)
        self.batches = _batches(len(tokens), config.batch_size, torch.Generator().manual_seed(seed))
        self.noise_source = torch.Generator().manual_seed(seed + 1)
        self.restarts = torch.Generator().manual_seed(seed + 2)
        self.optimiser = torch.optim.AdamW(_parameter_groups(model), lr=config.learning_rate)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimiser, _schedule(config.steps))
        self.losses, self.penalties = np.empty(config.steps), np.empty(config.steps)
        self.step = 0

    def advance(self) -> None:
        """Take one optimiser step.

        Raises:
            DivergedError: Its loss is not finite.
        """
        chosen = next(self.batches)
        frames = self.tokens[chosen].to(self.device, non_blocking=True)
        evidence = None
        if self.evidence is not None:
            evidence = self.evidence[chosen].to(self.device, non_blocking=True)
        noise = self._noise(len(frames))
        if self.step == 0:
            self._restart(frames, evidence)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            predicted, latents = self.model(frames, noise, evidence)
        error = prediction_error(predicted.float(), frames[:, 1:])
        added = penalty(_full(latents), self.bound)
        self.losses[self.step], self.penalties[self.step] = error.item(), added.item()
        if not math.isfinite(self.losses[self.step] + self.penalties[self.step]):
            raise DivergedError(
                f"step {self.step} of {self.config.steps}: prediction error "
                f"{self.losses[self.step]:g}, penalty {self.penalties[self.step]:g}; lower the "
                f"learning rate ({self.config.learning_rate:g})"
            )
        self.optimiser.zero_grad()
        torch.autograd.backward(error + added)
        nn.utils.clip_grad_norm_(self.model.parameters(), GRADIENT_NORM)
        self.optimiser.step()
        self.schedule.step()
        self.step += 1
        if self.step % RESTART_STEPS == 0 and self.step <= RESTART_SHARE * self.config.steps:
            self._restart(frames, evidence)

    def _noise(self, clips: int) -> torch.Tensor | None:
        if self.model.inverse is None or not self.bound.stochastic:
            return None
        size = (clips, self.config.model.steps - 1, self.config.model.latent)
        return torch.randn(size, generator=self.noise_source).to(self.device)

    def _restart(self, frames: torch.Tensor, evidence: torch.Tensor | None) -> None:
        """Give codes that nobody uses, at first all of them, encodings of a batch."""
        if not isinstance(self.model.quantiser, Codebook):
            return
        with torch.no_grad():
            self.model.eval()
            latents = self.model.infer(frames, evidence)
            self.model.train()
        if latents is not None and latents.encoding is not None:
            self.model.quantiser.restart(latents.encoding, self.restarts)

    def state(self) -> dict[str, object]:
        """All that the next step depends on, beside the arguments."""
        return {
            "step": self.step,
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict(),
            "noise": self.noise_source.get_state(),
            "restarts": self.restarts.get_state(),
            "losses": torch.from_numpy(self.losses),
            "penalties": torch.from_numpy(self.penalties),
        }

    def resume(self, state: dict[str, object]) -> None:
        """Go on from a state of `state`."""
        self.model.load_state_dict(state["model"])  # type: ignore[arg-type]
        self.optimiser.load_state_dict(state["optimiser"])  # type: ignore[arg-type]
        self.schedule.load_state_dict(state["schedule"])  # type: ignore[arg-type]
        self.noise_source.set_state(state["noise"])  # type: ignore[arg-type]
        self.restarts.set_state(state["restarts"])  # type: ignore[arg-type]
        self.losses[:] = state["losses"]  # type: ignore[call-overload]
        self.penalties[:] = state["penalties"]  # type: ignore[call-overload]
        while self.step < state["step"]:  # type: ignore[operator]
            next(self.batches)
            self.step += 1


def _evidence(model: LatentActionModel, tokens: torch.Tensor) -> torch.Tensor | None:
    """Evidence of all clips, which a frozen encoder lets us compute once for all steps."""
    parts = [model.evidence(part) for part in torch.split(tokens, _EVIDENCE_CLIPS)]
    known = [part for part in parts if part is not None]
    return torch.cat(known) if known else None


def _full(latents: Latents | None) -> Latents | None:
    """Latents in float32: penalties square and exponentiate."""
    if latents is None:
        return None
    encoding = None if latents.encoding is None else latents.encoding.float()
    chosen = None if latents.chosen is None else latents.chosen.float()
    mean, log_variance = latents.mean.float(), latents.log_variance.float()
    return Latents(mean, log_variance, latents.codes, encoding, chosen)


def _batches(clips: int, size: int, generator: torch.Generator) -> Iterator[torch.Tensor]:
    """Endless batches of clip indices: whole epochs without repetition, the remainder left out."""
    size = min(size, clips)
    while True:
        order = torch.randperm(clips, generator=generator)
        yield from order[: clips - clips % size].view(-1, size)


def _schedule(steps: int) -> "_WarmUpCosine":
    return _WarmUpCosine(steps, max(1, round(WARM_UP_SHARE * steps)))


@dataclass(frozen=True)  # no slots: the schedule's state is taken from its __dict__
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
