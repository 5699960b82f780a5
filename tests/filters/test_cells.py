import math

import numpy as np
import pytest

from curate.config import Policy, policy_bounds
from filters import camera, objects
from filters.cells import CELLS, cell
from tests.filters.scenes import Image, clip, texture, view


@pytest.mark.parametrize("camera_moves", [False, True])
@pytest.mark.parametrize("world_moves", [False, True])
def test_composites_fall_into_their_cells(camera_moves: bool, world_moves: bool) -> None:
    def draw(i: int) -> Image:
        frame = view(dx=-i * camera_moves).copy()
        x = 140 + round(60 * math.sin(i / 16)) * world_moves - i * camera_moves * (not world_moves)
        if world_moves:
            frame[60:100, x : x + 40] = texture(40, 40, seed=5)
        return frame

    made = clip(draw)
    truth = f"{'moving' if camera_moves else 'fixed'}_{'moving' if world_moves else 'still'}"
    assert cell(camera.total(made), objects.speed(made)) == truth


def test_missing_scores_are_in_no_cell() -> None:
    assert cell(None, 0.1) is None
    assert cell(0.1, None) is None


@pytest.mark.parametrize("name", [name for name in CELLS if name != "any"])
def test_policy_of_a_cell_keeps_its_own_and_no_other(name: str) -> None:
    bounds = {row["filter"]: row for row in policy_bounds(Policy(cell=name)).to_dicts()}
    assert bounds["camera_motion"]["null"] == bounds["object_motion"]["null"] == "drop"

    def keeps(score: str, value: float) -> bool:
        low, high = bounds[score]["low"], bounds[score]["high"]
        return (low is None or value >= low) and (high is None or value <= high)

    kept = {
        cell(speed, energy)
        for speed in (0.0, 0.1)
        for energy in (0.0, 0.1)
        if keeps("camera_motion", speed) and keeps("object_motion", energy)
    }
    assert kept == {name}


def test_what_a_policy_says_of_a_filter_goes_before_its_cell() -> None:
    policy = Policy.model_validate(
        {"cell": "fixed_moving", "filters": {"camera_motion": {"high": 0.02, "null": "keep"}}}
    )
    (row,) = (
        policy_bounds(policy).filter(policy_bounds(policy)["filter"] == "camera_motion").to_dicts()
    )
    assert (row["low"], row["high"], row["null"]) == (None, 0.02, "keep")


def test_still_cells_leave_the_filters_against_stills_out() -> None:
    names = set(policy_bounds(Policy(cell="fixed_still"))["filter"])
    assert not names & {"static_change", "freeze_share"}
    assert np.all([name in set(policy_bounds(Policy())["filter"]) for name in ("static_change",)])
