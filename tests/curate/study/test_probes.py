import numpy as np
import numpy.typing as npt
import pytest

from curate.study.probes import (
    ProbeKind,
    keep_sources,
    linear_latents,
    probe,
    scores,
    shuffle_labels,
)

Array = npt.NDArray[np.float64]

SOURCES = np.repeat(np.arange(20), 40)
TRAIN, TEST = frozenset(range(12)), frozenset(range(12, 20))


class World:
    """Labels of two dimensions: the state tells half of the first one's variance, z the rest of
    it; the second is told by nothing."""

    def __init__(self) -> None:
        generator = np.random.default_rng(0)
        n = len(SOURCES)
        self.state = generator.normal(size=(n, 3))
        self.z = generator.normal(size=(n, 4))
        first = self.state[:, 0] + self.z[:, 1]
        self.actions = np.stack([first, generator.normal(size=n)], axis=1)


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def test_ridge_tells_what_state_and_latent_add(world: World) -> None:
    sums = probe(
        world.z, world.state, world.actions, SOURCES, train_sources=TRAIN, test_sources=TEST
    )
    result = scores(sums)
    assert sums.pairs.tolist() == [40] * 8
    assert (sums.train_pairs, sums.train_sources) == (480, 12)
    assert result.dimensions == pytest.approx([0.5, 0], abs=0.08)
    assert result.both == pytest.approx(0.5, abs=0.05)
    assert result.state == pytest.approx(0.25, abs=0.05)
    assert result.latent == pytest.approx(0.25, abs=0.05)
    assert result.delta == pytest.approx(0.25, abs=0.05)


def test_perceptron_tells_what_is_not_linear(world: World) -> None:
    bent = np.abs(world.z[:, :1])
    results = {}
    kinds: tuple[ProbeKind, ...] = ("ridge", "mlp")
    for kind in kinds:
        sums = probe(
            world.z, world.state, bent, SOURCES, train_sources=TRAIN, test_sources=TEST, kind=kind
        )
        results[kind] = scores(sums).both or 0.0
    assert results["ridge"] < 0.05
    assert results["mlp"] > 0.6


@pytest.mark.parametrize("kind", ["ridge", "mlp"])
def test_shuffled_labels_are_told_by_nothing(world: World, kind: ProbeKind) -> None:
    shuffled = shuffle_labels(world.actions, SOURCES, seed=1)
    sums = probe(
        world.z, world.state, shuffled, SOURCES, train_sources=TRAIN, test_sources=TEST, kind=kind
    )
    result = scores(sums)
    assert result.both is not None
    assert result.both <= 0.01
    np.testing.assert_allclose(np.sort(shuffled[:40], 0), np.sort(world.actions[:40], 0))


def test_sums_of_sources_pool_to_the_definition(world: World) -> None:
    sums = probe(
        world.z, world.state, world.actions, SOURCES, train_sources=TRAIN, test_sources=TEST
    )
    test, fit = np.isin(SOURCES, list(TEST)), np.isin(SOURCES, list(TRAIN))
    total = np.square(world.actions[test] - world.actions[fit].mean(0)).sum(0)
    np.testing.assert_allclose(sums.total.sum(0), total)
    only = scores(sums, weights=np.eye(8)[3])
    expected = 1 - sums.both[3] / sums.total[3] - (1 - sums.state[3] / sums.total[3])
    np.testing.assert_allclose(only.dimensions, expected)


def test_permuting_pairs_changes_nothing(world: World) -> None:
    order = np.random.default_rng(3).permutation(len(SOURCES))
    straight = probe(
        world.z, world.state, world.actions, SOURCES, train_sources=TRAIN, test_sources=TEST
    )
    permuted = probe(
        world.z[order],
        world.state[order],
        world.actions[order],
        SOURCES[order],
        train_sources=TRAIN,
        test_sources=TEST,
    )
    np.testing.assert_allclose(permuted.both, straight.both, rtol=1e-9)
    np.testing.assert_allclose(permuted.total, straight.total, rtol=1e-9)


def test_label_budgets_are_nested_and_count_sources() -> None:
    whole = {f"s{i}" for i in range(50)}
    tenth, all_of_them = keep_sources(whole, 0.1, 0), keep_sources(whole, 1, 0)
    assert len(tenth) == 5
    assert set(tenth) < set(keep_sources(whole, 0.5, 0)) < set(all_of_them) == whole
    assert len(keep_sources(whole, 0.01, 0)) == 2


def test_linear_latents_find_the_strongest_change() -> None:
    generator = np.random.default_rng(0)
    before = generator.normal(size=(800, 6))
    cause = generator.normal(size=(800, 1))
    after = before + 2 * cause @ np.eye(6)[:1] + 0.1 * generator.normal(size=(800, 6))
    z = linear_latents(before, after, 1, np.arange(800) < 400)
    assert abs(np.corrcoef(z[:, 0], cause[:, 0])[0, 1]) > 0.95


def test_constant_labels_have_no_score(world: World) -> None:
    constant = np.ones((len(SOURCES), 1))
    sums = probe(world.z, world.state, constant, SOURCES, train_sources=TRAIN, test_sources=TEST)
    assert scores(sums).delta is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"test_sources": {11, 12}}, "both trained and tested", id="overlap"),
        pytest.param({"train_sources": {1}}, "2 training sources", id="one_source"),
        pytest.param({"keep_share": 0.0}, "keep_share", id="no_labels"),
    ],
)
def test_bad_splits_are_refused(world: World, change: dict[str, object], message: str) -> None:
    arguments: dict[str, object] = {"train_sources": TRAIN, "test_sources": TEST, **change}
    with pytest.raises(ValueError, match=message):
        probe(world.z, world.state, world.actions, SOURCES, **arguments)  # type: ignore[arg-type]
