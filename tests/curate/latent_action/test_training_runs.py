"""Training as a long-running job: interruption, faults, records."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from curate.latent_action.model import ModelConfig
from curate.latent_action.regularisers import Codebook, Kind, Regulariser
from curate.latent_action.train import DivergedError, TrainConfig, train
from tests.curate.latent_action.sprites import CHANNELS, TOKENS, make_sprites

MODEL = ModelConfig(
    steps=4,
    tokens=TOKENS,
    channels=CHANNELS,
    latent=4,
    width=8,
    hidden=16,
    forward_blocks=1,
    inverse="correlation",
    forward="convolution",
    rows=1,
    columns=1,
    regions=(1, 1),
)
BUDGET = TrainConfig(model=MODEL, steps=6, batch_size=4)


@pytest.fixture(scope="module")
def tokens() -> torch.Tensor:
    return torch.from_numpy(make_sprites(10, seed=0).tokens)


@pytest.mark.parametrize(
    ("kind", "capacity"),
    [("none", 0), ("kl", 1e-3), ("sparse", 1e-2), ("vq", 8), ("fsq", 64)],
    ids=lambda value: str(value),
)
def test_interrupted_training_ends_with_the_same_bits(
    tokens: torch.Tensor, tmp_path: Path, kind: Kind, capacity: float
) -> None:
    budget = replace(BUDGET, regulariser=Regulariser(kind, capacity))
    whole = train(tokens, budget, 3, action=True)
    file = tmp_path / "state.pt"
    part = train(tokens, budget, 3, action=True, checkpoint=file, until=4)
    assert len(part.losses) == 4
    again = train(tokens, budget, 3, action=True, checkpoint=file)
    assert again.losses.tolist() == whole.losses.tolist()
    assert again.penalties.tolist() == whole.penalties.tolist()
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, again.model.state_dict()[name]), name
    assert [path.name for path in tmp_path.iterdir()] == ["state.pt"]


def test_codes_restart_again_after_an_interruption(
    tokens: torch.Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("curate.latent_action.train.RESTART_STEPS", 2)
    budget = replace(BUDGET, steps=8, regulariser=Regulariser("vq", 16))
    whole = train(tokens, budget, 0, action=True)
    file = tmp_path / "state.pt"
    train(tokens, budget, 0, action=True, checkpoint=file, until=3)
    again = train(tokens, budget, 0, action=True, checkpoint=file)
    books = [run.model.quantiser for run in (whole, again)]
    assert isinstance(books[0], Codebook)
    assert isinstance(books[1], Codebook)
    assert torch.equal(books[0].codes, books[1].codes)


def test_checkpoint_of_another_training_is_refused(tokens: torch.Tensor, tmp_path: Path) -> None:
    file = tmp_path / "state.pt"
    train(tokens, BUDGET, 3, action=True, checkpoint=file, until=1)
    for other in ({"seed": 4}, {"tokens": tokens[:9]}, {"config": replace(BUDGET, steps=7)}):
        arguments = {"tokens": tokens, "config": BUDGET, "seed": 3, **other}
        with pytest.raises(ValueError, match="another training"):
            train(**arguments, action=True, checkpoint=file)  # type: ignore[arg-type]


def test_divergence_names_the_step(tokens: torch.Tensor) -> None:
    wild = replace(BUDGET, steps=50, learning_rate=1e12)
    with pytest.raises(DivergedError, match=r"step \d+ of 50: prediction error"):
        train(tokens, wild, 0, action=True)


def test_tokens_that_are_not_finite_are_refused(tokens: torch.Tensor) -> None:
    bad = tokens.clone()
    bad[7, 2, 1, 0] = torch.nan
    with pytest.raises(ValueError, match="clip 7 are not finite"):
        train(bad, BUDGET, 0, action=True)


def test_record_tells_what_training_took(tokens: torch.Tensor) -> None:
    done = train(tokens, BUDGET, 0, action=True)
    assert done.cpu_s > 0
    assert done.clips_per_s == pytest.approx(6 * 4 / done.wall_s)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_gpu_learns_what_the_cpu_learns(tokens: torch.Tensor) -> None:
    cpu, gpu = (
        train(tokens, replace(BUDGET, steps=50), 0, action=True, device=device)
        for device in ("cpu", "cuda")
    )
    assert gpu.losses[-10:].mean() == pytest.approx(cpu.losses[-10:].mean(), rel=0.1)
