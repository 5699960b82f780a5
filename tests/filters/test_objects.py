import numpy as np
import pytest

from filters import objects
from filters.base import GlobalMotion, Unmeasurable
from tests.filters.scenes import Image, clip, made_of, panning, still, texture, view, with_object


def test_still_and_panned_pictures_have_no_objects() -> None:
    for quiet in (still(), panning()):
        assert objects.area(quiet) == pytest.approx(0, abs=0.01)
        assert objects.speed(quiet) == pytest.approx(0, abs=2e-3)


def test_moving_box_covers_its_share_of_the_cells() -> None:
    # 40 x 40 of 320 x 180 px touches 2 x 2 to 3 x 3 of the 64 cells.
    assert 2 / 64 <= objects.area(with_object()) <= 9 / 64


def test_area_does_not_depend_on_the_camera() -> None:
    def draw(i: int) -> Image:
        frame = view(dx=-i).copy()
        frame[40:112, 60 + i : 180 + i] = texture(72, 120, seed=7)
        return frame

    # The box fills 2.4 x 3.2 cells and covers the scene as it goes.
    assert 6 / 64 <= objects.area(clip(draw, seconds=2.0)) <= 20 / 64


def test_speed_is_the_residual_over_time() -> None:
    motion = GlobalMotion(0.1, 0.0, 0.0, 0.0, 0.5, residual=0.02, moving=0.25)
    assert objects.speed(made_of([motion] * 4, step_s=0.5)) == pytest.approx(0.04)
    assert objects.area(made_of([motion] * 4)) == pytest.approx(0.25)


def test_two_moving_halves_have_speed() -> None:
    def draw(i: int) -> Image:
        left, right = view(dy=-i)[:, :160], view(dy=i)[:, 160:]
        return np.concatenate([left, right], axis=1)

    # One half is the model, the other goes against it at 60 px a second.
    assert objects.speed(clip(draw, seconds=1.0)) > 0.02


def test_one_frame_has_no_motion() -> None:
    with pytest.raises(Unmeasurable, match="too_few_frames"):
        objects.area(clip(lambda _: view(), seconds=1 / 30))
