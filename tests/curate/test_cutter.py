from collections.abc import Sequence

import numpy as np
import pytest

from curate.config import Clips
from curate.cutter import Cutter, Span
from curate.shot_settings import Shots
from curate.shots import Transition


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
