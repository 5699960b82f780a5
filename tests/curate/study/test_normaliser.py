import numpy as np
import pytest

from curate.study.normaliser import fit_normaliser


def _tokens(seed: int = 0, clips: int = 20) -> np.ndarray[tuple[int, ...], np.dtype[np.float16]]:
    """(clips, 4, 3, 6): two strong causes seen in six channels of different scale and offset."""
    generator = np.random.default_rng(seed)
    mix = np.random.default_rng(9).normal(size=(2, 6))
    causes = generator.normal(size=(clips, 4, 3, 2))
    noise = 0.01 * generator.normal(size=(clips, 4, 3, 6))
    return ((causes @ mix + noise) * [1, 2, 5, 0.1, 1, 1] + 10).astype(np.float16)


def test_sample_has_zero_mean_and_unit_mean_variance() -> None:
    tokens = _tokens()
    out = fit_normaliser(tokens, 3).apply(tokens).reshape(-1, 3)
    np.testing.assert_allclose(out.mean(0), 0, atol=1e-3)
    assert out.var(0).mean() == pytest.approx(1, rel=1e-3)
    centred = out - out.mean(0)
    assert abs((centred[:, 0] * centred[:, 1]).mean()) < 1e-3


def test_leading_axes_hold_the_causes() -> None:
    tokens = _tokens()
    two, six = (fit_normaliser(tokens, k) for k in (2, 6))
    rest = six.apply(tokens).reshape(-1, 6).var(0)
    assert rest[2:].sum() < 0.01 * rest.sum()
    assert two.apply(tokens).shape == (20, 4, 3, 2)


def test_hash_tells_whether_spaces_are_the_same() -> None:
    assert fit_normaliser(_tokens(), 3).hash == fit_normaliser(_tokens(), 3).hash
    assert fit_normaliser(_tokens(), 3).hash != fit_normaliser(_tokens(1), 3).hash
    assert fit_normaliser(_tokens(), 3).hash != fit_normaliser(_tokens(), 2).hash


def test_dead_channels_are_left_out() -> None:
    tokens = _tokens()
    tokens[..., 2] = 7
    normaliser = fit_normaliser(tokens, 6)
    changed = tokens.copy()
    changed[..., 2] = 100
    assert normaliser.projection.shape == (6, 5)
    np.testing.assert_array_equal(normaliser.apply(tokens), normaliser.apply(changed))


@pytest.mark.parametrize(
    ("value", "message"),
    [pytest.param(np.nan, "not finite", id="nan"), pytest.param(1.0, "constant", id="constant")],
)
def test_useless_samples_are_refused(value: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit_normaliser(np.full((2, 3, 4, 5), value), 2)


def test_other_channels_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(n, T, N, 6\)"):
        fit_normaliser(_tokens(), 2).apply(np.zeros((1, 2, 3, 4)))
