"""What labelled actions a latent action tells, beyond what the frame tells already.

A probe maps [s_t, z_t], and for comparison s_t alone, to the true action a_t. It is fitted on
sources (videos, episodes) that it is not tested on. With RSS the residual and TSS the total sum of
squares about the mean of the *training* labels, over test pairs and per dimension of the action,

    R2(x -> a) = mean over dimensions of 1 - RSS / TSS
    delta R2   = R2([s_t, z_t] -> a) - R2(s_t -> a)

Everything is returned as sums per test source, which add up: a bootstrap over sources and seeds
needs no second fit. Controls, with the same call: shuffled labels (`shuffle_labels`, must not
exceed 0), an untrained inverse model, and the linear model at the same size of z
(`linear_latents`); `keep_share` gives label budgets.

Sources: linear probes of latent actions as in LAOM (arXiv 2502.00379), which reports the training
error of an online probe; ours is held out, by source. Ridge: Hoerl and Kennard 1970, its weight by
inner cross-validation over sources.
"""

import math
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from curate.latent_action.linear import solve_linear
from curate.study.perceptron import fit_perceptron

Array = npt.NDArray[np.float64]
ProbeKind = Literal["ridge", "mlp"]

RIDGE_WEIGHTS: Final = tuple(10.0**power for power in range(-4, 4))
"""Candidates, in units of the number of training pairs, for standardised inputs."""

INNER_FOLDS: Final = 4
"""Folds, by source, that choose the ridge's weight."""


@dataclass(frozen=True, slots=True)
class ProbeSums:
    """Sums over the test pairs of each source; add rows up to pool sources.

    Attributes:
        sources: (S,) test sources, sorted.
        pairs: (S,) number of test pairs.
        total: (S, A) sum of squares of the labels about the mean of the training labels.
        state: (S, A) residual sum of squares from the state alone.
        both: (S, A) residual sum of squares from state and latent action.
        latent: (S, A) residual sum of squares from the latent action alone.
        train_pairs: Pairs that the probes were fitted on.
        train_sources: Sources of those.
    """

    sources: npt.NDArray[Any]
    pairs: npt.NDArray[np.int64]
    total: Array
    state: Array
    both: Array
    latent: Array
    train_pairs: int
    train_sources: int


@dataclass(frozen=True, slots=True)
class ProbeScores:
    """R2 of pooled sources; None where the labels do not vary.

    Attributes:
        both: R2([s_t, z] -> a), mean over dimensions.
        state: R2(s_t -> a).
        latent: R2(z -> a).
        delta: `both` - `state`.
        dimensions: (A,) delta per dimension, nan for labels that do not vary.
    """

    both: float | None
    state: float | None
    latent: float | None
    delta: float | None
    dimensions: Array


def probe(
    z: npt.NDArray[Any],
    state: npt.NDArray[Any],
    actions: npt.NDArray[Any],
    sources: npt.NDArray[Any],
    *,
    train_sources: set[Any] | frozenset[Any],
    test_sources: set[Any] | frozenset[Any],
    kind: ProbeKind = "ridge",
    seed: int = 0,
    keep_share: float = 1.0,
) -> ProbeSums:
    """Fit probes on some sources and measure them on others.

    Args:
        z: (n, K) latent actions.
        state: (n, S) what is known of the earlier frame, such as pooled tokens.
        actions: (n, A) labels.
        sources: (n,) source of each pair.
        train_sources: Sources to fit on.
        test_sources: Sources to measure on; none of the former.
        kind: `ridge`, or `mlp` (256 hidden units, stopped early on held-out training sources).
        seed: Of the folds, of the kept labels, and of the perceptron's weights.
        keep_share: Label budget, above 0 up to 1: the share of training sources whose labels are
            used, at least two of them. Whole sources: pairs of one source are alike.

    Raises:
        ValueError: Lengths differ, numbers are not finite, the sources overlap, or fewer than 2
            training sources or no test source have pairs.
    """
    z, state, actions = (np.asarray(part, dtype=np.float64) for part in (z, state, actions))
    sources = np.asarray(sources)
    _check(z, state, actions, sources, set(train_sources), set(test_sources))
    kept = keep_sources(set(train_sources) & set(sources.tolist()), keep_share, seed)
    fit, test = np.isin(sources, kept), np.isin(sources, sorted(test_sources))
    if len(kept) < 2 or not test.any():
        raise ValueError(
            f"probes need pairs of 2 training sources and 1 test source, not {len(kept)} and "
            f"{len(set(sources[test].tolist()))}"
        )
    inputs = {"state": state, "both": np.concatenate([state, z], axis=1), "latent": z}
    names, place = np.unique(sources[test], return_inverse=True)
    center = actions[fit].mean(0)

    def per_source(squares: Array) -> Array:
        sums = np.zeros((len(names), squares.shape[1]))
        np.add.at(sums, place, squares)
        return sums

    residuals = {}
    for name, x in inputs.items():
        predicted = _predict(x[fit], actions[fit], sources[fit], x[test], kind, seed)
        residuals[name] = per_source(np.square(actions[test] - predicted))
    return ProbeSums(
        sources=names,
        pairs=np.bincount(place, minlength=len(names)).astype(np.int64),
        total=per_source(np.square(actions[test] - center)),
        train_pairs=int(fit.sum()),
        train_sources=len(kept),
        **residuals,
    )


def scores(sums: ProbeSums, weights: npt.NDArray[Any] | None = None) -> ProbeScores:
    """R2 of sources pooled with weights.

    Args:
        sums: Of `probe`.
        weights: (S,) how often each source counts, as a bootstrap draws them; once each if None.
    """
    w = np.ones(len(sums.sources)) if weights is None else np.asarray(weights, dtype=np.float64)
    total = w @ sums.total  # (A,)
    alive = total > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        r2 = {name: 1 - (w @ getattr(sums, name)) / total for name in ("both", "state", "latent")}
    delta = np.where(alive, r2["both"] - r2["state"], np.nan)
    if not alive.any():
        return ProbeScores(None, None, None, None, delta)
    means = {name: float(values[alive].mean()) for name, values in r2.items()}
    return ProbeScores(**means, delta=means["both"] - means["state"], dimensions=delta)


def keep_sources(sources: set[Any], share: float, seed: int) -> list[Any]:
    """Choose a share of sources, at least two; with one seed a smaller share is a subset.

    Raises:
        ValueError: The share is not above 0 and at most 1.
    """
    if not 0 < share <= 1:
        raise ValueError(f"keep_share must be above 0 and at most 1, not {share}")
    ordered = sorted(sources)
    order = np.random.default_rng(seed).permutation(len(ordered))
    count = min(len(ordered), max(2, math.ceil(share * len(ordered))))
    return sorted(ordered[index] for index in order[:count])


def shuffle_labels(
    actions: npt.NDArray[Any], sources: npt.NDArray[Any], seed: int
) -> npt.NDArray[Any]:
    """Permute labels within each source: the control under which nothing is left to tell.

    Within sources, since labels that kept their source's mean out would be an easier control.
    """
    generator = np.random.default_rng(seed)
    shuffled = np.array(actions, copy=True)
    for name in np.unique(sources):
        members = np.flatnonzero(sources == name)
        shuffled[members] = actions[generator.permutation(members)]
    return shuffled


def linear_latents(
    before: npt.NDArray[Any],
    after: npt.NDArray[Any],
    latent: int,
    fit: npt.NDArray[np.bool_],
    ridge_share: float = 0.1,
) -> Array:
    """Latent actions of the closed-form linear model, the control of equal size.

    Args:
        before: (n, K) earlier frames, pooled to at most `linear.MAX_LINEAR_SIZE` numbers; or
            zeros, with `after` correlation volumes, for principal components of volumes.
        after: (n, K) later frames.
        latent: Dimensions.
        fit: (n,) pairs that the model is fitted on.
        ridge_share: Ridge, in units of the mean variance of `before`.

    Returns:
        (n, min(latent, K)).
    """
    before, after = (np.asarray(part, dtype=np.float64) for part in (before, after))
    ridge = ridge_share * float(before[fit].var(0).mean())
    return solve_linear(before[fit], after[fit], latent, ridge).infer(before, after)


def _check(
    z: Array,
    state: Array,
    actions: Array,
    sources: npt.NDArray[Any],
    train: set[Any],
    test: set[Any],
) -> None:
    sizes = {len(z), len(state), len(actions), len(sources)}
    if len(sizes) != 1 or any(part.ndim != 2 for part in (z, state, actions)):
        raise ValueError(
            f"z, state, actions (n, .) and sources (n,) must agree, not {z.shape}, {state.shape}, "
            f"{actions.shape}, {sources.shape}"
        )
    for name, part in (("z", z), ("state", state), ("actions", actions)):
        if not np.isfinite(part).all():
            raise ValueError(f"{name} holds numbers that are not finite")
    if train & test:
        raise ValueError(f"sources are both trained and tested on: {sorted(train & test)[:5]}")


def _predict(
    x: Array, y: Array, sources: npt.NDArray[Any], test: Array, kind: ProbeKind, seed: int
) -> Array:
    """Fit x -> y on training pairs, predict for `test`."""
    mean, scale = x.mean(0), x.std(0)
    scale[scale < 1e-9 * max(1.0, float(scale.max(initial=0)))] = np.inf  # constant: says nothing
    x, test = (x - mean) / scale, (test - mean) / scale
    if kind == "mlp":
        return fit_perceptron(x, y, sources, seed)(test)
    weight = _choose_weight(x, y, sources, seed)
    return _Ridge(x, y).predict(test, weight)


class _Ridge:
    """Ridge regression with an unpenalised intercept, at any weight from one eigenproblem."""

    def __init__(self, x: Array, y: Array) -> None:
        self.center, self.offset = x.mean(0), y.mean(0)
        centred = x - self.center
        values, self.vectors = np.linalg.eigh(centred.T @ centred / len(x))
        self.values = np.maximum(values, 0)
        self.cross = self.vectors.T @ (centred.T @ (y - self.offset) / len(x))

    def predict(self, x: Array, weight: float) -> Array:
        """Predict (n, A) with `weight` times the squared coefficients added to the mean error."""
        coefficients = self.vectors @ (self.cross / (self.values + weight)[:, None])
        predicted: Array = (x - self.center) @ coefficients + self.offset
        return predicted


def _choose_weight(x: Array, y: Array, sources: npt.NDArray[Any], seed: int) -> float:
    """The weight with the least error on training sources left out in turn."""
    folds = source_folds(sources, INNER_FOLDS, seed)
    errors = np.zeros(len(RIDGE_WEIGHTS))
    spread = np.maximum(y.var(0), 1e-12)
    for held_out in folds:
        model = _Ridge(x[~held_out], y[~held_out])
        for index, weight in enumerate(RIDGE_WEIGHTS):
            errors[index] += (
                np.square(model.predict(x[held_out], weight) - y[held_out]) / spread
            ).sum()
    return RIDGE_WEIGHTS[int(errors.argmin())]


def source_folds(sources: npt.NDArray[Any], folds: int, seed: int) -> list[npt.NDArray[np.bool_]]:
    """Split pairs into folds of whole sources: masks (n,) of what each fold leaves out."""
    names = np.unique(sources)
    order = np.random.default_rng(seed).permutation(len(names))
    parts = np.array_split(names[order], min(folds, len(names)))
    return [np.isin(sources, part) for part in parts]
