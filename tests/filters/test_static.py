import numpy as np
import pytest

from filters.base import Clip, Unmeasurable
from filters.registry import FILTERS
from filters.static import change
from tests.filters.scenes import Image, clip, flat, noisy, panning, still, view, with_object

BOUND = FILTERS["static_change"]


def _with_ball() -> Clip:
    """The small ball of the edit cases: radius 6 px of 320, 0.2 % of the frame."""

    def draw(i: int) -> Image:
        frame = view().copy()
        x = round(150 + 30 * np.sin(i / 8))
        y, c = np.ogrid[:180, :320]
        frame[(y - 90) ** 2 + (c - x) ** 2 <= 36] = 255
        return frame

    return clip(draw, seconds=4.0)


@pytest.mark.parametrize(
    "quiet",
    [
        pytest.param(still(), id="still"),
        pytest.param(still(3.0), id="sensor-noise"),
        pytest.param(flat(16), id="black"),
    ],
)
def test_static_clips_are_dropped(quiet: Clip) -> None:
    assert change(quiet) < 1.5
    assert not BOUND.keeps(change(quiet))


@pytest.mark.parametrize(
    "lively",
    [
        pytest.param(_with_ball(), id="small-ball"),
        pytest.param(with_object(), id="object"),
        pytest.param(panning(), id="pan"),
    ],
)
def test_moving_clips_are_kept(lively: Clip) -> None:
    assert BOUND.keeps(change(lively))


def test_changing_brightness_is_not_motion() -> None:
    def draw(i: int) -> Image:
        return (view() + np.uint8(i % 25)).astype(np.uint8)

    assert change(clip(draw)) < 1.5


def test_change_is_that_of_the_most_changed_places() -> None:
    # A block of 8 x 8 of the 64 x 36 pixels (2.8 %) goes from 100 to 150 after half of the time.
    frames = np.full((60, 36, 64), 100, np.uint8)
    frames[30:, 10:18, 20:28] = 150
    t_s = np.arange(60) / 30
    gray = np.zeros((1, 36, 64), np.uint8)
    stepped = Clip(gray, np.zeros(1), (), frames, t_s)
    # Pairs one second apart that start before 1 s (all but the last of 4): 50 grey levels.
    assert change(stepped) == pytest.approx(50, rel=0.05)


def test_short_clips_compare_over_half_their_length() -> None:
    rng = np.random.default_rng(0)
    assert change(clip(lambda i: noisy(view(dx=-4 * i), 1.0, rng), seconds=0.2)) > 2.5


def test_one_frame_cannot_change() -> None:
    with pytest.raises(Unmeasurable, match="too_few_frames"):
        change(clip(lambda _: view(), seconds=1 / 30))
