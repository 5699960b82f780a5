"""Figures of known latents, and of models whose latents are known by construction."""

from typing import TypedDict

import numpy as np
import numpy.typing as npt
import pytest
import torch

from curate.latent_action.model import LatentActionModel, Latents, ModelConfig
from curate.study.confounds import (
    camera_probe,
    camera_scores,
    neighbour_share,
    pair_latents,
    response,
    s_pcfc,
    selectivity,
    shift_tokens,
    shortcut,
)
from curate.study.controllability import delta_psnr
from curate.study.controller import pooled_state
from curate.study.leakage import cut_errors, far_partners
from curate.study.transfer import cycle_errors, normalised_transfer

Array = npt.NDArray[np.float64]


class Split(TypedDict):
    train_sources: frozenset[int]
    test_sources: frozenset[int]


SOURCES = np.repeat(np.arange(20), 40)
SPLIT = Split(train_sources=frozenset(range(12)), test_sources=frozenset(range(12, 20)))
CONFIG = ModelConfig(steps=5, tokens=9, channels=2, latent=2, width=8)


class _Mean(LatentActionModel):
    """Its latent action is the change of the mean token, plus `leak` times the later mean."""

    leak = 0.0

    def infer(self, frames: torch.Tensor, evidence: torch.Tensor | None = None) -> Latents:
        means = frames.mean(2)
        z = means[:, 1:] - means[:, :-1] + self.leak * means[:, 1:]
        return Latents(z, torch.zeros_like(z))

    def predict(self, frames: torch.Tensor, actions: torch.Tensor | None) -> torch.Tensor:
        assert actions is not None
        return frames + actions[:, :, None]


@pytest.fixture
def model() -> _Mean:
    return _Mean(CONFIG)


@pytest.fixture
def tokens() -> torch.Tensor:
    return torch.randn(6, 5, 9, 2, generator=torch.Generator().manual_seed(0))


def test_camera_is_told_apart_from_the_action() -> None:
    generator = np.random.default_rng(0)
    actions = generator.normal(size=(800, 1))
    shake = generator.normal(size=(800, 1))
    camera = np.sqrt(0.5) * (actions + shake)  # half of its variance follows the action
    only_action = camera_scores(camera_probe(actions, camera, actions, SOURCES, **SPLIT))
    assert only_action.r2 == pytest.approx(0.5, abs=0.06)
    assert only_action.partial == pytest.approx(0, abs=0.02)
    both = np.c_[actions, shake]
    everything = camera_scores(camera_probe(both, camera, actions, SOURCES, **SPLIT))
    assert everything.r2 == pytest.approx(1, abs=0.01)
    assert everything.partial == pytest.approx(1, abs=0.01)
    unknown = camera_scores(camera_probe(both, camera, None, SOURCES, **SPLIT))
    assert unknown.partial == pytest.approx(unknown.r2, abs=1e-6)
    still = camera_scores(camera_probe(both, np.zeros((800, 1)), None, SOURCES, **SPLIT))
    assert still.r2 is None
    assert selectivity(0.7, 0.2) == pytest.approx(0.5)
    assert selectivity(0.7, None) is None


def test_stillness_and_shifts_are_in_units_of_real_changes(
    model: _Mean, tokens: torch.Tensor
) -> None:
    before, after = tokens[:, 0], tokens[:, 1]
    z = pair_latents(model, before, after)
    np.testing.assert_allclose(z, (after - before).mean(1).numpy(), rtol=1e-5, atol=1e-6)
    assert response(pair_latents(model, before, before), z) == 0
    assert response(2 * np.ones((3, 2)), np.ones((5, 2))) == pytest.approx(2)
    assert response(z, np.zeros((3, 2))) is None


def test_shifted_tokens_move_by_whole_places() -> None:
    grid = torch.arange(9.0).view(9, 1)
    moved = shift_tokens(grid, 1, -1).view(3, 3)
    assert moved.tolist() == [[1, 2, 2], [1, 2, 2], [4, 5, 5]]
    with pytest.raises(ValueError, match="no square grid"):
        shift_tokens(torch.zeros(8, 1), 0, 0)


def test_appearance_raises_s_pcfc(model: _Mean, tokens: torch.Tensor) -> None:
    means = tokens.mean(2)
    past = (means[:, 2] - means[:, 1])[:, None]
    future = (means[:, 2] - means[:, 3])[:, None]
    one = tokens[:, 1:4]
    expected = torch.cosine_similarity(past, future, dim=-1)[:, 0]
    np.testing.assert_allclose(s_pcfc(model, one), expected.numpy(), rtol=1e-4)
    honest = s_pcfc(model, tokens).mean()
    model.leak = 100.0
    assert s_pcfc(model, tokens).mean() > max(0.95, honest)
    with pytest.raises(ValueError, match="gap must be 1 to 2"):
        s_pcfc(model, tokens, gap=3)


def test_shortcut_compares_sources_with_actions() -> None:
    by_action = np.array([[1.0, 0], [0, 1], [1, 0], [0, 1]])
    sources, labels = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    assert shortcut(by_action, sources, labels).leakage == pytest.approx(-1)
    assert shortcut(by_action, sources, labels).same_action == pytest.approx(1)
    by_source = np.array([[1.0, 0], [1, 0], [0, 1], [0, 1]])
    assert shortcut(by_source, sources, labels).leakage == pytest.approx(1)
    assert shortcut(by_source, np.zeros(4), labels).leakage is None


def test_neighbours_of_the_own_source_against_chance() -> None:
    generator = np.random.default_rng(0)
    clips = np.repeat(np.arange(40), 5)
    sources = clips // 4
    mixed = neighbour_share(generator.normal(size=(200, 4)), sources, clips)
    assert mixed[1] == pytest.approx(15 / 195)
    assert mixed[0] == pytest.approx(mixed[1], abs=0.05)
    tied = generator.normal(size=(200, 4)) + 50 * np.eye(10)[sources][:, :4]
    share, _ = neighbour_share(tied[sources < 4], sources[sources < 4], clips[sources < 4])
    assert share == pytest.approx(1)


def test_far_partners_are_of_the_same_source_and_far() -> None:
    chosen = far_partners(list("abcd"), ["s", "s", "s", "t"], [0, 5, 20, 0], apart_s=10)
    assert chosen.tolist() == [2, 2, 0, -1]


def test_clips_without_a_partner_are_left_out(model: _Mean, tokens: torch.Tensor) -> None:
    twin = LatentActionModel(CONFIG, action=False)
    others = np.array([1, -1, 0, 4, 5, 3])
    errors = cut_errors(model, twin, tokens, others, boundary=2)
    assert errors.clips.tolist() == [0, 2, 3, 4, 5]
    a, b = tokens[0], tokens[1]
    predicted = a[2] + (b[3] - a[2]).mean(0)
    assert errors.cut[0] == pytest.approx((predicted - b[3]).abs().mean().item(), rel=1e-5)
    # An untrained twin repeats the last frame.
    assert errors.cut_no_action[0] == pytest.approx((a[2] - b[3]).abs().mean().item(), rel=1e-5)
    with pytest.raises(ValueError, match="boundary must be 0 to 3"):
        cut_errors(model, twin, tokens, others, boundary=4)


def test_action_that_means_the_same_everywhere_transfers_exactly(
    model: _Mean, tokens: torch.Tensor
) -> None:
    shift = np.roll(np.arange(6), 1)
    errors = cycle_errors(model, tokens, shift, np.roll(shift, 1), 2)
    np.testing.assert_allclose(errors.cycle, errors.direct, rtol=1e-4)
    np.testing.assert_allclose(errors.cosine, 1, rtol=1e-4)
    direct, shuffled = np.full((3, 4), 1.0), np.full((3, 4), 2.0)
    found = normalised_transfer(direct, np.full((3, 4), 1.25), shuffled)
    assert found is not None
    assert (found[0].mean, found[1].mean) == pytest.approx((0.75, 1.25))


def test_transfer_of_an_unused_action_is_undefined() -> None:
    noise = np.random.default_rng(0).normal(size=(3, 3, 8))
    assert normalised_transfer(5 + noise[0], 5 + noise[1], 5 + noise[2]) is None


def test_pooled_state_averages_parts_of_the_grid() -> None:
    frame = torch.arange(16.0).view(16, 1)
    assert pooled_state(frame).tolist() == [2.5, 4.5, 10.5, 12.5]
    assert pooled_state(torch.ones(5, 3)).tolist() == [1, 1, 1]
    assert delta_psnr(10, 1) == pytest.approx(10)
    assert np.isnan(delta_psnr(10, 0))
