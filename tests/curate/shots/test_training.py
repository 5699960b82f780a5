"""Composed sequences have the labels of what was composed."""

import hashlib
import json
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from curate.shots.signals import NAMES
from curate.shots.training.footage import Take, read_takes
from curate.shots.training.joins import GRADUAL
from curate.shots.training.synthesis import IGNORE, Composer
from curate.shots.training.train import Recipe, fit
from tests.curate.shots.test_rushes import planes
from tests.videos import scene


@pytest.fixture(scope="module")
def takes(tmp_path_factory: pytest.TempPathFactory) -> list[Take]:
    folder: Path = tmp_path_factory.mktemp("footage")
    (folder / "tiny").mkdir()
    lines = ["file\tsource\tcuts"]
    for seed in range(5):
        yuv = planes(scene(280, seed=seed, pan_px=(1, 0)))
        np.savez(folder / "tiny" / f"{seed}.npz", yuv=yuv)
        lines.append(f"{seed}.npz\ts{seed}\t" + ("none" if seed else "100 180-200"))
    (folder / "clips.tsv").write_text("\n".join(lines) + "\n")
    return read_takes(folder)


def test_footage_is_split_at_its_cuts(takes: list[Take]) -> None:
    of_first = [len(take.yuv) for take in takes if take.source == "s0"]
    assert of_first == [99, 78, 79]
    assert len(takes) == 7


@pytest.mark.parametrize("name", GRADUAL)
def test_a_transition_leads_from_one_shot_to_the_other(name: str) -> None:
    make, _ = GRADUAL[name]
    old = np.full((20, 3, 36, 64), 40, np.float32)
    new = np.full((20, 3, 36, 64), 200, np.float32)
    for seed in range(12):
        mixed = make(old.copy(), new.copy(), np.random.default_rng(seed))
        assert mixed.shape == old.shape
        assert np.isfinite(mixed).all()
        first, last = mixed[0, 0].mean(), mixed[-1, 0].mean()
        if name != "fade":  # whose ends may be the plain colour
            assert abs(first - 40) < abs(first - 200)
            assert abs(last - 200) < abs(last - 40)


def test_sequences_are_reproducible_and_their_labels_known(takes: list[Take]) -> None:
    def make() -> list[tuple[bytes, bytes, bytes]]:
        composer = Composer(takes, np.random.default_rng(3))
        made = [composer.compose(200) for _ in range(12)]
        for sample in made:
            assert sample.signals.shape == (len(sample.cut), len(NAMES))
            assert set(np.unique(sample.cut)) <= {IGNORE, 0, 1}
            assert set(np.unique(sample.kind)) <= {IGNORE, 0, 1, 2, 3}
        return [(s.signals.tobytes(), s.cut.tobytes(), s.kind.tobytes()) for s in made]

    first = make()
    assert first == make()
    cuts = np.frombuffer(b"".join(cut for _, cut, _ in first), np.int8)
    kinds = np.frombuffer(b"".join(kind for _, _, kind in first), np.int8)
    assert (cuts == 1).sum() > 10
    assert (kinds > 0).sum() > 30


def test_labelled_cuts_are_where_the_picture_changes(takes: list[Take]) -> None:
    composer = Composer(takes, np.random.default_rng(5))
    changes, others = [], []
    for _ in range(20):
        sample = composer.compose(200)
        ncc = sample.signals[:, NAMES.index("ncc_1")].astype(float)
        changes += ncc[sample.cut == 1].tolist()
        others += ncc[(sample.cut == 0) & (sample.kind == 0)].tolist()
    assert np.median(changes) > 3 * np.median(others)


def test_the_record_is_that_of_the_shipped_weights_and_footage() -> None:
    folder = files("curate.shots")
    record = json.loads(folder.joinpath("weights.json").read_text())
    for key, name in (("weights", "weights.npz"), ("footage", "training/footage.tsv")):
        content = folder.joinpath(name).read_bytes()
        assert record[f"{key}_sha256"] == hashlib.sha256(content).hexdigest()
    assert record["not_found"] == []


def test_training_learns(takes: list[Take]) -> None:
    composer = Composer(takes, np.random.default_rng(5))
    made = [s for s in (composer.compose(200) for _ in range(60)) if len(s.cut) == 200]
    columns = [np.stack([getattr(s, name) for s in made]) for name in ("signals", "cut", "kind")]
    recipe = Recipe(channels=16, hidden=8, steps=80, batch=16)
    network, loss = fit(columns[0], columns[1], columns[2], recipe)
    again, _ = fit(columns[0], columns[1], columns[2], recipe)
    assert np.isfinite(loss)
    scores = np.concatenate([network.scores(s)[:, 0] for s in columns[0]])
    cut = columns[1].ravel()
    assert scores[cut == 1].mean() > scores[cut == 0].mean() + 0.1
    for name, value in network.arrays.items():
        np.testing.assert_allclose(value, again.arrays[name], atol=1e-4)
