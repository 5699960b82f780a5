from typing import Final

import numpy as np
import pytest
import torch

from curate.latent_action.model import LatentActionModel, ModelConfig
from curate.latent_action.train import TrainConfig, train
from curate.study.metrics import clip_errors
from curate.study.probes import probe

SIDE: Final = 7
CONFIG: Final = ModelConfig(
    steps=3, tokens=SIDE * SIDE, channels=4, latent=6, width=16, forward_blocks=1,
    inverse="correlation", transition="convolution", reach=(1, 1), regions=(1, 1),
)  # fmt: skip


def make_panning(clips: int, seed: int) -> tuple[torch.Tensor, np.ndarray]:
    """A textured world under a camera that a coin moves by one cell a step, each way.

    Returns:
        Tokens (clips, 3, SIDE^2, 4) and shifts of the picture (clips, 2, 2), down and right.
    """
    rng = np.random.default_rng(seed)
    shifts = rng.integers(-1, 2, (clips, 2, 2))
    world = rng.normal(size=(clips, SIDE + 8, SIDE + 8, 4))
    place = 4 - np.concatenate([np.zeros((clips, 1, 2), int), shifts.cumsum(1)], axis=1)
    frames = [
        [world[k, y : y + SIDE, x : x + SIDE].reshape(-1, 4) for y, x in place[k]]
        for k in range(clips)
    ]
    return torch.from_numpy(np.array(frames, dtype=np.float32)), shifts


@pytest.fixture(scope="module")
def model() -> LatentActionModel:
    tokens, _ = make_panning(400, seed=0)
    budget = TrainConfig(CONFIG, steps=250, batch_size=32, learning_rate=5e-3, beta=1e-3)
    return train(tokens, budget, seed=0, action=True).model


def test_untrained_model_repeats_the_last_frame_exactly() -> None:
    torch.manual_seed(0)
    frames = torch.randn(2, 3, SIDE * SIDE, 4)
    assert torch.equal(LatentActionModel(CONFIG)(frames).frames, frames[:, :-1])


def test_motion_is_learned_without_labels(model: LatentActionModel) -> None:
    tokens, shifts = make_panning(120, seed=1)
    errors = clip_errors(model, tokens, 2, None)
    assert errors["one_step_error"].mean() < 0.6 * errors["one_step_copy"].mean()
    latents = model.infer(tokens)
    assert latents is not None
    z = latents.mean.detach().flatten(0, 1).double().numpy()
    actions = shifts.reshape(-1, 2).astype(float)
    sources = np.repeat(np.arange(120), 2).astype(str)
    state = tokens[:, :-1].mean(2).flatten(0, 1).double().numpy()
    gain = probe(z, state, actions, sources, fits=np.repeat(np.arange(120) < 80, 2)).gain()
    assert gain.min() > 0.8


def test_prediction_is_causal(model: LatentActionModel) -> None:
    tokens, _ = make_panning(4, seed=2)
    actions = torch.randn(4, 2, CONFIG.latent)
    before = model.predict(tokens[:, :2], actions)
    changed = tokens.clone()
    changed[:, 1] += 1
    other = actions.clone()
    other[:, 1] += 1
    after = model.predict(changed[:, :2], other)
    assert torch.equal(before[:, 0], after[:, 0])
    assert not torch.equal(before[:, 1], after[:, 1])


def test_tokens_that_are_no_square_grid_are_refused() -> None:
    with pytest.raises(ValueError, match="6 tokens are no square grid"):
        LatentActionModel(
            ModelConfig(steps=3, tokens=6, channels=4, width=16, transition="convolution")
        )
