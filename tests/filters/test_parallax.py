import math

import pytest

from filters.base import Unmeasurable
from filters.parallax import speed
from tests.filters.scenes import Image, clip, flat, panning, still, view, with_object


def test_bands_that_pass_at_their_own_speed_have_parallax() -> None:
    def draw(i: int) -> Image:
        # Six bands at 0.4 to 1.6 px a frame, in no order that a plane would have.
        bands = [0.4, 1.6, 0.6, 1.4, 0.8, 1.2]
        frame = view().copy()
        for n, px in enumerate(bands):
            frame[30 * n : 30 * n + 30] = view(dx=-px * i)[30 * n : 30 * n + 30]
        return frame

    # They leave a plane by 0.2 to 0.6 px a frame, unless a plane fits half of them.
    assert 0.1 * 30 / 320 < speed(clip(draw)) < 0.6 * 30 / 320


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(still(), id="still"),
        pytest.param(panning(), id="pan"),
        pytest.param(clip(lambda i: view(scale=math.exp(i / 200))), id="zoom"),
        pytest.param(clip(lambda i: view(clockwise_deg=i / 5)), id="roll"),
        pytest.param(with_object(), id="object"),
    ],
)
def test_turns_zooms_and_objects_have_none(made) -> None:  # type: ignore[no-untyped-def]
    assert speed(made) < 0.002


def test_black_has_no_tracks() -> None:
    with pytest.raises(Unmeasurable, match="black"):
        speed(flat(0))
