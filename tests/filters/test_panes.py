from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from filters.clip import clip_from_gray
from filters.letterbox import borders
from filters.panes import collage_share, divided, inset_share, split_share
from filters.pictures import Cues, apart
from filters.registry import FILTERS
from tests.filters.scenes import HEIGHT, WIDTH, noisy, panning, texture, view

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


def _with_inset(x: int, y: int, w: int, h: int) -> Frames:
    gray = _moving(-1.5)
    gray[:, y : y + h, x : x + w] = _moving(1.0, (w, h))[:, ::-1]
    return gray


def _edge_like_the_picture(gray: Frames) -> Frames:
    # The inset's lower part is what lies around it: nothing is to be seen of its lowest side.
    gray[:, 76:84, 216:314] = cv2.blur(_moving(-1.5)[0, 76:84, 216:314], (9, 9))
    return gray


def _round(gray: Frames) -> Frames:
    mask = np.zeros((HEIGHT, WIDTH), np.float32)
    cv2.rectangle(mask, (230, 20), (299, 79), 1, -1)
    cv2.rectangle(mask, (220, 30), (309, 69), 1, -1)
    for corner in ((230, 30), (299, 30), (230, 69), (299, 69)):
        cv2.circle(mask, corner, 10, 1, -1)
    return np.where(mask > 0, gray, _moving(-1.5)).astype(np.uint8)


def _line(gray: Frames) -> Frames:
    for i in range(len(gray)):
        cv2.rectangle(gray[i], (217, 17), (312, 82), 255, 3)
    return gray


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(_edge_like_the_picture, id="one-weak-side"),
        pytest.param(_round, id="rounded-corners"),
        pytest.param(_line, id="line-of-three-px"),
    ],
)
def test_inset_is_found_with(change: Callable[[Frames], Frames]) -> None:
    clip = clip_from_gray(change(_with_inset(220, 20, 90, 60)), 30.0)
    assert not FILTERS["picture_in_picture"].keeps(inset_share(clip))


def test_poster_that_moves_with_the_scene_is_no_inset() -> None:
    # Its upright sides leave their columns, and what is on it moves as what is around it.
    large = np.stack([view(size=(WIDTH + 60, HEIGHT))] * 60)
    large[:, 20:80, 150:240] = texture(60, 90, seed=4)
    gray = np.stack([f[:, i : i + WIDTH] for i, f in enumerate(large)])
    assert FILTERS["picture_in_picture"].keeps(inset_share(clip_from_gray(gray, 30.0)))


def test_blocks_of_a_codec_are_no_pictures() -> None:
    # A dark, flat scene in steps of a few grey levels along a grid of 16 px.
    blocks = np.random.default_rng(0).integers(20, 26, (12, 20)).astype(np.uint8)
    large = cv2.resize(blocks, (WIDTH, 192), interpolation=cv2.INTER_NEAREST)
    still = np.asarray(large[:HEIGHT], np.uint8)
    gray = np.stack([noisy(still, 1.5, np.random.default_rng(i)) for i in range(60)])
    for i in range(60):
        cv2.circle(gray[i], (40 + 4 * i, 90), 25, 200, -1)
    assert FILTERS["picture_in_picture"].keeps(inset_share(clip_from_gray(gray, 30.0)))


def test_seams_are_weighed_together() -> None:
    cues = Cues(*(np.array(v) for v in ([4.5] * 3, [0.05, 0.3, 0.05], [0.3, 0.3, -0.4],
                                        [0.1] * 3, [0.5] * 3)))  # fmt: skip
    straight, bent, carried = cues.sureness()
    assert straight > 0.95
    assert bent < 0.2
    assert carried < straight - 0.4


def test_pictures_apart_are_chosen_for_the_second() -> None:
    # The surest overlaps both of the others; the second is surest without it.
    rated = [(0.9, (0, 0, 100, 50)), (0.8, (0, 0, 45, 50)), (0.7, (55, 0, 45, 50))]
    assert apart(rated) == [rated[1], rated[2]] or apart(rated) == [rated[2], rated[1]]


def test_still_picture_beside_a_moving_one_counts() -> None:
    # What moves is taken for the picture within a pattern; a still one beside it is a second.
    gray = np.full((60, HEIGHT, WIDTH), 30, np.uint8)
    gray[:, 30:150, 110:210] = _moving(-1.7, (100, 120))
    gray[:, 40:140, 10:95] = texture(100, 85, seed=3)
    gray[:, 40:140, 225:310] = texture(100, 85, seed=5)
    assert not FILTERS["collage"].keeps(collage_share(clip_from_gray(gray, 30.0)))


@pytest.mark.parametrize("pace", [0.2, 1.5])
def test_border_that_moves_over_rough_panes_is_found(pace: float) -> None:
    rng = np.random.default_rng(2)
    gray = np.stack([noisy(f, 10.0, rng) for f in _moving(-1.5)])
    other = np.stack([noisy(f, 10.0, rng) for f in _moving(1.0)[:, ::-1, ::-1]])
    for i in range(len(gray)):
        x = round(110 + pace * i)
        gray[i, :, x:] = other[i, :, x:]
    assert not FILTERS["split_screen"].keeps(split_share(clip_from_gray(gray, 30.0)))


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


def test_checkerboard_around_a_picture_is_no_collage() -> None:
    yy, xx = np.mgrid[0:HEIGHT, 0:WIDTH]
    board = np.where((xx // 28 + yy // 28) % 2, 120, 70).astype(np.uint8)
    gray = np.repeat(board[None], 60, axis=0)
    gray[:, :, 40:280] = _moving(-1.5, size=(240, HEIGHT))
    clip = clip_from_gray(gray, 30.0)
    assert borders(clip.gray).kind == "pattern"
    assert FILTERS["collage"].keeps(collage_share(clip))
