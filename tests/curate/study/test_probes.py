import numpy as np
import pytest

from curate.study.probes import Kind, probe

RNG = np.random.default_rng(0)
COUNT = 1200
SOURCES = np.repeat([f"s{k:02d}" for k in range(12)], COUNT // 12)
FITS = SOURCES < "s08"
STATE = RNG.normal(size=(COUNT, 3))
LATENT = RNG.normal(size=(COUNT, 5))
HIDDEN = RNG.normal(size=COUNT)
ACTIONS = np.stack(
    [
        0.6 * STATE[:, 0] + 0.8 * LATENT[:, 1],  # R2 of the state alone 0.36
        HIDDEN,  # nobody knows it
        np.abs(LATENT[:, 2]),  # not linear
    ],
    axis=1,
)


@pytest.mark.parametrize("kind", ["ridge", "mlp"])
def test_gain_is_what_the_latent_adds_to_the_state(kind: Kind) -> None:
    found = probe(LATENT, STATE, ACTIONS, SOURCES, fits=FITS, kind=kind)
    assert found.gain()[0] == pytest.approx(0.64, abs=0.06)
    assert found.gain()[1] < 0.03
    curved = found.gain()[2]
    assert curved > 0.8 if kind == "mlp" else curved < 0.05


def test_a_latent_that_is_the_state_gains_nothing() -> None:
    gain = probe(STATE, STATE, ACTIONS, SOURCES, fits=FITS).gain()
    assert np.abs(gain).max() < 0.01


def test_shuffled_labels_give_no_gain() -> None:
    shuffled = ACTIONS.copy()
    shuffled[FITS] = RNG.permutation(shuffled[FITS])
    assert probe(LATENT, STATE, shuffled, SOURCES, fits=FITS).gain().max() <= 0.02


def test_sums_are_by_source_and_order_has_no_effect() -> None:
    found = probe(LATENT, STATE, ACTIONS, SOURCES, fits=FITS)
    assert found.sources.tolist() == ["s08", "s09", "s10", "s11"]
    assert found.pairs.tolist() == [100] * 4
    order = RNG.permutation(COUNT)
    again = probe(LATENT[order], STATE[order], ACTIONS[order], SOURCES[order], fits=FITS[order])
    assert np.allclose(again.both, found.both)
    assert np.allclose(again.total, found.total)


def test_units_of_inputs_and_actions_have_no_effect() -> None:
    found = probe(LATENT, STATE, ACTIONS, SOURCES, fits=FITS)
    other = probe(1000 * LATENT + 7, STATE / 50, 3 * ACTIONS - 1, SOURCES, fits=FITS)
    assert np.allclose(other.gain(), found.gain(), atol=1e-6)


def test_mlp_is_the_same_with_the_same_seed() -> None:
    first, again, other = (
        probe(LATENT, STATE, ACTIONS, SOURCES, fits=FITS, kind="mlp", seed=seed).both
        for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"latent": LATENT[1:]}, "alike", id="shape"),
        pytest.param({"latent": LATENT * np.nan}, "finite", id="nan"),
        pytest.param({"fits": np.ones(COUNT, bool)}, "both sides need some", id="no test"),
        pytest.param({"fits": np.arange(COUNT) % 2 == 0}, "sources on both sides", id="leak"),
    ],
)
def test_malformed_pairs_are_refused(change: dict[str, np.ndarray], message: str) -> None:
    given = {"latent": LATENT, "fits": FITS, **change}
    with pytest.raises(ValueError, match=message):
        probe(given["latent"], STATE, ACTIONS, SOURCES, fits=given["fits"])
