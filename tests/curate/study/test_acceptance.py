"""What every latent-action trainer and metric must show on a world whose actions are known.

The first test of the list, gradient descent against the closed form, is in
tests/curate/latent_action/test_linear.py; that of a bidirectional encoder in
tests/curate/test_encoders.py.
"""

import math
from dataclasses import replace
from typing import TypedDict

import numpy as np
import numpy.typing as npt
import pytest
import torch

from curate.latent_action.capacity import bisect, match_capacity, one_step_error
from curate.latent_action.model import LatentActionModel, Latents, ModelConfig
from curate.latent_action.regularisers import Kind, Regulariser
from curate.latent_action.train import TrainConfig, Trained, train
from curate.study.confounds import pair_latents, s_pcfc
from curate.study.controllability import scale_sweep
from curate.study.controller import controller_errors, controller_ratio, fit_controller
from curate.study.leakage import cut_errors, cut_recovery, leakage_ratio
from curate.study.metrics import clip_errors, partners
from curate.study.probes import probe, scores, shuffle_labels
from curate.study.transfer import cycle_errors, normalised_transfer
from tests.curate.latent_action.sprites import CHANNELS, TOKENS, make_sprites


class Split(TypedDict):
    train_sources: set[str]
    test_sources: set[str]


MODEL = ModelConfig(
    steps=4,
    tokens=TOKENS,
    channels=CHANNELS,
    latent=4,
    width=16,
    hidden=64,
    forward_blocks=2,
    inverse="correlation",
    forward="convolution",
    rows=1,
    columns=1,
    regions=(1, 1),
    summary=0,
)
BUDGET = TrainConfig(MODEL, steps=150, batch_size=16, learning_rate=1e-2, beta=1e-4)
SHORT = replace(BUDGET, steps=60, batch_size=8)
CLIPS = [f"c{i:03d}" for i in range(96)]
SOURCES = [f"s{i // 4:02d}" for i in range(96)]


@pytest.fixture(scope="module")
def training() -> torch.Tensor:
    return torch.from_numpy(make_sprites(256, seed=0).tokens)


@pytest.fixture(scope="module")
def held_out() -> torch.Tensor:
    return torch.from_numpy(make_sprites(96, seed=1).tokens)


@pytest.fixture(scope="module")
def model(training: torch.Tensor) -> Trained:
    return train(training, BUDGET, 0, action=True)


@pytest.fixture(scope="module")
def twin(training: torch.Tensor) -> Trained:
    return train(training, SHORT, 0, action=False)


def _moves() -> npt.NDArray[np.float64]:
    return make_sprites(96, seed=1).moves.astype(np.float64)


def _pairs(tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return tokens[:, :-1].flatten(0, 1), tokens[:, 1:].flatten(0, 1)


def test_translation_is_learned_and_carries_over(model: Trained, held_out: torch.Tensor) -> None:
    others = partners(CLIPS, SOURCES)
    errors = cycle_errors(model.model, held_out, others, np.roll(np.arange(96), 5), 1)
    by_source = [
        part.reshape(1, 24, 4).mean(2) for part in (errors.direct, errors.cycle, errors.shuffled)
    ]
    found = normalised_transfer(*by_source)
    assert found is not None
    transfer, ratio = found
    assert transfer.mean > 0.9
    assert ratio.mean < 1.5
    assert errors.cosine.mean() > 0.8


def test_latents_tell_the_move_and_shuffled_labels_do_not(
    model: Trained, held_out: torch.Tensor
) -> None:
    z = pair_latents(model.model, *_pairs(held_out))
    actions = _moves().reshape(-1, 2)
    rows = np.repeat(np.array(SOURCES), 3)
    state = held_out[:, :-1].mean(2).flatten(0, 1).numpy()
    names = sorted(set(SOURCES))
    split = Split(train_sources=set(names[:16]), test_sources=set(names[16:]))
    told = scores(probe(z, state, actions, rows, **split))
    assert told.delta is not None
    assert told.delta > 0.7
    untrained = pair_latents(LatentActionModel(MODEL), *_pairs(held_out))
    control = scores(probe(untrained, state, actions, rows, **split))
    assert control.delta is not None
    assert told.delta > control.delta + 0.1
    mixed = scores(probe(z, state, shuffle_labels(actions, rows, 0), rows, **split))
    assert mixed.both is not None
    assert mixed.both <= 0.02


@pytest.mark.parametrize(
    "regulariser", [Regulariser("kl", 100), Regulariser("vq", 1)], ids=["huge_beta", "one_code"]
)
def test_latents_that_can_tell_nothing_equal_no_action(
    training: torch.Tensor, held_out: torch.Tensor, twin: Trained, regulariser: Regulariser
) -> None:
    bound = train(training, replace(SHORT, regulariser=regulariser), 0, action=True).model
    blind = one_step_error(twin.model, held_out)
    assert one_step_error(bound, held_out) == pytest.approx(blind, rel=0.05)


@pytest.mark.parametrize(
    ("kind", "capacity", "tokens"),
    [
        pytest.param("sparse", 1e-3, 1, id="sparse"),
        pytest.param("vq", 8, 4, id="vq"),
        pytest.param("fsq", 512, 1, id="fsq"),
    ],
)
def test_every_regulariser_lets_the_move_through(
    training: torch.Tensor,
    held_out: torch.Tensor,
    twin: Trained,
    kind: Kind,
    capacity: float,
    tokens: int,
) -> None:
    budget = replace(BUDGET, steps=120, regulariser=Regulariser(kind, capacity, tokens))
    learned = train(training, budget, 0, action=True).model
    assert one_step_error(learned, held_out) < 0.7 * one_step_error(twin.model, held_out)


class _Cheater(LatentActionModel):
    """Its latent action is the next frame."""

    def infer(self, frames: torch.Tensor, evidence: torch.Tensor | None = None) -> Latents:
        after = frames[:, 1:].flatten(2)
        return Latents(after, torch.zeros_like(after))

    def predict(self, frames: torch.Tensor, actions: torch.Tensor | None) -> torch.Tensor:
        assert actions is not None
        return 0.01 + actions.view_as(frames)


def test_cheater_is_caught_by_cuts(model: Trained, twin: Trained, held_out: torch.Tensor) -> None:
    others = partners(CLIPS, SOURCES)
    cheat = cut_errors(_Cheater(MODEL), twin.model, held_out, others)
    assert leakage_ratio(cheat.original, cheat.cut) == pytest.approx(1, abs=1e-3)
    assert cut_recovery(cheat.cut, cheat.cut_no_action) == pytest.approx(1, abs=0.05)
    honest = cut_errors(model.model, twin.model, held_out, others)
    ratio, recovery = (
        leakage_ratio(honest.original, honest.cut),
        cut_recovery(honest.cut, honest.cut_no_action),
    )
    assert ratio is not None
    assert recovery is not None
    assert ratio > 3
    assert recovery < 0.2
    assert s_pcfc(_Cheater(MODEL), held_out).mean() > s_pcfc(model.model, held_out).mean() + 0.3


def test_permuting_clips_leaves_metrics_unchanged(
    model: Trained, twin: Trained, held_out: torch.Tensor
) -> None:
    order = np.random.default_rng(0).permutation(96)
    mixed = held_out[order.tolist()]
    names = [CLIPS[i] for i in order], [SOURCES[i] for i in order]
    straight, permuted = partners(CLIPS, SOURCES), partners(*names)
    a = cut_errors(model.model, twin.model, held_out, straight)
    b = cut_errors(model.model, twin.model, mixed, permuted)
    np.testing.assert_allclose(b.cut, a.cut[order], rtol=1e-4)
    c = cycle_errors(model.model, held_out, straight, straight, 2)
    d = cycle_errors(model.model, mixed, permuted, permuted, 2)
    np.testing.assert_allclose(d.cycle, c.cycle[order], rtol=1e-4)


def test_controller_drives_the_model(
    model: Trained, training: torch.Tensor, held_out: torch.Tensor
) -> None:
    moves = make_sprites(256, seed=0).moves
    controller = fit_controller(model.model, training, moves, np.arange(256) // 8)
    errors = controller_errors(model.model, controller, held_out, _moves(), 3)
    wrong = controller_errors(model.model, controller, held_out, -_moves(), 3)
    right, opposite = controller_ratio(errors), controller_ratio(wrong)
    assert (right < 2.5).all()
    assert (opposite > 1.2 * right).all()
    assert opposite[0] > 2 * right[0]


def test_inferred_actions_have_the_right_size(model: Trained, held_out: torch.Tensor) -> None:
    sweep = scale_sweep(model.model, held_out, 3).mean(1)
    assert (sweep.argmin(0) == 2).all()
    errors = clip_errors(model.model, held_out, 3, None)
    np.testing.assert_allclose(sweep[2], errors["rollout_error"].mean(0), rtol=1e-4)


def test_capacity_search_trains_its_bounds(
    training: torch.Tensor, held_out: torch.Tensor, twin: Trained
) -> None:
    matched = match_capacity(training, held_out, SHORT, Regulariser("kl"), 0.5, rounds=2)
    blind = one_step_error(twin.model, held_out)
    assert matched.error_no_action == pytest.approx(blind)
    assert matched.error_free < 0.8 * blind
    assert len(matched.trials) == 2
    best = min(matched.trials, key=lambda trial: abs(trial.gap_closed - 0.5))
    assert (matched.regulariser.capacity, matched.gap_closed) == (best.capacity, best.gap_closed)
    assert matched.trials[0].capacity == pytest.approx(1e-3)


def test_bisection_finds_the_knob() -> None:
    # 1 - log share of the range: half is closed at the geometric middle, a quarter above it.
    falling = bisect(lambda c: -math.log10(c) / 6, 1e-6, 1, 0.25, 8, 0.01, rising=False)
    assert falling[-1].gap_closed == pytest.approx(0.25, abs=0.01)
    rising = bisect(lambda c: math.log2(c) / 10, 1, 1024, 0.7, 9, 0.01, rising=True)
    assert rising[-1].capacity == pytest.approx(128, rel=0.1)
    flat = bisect(lambda c: 0.0, 1, 4, 0.7, 9, 0.01, rising=True)
    assert [trial.capacity for trial in flat] == [2, 3]
