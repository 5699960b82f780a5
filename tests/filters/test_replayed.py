"""Boomerang and loop: both are found in how frames resemble one another."""

import math

import pytest

from filters import boomerang, loop
from filters.base import Unmeasurable
from filters.registry import FILTERS
from filters.similarity import differences
from tests.filters.scenes import Image, clip, panning, still, texture, view, with_object


def wandering(i: int) -> Image:
    """A box before a resting camera whose path does not come back to itself within six seconds."""
    frame = view().copy()
    x, y = round(140 + 90 * math.sin(i / 17)), round(70 + 60 * math.sin(i / 11 + 1))
    frame[y : y + 40, x : x + 40] = texture(40, 40, seed=5)
    return frame


def test_played_back_clip_is_its_mirror() -> None:
    made = clip(lambda i: wandering(min(i, 90 - i)))
    assert boomerang.mirror(made) == pytest.approx(1, abs=0.02)
    (turn,) = boomerang.turns(made)
    assert (turn.start_s + turn.end_s) / 2 == pytest.approx(1.5, abs=0.05)
    assert not FILTERS["boomerang"].keeps(boomerang.mirror(made))


def test_played_back_pan_is_its_mirror() -> None:
    assert boomerang.mirror(clip(lambda i: view(dx=-2 * min(i, 90 - i)))) > 0.95


def test_turn_may_lie_anywhere() -> None:
    made = clip(lambda i: wandering(i if i < 60 else 119 - i))
    (turn,) = boomerang.turns(made)
    assert (turn.start_s + turn.end_s) / 2 == pytest.approx(59.5 / 30, abs=0.05)


@pytest.mark.parametrize("score", [boomerang.mirror, loop.repetition])
def test_forward_motion_is_neither(score) -> None:  # type: ignore[no-untyped-def]
    assert score(clip(wandering)) < 0.6
    assert score(panning()) < 0.3


def test_swinging_thing_is_no_boomerang() -> None:
    # The box swings with a period of 3.4 s and rests for an instant where it turns.
    assert FILTERS["boomerang"].keeps(boomerang.mirror(with_object()))


def test_repeated_part_is_a_loop() -> None:
    made = clip(lambda i: wandering(i % 40))
    assert loop.repetition(made) > 0.9
    first, again = loop.again(made)
    assert again.start_s - first.start_s == pytest.approx(40 / 30, abs=0.04)
    assert not FILTERS["loop"].keeps(loop.repetition(made))


def test_pose_taken_up_again_is_no_loop() -> None:
    # It jumps between two places and rests there: nothing moves within what returns.
    assert loop.repetition(clip(lambda i: wandering(30 * (i // 30 % 2)))) < 0.5


@pytest.mark.parametrize("score", [boomerang.mirror, loop.repetition])
def test_still_clip_is_neither(score) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(Unmeasurable, match="static_scene"):
        score(still())


def test_differences_are_the_mean_squares_of_what_a_slow_twin_finds() -> None:
    made = clip(wandering, seconds=1.0)
    found = differences(made)
    small = made.tiny.astype(float).reshape(len(made.tiny), 18, 2, 32, 2).mean(axis=(2, 4))
    small -= small.mean(axis=(1, 2), keepdims=True)
    for i, j in ((0, 5), (3, 29), (7, 7)):
        assert found[i, j] == pytest.approx(((small[i] - small[j]) ** 2).mean(), abs=0.02)
