import cv2
import numpy as np
import pytest

from filters.base import Unmeasurable
from filters.registry import FILTERS
from filters.slideshow import share, stills
from tests.filters.scenes import Image, clip, noisy, panning, still, texture, view

SLIDES = [texture(seed=seed) for seed in (21, 22, 23)]


def blended(i: int) -> Image:
    """Three pictures of a second; the last third of each blends into the next."""
    number, within = divmod(i, 30)
    following = SLIDES[min(number + 1, 2)]
    weight = max(0.0, (within - 20) / 10)
    return np.asarray(cv2.addWeighted(SLIDES[number], 1 - weight, following, weight, 0), np.uint8)


def test_slides_with_cuts_fill_the_clip() -> None:
    made = clip(lambda i: SLIDES[i // 30])
    assert share(made) == pytest.approx(1)
    assert [at.note for at in stills(made)] == ["still", "change", "still", "change", "still"]
    assert not FILTERS["slideshow"].keeps(share(made))


def test_blends_count_as_changes() -> None:
    assert share(clip(blended)) == pytest.approx(1)


def test_noise_does_not_make_slides_move() -> None:
    rng = np.random.default_rng(0)
    assert share(clip(lambda i: noisy(SLIDES[i // 30], 6.0, rng))) == pytest.approx(1, abs=0.02)


def test_slides_before_a_take_count_their_share() -> None:
    def draw(i: int) -> Image:
        return SLIDES[i // 30] if i < 60 else view(dx=-3 * (i - 60))

    # Two of three seconds; the last slide has no slide after it.
    assert share(clip(draw)) == pytest.approx(59 / 89, abs=0.02)


def test_one_still_and_a_moving_clip_are_no_slideshow() -> None:
    assert share(still()) == 0.0
    assert share(panning()) == 0.0


def test_take_that_pauses_is_no_slideshow() -> None:
    assert share(clip(lambda i: view(dx=-2 * min(max(i - 30, 0), 30)))) == 0.0


def test_one_frame_shows_no_change() -> None:
    with pytest.raises(Unmeasurable, match="too_few_frames"):
        share(clip(lambda _: view(), seconds=1 / 30))
