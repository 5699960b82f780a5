import numpy as np
import pytest

from filters import objects
from filters.base import GlobalMotion, Unmeasurable
from tests.filters.scenes import Image, clip, made_of, panning, still, texture, view, with_object


def test_still_and_panned_pictures_have_no_objects() -> None:
    for quiet in (still(), panning()):
        assert objects.area(quiet) == pytest.approx(0, abs=0.01)
        assert objects.speed(quiet) == pytest.approx(0, abs=2e-3)


def test_moving_box_covers_its_share_of_the_picture() -> None:
    # Of 320 x 180 px the box covers 40 x 40, with the place it left up to 60 x 40 and a rim.
    assert 0.5 * 40 * 40 / (320 * 180) <= objects.area(with_object()) <= 2 * 60 * 40 / (320 * 180)


def test_speed_is_the_boxs_speed_times_the_root_of_its_share() -> None:
    # 60 px sin(t / 16 frames): RMS speed 60 / 16 * 30 / sqrt(2) = 80 px a second, a share of 2.8 %.
    expected = 80 / 320 * np.sqrt(40 * 40 / (320 * 180))
    # Where fast tracks are lost only the change over the gradient is left, which is less.
    assert 0.4 * expected < objects.speed(with_object()) < 1.2 * expected


def test_spans_say_when_something_moves() -> None:
    def draw(i: int) -> Image:
        frame = view().copy()
        x = 100 + 3 * (min(i, 60) - 30 if i > 30 else 0)
        frame[60:100, x : x + 40] = texture(40, 40, seed=5)
        return frame

    (span,) = objects.spans(clip(draw))
    assert span.start_s == pytest.approx(1.0, abs=0.2)
    assert span.end_s == pytest.approx(2.0, abs=0.2)


def test_area_does_not_depend_on_the_camera() -> None:
    def draw(i: int) -> Image:
        frame = view(dx=-i).copy()
        frame[40:112, 60 + i : 180 + i] = texture(72, 120, seed=7)
        return frame

    share = 72 * 120 / (320 * 180)
    assert 0.5 * share <= objects.area(clip(draw, seconds=2.0)) <= 1.5 * share


def test_speed_is_the_residual_over_time() -> None:
    motion = GlobalMotion(0.1, 0.0, 0.0, 0.0, 0.5, moving=0.25, energy=0.02)
    assert objects.speed(made_of([motion] * 4, step_s=0.5)) == pytest.approx(0.04)
    assert objects.area(made_of([motion] * 4)) == pytest.approx(0.25)


def _parted(i: int, at: int) -> Image:
    return np.concatenate([view(dy=-i)[:, :at], view(dy=i)[:, at:]], axis=1)


def test_two_moving_parts_have_speed() -> None:
    # The larger part is the model, the other goes against it at 60 px a second.
    assert objects.speed(clip(lambda i: _parted(i, 110), seconds=1.0)) > 0.02


def test_two_halves_that_go_against_each_other_have_no_picture() -> None:
    with pytest.raises(Unmeasurable, match="no_consensus"):
        objects.speed(clip(lambda i: _parted(i, 160), seconds=1.0))


def test_one_frame_has_no_motion() -> None:
    with pytest.raises(Unmeasurable, match="too_few_frames"):
        objects.area(clip(lambda _: view(), seconds=1 / 30))
