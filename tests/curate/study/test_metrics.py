import numpy as np
import pytest
import torch

from curate.latent_action.linear import fit_linear
from curate.latent_action.model import LatentActionModel, ModelConfig
from curate.study.metrics import clip_errors, linear_errors, partners, roll_out
from tests.curate.latent_action.world import CHANNELS, TOKENS, make_world

STEPS, HORIZON = 6, 3
CONFIG = ModelConfig(steps=STEPS, tokens=TOKENS, channels=CHANNELS, latent=3, width=16)
CLIPS = [f"c{i:02d}" for i in range(8)]
SOURCES = ["a", "a", "b", "b", "c", "c", "c", "c"]


@pytest.fixture
def model() -> LatentActionModel:
    """A model that does something, without training."""
    generator = torch.Generator().manual_seed(1)
    model = LatentActionModel(CONFIG)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.2 * torch.randn(parameter.shape, generator=generator))
    return model


@pytest.fixture
def tokens() -> torch.Tensor:
    return torch.from_numpy(make_world(8, seed=0, steps=STEPS).tokens)


def test_untrained_model_has_the_errors_of_copying(tokens: torch.Tensor) -> None:
    errors = clip_errors(LatentActionModel(CONFIG), tokens, HORIZON, None)
    np.testing.assert_array_equal(errors["one_step_error"], errors["one_step_copy"])
    np.testing.assert_array_equal(errors["rollout_error"], errors["rollout_copy"])


def test_copy_errors_are_those_of_the_definition(tokens: torch.Tensor) -> None:
    errors = clip_errors(LatentActionModel(CONFIG), tokens, HORIZON, None)
    frames = tokens.numpy()
    one = np.abs(np.diff(frames, axis=1)).mean((1, 2, 3))
    np.testing.assert_allclose(errors["one_step_copy"][:, 0], one, rtol=1e-5)
    for h in (1, 2, 3):
        far = np.abs(frames[:, 2 + h] - frames[:, 2]).mean((1, 2))
        np.testing.assert_allclose(errors["rollout_copy"][:, h - 1], far, rtol=1e-5)


def test_first_rollout_step_is_the_teacher_forced_one(
    model: LatentActionModel, tokens: torch.Tensor
) -> None:
    latents = model.infer(tokens)
    assert latents is not None
    with torch.no_grad():
        forced = model.predict(tokens[:, :3], latents.mean[:, :3])[:, -1]
        rolled = roll_out(model, tokens[:, :3], latents.mean, HORIZON)
    torch.testing.assert_close(rolled[:, 0], forced)
    assert not torch.allclose(rolled[:, 1], model(tokens).frames[:, 3])


def test_permuting_clips_permutes_the_errors(
    model: LatentActionModel, tokens: torch.Tensor
) -> None:
    order = np.random.default_rng(2).permutation(8)
    shuffled = [CLIPS[i] for i in order], [SOURCES[i] for i in order]
    straight = clip_errors(model, tokens, HORIZON, partners(CLIPS, SOURCES))
    permuted = clip_errors(model, tokens[order.tolist()], HORIZON, partners(*shuffled))
    assert {"kl_bits", "rollout_mse", "rollout_mse_shuffled"} <= set(straight)
    for name, values in straight.items():
        np.testing.assert_allclose(permuted[name], values[order], rtol=1e-5, err_msg=name)


def test_partner_is_of_another_source_where_there_is_one() -> None:
    chosen = partners(CLIPS, SOURCES)
    assert all(SOURCES[i] != SOURCES[j] for i, j in enumerate(chosen))
    assert partners(CLIPS[:3], ["a"] * 3).tolist() == [1, 2, 0]
    assert partners(CLIPS[:1], ["a"]).tolist() == [0]


def test_foreign_actions_are_those_of_the_partner(
    model: LatentActionModel, tokens: torch.Tensor
) -> None:
    itself = clip_errors(model, tokens, HORIZON, np.arange(8))
    np.testing.assert_array_equal(itself["rollout_mse"], itself["rollout_mse_shuffled"])
    other = clip_errors(model, tokens, HORIZON, partners(CLIPS, SOURCES))
    assert not np.array_equal(other["rollout_mse"], other["rollout_mse_shuffled"])


def test_linear_model_with_all_dimensions_has_no_error(tokens: torch.Tensor) -> None:
    errors = linear_errors(fit_linear(tokens, TOKENS * CHANNELS), tokens)
    assert errors.shape == (8, 1)
    np.testing.assert_allclose(errors, 0, atol=1e-6)


@pytest.mark.parametrize("horizon", [0, STEPS], ids=["zero", "too_long"])
def test_horizon_outside_the_clip_is_refused(tokens: torch.Tensor, horizon: int) -> None:
    with pytest.raises(ValueError, match="horizon must be 1 to 5"):
        clip_errors(LatentActionModel(CONFIG), tokens, horizon, None)
