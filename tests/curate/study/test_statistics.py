import math

import numpy as np
import numpy.typing as npt
import pytest

from curate.study.statistics import (
    bootstrap,
    bootstrap_difference,
    bootstrap_mean,
    holm,
    minimum_detectable_effect,
    p_value,
    resample,
)

Array = npt.NDArray[np.float64]


def _cells(generator: np.random.Generator, seeds: int, sources: int) -> Array:
    """Crossed effects of seed and source around 3."""
    return np.asarray(
        3
        + 0.5 * generator.normal(size=(seeds, 1))
        + 1.0 * generator.normal(size=(1, sources))
        + 0.5 * generator.normal(size=(seeds, sources))
    )


@pytest.mark.parametrize(
    ("seeds", "sources", "least"),
    [
        pytest.param(8, 20, 0.9, id="8_seeds_20_sources"),
        # Few units have heavier tails than percentiles know: what is promised is less.
        pytest.param(3, 8, 0.85, id="3_seeds_8_sources"),
    ],
)
def test_interval_covers_the_truth(seeds: int, sources: int, least: float) -> None:
    generator = np.random.default_rng(0)
    trials = 300
    intervals = [
        bootstrap_mean(_cells(generator, seeds, sources), draws=400, seed=trial)
        for trial in range(trials)
    ]
    covered = np.mean([i.low <= 3 <= i.high for i in intervals])
    assert least <= covered <= 0.99
    # As wide as the true standard error allows, not covering by being endless.
    error = math.sqrt(0.25 / seeds + 1 / sources + 0.25 / (seeds * sources))
    assert np.mean([i.high - i.low for i in intervals]) < 1.25 * 2 * 1.96 * error


def test_many_clips_of_few_sources_do_not_narrow_the_interval() -> None:
    # Every source is alike in all seeds: 1 observation each, however many seeds repeat it.
    sources = np.random.default_rng(1).normal(size=(1, 10))
    few = bootstrap_mean(np.repeat(sources, 3, axis=0))
    many = bootstrap_mean(np.repeat(sources, 30, axis=0))
    assert many.high - many.low == pytest.approx(few.high - few.low, rel=0.1)


def test_pairing_removes_what_arms_share() -> None:
    a = _cells(np.random.default_rng(2), 5, 12)
    difference = bootstrap_difference(a + 0.2, a)
    assert (difference.mean, difference.low, difference.high) == pytest.approx((0.2, 0.2, 0.2))


def test_same_arguments_give_the_same_interval() -> None:
    cells = _cells(np.random.default_rng(3), 4, 6)
    assert bootstrap_mean(cells, seed=5) == bootstrap_mean(cells, seed=5)
    assert bootstrap_mean(cells, seed=5) != bootstrap_mean(cells, seed=6)


def test_ratio_is_of_means_with_one_resample_for_both() -> None:
    whole = np.abs(_cells(np.random.default_rng(4), 4, 6)) + 1
    interval = bootstrap(lambda part, of: 1 - part / of, 0.25 * whole, whole)
    assert (interval.mean, interval.low, interval.high) == pytest.approx((0.75, 0.75, 0.75))


def test_zero_denominator_has_no_interval() -> None:
    interval = bootstrap(lambda a, b: a / b, np.ones((3, 4)), np.zeros((3, 4)))
    assert all(map(math.isnan, (interval.mean, interval.low, interval.high)))


@pytest.mark.parametrize("shapes", [((3, 4), (4, 3)), ((3,),), ((0, 4),)], ids=str)
def test_bad_shapes_are_refused(shapes: tuple[tuple[int, ...], ...]) -> None:
    with pytest.raises(ValueError, match="must be"):
        bootstrap(lambda *a: a[0], *(np.zeros(s) for s in shapes))


def test_holm_follows_the_step_down_rule() -> None:
    # Sorted .01 .02 .03 .04 times 4 3 2 1, never below the one before.
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def _draws(cells: Array, draws: int, seed: int) -> Array:
    found: Array = resample(lambda mean: mean, cells, draws=draws, seed=seed)
    return found


def test_p_value_is_rarely_small_without_a_difference() -> None:
    generator = np.random.default_rng(6)
    nothing = [p_value(_draws(_cells(generator, 5, 12) - 3, 200, i)) for i in range(200)]
    assert np.mean(np.array(nothing) < 0.05) < 0.12
    assert p_value(_draws(_cells(generator, 5, 12), 1000, 0)) == pytest.approx(2 / 1001)


def test_minimum_detectable_effect_is_found_as_often_as_promised() -> None:
    # The known variances of _cells: 0.25, 1, 0.25.
    truth = 2.80 * math.sqrt(0.25 / 6 + 1 / 40 + 0.25 / 240)
    generator = np.random.default_rng(7)
    pilots = [
        minimum_detectable_effect(_cells(generator, 6, 20), seeds=6, sources=40) for _ in range(300)
    ]
    assert np.median(pilots) == pytest.approx(truth, rel=0.1)
    small = minimum_detectable_effect(_cells(generator, 6, 20))
    assert minimum_detectable_effect(_cells(np.random.default_rng(7), 6, 20), seeds=100) < small
    with pytest.raises(ValueError, match="pilot of 2 x 2"):
        minimum_detectable_effect(np.ones((1, 5)))
