"""Fit the network to composed sequences."""

import logging
import time
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from curate.shots.network import DILATIONS, KERNEL, Network
from curate.shots.signals import NAMES
from curate.shots.training.synthesis import CLASSES, IGNORE

logger = logging.getLogger(__name__)

CROP: Final = 192
"""Frames of a training sequence."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the network is fitted.

    Attributes:
        channels: Width of the network.
        hidden: Width before the outputs.
        steps: Gradient steps.
        batch: Sequences per step.
        rate: Peak learning rate (one cycle, AdamW).
        decay: Weight decay.
        cut_weight: Weight of frames that are cuts.
        gradual_weight: Weight of the gradual loss beside that of cuts.
        seed: Of weights and batches.
    """

    channels: int = 64
    hidden: int = 48
    steps: int = 4000
    batch: int = 32
    rate: float = 3e-3
    decay: float = 0.02
    cut_weight: float = 3.0
    gradual_weight: float = 1.0
    seed: int = 0


class Trained(nn.Module):
    """The same network as `curate.shots.network.Network`, for gradients."""

    mean: Tensor
    std: Tensor

    def __init__(self, recipe: Recipe, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        wide = recipe.channels
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)
        self.first = nn.Conv1d(len(mean), wide, 1)
        self.blocks = nn.ModuleList(
            nn.Conv1d(wide, wide, KERNEL, dilation=d, padding=d * (KERNEL // 2)) for d in DILATIONS
        )
        self.mid = nn.Conv1d(wide, recipe.hidden, 1)
        self.out = nn.Conv1d(recipe.hidden, 1 + len(CLASSES), 1)

    def forward(self, signals: Tensor) -> Tensor:
        """(B, T, S) signals, 0 to 255, to (B, T, 5) logits."""
        state = self.first(((signals - self.mean) / self.std).transpose(1, 2))
        for block in self.blocks:
            state = state + functional.relu(block(state))
        return self.out(functional.relu(self.mid(state))).transpose(1, 2)  # type: ignore[no-any-return]

    def network(self) -> Network:
        """The weights for numpy, standardisation folded in."""
        scale = 1 / self.std
        first, offset = _weights(self.first)
        first = first[:, :, 0]
        arrays = {"in.weight": (first * scale).T, "in.bias": offset - first @ (self.mean * scale)}
        for number, block in enumerate(self.blocks):
            taps, arrays[f"{number}.bias"] = _weights(block)
            arrays[f"{number}.weight"] = taps.permute(2, 1, 0).reshape(-1, len(taps))
        for name, layer in (("mid", self.mid), ("out", self.out)):
            taps, arrays[f"{name}.bias"] = _weights(layer)
            arrays[f"{name}.weight"] = taps[:, :, 0].T
        return Network({name: value.numpy().astype(np.float32) for name, value in arrays.items()})


def _weights(layer: nn.Module) -> tuple[Tensor, Tensor]:
    assert isinstance(layer, nn.Conv1d)
    assert layer.bias is not None
    return layer.weight.detach(), layer.bias.detach()


def fit(
    signals: npt.NDArray[np.uint8],
    cut: npt.NDArray[np.int8],
    kind: npt.NDArray[np.int8],
    recipe: Recipe,
) -> tuple[Network, float]:
    """Train on sequences; returns the averaged network and its loss over the last steps.

    Args:
        signals: (N, T, S).
        cut: (N, T) labels, IGNORE where none.
        kind: (N, T) labels, IGNORE where none.
        recipe: Sizes and rates.
    """
    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    flat = signals[:: max(1, len(signals) // 2000)].reshape(-1, len(NAMES)).astype(np.float32)
    model = Trained(recipe, torch.from_numpy(flat.mean(0)), torch.from_numpy(flat.std(0) + 4))
    optimiser = torch.optim.AdamW(model.parameters(), lr=recipe.rate, weight_decay=recipe.decay)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.rate, recipe.steps, pct_start=0.1)
    running, begun = 0.0, time.monotonic()
    averaged = torch.optim.swa_utils.AveragedModel(
        model,
        multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(1 - 8 / recipe.steps),  # type: ignore[no-untyped-call]
    )
    for step in range(recipe.steps):
        chosen = np.sort(rng.choice(len(signals), recipe.batch, replace=False))
        start = int(rng.integers(0, signals.shape[1] - CROP + 1))
        part = slice(start, start + CROP)
        batch = torch.from_numpy(signals[chosen, part].astype(np.float32))
        batch += torch.randn_like(batch) * 2
        loss = _loss(
            model(batch),
            torch.from_numpy(cut[chosen, part].astype(np.int64)),
            torch.from_numpy(kind[chosen, part].astype(np.int64)),
            recipe,
        )
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        cycle.step()
        averaged.update_parameters(model)
        running = 0.98 * running + 0.02 * float(loss.detach()) if step else float(loss.detach())
        if step % 100 == 99:
            logger.info("step %d loss %.4f, %.0f s", step + 1, running, time.monotonic() - begun)
    result = averaged.module
    assert isinstance(result, Trained)
    return result.network(), running


def _loss(logits: Tensor, cut: Tensor, kind: Tensor, recipe: Recipe) -> Tensor:
    """Weighted cross-entropies of cuts and of gradual kinds, over frames that have a label."""
    known = cut != IGNORE
    weight = torch.where(cut == 1, recipe.cut_weight, 1.0) * known
    cuts = functional.binary_cross_entropy_with_logits(
        logits[..., 0], cut.clamp(min=0).float(), weight, reduction="sum"
    )
    gradual = functional.cross_entropy(
        logits[..., 1:].flatten(0, 1), kind.flatten(), ignore_index=IGNORE, reduction="sum"
    )
    return (cuts + recipe.gradual_weight * gradual) / known.sum()
