"""Intervals for figures that vary with the seed and with the source video.

Seeds and sources are crossed: every seed is evaluated on the same sources. Each draw therefore
resamples seeds and, once for all seeds, sources (the pigeonhole bootstrap), so that what a source
does in every seed counts as one observation and not as many. Clips are never resampled: clips of
a source are not independent.

Source: Owen, The pigeonhole bootstrap, Annals of Applied Statistics 1(2), 2007. We draw n - 1 of
n units, after which the variance of a mean is not biased by (n - 1)/n, a third at three seeds
(McCarthy and Snowden, The bootstrap and finite population sampling, 1985).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
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


def p_value(draws: Array) -> float:
    """Two-sided p of no difference: twice the smaller share of resampled differences beyond 0.

    Args:
        draws: (n,) of `resample`; p is at least 2 / (n + 1).
    """
    beyond = 1 + min(int((draws <= 0).sum()), int((draws >= 0).sum()))
    return min(1.0, 2 * beyond / (len(draws) + 1))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for the number of tests, in the order given.

    Each is significant at level a where its adjusted value is at most a; the chance of any false
    claim among all is then at most a. Source: Holm, Scandinavian Journal of Statistics 6, 1979.

    Args:
        p_values: One per pre-declared test, 0 to 1.
    """
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def minimum_detectable_effect(
    difference: Array,
    *,
    seeds: int | None = None,
    sources: int | None = None,
    power: float = 0.8,
) -> float:
    """Difference of means that an experiment of a given size finds with a given chance.

    (z_0.975 + z_power) sqrt(v_seed / S + v_source / V + v_rest / (S V)), with the variances of
    crossed seeds and sources estimated from a pilot by analysis of variance (negative ones are 0).

    Args:
        difference: (seeds, sources) paired differences of the pilot, at least 2 x 2.
        seeds: S of the experiment; that of the pilot where None.
        sources: V likewise.
        power: Chance to find it, above 0.5 and below 1.

    Raises:
        ValueError: The pilot is smaller than 2 x 2 or the power is out of range.
    """
    s, v = difference.shape
    if s < 2 or v < 2 or not 0.5 < power < 1:
        raise ValueError(
            f"a pilot of 2 x 2 and a power in (0.5, 1) are needed, not {s} x {v} and {power}"
        )
    grand = difference.mean()
    by_seed, by_source = difference.mean(1), difference.mean(0)
    rest = difference - by_seed[:, None] - by_source[None] + grand
    v_rest = float(np.square(rest).sum()) / ((s - 1) * (v - 1))
    v_seed = max(0.0, float(by_seed.var(ddof=1)) - v_rest / v)
    v_source = max(0.0, float(by_source.var(ddof=1)) - v_rest / s)
    many, wide = seeds or s, sources or v
    error = math.sqrt(v_seed / many + v_source / wide + v_rest / (many * wide))
    normal = NormalDist()
    return (normal.inv_cdf((1 + LEVEL) / 2) + normal.inv_cdf(power)) * error


def _weights(generator: np.random.Generator, draws: int, units: int) -> Array:
    """(draws, units) shares of each unit in a resample of units - 1 (of 1 where there is one)."""
    size = max(1, units - 1)
    counts = generator.multinomial(size, np.full(units, 1 / units), size=draws)
    weights: Array = counts / size
    return weights
