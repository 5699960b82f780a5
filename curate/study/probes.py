"""Action probes: how much better an action is told with the latent action than without.

Delta R2 = R2([state, z] -> a) - R2(state -> a), on sources that no probe was fitted on. The state
is the earlier frame: what a policy gives away by where it is does not count as an action learned.

Source: research on latent actions probes z linearly (LAPO, LAOM: arXiv 2312.10812, 2502.00379),
there on the training stream; here held out by source, with the state's share taken off.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

Array = npt.NDArray[np.float64]
Kind: TypeAlias = Literal["ridge", "mlp"]

RIDGES: Final = tuple(10.0**power for power in range(-4, 5))
"""Candidate weights, relative to the mean variance of the standardised inputs, which is 1."""

_FOLDS: Final = 4
_HIDDEN: Final = 256
_EPOCHS: Final = 200
_PATIENCE: Final = 12
_BATCH: Final = 256


@dataclass(frozen=True, slots=True)
class ProbeErrors:
    """Sums of squares over each test source's pairs; sources in sorted order.

    Attributes:
        sources: (V,) names.
        pairs: (V,) pairs of each.
        state: (V, K) with the state alone.
        both: (V, K) with state and latent action.
        total: (V, K) about the mean of the fitting pairs.
    """

    sources: npt.NDArray[np.str_]
    pairs: npt.NDArray[np.int64]
    state: Array
    both: Array
    total: Array

    def gain(self) -> Array:
        """Delta R2 per dimension over all test pairs, (K,); nan where nothing varies."""
        with np.errstate(divide="ignore", invalid="ignore"):
            found: Array = (self.state.sum(0) - self.both.sum(0)) / self.total.sum(0)
        return found


def probe(
    latent: Array,
    state: Array,
    actions: Array,
    sources: Sequence[str] | npt.NDArray[np.str_],
    *,
    fits: npt.NDArray[np.bool_],
    kind: Kind = "ridge",
    seed: int = 0,
) -> ProbeErrors:
    """Fit probes on some pairs and test them on the pairs of other sources.

    Args:
        latent: (n, Z) latent action of each pair of frames.
        state: (n, S) description of the earlier frame.
        actions: (n, K) what was done.
        sources: (n,) source of each pair.
        fits: (n,) whether a pair fits the probe; the others test it.
        kind: `ridge`, its weight by cross-validation over the fitting sources, or `mlp`, one hidden
            layer of 256, stopped early on a quarter of the fitting sources.
        seed: Of the MLP.

    Raises:
        ValueError: Shapes do not fit, a value is not finite, either side is empty, or a source is
            on both sides.
    """
    names = np.asarray(sources, dtype=np.str_)
    _check(latent, state, actions, names, fits)
    mean = actions[fits].mean(0)
    spread = actions[fits].std(0)
    target = (actions - mean) / np.where(spread > 0, spread, 1)
    fit = _ridge if kind == "ridge" else _mlp
    errors = []
    for inputs in (state, np.concatenate([state, latent], axis=1)):
        x = _standardised(inputs, fits)
        predicted = fit(x[fits], target[fits], names[fits], x[~fits], seed)
        errors.append((predicted - target[~fits]) ** 2)
    tested, place, pairs = np.unique(names[~fits], return_inverse=True, return_counts=True)

    def summed(values: Array) -> Array:
        return np.stack([np.bincount(place, column, len(tested)) for column in values.T], axis=1)

    return ProbeErrors(
        tested, pairs, summed(errors[0]), summed(errors[1]), summed(target[~fits] ** 2)
    )


def _check(
    latent: Array,
    state: Array,
    actions: Array,
    names: npt.NDArray[np.str_],
    fits: npt.NDArray[np.bool_],
) -> None:
    count = len(actions)
    if not all(part.ndim == 2 and len(part) == count for part in (latent, state, actions)):
        shapes = [part.shape for part in (latent, state, actions)]
        raise ValueError(f"latent, state and actions must be (n, _) alike, not {shapes}")
    if names.shape != (count,) or fits.shape != (count,):
        raise ValueError(f"sources and fits must have {count} entries")
    if not all(np.isfinite(part).all() for part in (latent, state, actions)):
        raise ValueError("latent actions, states and actions must be finite")
    if not fits.any() or fits.all():
        raise ValueError(f"{int(fits.sum())} of {count} pairs fit the probes: both sides need some")
    shared = set(names[fits]) & set(names[~fits])
    if shared:
        raise ValueError(f"sources on both sides of a probe: {sorted(shared)[:3]}")


def _standardised(inputs: Array, fits: npt.NDArray[np.bool_]) -> Array:
    """Columns about the mean and spread of the fitting pairs; those that do not vary are 0."""
    mean, spread = inputs[fits].mean(0), inputs[fits].std(0)
    alive = spread > 1e-8 * max(1.0, float(np.abs(inputs[fits]).max(initial=0)))
    scaled: Array = np.where(alive, (inputs - mean) / np.where(alive, spread, 1), 0)
    return scaled


def _ridge(x: Array, y: Array, sources: npt.NDArray[np.str_], test: Array, seed: int) -> Array:
    """Ridge regression; one weight for all dimensions of an action would favour the easy one."""
    fold = _folds(sources)
    errors = np.zeros((len(RIDGES), y.shape[1]))
    for held in np.unique(fold) if len(np.unique(fold)) > 1 else ():
        out = fold == held
        for place, solution in enumerate(_solutions(x[~out], y[~out])):
            errors[place] += ((x[out] @ solution - y[out]) ** 2).sum(0)
    best = errors.argmin(0)
    solutions = np.stack(_solutions(x, y))  # (ridges, inputs, K)
    chosen = np.stack([solutions[best[k], :, k] for k in range(y.shape[1])], axis=1)
    predicted: Array = test @ chosen
    return predicted


def _solutions(x: Array, y: Array) -> list[Array]:
    """Coefficients for every candidate weight, from one decomposition."""
    values, vectors = np.linalg.eigh(x.T @ x / len(x))
    projected = vectors.T @ (x.T @ y / len(x))
    return [vectors @ (projected / (np.maximum(values, 0) + w)[:, None]) for w in RIDGES]


def _folds(sources: npt.NDArray[np.str_]) -> npt.NDArray[np.int64]:
    """Fold of each pair: whole sources, dealt in order; pairs where there is one source."""
    names, place = np.unique(sources, return_inverse=True)
    if len(names) == 1:
        return np.arange(len(sources)) * _FOLDS // len(sources)
    found: npt.NDArray[np.int64] = place % min(_FOLDS, len(names))
    return found


def _mlp(x: Array, y: Array, sources: npt.NDArray[np.str_], test: Array, seed: int) -> Array:
    """One hidden layer, AdamW, the weights of the best epoch on held-out fitting sources."""
    held = _folds(sources) == 0
    inputs, target = torch.from_numpy(x).float(), torch.from_numpy(y).float()
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = nn.Sequential(
            nn.Linear(x.shape[1], _HIDDEN), nn.GELU(), nn.Linear(_HIDDEN, y.shape[1])
        )
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=1e-2)
    inside, outside = torch.from_numpy(~held), torch.from_numpy(held)
    own, best, since = torch.nonzero(inside)[:, 0], float("inf"), 0
    kept = {name: value.clone() for name, value in net.state_dict().items()}
    for _ in range(_EPOCHS):
        order = own[torch.randperm(len(own), generator=generator)]
        for start in range(0, len(order), _BATCH):
            batch = order[start : start + _BATCH]
            optimiser.zero_grad()
            torch.autograd.backward((net(inputs[batch]) - target[batch]).square().mean())
            optimiser.step()
        with torch.inference_mode():
            error = float((net(inputs[outside]) - target[outside]).square().mean())
        if error < best:
            best, since = error, 0
            kept = {name: value.clone() for name, value in net.state_dict().items()}
        else:
            since += 1
            if since >= _PATIENCE:
                break
    net.load_state_dict(kept)
    with torch.inference_mode():
        predicted: Array = net(torch.from_numpy(test).float()).double().numpy()
    return predicted
