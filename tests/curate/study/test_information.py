import numpy as np
import pytest

from curate.study.information import (
    active_units,
    code_use,
    gini,
    kl_bits,
    participation_ratio,
    rank_me,
)


@pytest.fixture
def generator() -> np.random.Generator:
    return np.random.default_rng(0)


def test_ranks_count_equal_directions(generator: np.random.Generator) -> None:
    flat = np.linalg.qr(generator.normal(size=(500, 6)) - 0)[0] * 20
    flat -= flat.mean(0)
    wide = np.linalg.qr(flat)[0]
    z = np.c_[wide[:, :3], np.zeros((500, 5))] + 7  # an offset is no rank
    assert rank_me(z) == pytest.approx(3)
    assert participation_ratio(z) == pytest.approx(3)
    # Deviations 2 and 1: p = 2/3, 1/3; eigenvalues 4 and 1: 25/17.
    uneven = wide[:, :2] * [2, 1]
    assert rank_me(uneven) == pytest.approx(3 / 2 ** (2 / 3))
    assert participation_ratio(uneven) == pytest.approx(25 / 17)


def test_constant_latents_have_no_rank() -> None:
    assert rank_me(np.full((5, 3), 0.1)) is None
    assert participation_ratio(np.full((5, 3), 0.1)) is None
    assert gini(np.zeros((5, 3))) is None


def test_active_units_and_bits(generator: np.random.Generator) -> None:
    z = generator.normal(size=(2000, 3)) * [1, 0.2, 0.05]
    assert active_units(z) == 2  # variances 1, 0.04, 0.0025
    assert kl_bits(np.ones((4, 6)), np.zeros((4, 6))) == pytest.approx(3 / np.log(2))


def test_code_use_of_an_even_half_of_a_codebook() -> None:
    use = code_use(np.array([[0], [2], [4], [6]] * 5), 8)
    assert (use.perplexity, use.usage, use.bits) == pytest.approx((4, 0.5, 2))
    assert code_use(np.zeros(9, dtype=int), 8).perplexity == 1
    with pytest.raises(ValueError, match="codes must be 0 to 7"):
        code_use(np.array([8]), 8)


def test_gini_of_equal_and_of_single_dimensions() -> None:
    assert gini(np.full((2, 4), -3.0)) == pytest.approx(0)
    assert gini(np.eye(4)) == pytest.approx(0.75)  # (n - 1) / n
    assert gini(np.r_[np.eye(4), np.zeros((1, 4))]) == pytest.approx(0.75)
