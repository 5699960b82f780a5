"""Whole short videos to arrays and back. For the demo and tests; curation itself streams."""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Final

import av
import numpy as np

from filters.base import Frames
from manifests.errors import BadVideoError

X264: Final[Mapping[str, str]] = MappingProxyType(
    {"preset": "veryfast", "crf": "20", "x264-params": "mbtree=0"}
)
"""Options of `write_video` for a good picture in little time.

mbtree is off because with it the same frames give other bytes on each run (measured with libx264
of av 18.1 at 320x240, one thread).
"""


def read_frames(
    path: Path, *, start: int = 0, max_frames: int, size: tuple[int, int] | None = None
) -> tuple[Frames, Fraction]:
    """Decode some frames of a short video.

    Args:
        path: A file with a video stream.
        start: Frames to leave out in front.
        max_frames: Most frames to return.
        size: Width and height to scale to, px; None keeps the video's.

    Returns:
        (T, H, W, 3) uint8 RGB with 1 <= T <= max_frames, and the frame rate.

    Raises:
        BadVideoError: `no_video_stream` or `no_frames`.
        av.FFmpegError: The file is damaged or no video at all.
    """
    if start < 0 or max_frames < 1:
        raise ValueError(f"start must be 0 or more and max_frames 1 or more: {start}, {max_frames}")
    width, height = size or (None, None)
    frames = []
    with av.open(path) as container:
        if not container.streams.video:
            raise BadVideoError("no_video_stream", str(path))
        stream = container.streams.video[0]
        fps = stream.average_rate or stream.guessed_rate
        for index, frame in enumerate(container.decode(stream)):
            if index >= start + max_frames:
                break
            if index >= start:
                picture = frame.reformat(width=width, height=height, format="rgb24")
                frames.append(picture.to_ndarray())
    if not frames or fps is None:
        raise BadVideoError("no_frames", f"{path} from frame {start}")
    return np.stack(frames).astype(np.uint8, copy=False), Fraction(fps)


def write_video(
    path: Path,
    frames: Iterable[Frames],
    fps: Fraction,
    *,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    options: Mapping[str, str] = X264,
) -> None:
    """Encode frames at a constant rate into the container that the file's suffix names.

    One encoder thread, so that the same frames give the same file on every machine.

    Args:
        path: File to write; its folder must exist.
        frames: (H, W, 3) uint8 RGB each, all of one size.
        fps: Frames per second.
        codec: libav's name of an encoder.
        pix_fmt: libav's name of the stored pixel format.
        options: Passed to the encoder.
    """
    iterator = iter(frames)
    try:
        first = next(iterator)
    except StopIteration:
        raise ValueError(f"no frames to write to {path}") from None
    height, width, _ = first.shape
    # bitexact: some containers hold a random id otherwise.
    with av.open(path, "w", container_options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream(codec, rate=fps, options=dict(options))
        if not isinstance(stream, av.VideoStream):
            raise ValueError(f"codec must be a video encoder, got {codec!r}")
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        stream.thread_count = 1
        for array in chain([first], iterator):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(array, format="rgb24")))
        container.mux(stream.encode())
