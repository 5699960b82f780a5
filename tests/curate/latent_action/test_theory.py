"""Simulation follows the prediction (research notes, section 2.1), within 0.03 of R2."""

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest

from curate.latent_action.linear import solve_linear
from curate.latent_action.theory import LinearWorld, cut_threshold, predict_linear

Array = npt.NDArray[np.float64]

SIZE, ACTIONS, PAIRS = 32, 4, 20_000
TOLERANCE = 0.03


def _world(camera: float, state: float) -> LinearWorld:
    """Orthogonal actions and camera; states with a 1/k spectrum along other axes."""
    axes = np.linalg.qr(np.random.default_rng(0).normal(size=(SIZE, 2 * ACTIONS)))[0]
    spectrum = 1 / np.arange(1, SIZE + 1)
    spectrum *= SIZE / spectrum.sum()
    return LinearWorld(axes[:, :ACTIONS], camera * axes[:, ACTIONS:], np.diag(state * spectrum))


def _pairs(
    world: LinearWorld, cut: float, static: float, seed: int
) -> tuple[Array, Array, Array, Array]:
    generator = np.random.default_rng(seed)
    deviation = np.sqrt(np.diag(world.state))
    before = generator.normal(size=(PAIRS, SIZE)) * deviation
    a, b = (generator.normal(size=(PAIRS, ACTIONS)) for _ in range(2))
    moving = (generator.random(PAIRS) >= static)[:, None]
    after = before + moving * (a @ world.action.T + b @ world.camera.T)
    cuts = generator.random(PAIRS) < cut
    after[cuts] = (generator.normal(size=(PAIRS, SIZE)) * deviation)[cuts]
    return before, after, a, b


def _r2(z: Array, cause: Array) -> float:
    half = PAIRS // 2
    design = np.c_[z, np.ones(PAIRS)]
    weights = np.linalg.lstsq(design[:half], cause[:half], rcond=None)[0]
    error = np.square(cause[half:] - design[half:] @ weights).sum()
    return float(1 - error / np.square(cause[half:] - cause[:half].mean(0)).sum())


@pytest.mark.parametrize(
    ("camera", "state", "cut", "static", "latent"),
    [
        pytest.param(0.5, 1, 0, 0, 4, id="quiet_camera"),
        pytest.param(2.0, 1, 0, 0, 4, id="loud_camera"),
        pytest.param(2.0, 1, 0, 0, 8, id="loud_camera_more_dimensions"),
        pytest.param(0.5, 1, 0.02, 0, 4, id="few_cuts"),
        pytest.param(0.5, 1, 0.2, 0, 4, id="many_cuts"),
        pytest.param(0.5, 5, 0.05, 0, 4, id="cuts_between_unlike_scenes"),
        pytest.param(0.5, 1, 0, 0.6, 4, id="static"),
        pytest.param(0.5, 1, 0.1, 0.5, 4, id="static_and_cuts"),
    ],
)
def test_simulation_follows_the_theory(
    camera: float, state: float, cut: float, static: float, latent: int
) -> None:
    world = _world(camera, state)
    expected = predict_linear(world, latent, cut_share=cut, static_share=static)
    before, after, *_ = _pairs(world, cut, static, seed=1)
    fitted = solve_linear(before, after, latent)
    clean_before, clean_after, a, b = _pairs(world, 0, 0, seed=2)
    z = fitted.infer(clean_before, clean_after)
    assert _r2(z, a) == pytest.approx(expected.action_r2, abs=TOLERANCE)
    assert _r2(z, b) == pytest.approx(expected.camera_r2, abs=TOLERANCE)
    assert fitted.discarded == pytest.approx(expected.eigenvalues[latent:].sum(), rel=0.03)


def test_dose_of_cuts_lowers_the_action() -> None:
    doses = (0, 0.01, 0.05, 0.1, 0.2, 0.4)
    values = [predict_linear(_world(0.5, 5), 4, cut_share=p).action_r2 for p in doses]
    assert values[0] == pytest.approx(1)
    assert all(later < earlier + 1e-9 for earlier, later in pairwise(values))
    assert values[-1] < 0.35


def test_threshold_is_where_a_state_overtakes_the_last_action() -> None:
    # Everything along its own axis: 2 actions of variance 1, states of variance 10.
    world = LinearWorld(np.eye(4)[:, :2], np.zeros((4, 0)), np.diag([0.0, 0, 10, 0]))
    share = cut_threshold(world.action @ world.action.T, world.state, rank=2)
    assert (1 - share) * 1 == pytest.approx(share * (2 - share) * 10)
    below, above = (predict_linear(world, 2, cut_share=share * f) for f in (0.9, 1.1))
    assert below.action_r2 == pytest.approx(1)
    assert above.action_r2 == pytest.approx(0.5)
    assert above.camera_r2 is None


def test_shares_are_bounded() -> None:
    with pytest.raises(ValueError, match="cut_share must be 0 to 1"):
        predict_linear(_world(1, 1), 4, cut_share=1.5)
