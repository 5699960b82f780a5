"""Signals, network and streaming of the default shot detector."""

import numpy as np
import pyarrow as pa
import pytest

from curate.shot_settings import Shots
from curate.shots.network import REACH, Network, shipped
from curate.shots.rushes import BLOCK, RushesShots
from curate.shots.signals import MARGIN, NAMES, compare, prepare
from curate.shots.spans import transitions_from_scores
from tests.curate.shots.test_backends import picture, shots
from tests.videos import scene


def planes(frames: np.ndarray) -> np.ndarray:
    backend = RushesShots(Shots())
    return np.stack([picture(frame, backend) for frame in frames])


def signals(yuv: np.ndarray) -> np.ndarray:
    ends = np.clip(np.arange(-MARGIN, len(yuv) + MARGIN), 0, len(yuv) - 1)
    return compare(prepare(yuv).take(ends))


def column(values: np.ndarray, name: str) -> np.ndarray:
    return values[:, NAMES.index(name)].astype(float)


def test_a_cut_shows_in_every_comparison_at_its_frame() -> None:
    measured = signals(planes(shots(40, 40)))
    for name in ("hist_1", "ncc_1", "edge_1", "fine_mean_1", "wide_mean_1"):
        assert column(measured, name).argmax() == 40, name


def test_a_pan_is_compensated_and_a_cut_is_not() -> None:
    pan = signals(planes(scene(60, seed=4, pan_px=(5, 0))))
    cut = signals(planes(shots(30, 30)))
    for name in ("wide_low_1", "fine_low_1"):
        assert column(pan, name).max() < 0.4 * column(cut, name)[30], name


def test_brightness_leaves_structure_alone() -> None:
    frames = planes(scene(40, seed=4)).astype(np.int16)
    frames[20:22, 0] = np.clip(frames[20:22, 0] + 60, 0, 255)
    measured = signals(frames.astype(np.uint8))
    assert abs(column(measured, "brightness_1")[20] - 128) > 60
    assert column(measured, "ncc_1")[20] < 40


def test_a_mixture_is_explained_by_its_ends_and_its_weight_falls() -> None:
    old, new = planes(scene(1, seed=1))[0], planes(scene(1, seed=2))[0]
    weight = np.clip((np.arange(60) - 20) / 20, 0, 1)[:, None, None, None]
    measured = signals((old * (1 - weight) + new * weight).astype(np.uint8))
    assert column(measured, "blend_residual_7")[27:33].max() < 10
    later = column(measured, "blend_weight_16")[15:44]
    assert (np.diff(later) <= 1).all()


def test_plain_pictures_have_signals_too() -> None:
    measured = signals(np.zeros((30, 3, 36, 64), np.uint8))
    assert measured.shape == (30, len(NAMES))
    assert len(np.unique(measured, axis=0)) == 1


def test_scores_do_not_depend_on_how_frames_arrive() -> None:
    """The stream's scores are those of the whole video at once, at any length around a block."""
    for count in (BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 17):
        yuv = planes(shots(count // 2, count - count // 2))
        backend = RushesShots(Shots())
        for index, frame in enumerate(yuv):
            backend.update(index, index / 25, frame)
            backend.transitions(index)
        backend.transitions(count - 1, final=True)
        stored = backend.scores()
        whole = signals(yuv)
        packed = b"".join(stored["shot_signals"].to_pylist())
        np.testing.assert_array_equal(np.frombuffer(packed, np.uint8).reshape(whole.shape), whole)
        expected = shipped().scores(whole)
        for at, name in enumerate(("cut", "dissolve", "fade", "wipe")):
            values = pa.array(stored[f"{name}_score"]).to_numpy()
            np.testing.assert_allclose(values, expected[:, at], atol=2e-4)


def test_stored_scores_give_the_transitions_of_the_pass() -> None:
    yuv = planes(shots(70, 9, 60, 50))
    backend = RushesShots(Shots())
    found = []
    for index, frame in enumerate(yuv):
        backend.update(index, index / 25, frame)
        found += backend.transitions(index)
    found += backend.transitions(len(yuv) - 1, final=True)
    stored = backend.scores()
    names = ("cut_score", "dissolve_score", "fade_score", "wipe_score")
    rows = list(zip(*(stored[name].to_pylist() for name in names), strict=True))
    times = [i / 25 for i in range(len(yuv))]
    assert transitions_from_scores(times, rows, [False] * len(yuv), Shots()) == found
    assert len(found) >= 3


def test_the_network_reads_no_further_than_it_says() -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(0, 256, (300, len(NAMES)), np.uint8)
    changed = values.copy()
    changed[200:] = 0
    one, two = (shipped().scores(v) for v in (values, changed))
    np.testing.assert_allclose(one[: 200 - REACH], two[: 200 - REACH], atol=1e-5)
    assert np.abs(one[200 - REACH :] - two[200 - REACH :]).max() > 1e-3


def test_scores_are_shares() -> None:
    values = np.random.default_rng(0).integers(0, 256, (50, len(NAMES)), np.uint8)
    scores = shipped().scores(values)
    assert scores.shape == (50, 4)
    assert ((scores >= 0) & (scores <= 1)).all()
    assert (scores[:, 1:].sum(1) <= 1 + 1e-5).all()


def test_a_network_in_numpy_is_the_one_that_was_trained() -> None:
    torch = pytest.importorskip("torch")
    from curate.shots.training.train import Recipe, Trained

    torch.manual_seed(0)
    mean, std = torch.rand(len(NAMES)) * 100, torch.rand(len(NAMES)) * 20 + 4
    trained = Trained(Recipe(channels=8, hidden=6), mean, std)
    values = np.random.default_rng(0).integers(0, 256, (90, len(NAMES)), np.uint8)
    with torch.no_grad():
        expected = trained(torch.from_numpy(values.astype(np.float32))[None])[0].numpy()
    network: Network = trained.network()
    np.testing.assert_allclose(network.logits(values), expected, atol=1e-3)
