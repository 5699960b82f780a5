from dataclasses import replace

import pytest
import torch

from curate.latent_action.config import PRESETS, ModelConfig, preset
from curate.latent_action.correspondence import correlation
from curate.latent_action.forward import Transport
from curate.latent_action.model import LatentActionModel
from tests.curate.latent_action.sprites import CHANNELS, SIDE, TOKENS, make_sprites

CONFIG = ModelConfig(
    steps=5,
    tokens=TOKENS,
    channels=CHANNELS,
    latent=3,
    width=8,
    inverse="correlation",
    forward="convolution",
    rows=2,
    columns=3,
)


@pytest.fixture
def frames() -> torch.Tensor:
    return torch.from_numpy(make_sprites(2, seed=0, steps=5).tokens)


KINDS = {
    "volume": CONFIG,
    "flow": replace(CONFIG, flow=True),
    "local": replace(CONFIG, inverse="local"),
}


@pytest.fixture(params=KINDS)
def awake(request: pytest.FixtureRequest) -> LatentActionModel:
    """Every weight has a value, so that nothing passes a test by being zero."""
    generator = torch.Generator().manual_seed(1)
    model = LatentActionModel(KINDS[request.param])
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator))
    return model


@pytest.mark.parametrize("action", [True, False], ids=["model", "twin"])
def test_untrained_model_repeats_the_last_frame_exactly(frames: torch.Tensor, action: bool) -> None:
    predicted = LatentActionModel(CONFIG, action=action)(frames).frames
    assert torch.equal(predicted, frames[:, :-1])


def test_prediction_sees_the_last_two_frames_and_the_action(
    awake: LatentActionModel, frames: torch.Tensor
) -> None:
    actions = torch.zeros(2, 4, 3)
    base = awake.predict(frames[:, :4], actions)[:, 2]
    for index, seen in enumerate([False, True, True, False]):
        changed = frames.clone()
        changed[:, index] += 1
        now = awake.predict(changed[:, :4], actions)[:, 2]
        assert torch.equal(now, base) != seen, index
        other = actions.clone()
        other[:, index] += 1
        assert torch.equal(awake.predict(frames[:, :4], other)[:, 2], base) == (index != 2)


def test_shorter_past_gives_the_same_prediction(
    awake: LatentActionModel, frames: torch.Tensor
) -> None:
    actions = torch.randn(2, 4, 3)
    whole = awake.predict(frames[:, :4], actions)
    part = awake.predict(frames[:, :2], actions[:, :2])
    torch.testing.assert_close(whole[:, :2], part)


def test_known_evidence_gives_the_same_latents(
    awake: LatentActionModel, frames: torch.Tensor
) -> None:
    fresh, known = awake.infer(frames), awake.infer(frames, awake.evidence(frames))
    assert fresh is not None
    assert known is not None
    torch.testing.assert_close(fresh.mean, known.mean)


def test_inverse_sees_the_motion_and_not_the_contrast_of_the_picture() -> None:
    model = LatentActionModel(
        ModelConfig(4, TOKENS, CHANNELS, latent=3, inverse="correlation", summary=0)
    )
    frames = torch.from_numpy(make_sprites(3, seed=0).tokens)
    straight, scaled = model.infer(frames), model.infer(3 * frames)
    still = model.infer(frames[:, :1].expand(-1, 4, -1, -1))
    assert straight is not None
    assert scaled is not None
    assert still is not None
    torch.testing.assert_close(straight.mean, scaled.mean, rtol=1e-3, atol=1e-4)
    assert (straight.mean - still.mean).abs().max() > 0.01


def test_transport_moves_as_the_correlation_volume_counts() -> None:
    transport = Transport(CONFIG)
    rows, columns = CONFIG.shifts
    down, right = 1, -2
    logits = torch.zeros(CONFIG.transports, sum(transport.taps))
    logits[:, rows + down] = 50
    logits[:, transport.taps[0] + columns + right] = 50
    with torch.no_grad():
        last = list(transport.choose.parameters())[-2:]
        last[0].zero_()
        last[1].copy_(logits.flatten())
        frame = torch.randn(1, TOKENS, CHANNELS)
        moved = transport(frame, torch.zeros(1, 3))[:, :, 0]
    grid, after = (part.view(SIDE, SIDE, CHANNELS) for part in (frame, moved))
    torch.testing.assert_close(after[1:, :-2], grid[:-1, 2:])
    volume = correlation(frame, moved, rows, columns).view(2 * rows + 1, 2 * columns + 1)
    assert volume.argmax() == (rows + down) * (2 * columns + 1) + columns + right


@pytest.mark.parametrize("name", PRESETS)
def test_presets_build(name: str) -> None:
    config = preset(name, steps=4, tokens=16, channels=8, latent=4)
    with torch.device("meta"):
        model = LatentActionModel(config)
    assert sum(p.numel() for p in model.parameters()) > 10_000
    assert (config.steps, config.tokens, config.channels, config.latent) == (4, 16, 8, 4)


def test_grid_models_need_a_square_grid() -> None:
    with pytest.raises(ValueError, match="no square grid"):
        ModelConfig(steps=3, tokens=12, channels=4, forward="convolution")
    with pytest.raises(ValueError, match="preset must be one of"):
        preset("huge", steps=4, tokens=16, channels=8, latent=4)
