from typing import Any

import numpy as np
import pytest
import torch

from curate.latent_action.config import ModelConfig
from curate.study.supervised import Pairs, fit_supervised
from tests.curate.study.test_ceiling import walks

CONFIG = ModelConfig(2, 36, 6, inverse="local", rows=1, columns=2, hidden=32, local_width=8)


def pairs_of(seed: int, clips: int = 120) -> Pairs:
    tokens, actions, sources = walks(clips, seed)
    frames = torch.from_numpy(tokens.astype(np.float32))
    flat: Any = np.repeat(sources, 3)
    return Pairs(
        frames[:, :-1].flatten(0, 1),
        frames[:, 1:].flatten(0, 1),
        actions.reshape(-1, 2).astype(np.float64),
        flat,
    )


def test_it_tells_the_motion_of_sources_that_it_has_not_seen() -> None:
    model = fit_supervised(pairs_of(1), CONFIG, 0)
    other = pairs_of(2, 30)
    with torch.inference_mode():
        told = model(other.before[:, None], other.after[:, None])[:, 0].numpy()
    lost = np.square(told - other.actions).sum(0) / np.square(other.actions).sum(0)
    assert (lost < 0.2).all()


def test_one_seed_gives_one_model_and_leaves_the_global_state_alone() -> None:
    torch.manual_seed(7)
    before = torch.random.get_rng_state()
    first, again = (fit_supervised(pairs_of(3, 24), CONFIG, 5) for _ in range(2))
    assert torch.equal(before, torch.random.get_rng_state())
    for name, value in first.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


def test_one_source_is_refused() -> None:
    pairs = pairs_of(4, 12)
    alone = Pairs(pairs.before, pairs.after, pairs.actions, np.full(len(pairs.sources), "a"))
    with pytest.raises(ValueError, match="2 sources or more, not 1"):
        fit_supervised(alone, CONFIG, 0)
