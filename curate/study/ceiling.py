"""The supervised ceiling: how much of the true action the tokens tell to whoever is given it.

A latent action is learnt without labels from the same tokens. What a supervised model does not
find in them on unseen sources, no curation can bring out; a study of curation needs a ceiling far
above zero. The number is Delta R2 = R2([s_t, x] -> a) - R2(s_t -> a), so that actions which the
first frame alone gives away do not count. s_t is the first frame averaged over a few regions; x is
where the tokens went, averaged over regions (`flow` of curate/latent_action/correspondence.py), for
ridge regression, and the answer of a supervised inverse model (curate/study/supervised.py).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from curate.latent_action.config import ModelConfig
from curate.latent_action.correspondence import flow
from curate.study.probes import ProbeSums, probe
from curate.study.statistics import Interval, bootstrap
from curate.study.supervised import Pairs, SupervisedInverse, fit_supervised

Array = npt.NDArray[np.float32]
Intervals = tuple[Interval, ...]

_CHUNK_CLIPS: Final = 64


@dataclass(frozen=True, slots=True)
class Search:
    """How far tokens are looked for.

    Attributes:
        rows: Largest shift down and up, tokens.
        columns: Largest shift to the right and left, tokens.
        regions: Bands of rows and of columns over which shifts are averaged, for the ridge.
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
        network: Delta R2 of the supervised inverse model.
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
    known = np.isfinite(actions).all(-1)  # (n, T-1)
    state, moved = (part[known] for part in pair_features(tokens, search))
    of_pair = np.repeat(np.asarray(sources)[:, None], steps - 1, 1)[known]
    target = actions[known].astype(np.float64)
    tests = np.isin(of_pair, held_out)
    found = (len(set(of_pair[~tests].tolist())), len(set(of_pair[tests].tolist())))
    if min(found) < 2:
        raise ValueError(f"each side needs two sources with actions, not {list(found)}")
    frames = torch.from_numpy(np.asarray(tokens, np.float32))
    here = torch.from_numpy(known)
    pairs = Pairs(frames[:, :-1][here], frames[:, 1:][here], target, of_pair)
    told = _answers(pairs, ~tests, search, seed)
    trained, tested = ({*of_pair[rows].tolist()} for rows in (~tests, tests))

    def probed(x: Array) -> ProbeSums:
        return probe(x, state, target, of_pair, train_sources=trained, test_sources=tested)

    ridge, network = probed(moved), probed(told)
    return Ceiling(
        _per_dimension(_r2, draws, ridge.total, ridge.state),
        _per_dimension(_gain, draws, ridge.total, ridge.state, ridge.both),
        _per_dimension(_gain, draws, network.total, network.state, network.both),
        (int((~tests).sum()), int(tests.sum())),
        found,
    )


def _answers(pairs: Pairs, fits: npt.NDArray[np.bool_], search: Search, seed: int) -> Array:
    """(n, K) answers of a supervised inverse model fitted on some of the pairs, for all."""
    rows = torch.from_numpy(np.flatnonzero(fits))
    training = Pairs(
        pairs.before[rows], pairs.after[rows], pairs.actions[fits], pairs.sources[fits]
    )
    _, places, channels = pairs.before.shape
    config = ModelConfig(
        2, places, channels, inverse="local", rows=search.rows, columns=search.columns
    )
    model = fit_supervised(training, config, seed)
    return answers(model, pairs.before, pairs.after)


def answers(model: SupervisedInverse, before: torch.Tensor, after: torch.Tensor) -> Array:
    """(n, K) actions between frames (n, N, D)."""
    with torch.inference_mode():
        halves = zip(torch.split(before, 256), torch.split(after, 256), strict=True)
        found = torch.cat([model(a[:, None], b[:, None])[:, 0] for a, b in halves])
    return np.asarray(found.numpy(), np.float32)


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


def _per_dimension(
    statistic: Callable[..., Any], draws: int, *sums: npt.NDArray[np.float64]
) -> Intervals:
    """A statistic of sums (sources, K) for each of the K dimensions, over sources."""
    columns = ([part[None, :, k] for part in sums] for k in range(sums[0].shape[1]))
    return tuple(bootstrap(statistic, *column, draws=draws) for column in columns)


def _r2(total: Any, error: Any) -> Any:
    return 1 - error / total


def _gain(total: Any, alone: Any, both: Any) -> Any:
    """Delta R2; a first frame that predicts worse than the mean counts as telling nothing."""
    return (np.minimum(alone, total) - both) / total
