from dataclasses import replace

import pytest
import torch

from curate.latent_action.losses import kl_divergence, prediction_error, regulariser
from curate.latent_action.model import LatentActionModel, Latents, ModelConfig

CONFIG = ModelConfig(steps=5, tokens=3, channels=4, latent=2, width=16)


def _awake(model: LatentActionModel) -> LatentActionModel:
    """Give every weight a value, so that nothing passes a test by being zero."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator))
    return model


@pytest.fixture
def frames() -> torch.Tensor:
    return torch.randn(2, 5, 3, 4, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("action", [True, False], ids=["model", "twin"])
def test_untrained_model_repeats_the_last_frame_exactly(frames: torch.Tensor, action: bool) -> None:
    predicted = LatentActionModel(CONFIG, action=action)(frames).frames
    assert torch.equal(predicted, frames[:, :-1])


def test_prediction_does_not_see_later_frames_or_actions(frames: torch.Tensor) -> None:
    model = _awake(LatentActionModel(CONFIG))
    actions = torch.randn(2, 4, 2)
    changed, other = frames.clone(), actions.clone()
    changed[:, 2:] += 1
    other[:, 2:] += 1
    before = model.predict(frames[:, :-1], actions)
    after = model.predict(changed[:, :-1], other)
    torch.testing.assert_close(before[:, :2], after[:, :2], rtol=0, atol=0)
    assert not torch.allclose(before[:, 2:], after[:, 2:])


def test_prediction_depends_on_past_frames_and_the_action(frames: torch.Tensor) -> None:
    model = _awake(LatentActionModel(CONFIG))
    actions = torch.zeros(2, 4, 2)
    base = model.predict(frames[:, :-1], actions)[:, 3]
    past = frames.clone()
    past[:, 0] += 1
    assert not torch.allclose(base, model.predict(past[:, :-1], actions)[:, 3])
    assert not torch.allclose(base, model.predict(frames[:, :-1], actions + 1)[:, 3])


def test_shorter_past_gives_the_same_prediction(frames: torch.Tensor) -> None:
    model = _awake(LatentActionModel(CONFIG))
    actions = torch.randn(2, 4, 2)
    whole = model.predict(frames[:, :4], actions)
    part = model.predict(frames[:, :2], actions[:, :2])
    torch.testing.assert_close(whole[:, :2], part)


def test_action_is_inferred_from_its_two_frames_only(frames: torch.Tensor) -> None:
    model = _awake(LatentActionModel(CONFIG))
    changed = frames.clone()
    changed[:, 3:] += 1
    before, after = model.infer(frames), model.infer(changed)
    assert before is not None
    assert after is not None
    torch.testing.assert_close(before.mean[:, :2], after.mean[:, :2])
    assert not torch.allclose(before.mean[:, 2:], after.mean[:, 2:])


def test_twin_ignores_actions(frames: torch.Tensor) -> None:
    twin = _awake(LatentActionModel(CONFIG, action=False))
    one, two = (twin.predict(frames[:, :-1], torch.full((2, 4, 2), v)) for v in (0.0, 5.0))
    assert torch.equal(one, two)
    assert twin.infer(frames) is None


def test_model_without_actions_is_refused(frames: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="actions must be given"):
        LatentActionModel(CONFIG).predict(frames, None)


def test_kl_divergence_is_summed_over_dimensions() -> None:
    # N(1, 1) to N(0, 1) is 1/2 nat per dimension; variance e gives (e - 2) / 2.
    latents = Latents(torch.ones(3, 2, 4), torch.zeros(3, 2, 4))
    torch.testing.assert_close(kl_divergence(latents), torch.full((3, 2), 2.0))
    wide = Latents(torch.zeros(1, 1, 2), torch.ones(1, 1, 2))
    torch.testing.assert_close(kl_divergence(wide), torch.full((1, 1), torch.e - 2))
    torch.testing.assert_close(regulariser(latents, 0.5), torch.tensor(1.0))
    assert regulariser(None, 0.5) == 0


def test_prediction_error_is_the_mean_absolute_difference() -> None:
    assert prediction_error(torch.zeros(2, 3), torch.full((2, 3), -2.0)) == 2


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        pytest.param({"steps": 1}, "steps must be at least 2", id="one_frame"),
        pytest.param({"width": 18}, "multiple of heads", id="width"),
    ],
)
def test_bad_sizes_are_refused(sizes: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(ModelConfig(steps=3, tokens=1, channels=1, width=16), **sizes)  # type: ignore[arg-type]
