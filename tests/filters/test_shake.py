import math

import numpy as np
import pytest

from filters.base import Clip, Unmeasurable
from filters.shake import high_passed_rms, strength
from tests.filters.scenes import FPS, WIDTH, clip, flat, panning, still, view, with_object


@pytest.mark.parametrize(
    ("hz", "amplitude_px"),
    [
        pytest.param(3.0, 3.0, id="3-hz"),
        pytest.param(5.0, 2.0, id="5-hz"),
        # Six a second is what the analysed frames alone could not see.
        pytest.param(6.0, 2.0, id="6-hz"),
        pytest.param(9.0, 1.0, id="9-hz"),
    ],
)
def test_sine_shakes_by_its_root_mean_square(hz: float, amplitude_px: float) -> None:
    shaken = clip(lambda i: view(dx=amplitude_px * math.sin(2 * math.pi * hz * i / FPS)))
    assert strength(shaken) == pytest.approx(100 * amplitude_px / math.sqrt(2) / WIDTH, rel=0.12)


def test_shake_adds_up_over_a_pan() -> None:
    shaken = clip(lambda i: view(dx=-i + 2 * math.sin(2 * math.pi * 5 * i / FPS)))
    assert strength(shaken) == pytest.approx(100 * 2 / math.sqrt(2) / WIDTH, rel=0.12)


def test_vertical_shake_is_in_widths_too() -> None:
    shaken = clip(lambda i: view(dy=2 * math.sin(2 * math.pi * 5 * i / FPS)))
    assert strength(shaken) == pytest.approx(100 * 2 / math.sqrt(2) / WIDTH, rel=0.12)


@pytest.mark.parametrize(
    ("measured", "most"),
    [
        pytest.param(still(), 0.001, id="still"),
        pytest.param(still(noise=3.0), 0.03, id="noise"),
        pytest.param(panning(), 0.03, id="pan"),
        pytest.param(with_object(), 0.03, id="object"),
        pytest.param(clip(lambda i: view(dx=20 * math.sin(i / 30))), 0.05, id="slow-sway"),
    ],
)
def test_what_is_not_shake_scores_near_zero(measured: Clip, most: float) -> None:
    assert strength(measured) < most


def test_repeated_frames_of_a_pan_are_not_shake() -> None:
    assert strength(clip(lambda i: view(dx=-2 * (i // 2 * 2)))) < 0.1


@pytest.mark.parametrize(
    ("measured", "word"),
    [
        pytest.param(clip(lambda i: view(dx=i), seconds=0.3), "too_few_frames", id="short"),
        pytest.param(clip(lambda i: view(dx=i), fps=5.0), "too_few_frames", id="five-a-second"),
        pytest.param(flat(0), "black", id="black"),
    ],
)
def test_clips_without_shake_to_see_name_the_reason(measured: Clip, word: str) -> None:
    with pytest.raises(Unmeasurable) as error:
        strength(measured)
    assert error.value.word == word


def test_high_pass_keeps_what_is_above_two_hertz() -> None:
    t_s = np.arange(300) / 30
    fast, slow = np.sin(2 * np.pi * 4 * t_s), 5 * np.sin(2 * np.pi * 0.5 * t_s) + 3 * t_s
    path = np.stack([fast + slow, np.zeros(300)], axis=1)
    assert high_passed_rms(path, 1 / 30) == pytest.approx(1 / math.sqrt(2), rel=0.03)
