"""From scores per frame to transitions: the only place where thresholds of scores are applied.

Scores are stored, so `transitions_from_scores` gives on the `frames` table what the pass over the
video gave, and at other thresholds what it would have given.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from curate.shot_settings import Shots
from curate.shots.transition import Kind, Transition

GRADUAL: Final[tuple[Kind, ...]] = ("dissolve", "fade", "wipe")
_NEAR: Final = 2
"""A cut is the highest score within this many frames on each side."""
_HOLE: Final = 2
"""A run of gradual frames may be broken by this many lower scores."""
_ABSORBS: Final = 6
"""A gradual run of at least this many frames takes up cuts inside it; a shorter one is the cut."""
_LONGEST_S: Final = 4.0
"""A run still open after this time ends, so that memory is bounded."""


@dataclass(slots=True)
class _Frame:
    index: int
    t_s: float
    cut: float
    gradual: tuple[float, float, float]
    broken: bool

    @property
    def mixed(self) -> float:
        return sum(self.gradual)


@dataclass(slots=True)
class _Run:
    """Gradual frames [first, last), and the summed scores of each kind."""

    first: int
    first_s: float
    last: int
    sums: list[float]
    peak: float = 0.0
    strong: int = 0

    def take(self, frame: _Frame, threshold: float) -> None:
        self.last = frame.index + 1
        self.strong += frame.mixed >= threshold
        self.peak = max(self.peak, frame.mixed)
        self.sums = [a + b for a, b in zip(self.sums, frame.gradual, strict=True)]


class SpanBuilder:
    """Fed with scores in order, tells the transitions as soon as they are certain.

    A cut is a frame whose score is at least `cut_threshold` and the highest within 2 frames. A
    gradual transition is a run of frames whose summed gradual scores reach `gradual_edge`, with
    holes of up to 2 frames, at least `min_gradual_frames` of which reach `gradual_threshold`; its
    kind is the one with the greatest sum.
    Cuts inside a run of 6 frames or more belong to it; a shorter run beside a cut is left out. A
    break in the clock is a cut whatever the scores.
    """

    def __init__(self, settings: Shots) -> None:
        self._settings = settings
        self._edge = min(settings.gradual_edge, settings.gradual_threshold)
        self._recent: deque[_Frame] = deque()
        self._next = 0
        self._run: _Run | None = None
        self._cuts: list[Transition] = []

    def push(
        self,
        t_s: float,
        cut: float,
        dissolve: float | None = None,
        fade: float | None = None,
        wipe: float | None = None,
        *,
        break_: bool = False,
    ) -> list[Transition]:
        """Take the scores of the next frame; returns the transitions that are now certain."""
        gradual = (dissolve or 0.0, fade or 0.0, wipe or 0.0)
        index = self._recent[-1].index + 1 if self._recent else self._next
        self._recent.append(_Frame(index, t_s, cut, gradual, break_))
        if len(self._recent) > 2 * _NEAR + 1:
            self._recent.popleft()
        done = []
        while self._next <= index - _NEAR:
            done += self._judge(self._next)
        return done

    def finish(self) -> list[Transition]:
        """Transitions that the end of the video makes certain."""
        done = []
        while self._recent and self._next <= self._recent[-1].index:
            done += self._judge(self._next)
        return done + self._flush()

    def settled(self) -> int:
        """First frame that may still turn out to lie in a transition."""
        open_ = [self._run.first] if self._run else []
        return min([self._next, *open_, *(cut.first for cut in self._cuts)])

    def _judge(self, index: int) -> list[Transition]:
        """Decide about one frame whose neighbours are known."""
        self._next = index + 1
        frame = next(f for f in self._recent if f.index == index)
        done = []
        if self._run and self._ends(self._run, frame):
            done += self._flush()
        if frame.mixed >= self._edge and index > 0:
            if self._run is None:
                self._run = _Run(index, frame.t_s, index, [0.0, 0.0, 0.0])
            self._run.take(frame, self._settings.gradual_threshold)
        if self._is_cut(frame):
            score = 1.0 if frame.broken else frame.cut
            self._cuts.append(Transition(index, index, "cut", score))
            if frame.broken:  # nothing reaches over a break in the recording
                done += self._flush()
        return done if self._run else done + self._flush()

    def _ends(self, run: _Run, frame: _Frame) -> bool:
        too_long = frame.t_s - run.first_s > _LONGEST_S
        return too_long or frame.broken or frame.index - run.last >= _HOLE + 1

    def _is_cut(self, frame: _Frame) -> bool:
        if frame.index == 0:
            return False
        if frame.broken:
            return True
        if frame.cut < self._settings.cut_threshold:
            return False
        near = [f for f in self._recent if 0 < abs(f.index - frame.index) <= _NEAR]
        return all(
            f.cut < frame.cut or (f.cut == frame.cut and f.index > frame.index) for f in near
        )

    def _flush(self) -> list[Transition]:
        """Close the run, and tell it and the cuts around it in order, without overlap."""
        run, cuts = self._run, self._cuts
        self._run, self._cuts = None, []
        if run is None or run.strong < self._settings.min_gradual_frames:
            return cuts
        inside = [c for c in cuts if run.first - 1 <= c.first <= run.last]
        if inside and run.last - run.first < _ABSORBS:
            return cuts
        kind = GRADUAL[max(range(3), key=run.sums.__getitem__)]
        found = Transition(run.first, run.last, kind, min(1.0, run.peak))
        apart = [c for c in cuts if c not in inside]
        return sorted([*apart, found], key=lambda t: t.first)


def highest_inside(scores: Mapping[str, Sequence[float]], start: int, end: int) -> float:
    """Highest score of a transition among frames [start, end) of a video.

    Args:
        scores: `cut_score` and any of the gradual scores, per frame.
        start: First frame; a cut before it does not count.
        end: Frame after the last.
    """
    cuts = max(scores["cut_score"][start + 1 : end], default=0.0)
    gradual = [scores[f"{kind}_score"][start:end] for kind in GRADUAL if f"{kind}_score" in scores]
    mixed = max((sum(frame) for frame in zip(*gradual, strict=True)), default=0.0)
    return float(min(1.0, max(cuts, mixed)))


def transitions_from_scores(
    times: Sequence[float],
    scores: Iterable[Sequence[float | None]],
    breaks: Iterable[bool],
    settings: Shots,
) -> list[Transition]:
    """The transitions of a whole video from stored scores.

    Args:
        times: Presentation time of each frame, s.
        scores: Per frame: cut, dissolve, fade, wipe, each 0 to 1 or None.
        breaks: Per frame: whether the clock jumped before it.
        settings: Thresholds.
    """
    builder = SpanBuilder(settings)
    found = []
    for t_s, (cut, *gradual), broken in zip(times, scores, breaks, strict=True):
        found += builder.push(t_s, cut or 0.0, *gradual, break_=broken)
    return found + builder.finish()
