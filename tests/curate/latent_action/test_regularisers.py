import math

import pytest
import torch

from curate.latent_action.regularisers import (
    Codebook,
    Kind,
    Latents,
    Regulariser,
    Rounding,
    kl_divergence,
    penalty,
    sparsity,
)


def _latents(mean: torch.Tensor) -> Latents:
    return Latents(mean, torch.zeros_like(mean))


def test_sparse_terms_follow_the_formula() -> None:
    # Two rows of D = 4: |z|_1 = 4 and 8, |z|_2 = 2 and 4, mean 0, -1 with signs below.
    z = torch.tensor([[1.0, 1, 1, 1], [-2, -2, -2, -2]])
    # Variance 4.5 everywhere and covariance 4.5 everywhere; mean -0.5.
    shared = 0.001 * 4.5**2
    assert sparsity(z, 0.1).item() == pytest.approx(0.1 * 6 + shared + 0.1 * 0.25, rel=1e-4)
    assert sparsity(z, 0.1, literal=True).item() == pytest.approx(
        0.1 * 6 + shared - 0.1 * 0.5, rel=1e-4
    )
    short = torch.full((3, 4), 0.5)  # |z| = |z|^2 = 1, sqrt(D) = 2, no variance
    flat = 0.1 * (1 - math.sqrt(1e-4))
    assert sparsity(short, 0).item() == pytest.approx(1 + flat + 0.1 * 0.25, rel=1e-3)


def test_corrected_hinge_holds_where_the_printed_one_lets_go() -> None:
    # |z| = 2 of sqrt(16) = 4, |z|^2 = 4.
    z = torch.full((2, 16), 0.5, requires_grad=True)
    slopes = [torch.autograd.grad(sparsity(z, 0, literal=flag), z)[0] for flag in (False, True)]
    assert slopes[0].mean() < 0  # grows z, against the mean term
    assert slopes[1].mean() > 0
    zero = torch.zeros(2, 16, requires_grad=True)
    assert torch.isfinite(torch.autograd.grad(sparsity(zero, 0.1), zero)[0]).all()


def test_one_path_gives_each_penalty() -> None:
    latents = _latents(torch.ones(2, 3, 4))
    assert penalty(latents, Regulariser("none")) == 0
    assert penalty(None, Regulariser("kl", 1)) == 0
    assert penalty(latents, Regulariser("kl", 0.5)) == pytest.approx(
        0.5 * kl_divergence(latents).mean().item()
    )
    assert penalty(latents, Regulariser("sparse", 0.1)) == pytest.approx(
        sparsity(torch.ones(6, 4), 0.1).item()
    )


@pytest.mark.parametrize("tokens", [1, 4])
def test_codebook_takes_the_nearest_code_straight_through(tokens: int) -> None:
    book = Codebook(5, tokens, 8)
    z = torch.randn(3, 2, 8, requires_grad=True)
    found = book(_latents(z))
    assert found.codes is not None
    assert found.codes.shape == (3, 2, tokens)
    parts = z.detach().view(3, 2, tokens, 1, -1)
    nearest = (parts - book.codes.detach()).square().sum(-1).argmin(-1)
    assert torch.equal(found.codes, nearest)
    torch.testing.assert_close(found.mean, book.codes[nearest].flatten(-2))
    (slope,) = torch.autograd.grad(found.mean.sum(), z, retain_graph=True)
    assert torch.equal(slope, torch.ones_like(z))
    assert found.chosen is not None
    expected = 1.25 * (z - found.chosen).square().mean().item()
    added = penalty(found, Regulariser("vq", 5, tokens))
    assert added.item() == pytest.approx(expected)
    pulled = torch.autograd.grad(added, [z, book.codes])
    assert all(part.abs().max() > 0 for part in pulled)


def test_dead_codes_restart_at_encodings_and_used_ones_stay() -> None:
    book = Codebook(4, 1, 2)
    with torch.no_grad():
        book.codes.copy_(torch.tensor([[0.0, 0], [50, 50], [60, 60], [1, 1]]))
    batch = torch.tensor([[[0.1, 0.0], [1.0, 0.9]]])
    book(_latents(batch))
    assert book.restart(batch, torch.Generator().manual_seed(0)) == 2
    assert book.codes[[0, 3]].tolist() == [[0, 0], [1, 1]]
    rows = {tuple(row) for row in batch[0].tolist()}
    assert {tuple(row) for row in book.codes[[1, 2]].tolist()} <= rows
    assert book.uses.sum() == 0


@pytest.mark.parametrize("levels", [2, 3, 4, 5, 8])
def test_rounding_has_its_levels_equally_spaced(levels: int) -> None:
    rounding = Rounding((levels, 3), 4)
    h = torch.linspace(-20, 20, 4001)[:, None].repeat(1, 2).requires_grad_()
    values, index = rounding.round(h)
    found = torch.unique(values[:, 0].detach())
    torch.testing.assert_close(found, torch.linspace(-1, 1, levels))
    assert sorted(set(index[:, 0].tolist())) == list(range(levels))
    middle = h.detach().abs()[:, 0].argmin()
    assert torch.autograd.grad(values[:, 0].sum(), h)[0][middle, 0] == pytest.approx(1)
    codes = rounding(_latents(torch.randn(500, 1, 4) * 9)).codes
    assert codes is not None
    assert 0 <= codes.min() < codes.max() < 3 * levels


def test_fsq_knob_chooses_levels_of_the_paper() -> None:
    assert Regulariser("fsq", 1024).levels == (8, 5, 5, 5)
    assert Regulariser("fsq", 2**16).levels == (8, 8, 8, 5, 5, 5)
    assert Regulariser("fsq", 2).levels == (2,)


@pytest.mark.parametrize(
    ("kind", "capacity", "tokens", "message"),
    [
        pytest.param("vq", 0, 1, "capacity of vq must be at least 1", id="no_codes"),
        pytest.param("kl", -1, 1, "capacity of kl", id="negative"),
        pytest.param("kl", float("nan"), 1, "capacity of kl", id="nan"),
        pytest.param("vq", 4, 3, "tokens must be 1 or 4", id="tokens"),
        pytest.param("ridge", 4, 1, "kind must be one of", id="kind"),
    ],
)
def test_bad_knobs_are_refused(kind: Kind, capacity: float, tokens: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Regulariser(kind, capacity, tokens)


def test_latent_must_divide_into_tokens() -> None:
    with pytest.raises(ValueError, match="multiple of tokens"):
        Codebook(4, 4, 6)
