"""The frames of the clip that is passing by: what filters and stills are made from."""

from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from curate.codec_motion import CodecMotion
from curate.config import Measure
from curate.decode import Frame
from filters.base import Clip, GlobalMotion
from filters.clip import COLOUR_STEP, analysis_size, analysis_slot
from filters.motion import estimate

Picture = npt.NDArray[np.uint8]
Box = tuple[float, ...]

_JPEG_QUALITY = 95


@dataclass(slots=True)
class _Every:
    """Chooses frames at a rate, on a grid that starts with the first frame."""

    fps: float
    start_s: float | None = None
    last: int = -1

    def chooses(self, t_s: float) -> bool:
        if self.start_s is None:
            self.start_s = t_s
        cell = analysis_slot(t_s - self.start_s, self.fps)
        if cell <= self.last:
            return False
        self.last = cell
        return True


@dataclass(slots=True)
class _Analysed:
    index: int
    t_s: float
    gray: Picture
    motion: GlobalMotion
    chroma: Picture | None


@dataclass(slots=True)
class ClipWindow:
    """Frames since the earliest clip that is still to come.

    Args:
        settings: Rates and sizes.
        still_fps: Rate at which candidates for stills are held.
    """

    settings: Measure
    still_fps: float
    _tiny: dict[int, tuple[float, Picture]] = field(default_factory=dict)
    _analysed: list[_Analysed] = field(default_factory=list)
    _stills: list[tuple[int, Picture]] = field(default_factory=list)
    _earlier: Picture | None = None
    _previous: Picture | None = None
    _codec: CodecMotion | None = None
    _size: tuple[int, int] | None = None
    _uncoloured: int = 0
    _still_size: tuple[int, int] = (0, 0)
    _analysis: _Every = field(init=False)
    _sampling: _Every = field(init=False)

    def __post_init__(self) -> None:
        """Start both grids."""
        if self.settings.motion_source == "codec":
            self._codec = CodecMotion()
        self._analysis = _Every(self.settings.analysis_fps)
        self._sampling = _Every(self.still_fps)

    def add(self, frame: Frame, t_s: float, luma: Picture) -> GlobalMotion | None:
        """Take the next frame.

        Args:
            frame: The decoded frame.
            t_s: Its presentation time, s.
            luma: Its (36, 64) uint8 luma.

        Returns:
            Motion since the analysed frame before, or None when this frame is not analysed or is
            the first.
        """
        if self._size is None:
            self._size = analysis_size(*frame.size, self.settings.analysis_px)
            self._still_size = _shorter_side(*frame.size, self.settings.sample_px)
        self._tiny[frame.index] = (t_s, luma)
        if self._sampling.chooses(t_s):
            self._stills.append((frame.index, frame.to_array(*self._still_size, "bgr24")))
        if self._codec is not None and not self._codec.take(frame):
            return None
        if not self._analysis.chooses(t_s):
            return None
        gray = frame.to_array(self._size[0], self._size[1], "gray")
        first = self._previous is None
        vectors = None if self._codec is None else self._codec.since_analysed(frame)
        motion = GlobalMotion()
        if self._previous is not None:
            motion = estimate(self._previous, gray, vectors, self._earlier)
        self._earlier, self._previous = self._previous, gray
        chroma = frame.to_array(*self._size, "yuvj444p")[1:] if not self._uncoloured else None
        self._uncoloured = (self._uncoloured + 1) % COLOUR_STEP
        self._analysed.append(_Analysed(frame.index, t_s, gray, motion, chroma))
        return None if first else motion

    def clip(self, start: int, end: int, start_s: float, transition: float | None) -> Clip | None:
        """The arrays of frames [start, end); None when none of them was analysed.

        Args:
            start: First frame's index.
            end: Index after the last frame.
            start_s: Presentation time of the first frame, s.
            transition: Highest score of a shot transition among the frames.
        """
        inside = [a for a in self._analysed if start <= a.index < end]
        if not inside:
            return None
        colours = {i: a.chroma for i, a in enumerate(inside) if a.chroma is not None}
        passed = [self._tiny[index] for index in range(start, end)]
        return Clip(
            gray=np.stack([a.gray for a in inside]),
            gray_t_s=np.array([a.t_s - start_s for a in inside]),
            motion=tuple(a.motion for a in inside[1:]),
            tiny=np.stack([luma for _, luma in passed]),
            tiny_t_s=np.array([t_s - start_s for t_s, _ in passed]),
            transition=transition,
            chroma=np.stack(list(colours.values())) if colours else None,
            chroma_at=tuple(colours),
        )

    def stills(self, start: int, end: int, box: Box) -> list[tuple[int, bytes]]:
        """Stills spread over frames [start, end).

        Args:
            start: First frame's index.
            end: Index after the last frame.
            box: x, y, width, height of the content, as shares of the frame.

        Returns:
            (frame index, JPEG) in temporal order, at most `samples_per_clip` of them.
        """
        held = [(index, still) for index, still in self._stills if start <= index < end]
        if not held:
            return []
        count = self.settings.samples_per_clip
        at = np.array([self._tiny[index][0] for index, _ in held])
        times = [self._tiny[start][0], self._tiny[end - 1][0]]
        wanted = times[0] + (np.arange(count) + 0.5) / count * (times[1] - times[0])
        chosen = sorted({int(np.abs(at - t_s).argmin()) for t_s in wanted})
        return [(held[i][0], _jpeg(_crop(held[i][1], box))) for i in chosen]

    def middle(self, start: int, end: int, box: Box) -> Picture | None:
        """The content of the still nearest to the middle of frames [start, end), BGR; or None."""
        held = [(index, still) for index, still in self._stills if start <= index < end]
        if not held:
            return None
        at = (self._tiny[start][0] + self._tiny[end - 1][0]) / 2
        nearest = min(held, key=lambda one: abs(self._tiny[one[0]][0] - at))
        return _crop(nearest[1], box)

    def forget(self, first: int) -> None:
        """Drop what no clip that starts at or after frame `first` can use."""
        while self._tiny and (oldest := next(iter(self._tiny))) < first:
            del self._tiny[oldest]
        while self._analysed and self._analysed[0].index < first:
            self._analysed.pop(0)
        while self._stills and self._stills[0][0] < first:
            self._stills.pop(0)


def _shorter_side(width: int, height: int, target_px: int) -> tuple[int, int]:
    """Size whose shorter side is `target_px`, never enlarged."""
    scale = min(1.0, target_px / min(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _crop(picture: Picture, box: Box) -> Picture:
    height, width = picture.shape[:2]
    left, top = round(box[0] * width), round(box[1] * height)
    right = max(left + 1, round((box[0] + box[2]) * width))
    bottom = max(top + 1, round((box[1] + box[3]) * height))
    return picture[top:bottom, left:right]


def _jpeg(bgr: Picture) -> bytes:
    return bytes(cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1])
