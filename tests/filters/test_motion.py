import math

import numpy as np
import pytest

from filters.motion import estimate
from tests.filters.scenes import HEIGHT, WIDTH, Image, noisy, texture, view

# Linear interpolation of the warp and LK together: a twentieth of a px, in frame units.
PX = 0.05


@pytest.mark.parametrize(
    "shift",
    [
        pytest.param((6.0, 0.0), id="right"),
        pytest.param((-6.0, 0.0), id="left"),
        pytest.param((0.0, 4.0), id="down"),
        pytest.param((0.0, -4.0), id="up"),
        pytest.param((2.5, -1.25), id="subpixel"),
        pytest.param((30.0, 0.0), id="fast"),
    ],
)
@pytest.mark.parametrize(
    "size",
    [
        pytest.param((WIDTH, HEIGHT), id="landscape"),
        pytest.param((180, 320), id="portrait"),
        pytest.param((240, 240), id="square"),
    ],
)
def test_shift_of_the_content_is_measured_in_frame_units(
    shift: tuple[float, float], size: tuple[int, int]
) -> None:
    motion = estimate(view(size=size), view(*shift, size=size))
    assert motion.missing is None
    assert motion.tx * size[0] == pytest.approx(shift[0], abs=PX)
    assert motion.ty * size[1] == pytest.approx(shift[1], abs=PX)
    assert motion.log_scale == pytest.approx(0, abs=1e-3)
    assert motion.roll_deg == pytest.approx(0, abs=0.05)
    assert motion.inlier_ratio > 0.9


@pytest.mark.parametrize("scale", [0.95, 1.02, 1.06])
def test_zoom_is_the_log_of_the_scale(scale: float) -> None:
    motion = estimate(view(), view(scale=scale))
    assert motion.log_scale == pytest.approx(math.log(scale), abs=1e-3)
    assert motion.tx * WIDTH == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("clockwise_deg", [-3.0, 1.0, 4.0])
def test_roll_is_positive_counter_clockwise(clockwise_deg: float) -> None:
    motion = estimate(view(), view(clockwise_deg=clockwise_deg))
    assert motion.roll_deg == pytest.approx(-clockwise_deg, abs=0.05)
    assert motion.log_scale == pytest.approx(0, abs=1e-3)


def test_rotated_picture_agrees_with_numpy_on_the_direction() -> None:
    # np.rot90 turns counter-clockwise as seen; a small turn must have the sign of the large one.
    square = texture(240, 240)
    corner = np.zeros((240, 240), np.uint8)
    corner[:20, -20:] = 255
    assert np.rot90(corner)[:20, :20].all()
    motion = estimate(square, _turned_like_rot90(square, 2.0))
    assert motion.roll_deg == pytest.approx(2.0, abs=0.05)


def test_identical_frames_do_not_move() -> None:
    motion = estimate(view(), view())
    assert motion.missing is None
    assert abs(motion.tx) < 1e-6
    assert abs(motion.ty) < 1e-6
    assert abs(motion.log_scale) < 1e-6
    assert abs(motion.roll_deg) < 1e-4
    assert motion.residual < 1e-6
    assert motion.inlier_ratio == 1.0
    assert motion.moving == 0.0


def test_sensor_noise_is_not_motion() -> None:
    rng = np.random.default_rng(0)
    motion = estimate(noisy(view(), 3, rng), noisy(view(), 3, rng))
    assert abs(motion.tx * WIDTH) < PX
    assert motion.moving < 0.05


def test_object_leaves_the_camera_motion_alone() -> None:
    # The content moves 4 px left; a box over 3 x 3 of the 8 x 8 cells goes 10 px right.
    before, after = view().copy(), view(dx=-4).copy()
    box = texture(72, 120, seed=7)
    before[50:122, 100:220] = box
    after[50:122, 110:230] = box
    motion = estimate(before, after)
    assert motion.tx * WIDTH == pytest.approx(-4, abs=0.1)
    assert 7 / 64 <= motion.moving <= 20 / 64
    assert motion.inlier_ratio == pytest.approx(1 - 120 * 72 / (WIDTH * HEIGHT), abs=0.1)


def test_tiny_frames_are_measured() -> None:
    motion = estimate(view(size=(64, 64)), view(dx=1.5, size=(64, 64)))
    assert motion.tx * 64 == pytest.approx(1.5, abs=0.15)


def test_odd_sizes_and_views_are_measured() -> None:
    before, after = view(size=(321, 181)), view(dx=3, size=(321, 181))
    motion = estimate(before[:, :319], after[:, :319])
    assert motion.tx * 319 == pytest.approx(3, abs=0.1)


def _ramp() -> Image:
    return np.tile(np.linspace(40, 200, WIDTH).astype(np.uint8), (HEIGHT, 1))


def _faint() -> Image:
    return (_ramp() // 8 + 100).astype(np.uint8)


@pytest.mark.parametrize(
    ("before", "after", "word"),
    [
        pytest.param(np.zeros((90, 160), np.uint8), texture(90, 160), "black", id="black-first"),
        pytest.param(
            texture(90, 160), np.full((90, 160), 200, np.uint8), "black", id="flat-second"
        ),
        pytest.param(_ramp(), _ramp(), "blurred", id="ramp"),
        pytest.param(_faint(), _faint(), "textureless", id="faint-ramp"),
        pytest.param(texture(seed=11), texture(seed=12), "no_consensus", id="other-picture"),
    ],
)
def test_degenerate_pairs_name_the_reason(before: Image, after: Image, word: str) -> None:
    motion = estimate(before, after)
    assert motion.missing == word
    assert math.isnan(motion.tx)
    assert math.isnan(motion.moving)


@pytest.mark.parametrize(
    ("before", "after", "match"),
    [
        pytest.param(texture(90, 160), texture(90, 158), "size", id="sizes"),
        pytest.param(np.zeros((9, 9, 3), np.uint8), texture(90, 160), "previous", id="colour"),
        pytest.param(texture(90, 160), np.zeros((90, 160), np.float32), "current", id="float"),
    ],
)
def test_wrong_arrays_are_refused(before: Image, after: Image, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        estimate(before, after)


def _turned_like_rot90(square: Image, degrees: float) -> Image:
    """Sampled by hand, without cv2: pixel (row, column) comes from the turned-back place."""
    middle = (len(square) - 1) / 2
    row, column = np.mgrid[: len(square), : len(square)] - middle
    angle = np.radians(degrees)
    # Right and up as seen; turning back is clockwise.
    right, up = column, -row
    source_right = np.cos(angle) * right + np.sin(angle) * up
    source_up = -np.sin(angle) * right + np.cos(angle) * up
    r = (middle - source_up).round().clip(0, len(square) - 1).astype(int)
    c = (middle + source_right).round().clip(0, len(square) - 1).astype(int)
    turned: Image = square[r, c]
    return turned
