import math
from collections.abc import Callable
from itertools import product

import pytest
import torch

from curate.latent_action.bottlenecks import ScalarQuantiser, VectorQuantiser, sparse_penalty
from curate.latent_action.model import ModelConfig
from curate.latent_action.train import TrainConfig, TrainingDiverged, train
from curate.study.metrics import clip_errors
from tests.curate.latent_action.world import CHANNELS, STEPS, TOKENS, make_world

WORLD = torch.from_numpy(make_world(64, seed=0).tokens)


def _budget(
    steps: int = 60, sparse_l1: float | None = None, beta: float = 0.0, **model: object
) -> TrainConfig:
    sizes = {"steps": STEPS, "tokens": TOKENS, "channels": CHANNELS, "latent": 4, "width": 16}
    config = ModelConfig(**{**sizes, **model})  # type: ignore[arg-type]
    return TrainConfig(config, steps, 16, 5e-3, beta=beta, sparse_l1=sparse_l1)


def test_codes_are_the_nearest_and_gradients_pass_through() -> None:
    torch.manual_seed(0)
    quantiser = VectorQuantiser(5, 3).eval()
    latents = torch.randn(7, 2, 3, requires_grad=True)
    codes, penalty = quantiser(latents)
    nearest = (latents[:, :, None] - quantiser.codebook).square().sum(-1).argmin(-1)
    assert torch.allclose(codes, quantiser.codebook[nearest], atol=1e-6)
    assert penalty.item() == pytest.approx(
        1.25 * (latents - quantiser.codebook[nearest]).square().mean().item(), rel=1e-4
    )
    torch.autograd.backward(codes.sum())
    assert latents.grad is not None
    assert torch.equal(latents.grad, torch.ones_like(latents))


def test_dead_codes_move_onto_latents_of_the_batch() -> None:
    quantiser = VectorQuantiser(6, 2).train()
    with torch.no_grad():
        quantiser.codebook.fill_(1e6)
    latents = torch.randn(30, 2)
    quantiser(latents)
    assert torch.cdist(quantiser.codebook, latents).min(1).values.max() < 1e4
    assert quantiser.uses.sum() == 30


@pytest.mark.parametrize("levels", [(2,), (3,), (4, 3), (8, 5)])
def test_every_level_is_used_and_no_other(levels: tuple[int, ...]) -> None:
    quantiser = ScalarQuantiser(levels, len(levels))
    quantiser.down = torch.nn.Identity()  # type: ignore[assignment]
    quantiser.up = torch.nn.Identity()  # type: ignore[assignment]
    grid = torch.linspace(-4, 4, 81)
    codes, penalty = quantiser(torch.cartesian_prod(*[grid] * len(levels)).reshape(-1, len(levels)))
    expected = [torch.linspace(-1, 1, level).tolist() for level in levels]
    found = {tuple(round(v, 4) for v in code) for code in codes.tolist()}
    assert found == {tuple(round(v, 4) for v in code) for code in product(*expected)}
    assert penalty == 0


def test_sparse_penalty_is_the_written_formula() -> None:
    z = torch.tensor([[3.0, 0.0], [-3.0, 0.0], [0.0, 4.0], [0.0, -4.0]])
    # Norms exceed sqrt(2), deviations exceed 1, nothing covaries, the mean is 0.
    assert sparse_penalty(z, 0.5).item() == pytest.approx(0.5 * 3.5, rel=1e-4)
    small = sparse_penalty(0.001 * z, 0.0).item()
    assert small == pytest.approx(math.sqrt(2) + 0.1, abs=0.03)
    assert sparse_penalty(z + 5, 0.0, literal=True) < sparse_penalty(z + 5, 0.0)


@pytest.mark.parametrize(
    "budget",
    [
        pytest.param(_budget(bottleneck="vq", codes=1), id="one code"),
        pytest.param(_budget(beta=1e4), id="huge beta"),
    ],
)
def test_no_capacity_is_no_action(budget: TrainConfig) -> None:
    model = train(WORLD, budget, seed=0, action=True).model
    twin = train(WORLD, budget, seed=0, action=False).model
    held = torch.from_numpy(make_world(64, seed=1).tokens)
    own, blind = (clip_errors(m, held, 1, None)["one_step_error"].mean() for m in (model, twin))
    assert own == pytest.approx(blind, rel=0.1)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: _budget(150, bottleneck="vq", codes=16), id="vq"),
        pytest.param(lambda: _budget(150, bottleneck="fsq", levels=(3, 3)), id="fsq"),
        pytest.param(lambda: _budget(150, sparse_l1=0.001), id="sparse"),
    ],
)
def test_every_bottleneck_lets_the_action_through(make: Callable[[], TrainConfig]) -> None:
    model = train(WORLD, make(), seed=0, action=True).model
    held = torch.from_numpy(make_world(64, seed=1).tokens)
    errors = clip_errors(model, held, 1, None)
    assert errors["one_step_error"].mean() < 0.6 * errors["one_step_copy"].mean()


def test_a_loss_that_is_no_number_stops_with_the_step() -> None:
    broken = WORLD.clone()
    broken[3] = float("nan")
    with pytest.raises(TrainingDiverged, match="at step 0 of 60"):
        train(broken.repeat(1, 1, 1, 1)[:16], _budget(), seed=0, action=True)
