"""Fits the overlay network to samples."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from curate.overlays.training.synthesis import CELL, SIZE, Sample
from filters.overlay_maps import CHANNELS
from filters.overlay_network import OFFSET, SCALE

CROP: Final = (112, 192)
"""Rows and columns of the parts of the maps that a batch holds."""
WIDTHS: Final = (12, 24, 40)
"""Channels at a half, a quarter and an eighth of the size."""
COVERED_WEIGHT: Final = 3.0
"""Weight of covered cells against free ones, which are 30 times as many."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Steps, batch size, peak learning rate and seed."""

    steps: int = 4000
    batch: int = 16
    rate: float = 2.2e-3
    seed: int = 0


class Model(nn.Module):
    """The network that `filters.overlay_network` computes in numpy."""

    def __init__(self) -> None:
        super().__init__()
        first, middle, last = WIDTHS
        self.a = nn.Conv2d(CHANNELS, first, 3, 2, 1)
        self.b = nn.Conv2d(first, middle, 3, 2, 1)
        self.c = nn.Conv2d(middle, middle, 3, 1, 1)
        self.d = nn.Conv2d(middle, last, 3, 2, 1)
        self.e = nn.Conv2d(last, last, 3, 1, 2, dilation=2)
        self.f = nn.Conv2d(last, last, 3, 1, 4, dilation=4)
        self.g = nn.Conv2d(middle + last, middle, 1)
        self.h = nn.Conv2d(middle, middle, 3, 1, 1)
        self.o = nn.Conv2d(middle, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 2, H / 4, W / 4) logits of (N, CHANNELS, H, W) maps, scaled by `scaled`."""
        x = self.c(self.b(self.a(x).relu()).relu()).relu()
        y = self.d(x).relu()
        y = y + self.e(y).relu()
        y = y + self.f(y).relu()
        y = y.repeat_interleave(2, 2).repeat_interleave(2, 3)[:, :, : x.shape[2], : x.shape[3]]
        x = self.g(torch.cat([x, y], 1)).relu()
        logits: Tensor = self.o(x + self.h(x).relu())
        return logits


def fit(
    samples: Sequence[Sample], recipe: Recipe
) -> tuple[dict[str, npt.NDArray[np.float16]], float]:
    """Fit the network.

    Args:
        samples: At least one batch of them.
        recipe: How.

    Returns:
        Weights by name, and the loss at the end (mean of the last steps).
    """
    if len(samples) < recipe.batch:
        raise ValueError(f"need {recipe.batch} samples or more, got {len(samples)}")
    torch.manual_seed(recipe.seed)
    model, rng = Model(), np.random.default_rng(recipe.seed)
    optimiser = torch.optim.AdamW(model.parameters(), recipe.rate, weight_decay=1e-4)
    losses = []
    for step, (maps, labels) in zip(
        range(recipe.steps), _batches(samples, recipe, rng), strict=False
    ):
        warm = min(1.0, (step + 1) / 50)
        share = 0.5 + 0.5 * np.cos(np.pi * step / recipe.steps)
        for group in optimiser.param_groups:
            group["lr"] = recipe.rate * warm * share
        loss = _loss(model(scaled(maps)), labels)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        losses.append(float(loss))
    weights = {k: v.numpy().astype(np.float16) for k, v in model.state_dict().items()}
    return weights, float(np.mean(losses[-100:]))


def scaled(maps: npt.NDArray[np.uint8]) -> Tensor:
    """(N, CHANNELS, H, W) uint8 as the network takes it."""
    shift, scale = (torch.tensor(v).view(1, CHANNELS, 1, 1) for v in (OFFSET, SCALE))
    return (torch.from_numpy(np.ascontiguousarray(maps)).float() / 255 - shift) * scale


def _loss(logits: Tensor, labels: npt.NDArray[np.uint8]) -> Tensor:
    """Cross-entropy over the decided cells."""
    wanted = torch.from_numpy(labels.astype(np.int64))
    decided, covered = (wanted != 255).float(), (wanted == 1).float()
    each = functional.binary_cross_entropy_with_logits(logits, covered, reduction="none")
    weight = decided * (1 + (COVERED_WEIGHT - 1) * covered)
    return (each * weight).sum() / decided.sum()


def _batches(
    samples: Sequence[Sample], recipe: Recipe, rng: np.random.Generator
) -> Iterator[tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]]:
    """Random parts of random samples, half of them mirrored."""
    rows, columns = CROP
    while True:
        order = rng.permutation(len(samples))
        for start in range(0, len(order) - recipe.batch + 1, recipe.batch):
            maps, labels = [], []
            for index in order[start : start + recipe.batch]:
                one = samples[int(index)]
                y = int(rng.integers(0, (SIZE[1] - rows) // CELL + 1))
                x = int(rng.integers(0, (SIZE[0] - columns) // CELL + 1))
                part = one.maps[:, CELL * y : CELL * y + rows, CELL * x : CELL * x + columns]
                label = one.labels[:, y : y + rows // CELL, x : x + columns // CELL]
                across, down = (-1 if rng.random() < 0.5 else 1), (-1 if rng.random() < 0.15 else 1)
                maps.append(part[:, ::down, ::across])
                labels.append(label[:, ::down, ::across])
            yield np.stack(maps), np.stack(labels)
