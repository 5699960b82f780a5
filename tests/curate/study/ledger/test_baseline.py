import numpy as np
import pytest
import torch

from curate.latent_action.theory import predict_linear
from curate.study.ledger.baseline import (
    Linear,
    cells_of,
    linear_world,
    predictions,
    theory_rows,
)
from curate.study.ledger.labelled import Labelled
from curate.study.metrics import partners

SIDE, CHANNELS, FRAMES, LATENT = 2, 8, 4, 6
SIZE = SIDE * SIDE * CHANNELS
RNG = np.random.default_rng(0)
DIRECTIONS = np.linalg.qr(RNG.normal(size=(SIZE, SIZE)))[0]
ACTION = DIRECTIONS[:, :2] * [0.6, 0.5]
CAMERA = DIRECTIONS[:, 2:8] * 0.4
STATE = DIRECTIONS[:, 8:20] * np.linspace(3, 1, 12)


def make_footage(windows: int, cut: float, seed: int) -> tuple[torch.Tensor, np.ndarray]:
    """Windows (n, T, N, D) of a linear world, a share of them with one cut, and their actions."""
    rng = np.random.default_rng(seed)
    actions = rng.normal(size=(windows, FRAMES - 1, 2))
    moved = actions @ ACTION.T + rng.normal(size=(windows, FRAMES - 1, 6)) @ CAMERA.T
    first, other = (rng.normal(size=(windows, 1, 12)) @ STATE.T for _ in range(2))
    frames = first + np.concatenate([np.zeros_like(first), moved.cumsum(1)], axis=1)
    frames[: round(cut * windows), 2:] += (other - first)[: round(cut * windows)]
    tokens = torch.from_numpy(frames).float().reshape(*frames.shape[:2], SIDE * SIDE, CHANNELS)
    return tokens, actions


def labelled(windows: int) -> Labelled:
    frames, actions = make_footage(windows, 0.0, 5)
    pairs = windows * (FRAMES - 1)
    sources = np.array([f"s{place // 60}" for place in range(pairs)])
    return Labelled(
        ["a", "b"],
        frames,
        np.zeros((pairs, 1)),
        actions.reshape(-1, 2),
        sources,
        np.arange(pairs) < pairs // 2,
        None,
    )


def gain(model: Linear, data: Labelled) -> float:
    rows = data.told(model.infer, 0, "linear")
    parts: dict[str, float] = {}
    for _, _, metric, value in rows:
        parts[metric] = parts.get(metric, 0.0) + value
    told = [
        (parts[f"linear state {k}"] - parts[f"linear both {k}"]) / parts[f"linear total {k}"]
        for k in "ab"
    ]
    return float(np.mean(told))


@pytest.mark.parametrize("dose", [0.0, 0.1, 0.4])
def test_the_fitted_linear_model_does_what_the_theory_says(dose: float) -> None:
    clean, _ = make_footage(1500, 0.0, 1)
    trained, _ = make_footage(1500, dose, 2)
    held, _ = make_footage(400, 0.0, 3)
    data = labelled(1000)
    world = linear_world(clean, data)
    assert world is not None
    told = predictions(world, {"cuts": ("cuts", dose)} if dose else {}, LATENT, FRAMES)
    wanted = {metric: value for _, _, metric, value in theory_rows(world, [*told.values()][-1])}
    model = Linear.fit(trained, LATENT)
    assert model is not None
    names = [f"w{place:04}" for place in range(len(held))]
    errors = model.cut_errors(held, partners(names, names))
    recovery = 1 - errors["linear cut"].mean() / errors["linear cut_no_action"].mean()
    assert recovery == pytest.approx(wanted["cut_recovery"], abs=0.05)
    assert gain(model, data) == pytest.approx(wanted["gain"], abs=0.06)


def test_cuts_take_the_latent_action_from_the_actions() -> None:
    """The predictions that are compared above differ by more than the error allowed there."""
    world = linear_world(make_footage(1500, 0.0, 1)[0], labelled(1000))
    assert world is not None
    arms = {"cuts": ("cuts", 0.4), "freezes": ("freezes", 0.4), "captions": ("captions", 0.4)}
    told = predictions(world, arms, LATENT, FRAMES)
    assert told.keys() == {"clean", "cuts", "freezes"}  # of captions it says nothing
    assert told["clean"].action_r2 > told["cuts"].action_r2 + 0.3
    assert told["freezes"].action_r2 == pytest.approx(told["clean"].action_r2)
    found = {arm: theory_rows(world, one)[1][3] for arm, one in told.items()}
    assert found["cuts"] > found["clean"] + 0.3
    assert predict_linear(world, LATENT).basis.shape == (SIZE, LATENT)


def test_frames_are_as_fine_as_the_closed_form_allows() -> None:
    assert cells_of(torch.zeros(1, 2, 196, 32)) == 4
    assert cells_of(torch.zeros(1, 2, 196, 200)) == 2
    assert cells_of(torch.zeros(1, 2, 196, 2000)) is None
    assert cells_of(torch.zeros(1, 2, 7, 32)) == 0  # no grid, small enough as it is
    assert Linear.fit(torch.zeros(1, 2, 196, 2000), 4) is None
