"""A small perceptron for probes and controllers, stopped early on sources held out."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

Array = npt.NDArray[np.float64]

HIDDEN: Final = 256
LEARNING_RATE: Final = 1e-3
WEIGHT_DECAY: Final = 1e-2
BATCH: Final = 256
EPOCHS: Final = 100
PATIENCE: Final = 8
"""Epochs without a better held-out error before the fit ends; the best weights are kept."""
HELD_OUT: Final = 0.2
"""Share of training sources, at least one, that decides when to stop."""


def fit_perceptron(
    x: Array, y: Array, sources: npt.NDArray[Any], seed: int
) -> Callable[[Array], Array]:
    """Fit a perceptron of one hidden layer to standardised inputs.

    Args:
        x: (n, K), standardised.
        y: (n, A) of any scale; the squared error counts each dimension in units of its variance.
        sources: (n,) source of each row, at least 2 distinct ones.
        seed: Decides initial weights, batches and which sources are held out.

    Returns:
        A function of (m, K) to predictions (m, A).
    """
    generator = torch.Generator().manual_seed(seed)
    names = np.unique(sources)
    order = np.random.default_rng(seed).permutation(len(names))
    left = names[order[: max(1, round(HELD_OUT * len(names)))]]
    stop = torch.from_numpy(np.isin(sources, left))
    mean, scale = y.mean(0), y.std(0)
    scale = np.where(scale > 0, scale, 1)
    inputs = torch.from_numpy(x).float()
    targets = torch.from_numpy((y - mean) / scale).float()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = nn.Sequential(nn.Linear(x.shape[1], HIDDEN), nn.GELU(), nn.Linear(HIDDEN, y.shape[1]))
    _fit(net, inputs[~stop], targets[~stop], inputs[stop], targets[stop], generator)

    @torch.no_grad()
    def predict(rows: Array) -> Array:
        out: Array = net(torch.from_numpy(rows).float()).double().numpy()
        restored: Array = out * scale + mean
        return restored

    return predict


def _fit(
    net: nn.Sequential,
    x: torch.Tensor,
    y: torch.Tensor,
    held_x: torch.Tensor,
    held_y: torch.Tensor,
    generator: torch.Generator,
) -> None:
    """Train until the held-out error has not fallen for `PATIENCE` epochs; keep the best."""
    optimiser = torch.optim.AdamW(net.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    best, since = float("inf"), 0
    kept = {name: value.clone() for name, value in net.state_dict().items()}
    for _ in range(EPOCHS):
        for rows in torch.split(torch.randperm(len(x), generator=generator), BATCH):
            optimiser.zero_grad()
            torch.autograd.backward((net(x[rows]) - y[rows]).square().mean())
            optimiser.step()
        with torch.no_grad():
            error = float((net(held_x) - held_y).square().mean())
        if error < best:
            best, since = error, 0
            kept = {name: value.clone() for name, value in net.state_dict().items()}
        else:
            since += 1
            if since >= PATIENCE:
                break
    net.load_state_dict(kept)
