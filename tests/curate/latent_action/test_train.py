import numpy as np
import pytest
import torch

from curate.latent_action.model import ModelConfig
from curate.latent_action.train import TrainConfig, Trained, train
from tests.curate.latent_action.world import CHANNELS, STEPS, TOKENS, make_world

MODEL = ModelConfig(steps=STEPS, tokens=TOKENS, channels=CHANNELS, latent=4, width=32)
BUDGET = TrainConfig(model=MODEL, steps=150, batch_size=32, learning_rate=3e-3, beta=1e-4)


@pytest.fixture(scope="module")
def training() -> torch.Tensor:
    return torch.from_numpy(make_world(256, seed=0).tokens)


@pytest.fixture(scope="module")
def held_out() -> torch.Tensor:
    return torch.from_numpy(make_world(64, seed=1).tokens)


@pytest.fixture(scope="module")
def model(training: torch.Tensor) -> Trained:
    return train(training, BUDGET, 0, action=True)


@pytest.fixture(scope="module")
def twin(training: torch.Tensor) -> Trained:
    return train(training, BUDGET, 0, action=False)


@torch.no_grad()
def _error(trained: Trained, frames: torch.Tensor) -> float:
    predicted: torch.Tensor = trained.model(frames).frames
    return float((predicted - frames[:, 1:]).abs().mean())


def test_latent_actions_explain_a_world_of_hidden_moves(
    model: Trained, twin: Trained, held_out: torch.Tensor
) -> None:
    error, blind = _error(model, held_out), _error(twin, held_out)
    copied = float((held_out[:, :-1] - held_out[:, 1:]).abs().mean())
    assert 1 - error / blind > 0.5
    assert 1 - error / copied > 0.6


def test_latent_action_tells_the_true_move(model: Trained, held_out: torch.Tensor) -> None:
    with torch.no_grad():
        latents = model.model.infer(held_out)
    assert latents is not None
    world = make_world(64, seed=1)
    shifts, places = world.shifts.reshape(-1), world.places[:, :-1].reshape(-1)
    # A linear probe per place of the sprite: what an action looks like depends on where it is.
    z = np.c_[latents.mean.reshape(-1, MODEL.latent).numpy(), np.ones(len(shifts))]
    design = (np.eye(TOKENS)[places][:, :, None] * z[:, None]).reshape(len(z), -1)
    weights = np.linalg.lstsq(design[:128], shifts[:128], rcond=None)[0]
    assert np.mean(np.sign(design[128:] @ weights) == shifts[128:]) > 0.9


def test_huge_beta_makes_latents_useless(
    training: torch.Tensor, twin: Trained, held_out: torch.Tensor
) -> None:
    budget = TrainConfig(model=MODEL, steps=150, learning_rate=3e-3, beta=100.0)
    bound = train(training, budget, 0, action=True)
    assert _error(bound, held_out) == pytest.approx(_error(twin, held_out), rel=0.05)
    with torch.no_grad():
        latents = bound.model.infer(held_out)
    assert latents is not None
    assert latents.mean.abs().max() < 0.05


def test_same_seed_gives_the_same_weights_and_leaves_the_global_state(
    training: torch.Tensor,
) -> None:
    budget = TrainConfig(model=MODEL, steps=3)
    state = torch.get_rng_state()
    first, second = (train(training, budget, 7, action=True) for _ in range(2))
    assert torch.equal(state, torch.get_rng_state())
    for a, b in zip(first.model.parameters(), second.model.parameters(), strict=True):
        assert torch.equal(a, b)
    other = train(training, budget, 8, action=True)
    assert not np.array_equal(first.losses, other.losses)


def test_loss_starts_at_that_of_copying_and_falls(model: Trained, training: torch.Tensor) -> None:
    copied = float((training[:, :-1] - training[:, 1:]).abs().mean())
    assert model.losses[0] == pytest.approx(copied, rel=0.1)
    assert model.losses.shape == (150,)
    assert model.losses[-20:].mean() < 0.8 * model.losses[0]


def test_fewer_clips_than_a_batch_train(training: torch.Tensor) -> None:
    trained = train(training[:3], TrainConfig(model=MODEL, steps=2), 0, action=True)
    assert np.isfinite(trained.losses).all()


def test_tokens_of_other_sizes_are_refused(training: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"tokens must be \(clips"):
        train(training[:, :2], BUDGET, 0, action=True)
