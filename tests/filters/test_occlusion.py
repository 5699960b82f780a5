import numpy as np
import pytest

from filters.layers import Group
from filters.motion import estimate
from filters.occlusion import behind
from filters.tracks import Plane
from tests.filters.scenes import HEIGHT, WIDTH, texture

# Two discs before black, as large as each other, that overlap by a half: only what is hidden tells.
RADIUS = 55
PLACE = {"left": (125, 90), "right": (195, 90)}
STEP = {"left": (5, 2), "right": (-4, -3)}
SEED = {"left": 3, "right": 8}


def at(time: int, front: str) -> Plane:
    """The frame at -1, 0 or 1, with one of the discs before the other."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    frame = np.zeros((HEIGHT, WIDTH), np.uint8)
    for name in sorted(PLACE, key=lambda name: name == front):
        right, down = (time * step for step in STEP[name])
        moved = np.roll(texture(seed=SEED[name]), (down, right), axis=(0, 1))
        centre = PLACE[name][0] + right, PLACE[name][1] + down
        disc = (x - centre[0]) ** 2 + (y - centre[1]) ** 2 < RADIUS**2
        frame[disc] = moved[disc]
    return frame


def group(name: str) -> tuple[Group, list[tuple[float, float]]]:
    """The layer of a disc, and places on its far side."""
    sign = -1 if name == "left" else 1
    x, y = PLACE[name]
    points = [(x + sign * (10.0 + 8 * (i % 4)), y - 24.0 + 12 * (i // 4)) for i in range(20)]
    matrix = np.array([[1.0, 0, STEP[name][0]], [0, 1, STEP[name][1]]])
    return Group(matrix, np.ones(20, np.bool_), 0.75, 20.0, 0.2), points


def evidence(front: str, earlier: Plane) -> float:
    """That the left disc lies behind."""
    (left, left_points), (right, right_points) = group("left"), group("right")
    start = np.array(left_points + right_points, np.float32)
    masks = np.arange(40) < 20, np.arange(40) >= 20
    one, other = (
        Group(g.matrix, mask, g.limit_px, g.support, g.spread)
        for g, mask in zip((left, right), masks, strict=True)
    )
    return behind(earlier, at(0, front), at(1, front), start, one, other)


@pytest.mark.parametrize(("front", "sign"), [("right", 1), ("left", -1)])
def test_what_is_hidden_lies_behind(front: str, sign: int) -> None:
    assert sign * evidence(front, at(-1, front)) > 1


def test_an_earlier_frame_of_something_else_tells_nothing() -> None:
    assert evidence("left", texture(seed=21)) == 0


@pytest.mark.parametrize(("front", "picture"), [("right", "left"), ("left", "right")])
def test_of_two_like_discs_the_hidden_one_is_the_picture(front: str, picture: str) -> None:
    motion = estimate(at(0, front), at(1, front), earlier=at(-1, front))
    assert motion.missing is None
    found = motion.tx * WIDTH, motion.ty * HEIGHT
    assert found == pytest.approx(STEP[picture], abs=0.3)


def test_without_an_earlier_frame_two_like_discs_have_no_picture() -> None:
    assert estimate(at(0, "left"), at(1, "left")).missing == "no_consensus"
