"""Shot transitions with PySceneDetect's detectors, fed from the one decode."""

from array import array
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scenedetect import (
    AdaptiveDetector,
    ContentDetector,
    FrameTimecode,
    HashDetector,
    HistogramDetector,
    ThresholdDetector,
)

from curate.shot_settings import PySceneDetect, Shots
from curate.shots.clock import ClockBreaks
from curate.shots.transition import Transition

DETECTION_SIZE: Final = (128, 72)
"""Width and height of the frames that the detectors see, px."""
_WINDOW: Final = 2
"""AdaptiveDetector compares a frame with this many on each side, so it answers as much later."""
_LONGEST_S: Final = 2.0
"""A transition that boundaries keep open (strobe, noise) ends here, so that memory is bounded."""
_CLOCK: Final = 30.0
"""Any rate: detectors are given frame numbers, and no length in seconds is asked of them."""
_BLACK: Final = 24.0
"""Mean value below which a frame in a transition makes it a fade (limited-range black is 16)."""


class PySceneDetectShots:
    """Streams frames through PySceneDetect's detectors.

    A boundary found by any of them counts; boundaries closer than `merge_s` are one transition.

    Source: PySceneDetect 0.7 (BSD-3), thresholds as in its benchmark's defaults.
    """

    size = DETECTION_SIZE
    pixels = "bgr24"

    def __init__(self, settings: Shots) -> None:
        self._merge_s = settings.pyscenedetect.merge_s
        self._detectors = {
            name: _make(name, settings.pyscenedetect) for name in settings.pyscenedetect.detectors
        }
        self._metrics = _LastMetrics()
        if "histogram" in self._detectors:
            self._detectors["histogram"].stats_manager = self._metrics
        self._clock = ClockBreaks()
        self._found: set[int] = set()
        self._open: tuple[int, int] | None = None
        self._times: dict[int, float] = {}
        self._luma: dict[int, float] = {}
        self._changes = {name: array("f") for name in ("content_val", "hist_corr")}

    def update(self, index: int, t_s: float, picture: npt.NDArray[np.uint8]) -> None:
        """Take the next frame: (72, 128, 3) BGR; see ShotBackend."""
        timecode = FrameTimecode(index, _CLOCK)
        for detector in self._detectors.values():
            self._found.update(code.frame_num for code in detector.process_frame(timecode, picture))
        if self._clock.update(t_s):
            self._found.add(index)
        self._times[index] = t_s
        self._luma[index] = sum(cv2.mean(picture)[:3]) / 3
        adaptive = self._detectors.get("adaptive")
        change = None if adaptive is None or index == 0 else adaptive.change
        likeness = None if index == 0 else self._metrics.value
        self._changes["content_val"].append(np.nan if change is None else change)
        self._changes["hist_corr"].append(np.nan if likeness is None else likeness)

    def highest(self, start: int, end: int) -> float | None:
        """None: there are no scores from 0 to 1; see ShotBackend."""
        return None

    def scores(self) -> dict[str, Any]:
        """Changes to the frame before; see ShotBackend."""
        return {
            name: pa.array(np.asarray(values), from_pandas=True)
            for name, values in self._changes.items()
        }

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
        return max(0, unknown if self._open is None else min(unknown, self._open[0]))

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
            return [Transition(first, first, "cut")]
        darkest = min(self._luma[i] for i in range(first, last + 1))
        return [Transition(first, last, "fade" if darkest < _BLACK else "dissolve")]

    def _forget(self, until: int) -> None:
        """Drop what no open transition can ask for any more."""
        keep = until if self._open is None else self._open[0]
        while self._times and (oldest := next(iter(self._times))) < keep:
            del self._times[oldest], self._luma[oldest]


def _make(name: str, settings: PySceneDetect) -> Any:
    """One of PySceneDetect's detectors, without a least length of scenes."""
    if name == "adaptive":
        return _Adaptive(
            adaptive_threshold=settings.adaptive_ratio,
            min_content_val=settings.min_content_val,
            window_width=_WINDOW,
            min_scene_len=0,
        )
    if name == "content":
        return ContentDetector(settings.content_val, min_scene_len=0)
    if name == "hash":
        return HashDetector(settings.hash_distance, min_scene_len=0)
    if name == "histogram":
        return HistogramDetector(settings.histogram_drop, min_scene_len=0)
    return ThresholdDetector(settings.black_luma, min_scene_len=0)


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
