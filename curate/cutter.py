"""From shots to clips while frames stream by, holding no more than one clip's frames."""

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Final

import numpy as np

from curate.config import Clips
from curate.shot_settings import Shots
from curate.shots import Transition

_EPSILON_S: Final = 1e-9
"""Times are computed from integer pts; sums of them may differ by rounding."""


@dataclass(frozen=True, slots=True)
class Span:
    """Frames [start, end) of one shot that make a clip."""

    shot_index: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Shot:
    """Frames [start, end) between two transitions; kind and confidence of the one before."""

    start: int
    end: int
    transition_in: str
    confidence: float | None


def shot_rows(
    shots: Sequence[Shot], pts: Sequence[int], time_base: Fraction, ids: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Rows of the `shots` table.

    Args:
        shots: The shots of a video in order.
        pts: Presentation timestamps of its frames, and the end of the last one.
        time_base: Seconds per pts tick.
        ids: Columns that all rows share.
    """
    return [
        {
            **ids,
            "shot_index": number,
            "start_pts": pts[shot.start],
            "end_pts": pts[shot.end],
            "time_base_num": time_base.numerator,
            "time_base_den": time_base.denominator,
            "start_frame": shot.start,
            "end_frame": shot.end,
            "transition_in": shot.transition_in,
            "confidence": shot.confidence,
        }
        for number, shot in enumerate(shots)
    ]


def typical_step(pts: Sequence[int], single: int) -> int:
    """Median distance of two frames in pts ticks: how long the last one lasts.

    Args:
        pts: Presentation timestamps.
        single: The answer where there is one frame only.
    """
    steps = np.diff(np.asarray(pts[-1000:]))
    return max(1, int(np.median(steps))) if len(steps) else single


@dataclass(slots=True)
class Cutter:
    """Turns frame times and transitions into shots and clips.

    A shot gives clips of `clips.max_s` from its start on, and its rest if that is at least
    `clips.min_s`. `shots.trim_frames` frames are left out on both sides of a transition.

    Attributes:
        shots: Completed shots.
        first_needed: No frame before this can be part of a clip that is still to come.
    """

    clip_settings: Clips
    shot_settings: Shots
    shots: list[Shot] = field(default_factory=list)
    first_needed: int = 0
    _scanned: int = 0
    _shot_start: int = 0
    _kind: str = "start"
    _confidence: float | None = None
    _times: "array[float]" = field(default_factory=lambda: array("d"))

    def push(self, t_s: float) -> None:
        """Take the time of the next frame, s."""
        self._times.append(t_s)

    def settle(self, settled: int) -> list[Span]:
        """Clips that are certain when no transition can begin before frame `settled`."""
        return self._whole_clips(settled - self.shot_settings.trim_frames)

    def cut(self, transition: Transition) -> list[Span]:
        """End the shot at a transition."""
        trim = self.shot_settings.trim_frames
        spans = self._finish(transition.first, transition.first - trim)
        self._shot_start = transition.last
        self._kind, self._confidence = transition.kind, transition.confidence
        self.first_needed = max(self.first_needed, transition.last + trim)
        self._scanned = self.first_needed
        return spans

    def finish(self, end_s: float) -> list[Span]:
        """End the last shot at the end of the last frame, s."""
        frames = len(self._times)
        self._times.append(end_s)
        return self._finish(frames, frames)

    def _finish(self, shot_end: int, clip_end: int) -> list[Span]:
        spans = self._whole_clips(clip_end)
        start = self.first_needed
        if clip_end > start and self._seconds(start, clip_end) >= self.clip_settings.min_s:
            spans.append(Span(len(self.shots), start, clip_end))
            self.first_needed = clip_end
        if shot_end > self._shot_start:
            self.shots.append(Shot(self._shot_start, shot_end, self._kind, self._confidence))
        return spans

    def _whole_clips(self, until: int) -> list[Span]:
        """Clips of full length that end at or before frame `until`."""
        spans = []
        while self._scanned < min(until, len(self._times) - 1):
            self._scanned += 1
            if self._seconds(self.first_needed, self._scanned) >= self.clip_settings.max_s:
                spans.append(Span(len(self.shots), self.first_needed, self._scanned))
                self.first_needed = self._scanned
        return spans

    def _seconds(self, start: int, end: int) -> float:
        return self._times[end] - self._times[start] + _EPSILON_S
