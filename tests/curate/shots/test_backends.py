"""One suite for every shot detector."""

import itertools
from collections.abc import Sequence

import cv2
import numpy as np
import pytest

from curate.config import load_config
from curate.shot_settings import Shots
from curate.shots import ShotBackend, Transition, make_backend
from filters.base import Frames
from tests.videos import scene

FPS = 25
NAMES = ("rushes", "pyscenedetect", "transnetv2")
LAG = {"rushes": 64 + 16 + 62 + 4, "pyscenedetect": 3 + FPS, "transnetv2": 100}
"""Frames that a detector may wait before it settles a frame of a video without transitions."""


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def settings(name: str) -> Shots:
    return load_config(None, [f"shots.backend={name}"]).shots


def picture(frame: np.ndarray, backend: ShotBackend) -> np.ndarray:
    """What `Frame.to_array` gives of a BGR frame."""
    small = cv2.resize(frame, backend.size, interpolation=cv2.INTER_AREA)
    if backend.pixels == "bgr24":
        return small
    if backend.pixels == "rgb24":
        return np.ascontiguousarray(small[..., ::-1])
    planes = cv2.cvtColor(small, cv2.COLOR_BGR2YCrCb).transpose(2, 0, 1)[[0, 2, 1]]
    return np.ascontiguousarray(planes)


def run(
    name: str, frames: Frames, times: Sequence[float] | None = None
) -> tuple[list[Transition], ShotBackend]:
    """Feed frames one by one, checking what `settled` promises."""
    backend = make_backend(settings(name))
    found: list[Transition] = []
    settled = 0
    for index, frame in enumerate(frames):
        t_s = index / FPS if times is None else times[index]
        backend.update(index, t_s, picture(frame, backend))
        for transition in backend.transitions(index):
            assert transition.first >= settled
            found.append(transition)
        assert backend.settled(index) >= settled
        settled = backend.settled(index)
        assert settled <= index + 1
    last = backend.transitions(len(frames) - 1, final=True)
    assert all(t.first >= settled for t in last)
    found += last
    for one, two in itertools.pairwise(found):
        assert one.first <= one.last <= two.first
    return found, backend


def shots(*lengths: int) -> Frames:
    return np.concatenate([scene(n, seed=100 + i) for i, n in enumerate(lengths)])


def test_a_cut_is_found_at_its_frame(name: str) -> None:
    found, _ = run(name, shots(60, 70))
    assert [(t.first, t.last, t.kind) for t in found] == [(60, 60, "cut")]


def test_a_moving_scene_without_a_cut_has_no_transition(name: str) -> None:
    assert run(name, scene(120, seed=7, pan_px=(3, 0)))[0] == []


def test_a_dissolve_is_one_transition_that_covers_its_mixed_frames(name: str) -> None:
    if name == "pyscenedetect":
        pytest.skip("adaptive and histogram do not see dissolves")
    old, new = scene(80, seed=1), scene(80, seed=2)
    weight = (np.arange(20) + 1)[:, None, None, None] / 21
    mixed = (old[60:] * (1 - weight) + new[:20] * weight).astype(np.uint8)
    found, _ = run(name, np.concatenate([old[:60], mixed, new[20:]]))
    (dissolve,) = found
    assert dissolve.kind == "dissolve"
    assert abs(dissolve.first - 60) <= 4
    assert abs(dissolve.last - 80) <= 4


def test_every_frame_has_its_scores(name: str) -> None:
    frames = shots(50, 43)
    _, backend = run(name, frames)
    scores = backend.scores()
    assert scores
    assert all(len(values) == len(frames) for values in scores.values())


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_video_of_a_few_frames_has_no_transition(name: str, count: int) -> None:
    found, backend = run(name, scene(count, seed=3))
    assert found == []
    assert all(len(values) == count for values in backend.scores().values())


def test_a_jump_of_the_clock_is_a_cut_and_a_slow_clock_is_not(name: str) -> None:
    jumping = [t / FPS for t in [*range(50), *range(90_000, 90_050)]]
    found, _ = run(name, scene(100, seed=3), jumping)
    assert [(t.first, t.last, t.kind) for t in found] == [(50, 50, "cut")]
    assert run(name, scene(60, seed=3), [5.0 * t for t in range(60)])[0] == []


def test_waiting_is_bounded(name: str) -> None:
    backend = make_backend(settings(name))
    for index, frame in enumerate(scene(400, seed=3)):
        backend.update(index, index / FPS, picture(frame, backend))
        backend.transitions(index)
        assert index - backend.settled(index) <= LAG[name]


def test_a_strobe_is_bounded_too(name: str) -> None:
    backend = make_backend(settings(name))
    for index in range(600):
        frame = np.full((72, 128, 3), 40 + 170 * (index // 6 % 2), np.uint8)
        backend.update(index, index / FPS, picture(frame, backend))
        backend.transitions(index)
        assert index - backend.settled(index) <= LAG[name] + 4 * FPS
