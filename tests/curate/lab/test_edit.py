from collections.abc import Iterator

import numpy as np
import pytest

from curate.lab.camera import ROOM_PX, window_path
from curate.lab.doses import Doses, Span, TakePlan, plan_takes
from curate.lab.edit import EditedFrame, edit_take
from curate.lab.world import SIDE, STAGE, Shot

FPS = 12.0


class Counter:
    """A world whose picture tells the reel and the number of its frame."""

    name: str = "counter"
    actions: tuple[str, ...] = ("number",)
    sources: int | None = None

    def source(self, index: int) -> str:
        return f"counter-{index}"

    def film(self, index: int, fps: float, seed: int) -> Iterator[Shot]:
        columns = np.arange(STAGE[0]) % 251
        for number in range(10_000):
            picture = np.zeros((STAGE[1], STAGE[0], 3), np.uint8)
            picture[..., 0], picture[..., 1], picture[..., 2] = seed, number, columns
            yield Shot(picture, np.array([number], np.float32))


def edited(frames: int, cuts: tuple[int, ...] = (), *spans: Span) -> list[EditedFrame]:
    return list(edit_take(Counter(), 0, TakePlan(frames, cuts, spans), FPS, 1))


def test_without_faults_a_take_is_what_was_filmed() -> None:
    frames = edited(10)

    assert [int(frame.picture[0, 0, 1]) for frame in frames] == list(range(10))
    assert [frame.action for frame in frames[:9]] == [[n] for n in range(9)]
    assert frames[9].action is None
    assert all(frame.picture.shape == (SIDE, SIDE, 3) for frame in frames)
    assert all(frame.camera == (0, 0) for frame in frames)


def test_a_cut_goes_to_another_reel_and_has_no_action() -> None:
    frames = edited(12, (4, 9))
    reels = [int(frame.picture[0, 0, 0]) for frame in frames]

    assert len(set(reels[:4])) == len(set(reels[4:9])) == len(set(reels[9:])) == 1
    assert reels[3] != reels[4]
    assert reels[8] != reels[9]
    assert [n for n, frame in enumerate(frames) if frame.action is None] == [3, 8, 11]


def test_a_frozen_picture_stands_and_the_film_goes_on_after_it() -> None:
    frames = edited(10, (), Span("freezes", 3, 6))

    assert [int(f.picture[0, 0, 1]) for f in frames] == [0, 1, 2, 2, 2, 2, 3, 4, 5, 6]
    assert [n for n, frame in enumerate(frames) if frame.action is None] == [2, 3, 4, 9]
    # From the last standing frame to the one after it is what was done from 2 to 3.
    assert frames[5].action == [2]


@pytest.mark.parametrize("kind", ["shake", "pans"])
def test_added_camera_motion_is_what_the_picture_shows(kind: str) -> None:
    frames = edited(60, (), Span(kind, 12, 48))  # type: ignore[arg-type]
    lefts = np.array([int(frame.picture[0, 0, 2]) for frame in frames])
    told = np.array([frame.camera[0] for frame in frames]) * SIDE

    assert np.abs(told).max() > 3
    np.testing.assert_allclose(told[:-1], np.diff(lefts), atol=1e-6)
    assert (told[:11] == 0).all()
    assert (told[48:] == 0).all()
    assert all(frame.action is not None for frame in frames[:-1])


def test_captions_change_only_the_lower_quarter() -> None:
    plain, titled = edited(6), edited(6, (), Span("captions", 2, 4))

    changed = [bool((a.picture != b.picture).any()) for a, b in zip(plain, titled, strict=True)]
    assert changed == [False, False, True, True, False, False]
    assert (plain[2].picture[:190] == titled[2].picture[:190]).all()
    assert titled[2].action is not None


def test_the_window_stays_on_the_stage() -> None:
    plans = plan_takes(Doses(shake=0.5, pans=0.5), 4, 240, FPS, 0.25, 3)

    for take, plan in enumerate(plans):
        assert (np.abs(window_path(plan, FPS, take)) <= ROOM_PX).all()
