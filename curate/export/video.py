"""Clips as H.264: an exact cut needs new keyframes, so pictures are decoded and encoded again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO
from typing import Any, Final

import av
import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame

from curate.config import Limits
from curate.decode import Frame, Video
from curate.encode import begins_clean
from curate.export.plan import ExportClip
from curate.scan import require_content
from manifests.errors import BadVideoError

Picture = npt.NDArray[np.uint8]

_CRF: Final = "18"
"""x264's rate factor: copies that are hard to tell from the source by eye."""


class Mp4:
    """An H.264 video in memory, without B-frames, encoded by one thread.

    Args:
        width: px, even.
        height: px, even.
        time_base: Seconds per tick of the pts that are given.
        rate: Nominal frames per second, for the header.
        keyframe_frames: Most frames between two keyframes; None leaves it to x264.
    """

    def __init__(
        self,
        width: int,
        height: int,
        time_base: Fraction,
        rate: Fraction,
        keyframe_frames: int | None = None,
    ) -> None:
        self._buffer = BytesIO()
        self._container = av.open(self._buffer, "w", format="mp4")
        stream: Any = self._container.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = time_base
        stream.codec_context.thread_count = 1
        options = {"crf": _CRF, "preset": "veryfast", "bf": "0"}
        stream.options = options | ({"g": str(keyframe_frames)} if keyframe_frames else {})
        self._stream, self._time_base = stream, time_base

    def add(self, picture: Picture, pts: int) -> None:
        """Add (height, width, 3) uint8 RGB; pts increase."""
        frame = VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
        frame.pts, frame.time_base = pts, self._time_base
        self._container.mux(self._stream.encode(frame))

    def close(self) -> bytes:
        """The file."""
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._buffer.getvalue()


def clip_mp4(clip: ExportClip, limits: Limits) -> bytes:
    """A clip's content box at its own size (odd sides lose a column or row) and its own times.

    The first frame has pts 0; a variable frame rate stays one. There is no sound.

    Raises:
        BadVideoError: The video cannot be read again, or shows no frame in the clip.
    """
    width, height = clip.box[2] // 2 * 2, clip.box[3] // 2 * 2
    with _opened(clip, limits) as video:
        base = video.time_base
        rate = Fraction(clip.facts["fps"] or 25).limit_denominator(1001)
    made = None
    for frame in clip_frames(clip, limits):
        made = made or Mp4(width, height, base, rate)
        x, y = clip.box[:2]
        picture = frame.to_array(*clip.size, "rgb24")[y : y + height, x : x + width]
        made.add(picture, frame.pts - clip.start_pts)
    if made is None:
        raise BadVideoError("no_frames")
    return made.close()


def clip_frames(clip: ExportClip, limits: Limits) -> Iterator[Frame]:
    """The frames with pts in [start_pts, end_pts).

    Raises:
        BadVideoError: The video cannot be read.
    """
    for sought in (True, False) if clip.sound else (False,):
        with _opened(clip, limits) as video:
            if sought:
                video.seek(clip.start_pts)
            for frame in video:
                if video.sought and frame.index == 0 and not begins_clean(frame, clip.start_pts):
                    break  # seeking led astray: decode from the start
                if frame.pts >= clip.end_pts:
                    return
                if frame.pts >= clip.start_pts:
                    yield frame
            else:
                return


def _opened(clip: ExportClip, limits: Limits) -> Video:
    """The first source that still is what was scanned."""
    first: BadVideoError | None = None
    for uri in clip.uris:
        try:
            require_content(uri, clip.video_id)
        except BadVideoError as error:
            first = first or error
        else:
            return Video(uri, limits)
    raise first or BadVideoError("missing_file")


@dataclass(frozen=True, slots=True)
class EpisodeVideo:
    """A clip within a video of several.

    Attributes:
        clip_id: Its id.
        first: Frame of the file at which it begins.
        pixels: (n, 3) uint8: a sample of its colours.
        frames: Its frames; 0 when it could not be read.
        error: Word of manifests.errors.VIDEO_ERRORS then, else None.
    """

    clip_id: str
    first: int
    pixels: Picture
    frames: int = 0
    error: str | None = None


_STATS_FRAMES: Final = 16
_STATS_STRIDE: Final = 8
"""Colours are sampled on a grid of every eighth pixel of 16 frames a clip."""


def episodes_mp4(
    clips: Sequence[ExportClip], fps: int, size: tuple[int, int], limits: Limits
) -> tuple[bytes, list[EpisodeVideo]]:
    """Clips one after the other in one video of constant rate.

    Frame k of a clip is the frame shown at its start + k / fps. The content box is scaled to fit
    `size` (never enlarged) and centred on black. Every second frame is a keyframe, as in
    LeRobot's own videos, so that single frames are read fast.

    Args:
        clips: In order.
        fps: Frames per second.
        size: Width and height, px, even.
        limits: Bounds on input.

    Returns:
        The file, and where each clip lies in it.
    """
    made = Mp4(*size, Fraction(1, fps), Fraction(fps), keyframe_frames=2)
    total, episodes = 0, []
    for clip in clips:
        first, shown, error = total, list[Picture](), None
        try:
            for picture in _at_rate(clip, fps, size, limits):
                made.add(picture, total)
                total += 1
                shown.append(picture[::_STATS_STRIDE, ::_STATS_STRIDE].reshape(-1, 3))
        except BadVideoError as problem:
            error, shown = problem.word, []
        if not shown:
            nothing = np.zeros((0, 3), np.uint8)
            episodes.append(EpisodeVideo(clip.clip_id, first, nothing, error=error or "no_frames"))
            continue
        chosen = np.linspace(0, len(shown) - 1, min(len(shown), _STATS_FRAMES)).round()
        pixels = np.concatenate([shown[int(k)] for k in chosen])
        episodes.append(EpisodeVideo(clip.clip_id, first, pixels, len(shown)))
    if not total:
        return b"", episodes
    return made.close(), episodes


def _at_rate(
    clip: ExportClip, fps: int, size: tuple[int, int], limits: Limits
) -> Iterator[Picture]:
    with _opened(clip, limits) as video:
        ticks = 1 / (fps * video.time_base)
    step, before = 0, None
    for frame in clip_frames(clip, limits):
        while before is not None and clip.start_pts + round(step * ticks) < frame.pts:
            yield _fitted(before, clip, size)
            step += 1
        before = frame
    while before is not None and clip.start_pts + round(step * ticks) < clip.end_pts:
        yield _fitted(before, clip, size)
        step += 1


def _fitted(frame: Frame, clip: ExportClip, size: tuple[int, int]) -> Picture:
    x, y, width, height = clip.box
    scale = min(1.0, size[0] / width, size[1] / height)
    whole = [max(1, round(side * scale)) for side in clip.size]
    full = frame.to_array(whole[0], whole[1], "rgb24")
    top, left = round(y * scale), round(x * scale)
    part = full[top : top + round(height * scale), left : left + round(width * scale)]
    part = part[: size[1], : size[0]]
    if part.shape[:2] == size[::-1]:
        return part
    canvas = np.zeros((size[1], size[0], 3), np.uint8)
    top, left = (size[1] - part.shape[0]) // 2, (size[0] - part.shape[1]) // 2
    canvas[top : top + part.shape[0], left : left + part.shape[1]] = part
    return canvas
