"""Intervals for figures that vary with the seed and with the source video.

Seeds and sources are crossed: every seed is evaluated on the same sources. Each draw therefore
resamples seeds and, once for all seeds, sources (the pigeonhole bootstrap), so that what a source
does in every seed counts as one observation and not as many. Clips are never resampled: clips of
a source are not independent.

Source: Owen, The pigeonhole bootstrap, Annals of Applied Statistics 1(2), 2007. We draw n - 1 of
n units, after which the variance of a mean is not biased by (n - 1)/n, a third at three seeds
(McCarthy and Snowden, The bootstrap and finite population sampling, 1985).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

LEVEL: Final = 0.95
"""Coverage of the intervals."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and its percentile interval; nan where it is not defined."""

    mean: float
    low: float
    high: float


def bootstrap(
    statistic: Callable[..., Array], *cells: Array, draws: int = 2000, seed: int = 0
) -> Interval:
    """Interval of a statistic of grand means over seeds and sources.

    The same seeds and sources are drawn for all arrays, so a difference of arms is paired.

    Args:
        statistic: Maps one array of means per entry of `cells`, each (n,), to (n,) values; it
            must be elementwise.
        cells: (seeds, sources) each, all of one shape; the means of a seed's clips of a source.
        draws: Resamples.
        seed: Of the resampling; the same arguments give the same interval.

    Raises:
        ValueError: The arrays differ in shape or are empty.
    """
    values = resample(statistic, *cells, draws=draws, seed=seed)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = float(statistic(*(np.array([c.mean()]) for c in cells))[0])
    if not (np.isfinite(values).all() and np.isfinite(mean)):
        return Interval(float("nan"), float("nan"), float("nan"))
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(mean, float(low), float(high))


def resample(
    statistic: Callable[..., Array], *cells: Array, draws: int = 2000, seed: int = 0
) -> Array:
    """The statistic of every resample, (draws,); arguments and errors as of `bootstrap`."""
    shape = cells[0].shape
    if any(c.shape != shape for c in cells) or len(shape) != 2 or 0 in shape:
        raise ValueError(f"cells must be (seeds, sources) alike, not {[c.shape for c in cells]}")
    generator = np.random.default_rng(seed)
    seeds = _weights(generator, draws, shape[0])
    sources = _weights(generator, draws, shape[1])
    resampled = [np.einsum("ds,sv,dv->d", seeds, c, sources, optimize=True) for c in cells]
    with np.errstate(divide="ignore", invalid="ignore"):
        return statistic(*resampled)


def bootstrap_mean(cells: Array, *, draws: int = 2000, seed: int = 0) -> Interval:
    """Interval of the grand mean of (seeds, sources)."""
    return bootstrap(lambda mean: mean, cells, draws=draws, seed=seed)


def bootstrap_difference(a: Array, b: Array, *, draws: int = 2000, seed: int = 0) -> Interval:
    """Interval of mean(a) - mean(b), (seeds, sources) each, paired by seed and by source."""
    return bootstrap(lambda mean: mean, a - b, draws=draws, seed=seed)


def _weights(generator: np.random.Generator, draws: int, units: int) -> Array:
    """(draws, units) shares of each unit in a resample of units - 1 (of 1 where there is one)."""
    size = max(1, units - 1)
    counts = generator.multinomial(size, np.full(units, 1 / units), size=draws)
    weights: Array = counts / size
    return weights
