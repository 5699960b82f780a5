import numpy as np
import pytest

from filters.blank import share
from tests.filters.scenes import clip, flat, noisy, panning, still, view


@pytest.mark.parametrize("grey", [0, 16, 128, 235, 255])
def test_frames_of_one_colour_are_blank(grey: int) -> None:
    assert share(flat(grey)) == 1.0


def test_noisy_black_is_blank() -> None:
    rng = np.random.default_rng(0)
    black = np.full((180, 320), 10, np.uint8)
    assert share(clip(lambda _: noisy(black, 5.0, rng), seconds=0.5)) == 1.0


def test_share_is_that_of_the_blank_frames() -> None:
    black = np.zeros((180, 320), np.uint8)
    measured = share(clip(lambda i: black if i < 18 else view(dx=-i)))
    assert measured == pytest.approx(18 / 90)


def test_pictures_are_not_blank() -> None:
    assert share(panning()) == 0.0
    assert share(still()) == 0.0


def test_dark_picture_with_a_light_is_not_blank() -> None:
    night = np.full((180, 320), 8, np.uint8)
    night[60:100, 100:160] = 120
    assert share(clip(lambda _: night, seconds=0.5)) == 0.0
