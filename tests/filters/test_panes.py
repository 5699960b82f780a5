import numpy as np
import numpy.typing as npt
import pytest

from filters.clip import clip_from_gray
from filters.panes import collage_share, divided, inset_share, split_share
from filters.registry import FILTERS
from tests.filters.scenes import HEIGHT, WIDTH, panning, texture, view

Frames = npt.NDArray[np.uint8]


def _moving(dx: float, size: tuple[int, int] = (WIDTH, HEIGHT), frames: int = 60) -> Frames:
    return np.stack([view(dx=dx * i, size=size) for i in range(frames)])


def _split(x: int) -> Frames:
    gray = _moving(-1.5)
    gray[:, :, x:] = _moving(1.0)[:, ::-1, ::-1][:, :, x:]
    return gray


@pytest.mark.parametrize("x", [100, 160, 215])
def test_two_panes_are_found_where_they_meet(x: int) -> None:
    clip = clip_from_gray(_split(x), 30.0)
    assert not FILTERS["split_screen"].keeps(split_share(clip))
    left, right = divided(clip.gray).panes
    assert abs(left[2] - x) <= 1
    assert abs(right[0] - x) <= 1


def test_four_panes_are_four() -> None:
    gray = np.empty((60, HEIGHT, WIDTH), np.uint8)
    for number, (y, x) in enumerate(((0, 0), (0, 160), (90, 0), (90, 160))):
        part = np.roll(_moving(number - 1.7), 37 * number, axis=1)
        gray[:, y : y + 90, x : x + 160] = part[:, 40:130, 30 * number : 30 * number + 160]
    clip = clip_from_gray(gray, 30.0)
    assert len(divided(clip.gray).panes) == 4


def test_border_that_moves_between_panes_is_found() -> None:
    gray, other = _moving(-1.5), _moving(1.0)[:, ::-1, ::-1]
    for i in range(len(gray)):
        gray[i, :, 100 + 2 * i :] = other[i, :, 100 + 2 * i :]
    assert split_share(clip_from_gray(gray, 30.0)) > 0.7


def test_inset_is_found_in_its_place() -> None:
    gray = _moving(-1.5)
    gray[:, 20:80, 220:310] = _moving(1.0, (90, 60))[:, ::-1]
    clip = clip_from_gray(gray, 30.0)
    assert not FILTERS["picture_in_picture"].keeps(inset_share(clip))
    box = divided(clip.gray).pictures[0][1]
    assert np.abs(np.subtract(box, (220, 20, 90, 60))).max() <= 1


def test_collage_has_several_pictures() -> None:
    gray = np.full((60, HEIGHT, WIDTH), 30, np.uint8)
    for number, (x, y) in enumerate(((10, 10), (115, 60), (220, 30))):
        part = np.roll(_moving(number - 1.4), 37 * number, axis=1)
        gray[:, y : y + 100, x : x + 90] = part[:, 40:140, 60:150]
    assert not FILTERS["collage"].keeps(collage_share(clip_from_gray(gray, 30.0)))


def test_pan_over_boxes_has_no_seam() -> None:
    assert split_share(panning()) < 0.5
    assert inset_share(panning()) < 0.5


def test_slanted_edge_of_the_scene_is_no_seam() -> None:
    # A door whose edge leans by four px over the height.
    gray = _moving(0.0)
    other = texture(HEIGHT, WIDTH, seed=9)
    for y in range(HEIGHT):
        x = 150 + round(4 * y / HEIGHT)
        gray[:, y, x:] = other[y, x:]
    assert FILTERS["split_screen"].keeps(split_share(clip_from_gray(gray, 30.0)))
