"""A supervised inverse model: what the tokens tell of the action to whoever is given it.

It has the eyes of the latent models' `local` inverse model (curate/latent_action/inverse.py) and is
trained with the recorded actions instead of without any. Latent actions are learnt from the same
tokens, so what it does not find on unseen sources no curation brings out: it is their ceiling.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from curate.latent_action.config import ModelConfig
from curate.latent_action.inverse import MotionTrunk

Array = npt.NDArray[np.float64]

EPOCHS: Final = 10
LEAST_STEPS: Final = 400
"""Few pairs are gone through more often."""
PEAK_RATE: Final = 2e-3
WEIGHT_DECAY: Final = 0.05
BATCH_PAIRS: Final = 64
HELD_OUT: Final = 0.15
"""Share of training sources, at least one, whose error chooses the epoch that is kept."""
_DROPOUT: Final = 0.3


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of frames with recorded actions.

    Attributes:
        before: (n, N, D) float32 earlier frames, N a square grid, normalised.
        after: (n, N, D) later frames.
        actions: (n, K).
        sources: (n,) source of each.
    """

    before: torch.Tensor
    after: torch.Tensor
    actions: Array
    sources: npt.NDArray[Any]


class SupervisedInverse(nn.Module):
    """From two frames to an action.

    Args:
        config: Grid, channels and reach of the search.
        actions: (n, K) that it is trained on, which set the scale of its answers.
    """

    def __init__(self, config: ModelConfig, actions: Array) -> None:
        super().__init__()
        scale = actions.std(0)
        self.trunk = MotionTrunk(config, _DROPOUT)
        self.head = nn.Linear(config.hidden, actions.shape[1])
        self.register_buffer("mean", torch.from_numpy(actions.mean(0)).float())
        self.register_buffer("scale", torch.from_numpy(np.where(scale > 0, scale, 1)).float())
        self.mean: torch.Tensor
        self.scale: torch.Tensor

    def standard(
        self, before: torch.Tensor, after: torch.Tensor, search: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Answers in units of the training actions' spread; see `forward`."""
        found: torch.Tensor = self.head(self.trunk(before, after, search))
        return found

    def forward(self, before: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
        """Actions (B, t, K) between frames, both (B, t, N, D)."""
        return self.standard(before, after) * self.scale + self.mean


def fit_supervised(pairs: Pairs, config: ModelConfig, seed: int) -> SupervisedInverse:
    """Train on pairs of at least two sources, a few of which choose the epoch that is kept.

    Args:
        pairs: What it is trained on.
        config: Sizes; `hidden`, `rows`, `columns` and `local_width` count.
        seed: Of weights, batches and the sources that choose.

    Raises:
        ValueError: There are fewer than two sources, or actions that are not finite.
    """
    names = np.unique(pairs.sources)
    if len(names) < 2 or not np.isfinite(pairs.actions).all():
        raise ValueError(
            f"a supervised model needs known actions of 2 sources or more, not {len(names)}"
        )
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(names)[: max(1, round(HELD_OUT * len(names)))]
    stops = np.isin(pairs.sources, chosen)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = SupervisedInverse(config, pairs.actions[~stops])
        _fit(model, pairs, torch.from_numpy(stops), rng)
    return model.eval()


def _fit(
    model: SupervisedInverse, pairs: Pairs, stops: torch.Tensor, rng: np.random.Generator
) -> None:
    """Train, and go back to the epoch that was best on the sources left out."""
    target = (torch.from_numpy(pairs.actions).float() - model.mean) / model.scale
    search = torch.cat([
        model.trunk.search(a, b)
        for a, b in zip(torch.split(pairs.before, 256), torch.split(pairs.after, 256), strict=True)
    ])  # fmt: skip
    fits = np.flatnonzero(~stops.numpy())
    batches = max(1, len(fits) // BATCH_PAIRS)
    epochs = max(EPOCHS, -(-LEAST_STEPS // batches))
    optimiser = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, PEAK_RATE, total_steps=epochs * batches
    )
    best, kept = float("inf"), model.state_dict()

    def loss(rows: torch.Tensor) -> torch.Tensor:
        before, after = pairs.before[rows, None], pairs.after[rows, None]
        got = model.standard(before, after, search[rows, None])[:, 0]
        return nn.functional.mse_loss(got, target[rows])

    left_out = torch.from_numpy(np.flatnonzero(stops.numpy()))
    for _ in range(epochs):
        model.train()
        order = torch.from_numpy(rng.permutation(fits))
        for rows in torch.tensor_split(order, batches):
            optimiser.zero_grad()
            torch.autograd.backward(loss(rows))
            optimiser.step()
            schedule.step()
        model.eval()
        with torch.inference_mode():
            parts = torch.split(left_out, 512)
            error = sum(float(loss(rows)) * len(rows) for rows in parts) / len(left_out)
        if error < best:
            best, kept = error, {name: v.clone() for name, v in model.state_dict().items()}
    model.load_state_dict(kept)
