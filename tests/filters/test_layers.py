from collections.abc import Sequence

import numpy as np
import pytest

from filters.layers import MIN_BEHIND, MIN_SHARE, Group, find
from filters.tracks import Points

WIDTH, HEIGHT = 320, 180
LEFT, UP, REST = (-6.0, 0.0), (0.0, -7.0), (0.0, 0.0)
Moved = tuple[Points, tuple[float, float]]


def around(count: int) -> Points:
    """Places along a frame's border, as of a plain picture with a few things at its edge."""
    turn = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack([160 + 140 * np.cos(turn), 90 + 70 * np.sin(turn)], axis=1).astype(np.float32)


def thing(count: int, x: float = 160, y: float = 90, radius: float = 35) -> Points:
    """Places all over a disc."""
    turn, far = 2.4 * np.arange(count), radius * np.sqrt(np.arange(count) / count)
    return np.stack([x + far * np.cos(turn), y + far * np.sin(turn)], axis=1).astype(np.float32)


def tracked(groups: Sequence[Moved]) -> tuple[Points, Points]:
    start = np.concatenate([points for points, _ in groups])
    end = np.concatenate([points + np.array(shift, np.float32) for points, shift in groups])
    return start, end


def picture_of(*groups: Moved) -> tuple[float, float]:
    """Shift of the group that is taken for the picture."""
    found = find(*tracked(groups), WIDTH, HEIGHT)
    assert found is not None
    return float(found.picture.matrix[0, 2]), float(found.picture.matrix[1, 2])


@pytest.mark.parametrize("x", [70.0, 160.0, 250.0])
def test_what_surrounds_is_the_picture_though_the_thing_has_most_tracks(x: float) -> None:
    assert picture_of((around(18), LEFT), (thing(60, x), UP)) == pytest.approx(LEFT, abs=0.01)


def test_a_picture_at_rest_behind_a_thing_is_the_picture() -> None:
    assert picture_of((around(30), REST), (thing(40), UP)) == pytest.approx(REST, abs=0.01)


def test_a_caption_below_a_picture_that_moves_is_not_the_picture() -> None:
    x, y = np.meshgrid(np.linspace(40, 280, 15), [150, 168])
    caption = np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)
    assert picture_of((caption, REST), (thing(30, radius=80), LEFT)) == pytest.approx(
        LEFT, abs=0.01
    )


def test_a_choice_that_is_clear_is_certain() -> None:
    found = find(*tracked([(around(18), LEFT), (thing(60), UP)]), WIDTH, HEIGHT)
    assert found is not None
    assert found.certainty is not None
    assert found.certainty > 0.9
    assert found.followed.all()


def test_two_things_beside_each_other_are_uncertain() -> None:
    pair = [(thing(40, 90), LEFT), (thing(41, 230), UP)]
    found = find(*tracked(pair), WIDTH, HEIGHT)
    assert found is not None
    assert found.certainty is not None
    assert found.certainty < 0.3


@pytest.mark.parametrize(("hidden", "shift"), [(LEFT, LEFT), (UP, UP)])
def test_of_two_things_beside_each_other_the_hidden_one_is_the_picture(
    hidden: tuple[float, float], shift: tuple[float, float]
) -> None:
    def behind(one: Group, other: Group) -> float:
        return 2.0 if np.abs(one.matrix[:, 2] - hidden).max() < 0.1 else -2.0

    start, end = tracked([(thing(40, 90), LEFT), (thing(41, 230), UP)])
    found = find(start, end, WIDTH, HEIGHT, behind)
    assert found is not None
    assert found.certainty is not None
    assert found.certainty > 0.9
    assert found.picture.matrix[:, 2] == pytest.approx(shift, abs=0.01)


def test_what_hides_what_is_not_asked_where_the_tracks_are_clear() -> None:
    def behind(one: Group, other: Group) -> float:
        raise AssertionError("asked")

    start, end = tracked([(around(18), LEFT), (thing(60), UP)])
    assert find(start, end, WIDTH, HEIGHT, behind) is not None


@pytest.mark.parametrize(
    ("shift", "alike"),
    [((-12.0, 1.0), True), ((6.0, 0.0), False), (REST, False)],
    ids=["same way", "other way", "at rest"],
)
def test_two_layers_are_alike_where_they_move_the_same_way(
    shift: tuple[float, float], alike: bool
) -> None:
    found = find(*tracked([(thing(40, 90), LEFT), (thing(40, 230), shift)]), WIDTH, HEIGHT)
    assert found is not None
    assert found.certainty is not None
    assert found.alike == alike


def test_among_many_layers_only_the_picture_is_followed() -> None:
    groups = [(around(30), LEFT), (thing(30), UP), (thing(20, 80), (9.0, 9.0)),
              (thing(20, 240), (-9.0, 9.0))]  # fmt: skip
    found = find(*tracked(groups), WIDTH, HEIGHT)
    assert found is not None
    assert found.certainty is None
    assert found.followed.sum() == found.picture.inliers.sum()


def test_few_tracks_are_no_picture_unless_they_and_a_thing_are_all() -> None:
    rng = np.random.default_rng(0)
    stray = rng.uniform(10, 170, (60, 2)).astype(np.float32)
    start, end = tracked([(around(10), LEFT)])
    start = np.concatenate([start, stray])
    end = np.concatenate([end, rng.uniform(10, 170, (60, 2)).astype(np.float32)])
    assert 10 / len(start) < MIN_SHARE
    assert find(start, end, WIDTH, HEIGHT) is None
    assert MIN_BEHIND < 10 / 70
    assert picture_of((around(10), LEFT), (thing(60), UP)) == pytest.approx(LEFT, abs=0.01)
