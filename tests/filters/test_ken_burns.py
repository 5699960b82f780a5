import math

import pytest

from filters.ken_burns import likeness, spans
from filters.registry import FILTERS
from tests.filters.scenes import Image, clip, still, texture, view, with_object


@pytest.mark.parametrize(
    "draw",
    [
        pytest.param(lambda i: view(dx=-i / 2), id="pan"),
        pytest.param(lambda i: view(scale=math.exp(i / 500)), id="zoom-in"),
        pytest.param(lambda i: view(scale=math.exp(-i / 500), dy=i / 5), id="zoom-out-tilt"),
        pytest.param(lambda i: view(dx=20 * math.sin(i / 30 - math.pi / 2)), id="eased"),
    ],
)
def test_photograph_that_is_moved_is_seen(draw) -> None:  # type: ignore[no-untyped-def]
    made = clip(draw)
    assert likeness(made) > 0.7
    assert not FILTERS["ken_burns"].keeps(likeness(made))
    assert spans(made)


def test_something_alive_in_the_picture_is_a_take() -> None:
    def draw(i: int) -> Image:
        frame = view(dx=-i / 2).copy()
        x = round(140 + 60 * math.sin(i / 16))
        frame[60:110, x : x + 50] = texture(50, 50, seed=5)
        return frame

    assert likeness(clip(draw)) < 0.2


def test_depth_is_a_take() -> None:
    def draw(i: int) -> Image:
        # The lower half passes twice as fast as the upper one.
        frame = view(dx=-i / 2).copy()
        frame[90:] = view(dx=-i)[90:]
        return frame

    assert likeness(clip(draw)) < 0.2


def test_hand_that_holds_the_camera_is_a_take() -> None:
    path = [3 * math.sin(i / 3) + 2 * math.sin(i / 1.7) for i in range(90)]
    assert likeness(clip(lambda i: view(dx=-i / 2 + path[i], dy=path[-i]))) < 0.45


def test_resting_picture_scores_zero() -> None:
    assert likeness(still()) == 0.0
    assert likeness(with_object()) == 0.0
