import numpy as np
import pytest

from filters import tracks
from filters.motion import estimate
from tests.filters.scenes import HEIGHT, WIDTH, Image, texture, view


def boxed(image: Image, bar_px: int = 30) -> Image:
    """The picture between two black bars."""
    frame = image.copy()
    frame[:bar_px] = frame[-bar_px:] = 16
    return frame


@pytest.mark.parametrize(
    ("image", "box"),
    [
        pytest.param(view(), (0, 0, WIDTH, HEIGHT), id="no-bars"),
        pytest.param(boxed(view()), (0, 30, WIDTH, HEIGHT - 60), id="letterbox"),
        pytest.param(np.full((90, 160), 16, np.uint8), (0, 0, 160, 90), id="black"),
    ],
)
def test_box_leaves_flat_bars_out(image: Image, box: tracks.Box) -> None:
    assert tracks.common_box(image, image) == box


def test_no_corner_lies_on_a_bars_edge() -> None:
    picture = boxed(view())
    corners = tracks.corners(picture, tracks.common_box(picture, picture))
    assert len(corners) > 50
    assert corners[:, 1].min() >= 30 + tracks.FRINGE_PX
    assert corners[:, 1].max() < HEIGHT - 30 - tracks.FRINGE_PX


def test_motion_between_bars_is_the_pictures() -> None:
    motion = estimate(boxed(view(), 50), boxed(view(dx=-6), 50))
    assert motion.tx * WIDTH == pytest.approx(-6, abs=0.1)
    assert motion.moving < 0.02


def test_no_points_give_no_tracks() -> None:
    none = np.empty((0, 2), np.float32)
    start, end = tracks.follow(view(), view(dx=1), none)
    assert len(start) == len(end) == 0


def test_textured_object_before_a_plain_background_is_not_the_camera() -> None:
    def draw(camera_px: int, thing_px: int) -> Image:
        # A few marks over the frame, and a box of a quarter of it that is all texture.
        frame = np.full((HEIGHT, WIDTH), 120, np.uint8)
        for n, x in enumerate(range(25, WIDTH - 20, 38)):
            for y in (15, HEIGHT - 20):
                grey = 60 + 17 * (n % 9)
                frame[y : y + 9, x + camera_px : x + camera_px + 9] = grey
        frame[40:140, 90 + thing_px : 230 + thing_px] = texture(100, 140, seed=5)
        return frame

    motion = estimate(draw(0, 0), draw(-6, 8))
    assert motion.tx * WIDTH == pytest.approx(-6, abs=0.2)


def test_caption_that_stays_is_neither_camera_nor_object() -> None:
    def draw(px: int) -> Image:
        frame = view(dx=px).copy()
        frame[140:170, 60:260] = texture(30, 200, seed=9)
        return frame

    motion = estimate(draw(0), draw(-6))
    assert motion.tx * WIDTH == pytest.approx(-6, abs=0.1)
    assert motion.inlier_ratio > 0.9
    # A tenth of the frame is caption; what counts of it is its rim.
    assert motion.moving < 0.05
