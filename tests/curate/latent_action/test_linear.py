import numpy as np
import numpy.typing as npt
import pytest
import torch

from curate.latent_action.linear import fit_linear, solve_linear
from tests.curate.latent_action.world import make_world

Array = npt.NDArray[np.float64]


@pytest.fixture(scope="module")
def pair() -> tuple[Array, Array]:
    """12-d frames that 3 strong and 3 weak causes move (research notes, section 2.1, case 3)."""
    generator = np.random.default_rng(0)
    axes = np.linalg.qr(generator.normal(size=(12, 6)))[0]
    before = generator.normal(size=(1000, 12))
    causes = generator.normal(size=(1000, 6)) * [1, 1, 1, 0.5, 0.5, 0.5]
    return before, before + causes @ axes.T


def test_gradient_descent_reaches_the_closed_form(pair: tuple[Array, Array]) -> None:
    before, after = (torch.tensor(part - part.mean(0)) for part in pair)
    torch.manual_seed(0)
    a, b, c, d = (
        (0.1 * torch.randn(size, dtype=torch.float64)).requires_grad_()
        for size in ((12, 12), (3, 12), (12, 3), (12, 3))
    )
    optimiser = torch.optim.Adam([a, b, c, d], lr=0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 600)
    for _ in range(600):
        error = before @ a + (before @ c + after @ d) @ b - after
        loss = error.square().sum(1).mean()
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        schedule.step()
    assert loss.item() == pytest.approx(solve_linear(*pair, latent=3).discarded, rel=1e-3)


def test_discarded_eigenvalues_are_the_error_of_the_fit(pair: tuple[Array, Array]) -> None:
    model = solve_linear(*pair, latent=3)
    error = np.square(model.reconstruct(*pair) - pair[1]).sum(1).mean()
    assert error == pytest.approx(model.discarded)
    # Three causes of variance 1/4 are left out.
    assert model.discarded == pytest.approx(0.75, rel=0.1)


def test_as_many_latents_as_numbers_reconstruct_exactly(pair: tuple[Array, Array]) -> None:
    model = solve_linear(*pair, latent=99)
    np.testing.assert_allclose(model.reconstruct(*pair), pair[1], atol=1e-9)


def test_heavy_ridge_predicts_by_copying(pair: tuple[Array, Array]) -> None:
    model = solve_linear(*pair, latent=1, ridge=1e9)
    np.testing.assert_allclose(model.transition, np.eye(12), atol=1e-6)


def test_fewer_pairs_than_numbers_are_fitted() -> None:
    model = fit_linear(torch.from_numpy(make_world(3, seed=0).tokens), latent=4)
    assert np.isfinite(model.transition).all()
    assert model.basis.shape == (24, 4)
