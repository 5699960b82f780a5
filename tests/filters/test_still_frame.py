import numpy as np
import numpy.typing as npt
import pytest

from filters import seams
from filters.still_frame import still_frame
from tests.filters.scenes import HEIGHT, WIDTH, noisy, texture, view

Frames = npt.NDArray[np.uint8]
Box = tuple[int, int, int, int]


def _widths(gray: Frames) -> tuple[float, ...]:
    return still_frame(gray, seams.seam_map(gray))


def _checkerboard(cell: int) -> npt.NDArray[np.uint8]:
    yy, xx = np.mgrid[0:HEIGHT, 0:WIDTH]
    return np.where((xx // cell + yy // cell) % 2, 150, 90).astype(np.uint8)


def _framed(back: npt.NDArray[np.uint8], box: Box, noise: float = 0.0) -> Frames:
    rng = np.random.default_rng(0)
    x, y, w, h = box
    gray = np.stack([noisy(back, noise, rng) for _ in range(20)])
    for i in range(20):
        gray[i, y : y + h, x : x + w] = view(dx=-4 * i, size=(w, h))
    return gray


@pytest.mark.parametrize("box", [(42, 0, 236, 180), (0, 22, 320, 136), (38, 22, 244, 136)])
def test_cells_of_a_pattern_next_to_the_picture_do_not_move_its_edge(box: Box) -> None:
    # A cell ends at 40 and 20, two px from the picture.
    x, y, w, h = box
    truth = (x, y, WIDTH - x - w, HEIGHT - y - h)
    assert _widths(_framed(_checkerboard(20), box, noise=0.4)) == pytest.approx(truth, abs=0.5)


def test_frame_as_rough_as_the_picture_is_found() -> None:
    found = _widths(_framed(texture(seed=5), (50, 0, 220, 180)))
    assert found == pytest.approx((50, 0, 50, 0), abs=0.5)


def test_faint_sides_make_each_other_sure_only_where_they_mirror() -> None:
    # The picture moves in its upper third only, next to both sides.
    mirrored = _framed(texture(seed=5), (50, 0, 220, 180))
    mirrored[:, 55:] = mirrored[0, 55:]
    apart = mirrored.copy()
    apart[:, :55, 210:] = apart[0, :55, 210:]
    assert _widths(mirrored) == pytest.approx((50, 0, 50, 0), abs=1)
    assert _widths(apart)[0::2] == (0, 0)


def test_thing_with_an_upright_edge_before_a_wall_is_no_frame() -> None:
    # A door swings: its left edge is straight and two thirds of the height, its right one slants.
    yy, xx = np.mgrid[0:HEIGHT, 0:WIDTH]
    door = (xx >= 70) & (yy >= 60) & (xx < 130 + yy // 2)
    gray = np.repeat(texture(seed=5)[None], 20, axis=0)
    for i in range(20):
        gray[i][door] = view(dx=3 * i)[door]
    left, _, right, _ = _widths(gray)
    assert (left, right) == (0, 0)


def test_pan_has_no_frame() -> None:
    assert _widths(np.stack([view(dx=-3 * i) for i in range(20)])) == (0, 0, 0, 0)
