import numpy as np
import pytest

from curate.study.ceiling import Search, ceiling, pair_features

SEARCH = Search(1, 2, (2, 2), (2, 2))


def walks(clips: int, seed: int) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Windows over textures of their own; the action is how the window moved, with noise."""
    rng = np.random.default_rng(seed)
    tokens = np.empty((clips, 4, 36, 6), np.float16)
    actions = np.empty((clips, 3, 2), np.float32)
    for clip in range(clips):
        texture = rng.standard_normal((40, 40, 6))
        place = np.array([20, 20])
        for step in range(4):
            y, x = place
            tokens[clip, step] = texture[y : y + 6, x : x + 6].reshape(36, 6)
            if step < 3:
                move = np.array([rng.integers(-1, 2), rng.integers(-2, 3)])
                actions[clip, step] = move
                place = place + move
    return tokens, actions, [f"source {clip % 12}" for clip in range(clips)]


def test_movement_is_found_and_noise_is_not() -> None:
    tokens, actions, sources = walks(240, 1)
    noise = np.random.default_rng(2).standard_normal((240, 3, 1)).astype(np.float32)
    held_out = ["source 0", "source 1", "source 2"]

    found = ceiling(tokens, np.concatenate([actions, noise], 2), sources, held_out, SEARCH)

    assert found.pairs == (540, 180)
    assert found.sources == (9, 3)
    for way in (found.ridge, found.network):
        assert min(way[0].mean, way[1].mean) > 0.8
        assert way[2].mean < 0.1
        assert way[0].low <= way[0].mean <= way[0].high
    assert all(interval.mean < 0.1 for interval in found.state)


def test_an_action_that_the_first_frame_tells_adds_nothing() -> None:
    tokens, _, sources = walks(240, 3)
    state, _ = pair_features(tokens, SEARCH)
    given = state[..., :1] - state[..., 1:2]

    found = ceiling(tokens, given, sources, ["source 0", "source 1"], SEARCH)

    assert found.state[0].mean > 0.95
    assert found.ridge[0].mean < 0.05


def test_pairs_without_an_action_are_left_out() -> None:
    tokens, actions, sources = walks(60, 4)
    actions[:, 1] = np.nan

    found = ceiling(tokens, actions, sources, ["source 0", "source 1"], SEARCH)

    assert found.pairs == (100, 20)


def test_what_does_not_fit_is_refused() -> None:
    tokens, actions, sources = walks(12, 7)

    with pytest.raises(ValueError, match="do not fit"):
        ceiling(tokens, actions[:, :2], sources, ["source 0"], SEARCH)
    with pytest.raises(ValueError, match="two sources"):
        ceiling(tokens, actions, sources, ["source 0"], SEARCH)
