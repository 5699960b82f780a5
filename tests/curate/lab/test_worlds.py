from itertools import islice

import numpy as np
import pytest

from curate.lab.ego import LEVELS, EgoWorld, moved
from curate.lab.fixed import FixedWorld
from curate.lab.policy import Gait, Walker
from curate.lab.world import SIDE, STAGE, Wander


def test_wander_has_its_spread_and_memory() -> None:
    signal = Wander(2.0, 0.5, 10, np.random.default_rng(1), mean=5)
    values = np.array([signal.step() for _ in range(20_000)])
    lagged = np.corrcoef(values[:-5], values[5:])[0, 1]

    assert values.std() == pytest.approx(2, rel=0.1)
    assert values.mean() == pytest.approx(5, abs=0.3)
    assert lagged == pytest.approx(np.exp(-1), abs=0.06)


def test_fixed_world_moves_its_agent_as_told() -> None:
    world = FixedWorld(speed=0.5, size=0.3)
    shots = list(islice(world.film(2, 12, 0), 40))
    still = np.median([shot.picture for shot in shots], 0)
    places = []
    for shot in shots:
        differs = np.abs(shot.picture - still).max(-1) > 40
        y, x = np.nonzero(differs)
        places.append((x.mean(), y.mean()))
    way = np.cumsum([shot.action for shot in shots], 0)[:-1] * SIDE
    seen = np.array(places)[1:] - places[0]

    assert shots[0].picture.shape == (STAGE[1], STAGE[0], 3)
    for axis in range(2):
        assert np.corrcoef(way[:, axis], seen[:, axis])[0, 1] > 0.9


def test_fixed_world_repeats_itself_and_its_sources_differ() -> None:
    world = FixedWorld(distractor=True)
    first, again = (next(world.film(0, 12, 5)).picture for _ in range(2))

    assert (first == again).all()
    assert np.abs(first.astype(int) - next(world.film(1, 12, 5)).picture).mean() > 20


def test_an_action_is_relative_to_the_heading() -> None:
    # Heading up (90 degrees), 3 units up and 1 to the right, no turn; then a turn across 360.
    ahead, way = moved(np.array([0.0, 0.0, 90.0]), np.array([1.0, 3.0, 90.0]))
    turned, _ = moved(np.array([0.0, 0.0, 355.0]), np.array([0.0, 0.0, 5.0]))

    np.testing.assert_allclose(ahead, [0, 3, 1], atol=1e-6)
    assert way == pytest.approx(10**0.5)
    np.testing.assert_allclose(turned, [10, 0, 0], atol=1e-6)


def test_a_walker_turns_away_from_a_wall_and_stops_before_it() -> None:
    walker = Walker(Gait(30, 64), 12, np.random.default_rng(0))
    steps = [walker.step(np.array([400.0, 20.0, 100.0]), 1.0) for _ in range(50)]

    assert all(step.forward <= 0 for step in steps)
    assert all(step.turn >= 30 / 12 for step in steps)


def test_levels_alternate_between_games_without_repetition() -> None:
    names = [EgoWorld().source(index) for index in range(len(LEVELS))]

    assert len(set(names)) == len(LEVELS) == 68
    assert names[:3] == ["freedoom1-e1m1", "freedoom1-e4m8", "freedoom1-e1m2"]


def test_ego_world_walks_through_a_level() -> None:
    pytest.importorskip("vizdoom", reason="needs the extra `lab`: pip install vizdoom")
    world = EgoWorld()
    shots, again = (list(islice(world.film(3, 12, 1), 24)) for _ in range(2))
    actions = np.array([shot.action for shot in shots])

    assert shots[0].picture.shape == (STAGE[1], STAGE[0], 3)
    assert shots[0].picture.std() > 10
    assert actions.shape == (24, 3)
    assert np.abs(actions[:, 0]).max() > 0.5
    assert np.abs(actions[:, 1:]).max() > 0.5
    np.testing.assert_array_equal(actions, [shot.action for shot in again])
