"""Shot transitions, found while frames stream by, with PySceneDetect's detectors."""

from dataclasses import dataclass
from typing import Any, Final, Literal

import cv2
import numpy as np
import numpy.typing as npt
from scenedetect import AdaptiveDetector, FrameTimecode, HistogramDetector

from curate.config import Shots

DETECTION_SIZE: Final = (128, 72)
"""Width and height of the frames that the detectors see, px."""
_WINDOW: Final = 2
"""AdaptiveDetector compares a frame with this many on each side, so it answers as much later."""
_LONGEST_S: Final = 2.0
"""A transition that boundaries keep open (strobe, noise) ends here, so that memory is bounded."""
_GAP_S: Final = 2.0
_GAP_STEPS: Final = 10
"""Frames further apart than both are separated by a break in the recording, which is a cut."""
_CLOCK: Final = 30.0
"""Any rate: detectors are given frame numbers, and no length in seconds is asked of them."""
_BLACK: Final = 24.0
"""Mean luma below which a frame in a transition makes it a fade (limited-range black is 16)."""


@dataclass(frozen=True, slots=True)
class Transition:
    """Frames [first, last) belong to neither shot; a cut has first == last.

    Attributes:
        first: Index of the first frame that is no longer the shot before.
        last: Index of the first frame of the shot after.
        kind: What it looks like.
    """

    first: int
    last: int
    kind: Literal["cut", "dissolve", "fade"]


@dataclass(frozen=True, slots=True)
class ChangeSignals:
    """How a frame differs from the one before; None on the first frame.

    Attributes:
        content_val: ContentDetector's mean change in HSV, 0 to 255.
        hist_corr: Correlation of the luma histograms, -1 to 1.
    """

    content_val: float | None
    hist_corr: float | None


class ShotDetector:
    """Streams frames through AdaptiveDetector and HistogramDetector.

    A boundary found by either counts; boundaries closer than `settings.merge_s` are one
    transition. Adaptive finds cuts, the histogram gradual changes that move the whole picture's
    brightness or content within a frame.

    Source: PySceneDetect 0.7 (BSD-3), thresholds as in its benchmark's defaults.
    """

    def __init__(self, settings: Shots) -> None:
        self._merge_s = settings.merge_s
        self._adaptive = _Adaptive(
            adaptive_threshold=settings.adaptive_ratio,
            min_content_val=settings.min_content_val,
            window_width=_WINDOW,
            min_scene_len=0,
        )
        self._histogram = HistogramDetector(settings.histogram_drop, min_scene_len=0)
        self._metrics = _LastMetrics()
        self._histogram.stats_manager = self._metrics
        self._found: set[int] = set()
        self._open: tuple[int, int] | None = None
        self._times: dict[int, float] = {}
        self._luma: dict[int, float] = {}
        self._last_s: float | None = None
        self._step = 0.0

    def update(self, index: int, t_s: float, bgr: npt.NDArray[np.uint8]) -> ChangeSignals:
        """Take the next frame.

        Args:
            index: Frame number, one more than the last.
            t_s: Presentation time, s, increasing.
            bgr: (72, 128, 3) uint8.
        """
        timecode = FrameTimecode(index, _CLOCK)
        for detector in (self._adaptive, self._histogram):
            self._found.update(code.frame_num for code in detector.process_frame(timecode, bgr))
        if self._breaks(t_s):
            self._found.add(index)
        self._times[index] = t_s
        self._luma[index] = sum(cv2.mean(bgr)[:3]) / 3
        if index == 0:
            return ChangeSignals(None, None)
        return ChangeSignals(self._adaptive.change, self._metrics.value)

    def transitions(self, index: int, *, final: bool = False) -> list[Transition]:
        """Transitions that are complete now that frame `index` has been taken.

        Args:
            index: Last frame taken.
            final: Whether no frame follows, so that nothing is waited for.
        """
        until = index if final else index - _WINDOW
        done = []
        for boundary in sorted(b for b in self._found if b <= until):
            self._found.discard(boundary)
            if self._open and self._extends(boundary):
                self._open = (self._open[0], boundary)
                continue
            done += self._close()
            self._open = (boundary, boundary)
        if self._open and (final or self._gap(self._open[1], until) >= self._merge_s):
            done += self._close()
        self._forget(until)
        return done

    def settled(self, index: int) -> int:
        """First frame that may still turn out to lie in a transition, after frame `index`."""
        unknown = index - _WINDOW + 1
        return unknown if self._open is None else min(unknown, self._open[0])

    def _breaks(self, t_s: float) -> bool:
        """Whether the clock jumps between the last frame and one at `t_s`."""
        step = 0.0 if self._last_s is None else t_s - self._last_s
        self._last_s = t_s
        if self._step and step > max(_GAP_S, _GAP_STEPS * self._step):
            return True
        self._step = step
        return False

    def _extends(self, boundary: int) -> bool:
        """Whether a boundary belongs to the open transition."""
        if self._open is None:
            return False
        first, last = self._open
        near = self._gap(last, boundary) < self._merge_s
        return near and self._gap(first, boundary) < _LONGEST_S

    def _gap(self, start: int, end: int) -> float:
        return self._times[end] - self._times[start]

    def _close(self) -> list[Transition]:
        if self._open is None:
            return []
        first, last = self._open
        self._open = None
        if first == last:
            return [Transition(first, last, "cut")]
        darkest = min(self._luma[i] for i in range(first, last + 1))
        return [Transition(first, last, "fade" if darkest < _BLACK else "dissolve")]

    def _forget(self, until: int) -> None:
        """Drop what no open transition can ask for any more."""
        keep = until if self._open is None else self._open[0]
        while self._times and (oldest := next(iter(self._times))) < keep:
            del self._times[oldest], self._luma[oldest]


class _Adaptive(AdaptiveDetector):  # type: ignore[misc]
    """AdaptiveDetector that tells the change it computed for the last frame."""

    @property
    def change(self) -> float:
        return float(self._frame_score)


class _LastMetrics:
    """The part of a StatsManager that a detector writes to, without its memory of all frames."""

    value: float | None = None

    def set_metrics(self, timecode: Any, metrics: dict[str, float]) -> None:
        (self.value,) = metrics.values()
