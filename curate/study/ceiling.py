"""The supervised ceiling: how much of the true action the tokens tell to whoever is given it.

A latent action is learnt without labels from the same tokens. What a supervised model does not
find in them on unseen sources, no curation can bring out; a study of curation needs a ceiling far
above zero. The number is Delta R2 = R2([s_t, x] -> a) - R2(s_t -> a), so that actions which the
first frame alone gives away do not count. x is where the tokens went (`flow` of
curate/latent_action/correspondence.py), s_t the first frame averaged over a few regions.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from curate.latent_action.correspondence import flow
from curate.study.statistics import Interval, bootstrap

Array = npt.NDArray[np.float32]
Intervals = tuple[Interval, ...]
Regressor = Callable[[Array, Array, npt.NDArray[Any], Array], Array]
"""Training inputs (n, F), targets (n, K) and sources (n,), test inputs (m, F) -> (m, K)."""

FOLDS: Final = 4
"""Inner folds by source that choose the ridge."""
RIDGES: Final = tuple(10.0**power for power in range(-4, 4))
"""Ridges tried, in units of the mean variance of an input."""
INNER_SHARE: Final = 0.2
"""Share of training sources that stop the network early."""
_HIDDEN: Final = 256
_EPOCHS: Final = 60
_PATIENCE: Final = 8
_BATCH: Final = 128
_CHUNK_CLIPS: Final = 64


@dataclass(frozen=True, slots=True)
class Search:
    """How far tokens are looked for.

    Attributes:
        rows: Largest shift down and up, tokens.
        columns: Largest shift to the right and left, tokens.
        regions: Bands of rows and of columns over which shifts are averaged.
        state: Bands over which the first frame is averaged.
    """

    rows: int = 3
    columns: int = 5
    regions: tuple[int, int] = (7, 7)
    state: tuple[int, int] = (3, 3)


@dataclass(frozen=True, slots=True)
class Ceiling:
    """Held-out figures per dimension of the action, each with a 95 % interval over sources.

    Attributes:
        state: R2 of the first frame alone, by ridge regression.
        ridge: Delta R2 of ridge regression.
        network: Delta R2 of a network with one hidden layer.
        pairs: Pairs of frames that trained, and that evaluated.
        sources: Sources that trained, and that evaluated.
    """

    state: Intervals
    ridge: Intervals
    network: Intervals
    pairs: tuple[int, int]
    sources: tuple[int, int]


def ceiling(
    tokens: npt.NDArray[Any],
    actions: Array,
    sources: Sequence[str],
    held_out: Sequence[str],
    search: Search,
    *,
    seed: int = 0,
    draws: int = 2000,
) -> Ceiling:
    """Measure the ceiling.

    Args:
        tokens: (n, T, N, D) clips, N a square grid; normalised or not.
        actions: (n, T - 1, K) from each frame to the next; pairs with a nan are left out.
        sources: (n,) where each clip comes from.
        held_out: Sources that evaluate; all others train.
        search: How far tokens are looked for.
        seed: Of the network.
        draws: Of the bootstrap over held-out sources.

    Raises:
        ValueError: The shapes do not fit, or one side has fewer than two sources.
    """
    clips, steps = tokens.shape[:2]
    if actions.shape[:2] != (clips, steps - 1) or len(sources) != clips:
        raise ValueError(
            f"tokens {tokens.shape}, actions {actions.shape} and {len(sources)} sources do not fit"
        )
    state, moved = pair_features(tokens, search)
    known = np.isfinite(actions).all(-1)  # (n, T-1)
    of_pair = np.repeat(np.asarray(sources)[:, None], actions.shape[1], 1)[known]
    state, moved, target = state[known], moved[known], actions[known]
    test = np.isin(of_pair, held_out)
    found = [len(set(of_pair[~test])), len(set(of_pair[test]))]
    if min(found) < 2:
        raise ValueError(f"each side needs two sources with actions, not {found}")
    both = np.concatenate([state, moved], 1)
    network = Network(seed)

    def errors(inputs: Array, regress: Regressor) -> npt.NDArray[np.float64]:
        got = regress(inputs[~test], target[~test], of_pair[~test], inputs[test])
        return (got.astype(np.float64) - target[test]) ** 2

    spread = (target[test] - target[test].mean(0, dtype=np.float64)) ** 2
    alone = errors(state, ridge_regression)
    cells = [_by_source(e, of_pair[test]) for e in (spread, alone)]
    full = [_by_source(errors(both, way), of_pair[test]) for way in (ridge_regression, network)]

    def intervals(statistic: Callable[..., Any], *parts: npt.NDArray[np.float64]) -> Intervals:
        columns = ([part[:, :, k] for part in parts] for k in range(target.shape[1]))
        return tuple(bootstrap(statistic, *column, draws=draws) for column in columns)

    return Ceiling(
        intervals(_r2, *cells),
        intervals(_gain, *cells, full[0]),
        intervals(_gain, *cells, full[1]),
        (int((~test).sum()), int(test.sum())),
        (found[0], found[1]),
    )


def pair_features(tokens: npt.NDArray[Any], search: Search) -> tuple[Array, Array]:
    """Inputs of the regressions, for every pair of adjacent frames.

    Args:
        tokens: (n, T, N, D).
        search: How far tokens are looked for.

    Returns:
        (n, T - 1, R' D) first frames averaged over regions, and (n, T - 1, 6 R) flow.
    """
    size = round(tokens.shape[2] ** 0.5)
    states, moved = [], []
    for start in range(0, len(tokens), _CHUNK_CLIPS):
        part = torch.from_numpy(np.asarray(tokens[start : start + _CHUNK_CLIPS], np.float32))
        before, after = part[:, :-1], part[:, 1:]
        found = flow(before, after, search.rows, search.columns, search.regions)
        moved.append(found.numpy())
        maps = before.flatten(0, 1).transpose(1, 2).reshape(-1, part.shape[3], size, size)
        pooled = nn.functional.adaptive_avg_pool2d(maps, search.state)
        states.append(pooled.reshape(*before.shape[:2], -1).numpy())
    return np.concatenate(states), np.concatenate(moved)


def ridge_regression(
    inputs: Array, targets: Array, sources: npt.NDArray[Any], test: Array
) -> Array:
    """Ridge regression of standardised inputs, its ridge chosen by inner folds over sources.

    Each target has its own ridge. See `Regressor` for the arguments.
    """
    mean, scale = _scale(inputs)
    x, mean_y = (inputs - mean) / scale, targets.mean(0)
    y = targets - mean_y
    names = np.unique(sources)
    fold_of = dict(zip(names, np.arange(len(names)) % min(FOLDS, len(names)), strict=True))
    folds = np.array([fold_of[name] for name in sources])
    lost = np.zeros((len(RIDGES), y.shape[1]))
    for fold in np.unique(folds):
        inner, outer = folds != fold, folds == fold
        for index, weights in enumerate(_ridge_paths(x[inner], y[inner])):
            lost[index] += ((x[outer] @ weights - y[outer]) ** 2).sum(0)
    best = lost.argmin(0)
    paths = _ridge_paths(x, y)
    chosen = np.stack([paths[index][:, k] for k, index in enumerate(best)], 1)
    return np.asarray(((test - mean) / scale) @ chosen + mean_y, np.float32)


def _ridge_paths(x: Array, y: Array) -> list[Array]:
    """Weights (F, K) for each of `RIDGES`, from one eigendecomposition."""
    values, vectors = np.linalg.eigh((x.T @ x).astype(np.float64) / len(x))
    cross = vectors.T @ ((x.T @ y).astype(np.float64) / len(x))
    scale = float(values.mean())
    return [
        np.asarray(vectors @ (cross / (np.maximum(values, 0) + ridge * scale)[:, None]), np.float32)
        for ridge in RIDGES
    ]


@dataclass(frozen=True, slots=True)
class Network:
    """A network with one hidden layer, stopped early on sources of its own; a `Regressor`.

    Attributes:
        seed: Of weights, batches and the sources that stop it.
    """

    seed: int = 0

    def __call__(
        self, inputs: Array, targets: Array, sources: npt.NDArray[Any], test: Array
    ) -> Array:
        """Fit and predict; see `Regressor`."""
        mean, scale = _scale(inputs)
        mean_y, scale_y = _scale(targets)
        rng = np.random.default_rng(self.seed)
        names = rng.permutation(np.unique(sources))
        stopping = np.isin(sources, names[: max(1, round(INNER_SHARE * len(names)))])
        x = torch.from_numpy(np.asarray((inputs - mean) / scale, np.float32))
        y = torch.from_numpy(np.asarray((targets - mean_y) / scale_y, np.float32))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            model = _fit(x[~stopping], y[~stopping], x[stopping], y[stopping], rng)
        with torch.inference_mode():
            found = model(torch.from_numpy(np.asarray((test - mean) / scale, np.float32)))
        return np.asarray(found.numpy() * scale_y + mean_y, np.float32)


def _fit(
    x: torch.Tensor,
    y: torch.Tensor,
    stop_x: torch.Tensor,
    stop_y: torch.Tensor,
    rng: np.random.Generator,
) -> nn.Module:
    """Train until the stopping sources get no better, and go back to where they were best."""
    model = nn.Sequential(
        nn.Dropout(0.1),
        nn.Linear(x.shape[1], _HIDDEN),
        nn.GELU(),
        nn.Dropout(0.2),
        nn.Linear(_HIDDEN, y.shape[1]),
    )
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05)
    best, held, since = float("inf"), model.state_dict(), 0
    for _ in range(_EPOCHS):
        model.train()
        order = torch.from_numpy(rng.permutation(len(x)))
        for start in range(0, len(x), _BATCH):
            batch = order[start : start + _BATCH]
            optimiser.zero_grad()
            nn.functional.mse_loss(model(x[batch]), y[batch]).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        model.eval()
        with torch.inference_mode():
            loss = float(nn.functional.mse_loss(model(stop_x), stop_y))
        since += 1
        if loss < best:
            best, since = loss, 0
            held = {name: value.clone() for name, value in model.state_dict().items()}
        if since >= _PATIENCE:
            break
    model.load_state_dict(held)
    return model.eval()


def _scale(values: Array) -> tuple[Array, Array]:
    """Mean and deviation per column; 1 where a column does not vary."""
    deviation = values.std(0)
    return values.mean(0), np.where(deviation > 1e-6, deviation, 1).astype(np.float32)


def _by_source(
    values: npt.NDArray[np.float64], sources: npt.NDArray[Any]
) -> npt.NDArray[np.float64]:
    """Sums (1, sources, K) of (n, K)."""
    names = np.unique(sources)
    return np.stack([values[sources == name].sum(0) for name in names])[None]


def _r2(spread: Any, error: Any) -> Any:
    return 1 - error / spread


def _gain(spread: Any, alone: Any, both: Any) -> Any:
    """Delta R2; a first frame that predicts worse than the mean counts as telling nothing."""
    return (np.minimum(alone, spread) - both) / spread
