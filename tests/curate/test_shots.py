from collections.abc import Sequence

import cv2
import numpy as np
import pytest

from curate.config import Clips, Shots
from curate.cutter import Cutter, Span
from curate.shots import DETECTION_SIZE, ShotDetector, Transition
from filters.base import Frames
from tests.videos import scene

FPS = 25


def _transitions(frames: Frames, settings: Shots | None = None) -> list[Transition]:
    detector = ShotDetector(settings or Shots())
    found = []
    for index, frame in enumerate(frames):
        detector.update(index, index / FPS, cv2.resize(frame, DETECTION_SIZE))
        found += detector.transitions(index)
    return found + detector.transitions(len(frames) - 1, final=True)


def _shots(*lengths: int) -> Frames:
    return np.concatenate([scene(n, seed=100 + i) for i, n in enumerate(lengths)])


def test_a_cut_is_found_at_its_frame() -> None:
    assert _transitions(_shots(40, 50)) == [Transition(40, 40, "cut")]


def test_a_moving_scene_without_a_cut_has_no_transition() -> None:
    assert _transitions(scene(80, seed=7, pan_px=(3, 0))) == []


def test_cuts_close_to_each_other_are_one_transition() -> None:
    assert _transitions(_shots(40, 5, 50)) == [Transition(40, 45, "dissolve")]


def test_a_boundary_through_black_is_a_fade() -> None:
    first, second = scene(40, seed=1), scene(50, seed=2)
    black = np.zeros((5, *first.shape[1:]), np.uint8)
    (found,) = _transitions(np.concatenate([first, black, second]))
    assert (found.first, found.last, found.kind) == (40, 45, "fade")


def test_nothing_is_settled_that_may_still_be_a_transition() -> None:
    """Whatever is reported later lies at or after the frame that was called settled."""
    frames = _shots(30, 30, 4, 40)
    detector = ShotDetector(Shots())
    settled = 0
    for index, frame in enumerate(frames):
        detector.update(index, index / FPS, cv2.resize(frame, DETECTION_SIZE))
        found = detector.transitions(index)
        assert all(transition.first >= settled for transition in found)
        settled = detector.settled(index)


def _spans(
    frames: int, transitions: Sequence[Transition], *, fps: float = 10, **clips: float
) -> tuple[list[Span], Cutter]:
    """The twin of the streaming use: transitions are told ten frames late."""
    cutter = Cutter(Clips(**clips), Shots(trim_frames=2))
    spans, waiting = [], list(transitions)
    for index in range(frames):
        cutter.push(index / fps)
        while waiting and index >= waiting[0].last + 10:
            spans += cutter.cut(waiting.pop(0))
        unsettled = waiting[0].first if waiting and waiting[0].first <= index else index
        spans += cutter.settle(min(unsettled, index - 10))
    for transition in waiting:
        spans += cutter.cut(transition)
    return spans + cutter.finish(frames / fps), cutter


def test_a_long_shot_gives_clips_of_full_length_and_its_rest() -> None:
    spans, cutter = _spans(100, [], min_s=1.0, max_s=4.0)
    assert spans == [Span(0, 0, 40), Span(0, 40, 80), Span(0, 80, 100)]
    assert [(s.start, s.end, s.transition_in) for s in cutter.shots] == [(0, 100, "start")]


def test_a_rest_that_is_too_short_is_no_clip() -> None:
    spans, _ = _spans(45, [], min_s=1.0, max_s=4.0)
    assert spans == [Span(0, 0, 40)]


def test_frames_beside_a_cut_are_left_out_of_clips_and_not_of_shots() -> None:
    spans, cutter = _spans(60, [Transition(30, 30, "cut")], min_s=1.0, max_s=9.0)
    assert spans == [Span(0, 0, 28), Span(1, 32, 60)]
    assert [(s.start, s.end) for s in cutter.shots] == [(0, 30), (30, 60)]


def test_frames_of_a_transition_belong_to_no_shot() -> None:
    spans, cutter = _spans(60, [Transition(25, 33, "dissolve")], min_s=1.0, max_s=9.0)
    assert spans == [Span(0, 0, 23), Span(1, 35, 60)]
    assert [(s.start, s.end) for s in cutter.shots] == [(0, 25), (33, 60)]
    assert [s.transition_in for s in cutter.shots] == ["start", "dissolve"]


@pytest.mark.parametrize("seed", range(20))
def test_clips_never_overlap_and_never_touch_a_transition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    firsts = np.sort(rng.choice(np.arange(5, 280, 25), 5, replace=False))
    transitions = [Transition(int(f), int(f + rng.integers(0, 9)), "cut") for f in firsts]
    spans, cutter = _spans(300, transitions, min_s=0.5, max_s=3.0)
    blocked = {i for t in transitions for i in range(t.first - 2, t.last + 2)}
    covered = [i for span in spans for i in range(span.start, span.end)]
    assert len(covered) == len(set(covered))
    assert not blocked & set(covered)
    assert all(5 <= span.end - span.start <= 30 for span in spans)
    assert cutter.first_needed >= spans[-1].start


def test_a_strobe_is_many_short_transitions_in_bounded_memory() -> None:
    detector = ShotDetector(Shots())
    found = []
    for index in range(1000):
        value = 40 + 170 * (index // 6 % 2)
        picture = np.full((*DETECTION_SIZE[::-1], 3), value, np.uint8)
        detector.update(index, index / FPS, picture)
        found += detector.transitions(index)
        assert index - detector.settled(index) < 4 * FPS
    assert len(found) > 10
    assert all(t.last - t.first <= 2 * FPS for t in found)


def test_a_jump_of_the_clock_is_a_cut_and_a_slow_clock_is_not() -> None:
    for times, expected in (
        ([*range(40), *range(3640, 3680)], [Transition(40, 40, "cut")]),
        (list(range(0, 400, 5)), []),
    ):
        detector = ShotDetector(Shots())
        found = []
        for index, (t_s, frame) in enumerate(zip(times, scene(len(times), seed=3), strict=True)):
            detector.update(index, t_s, cv2.resize(frame, DETECTION_SIZE))
            found += detector.transitions(index)
        assert found + detector.transitions(len(times) - 1, final=True) == expected
