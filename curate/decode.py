"""Decoding that trusts frames over headers: one forward pass, every fault a stable word."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from fractions import Fraction
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, Self

import av
import av.error
import numpy as np
import numpy.typing as npt
from av.codec.context import Flags2, ThreadType
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from av.video.stream import VideoStream

from curate.config import Limits
from manifests.errors import BadVideoError
from manifests.storage import is_remote, open_random_access

logger = logging.getLogger(__name__)

CONTAINERS: Final = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,flv,mpegts,mpeg,asf,ogg,mxf,gif,ivf,obu,av1,"
    "h264,hevc,vvc,m4v,mpegvideo,mjpeg,yuv4mpegpipe,h263,wtv,dv"
)
"""libav demuxers that are opened. None of them reads other files or the network by itself."""

_MAGIC: Final = ((4, b"ftyp"), (4, b"moov"), (4, b"mdat"), (4, b"free"), (4, b"wide"),
                 (0, b"\x1a\x45\xdf\xa3"), (0, b"RIFF"), (0, b"FLV"), (0, b"OggS"),
                 (0, b"\x30\x26\xb2\x75"), (0, b"\x00\x00\x01\xba"), (0, b"GIF8"))  # fmt: skip
"""(offset, bytes) that begin known containers: a file that has them and cannot be opened is cut off
or damaged, any other is not a video."""

PLANAR: Final = ("yuvj444p",)
"""Layouts of pictures whose colours are planes of the full size."""

Rgb = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Header:
    """What a container says of its video stream; any of it may be wrong or absent."""

    container: str
    codec: str
    pixel_format: str | None
    bit_depth: int | None
    width: int
    height: int
    fps: Fraction | None
    duration_s: float | None
    audio: bool


@dataclass(slots=True)
class Tally:
    """What a pass over the packets found.

    Attributes:
        packets_hash: Hash of the video packets' payloads, without container data; set at the end.
        packets: Packets read from the container.
        promised: Packets that the container's index speaks of; None where it has none.
        failures: Packets that failed to decode.
        repaired: Frames whose pts was absent or not increasing.
        interlaced: Whether a frame said that it is.
        rotation_deg: Display rotation of the first frame.
    """

    packets_hash: str | None = None
    packets: int = 0
    promised: int | None = None
    failures: int = 0
    repaired: int = 0
    interlaced: bool = False
    rotation_deg: int = 0


@dataclass(frozen=True, slots=True)
class Frame:
    """A decoded frame in presentation order.

    Attributes:
        index: Counted from 0 at the first decoded frame of the pass.
        pts: Presentation timestamp, strictly increasing within a pass.
        rotation_deg: Clockwise quarter turns, in degrees, that show the picture upright.
        image: libav's frame.
        scalers: Shared by the frames of a pass.
    """

    index: int
    pts: int
    rotation_deg: int
    image: VideoFrame
    scalers: "Scalers"

    @property
    def size(self) -> tuple[int, int]:
        """Upright width and height, px."""
        width, height = self.image.width, self.image.height
        return (height, width) if self.rotation_deg % 180 else (width, height)

    def to_array(self, width: int, height: int, pixels: str) -> Rgb:
        """Scale (area average) and convert to an upright picture.

        Args:
            width: Upright width, px.
            height: Upright height, px.
            pixels: `rgb24`, `bgr24` -> (height, width, 3); `gray` -> (height, width);
                `yuvj444p` (full range) -> (3, height, width).
        """
        turned = bool(self.rotation_deg % 180)
        stored = (height, width) if turned else (width, height)
        small = self.scalers.scale(self.image, *stored, pixels)
        if not self.rotation_deg:
            return small
        axes = (1, 2) if pixels in PLANAR else (0, 1)
        return np.ascontiguousarray(np.rot90(small, -(self.rotation_deg // 90), axes))


class Scalers:
    """One libswscale context per target: setting one up costs more than a small picture does."""

    def __init__(self) -> None:
        self._contexts: dict[tuple[int, int, str], VideoReformatter] = {}

    def scale(self, image: VideoFrame, width: int, height: int, pixels: str) -> Rgb:
        """Scale (area average) and convert a stored picture."""
        context = self._contexts.setdefault((width, height, pixels), VideoReformatter())
        scaled = context.reformat(image, width, height, pixels, interpolation=Interpolation.AREA)
        if pixels in PLANAR:  # to_ndarray takes four times as long
            planes = [
                np.frombuffer(bytes(plane), np.uint8).reshape(height, plane.line_size)[:, :width]
                for plane in scaled.planes
            ]
            return np.stack(planes)
        return np.asarray(scaled.to_ndarray(), dtype=np.uint8)


@dataclass(slots=True)
class Video:
    """An open video; use as a context manager and iterate once.

    Args:
        uri: Path or URI.
        limits: Bounds beyond which the video is refused.
        vectors: Whether decoded frames carry the codec's motion vectors, where it tells any.
    """

    uri: str
    limits: Limits
    vectors: bool = False
    tally: Tally = field(default_factory=Tally)
    _stack: ExitStack = field(default_factory=ExitStack)
    sought: bool = False
    _scalers: Scalers = field(default_factory=Scalers)
    _container: Any = None
    _stream: VideoStream | None = None

    def __enter__(self) -> Self:
        """Open the file.

        Raises:
            BadVideoError: missing_file, unreadable, empty_file, not_a_video, truncated,
                no_video_stream, unsupported_codec or too_large.
        """
        try:
            self._container = self._stack.enter_context(_open(self.uri))
            self._stream = _choose(self._container.streams.video)
            self._check()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        """Close the file."""
        self._stack.close()

    @property
    def stream(self) -> VideoStream:
        """The chosen video stream."""
        if self._stream is None:
            raise RuntimeError("the video is not open")
        return self._stream

    @property
    def time_base(self) -> Fraction:
        """Seconds per pts tick."""
        return self.stream.time_base or Fraction(1, 90_000)

    def header(self) -> Header:
        """What the container says."""
        context = self.stream.codec_context
        layout = context.format
        rate = self.stream.average_rate or self.stream.guessed_rate
        duration: float | None = None
        if self.stream.duration is not None:
            duration = float(self.stream.duration * self.time_base)
        elif self._container.duration is not None:
            duration = self._container.duration / av.time_base
        return Header(
            container=str(self._container.format.name),
            codec=str(context.name),
            pixel_format=None if layout is None else layout.name,
            bit_depth=None if layout is None else layout.components[0].bits,
            width=context.width,
            height=context.height,
            fps=Fraction(rate) if rate else None,
            duration_s=duration if duration is not None and duration > 0 else None,
            audio=bool(self._container.streams.audio),
        )

    def seek(self, pts: int) -> None:
        """Continue at the last keyframe at or before `pts`; others stay in place."""
        # Only these have an index of true seek points; in a transport stream a seek ends anywhere.
        if not {"mp4", "matroska"} & set(self._container.format.name.split(",")):
            return
        try:
            self._container.seek(pts, stream=self.stream, backward=True)
            self.sought = True
        except av.error.FFmpegError:
            logger.debug("%s cannot be sought", self.uri)

    def __iter__(self) -> Iterator[Frame]:
        """Decode to the end, going on after packets that fail.

        Raises:
            BadVideoError: too_long, too_small or too_large as soon as it is known; no_frames.
        """
        index, last, first = 0, None, None
        most_ticks = self.limits.max_duration_s / self.time_base
        for image in self._images():
            pts = self._repair(image, last)
            first = pts if first is None else first
            if pts - first > most_ticks:
                raise BadVideoError("too_long", f"over {self.limits.max_duration_s:g} s")
            _check_pixels(image.width, image.height, self.limits)
            if min(image.width, image.height) < LEAST_SIDE_PX:
                raise BadVideoError("too_small", f"{image.width}x{image.height} px")
            if index == 0:
                self.tally.rotation_deg = -round(image.rotation / 90) * 90 % 360
            self.tally.interlaced |= bool(image.interlaced_frame)
            yield Frame(index, pts, self.tally.rotation_deg, image, self._scalers)
            index, last = index + 1, pts
        if index == 0:
            raise BadVideoError("no_frames", f"{self.tally.failures} packets failed")

    def _images(self) -> Iterator[VideoFrame]:
        digest = blake2b(digest_size=16)
        packets = self._container.demux(self.stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                break
            except av.error.FFmpegError:  # the container ends in the middle of a packet
                self.tally.failures += 1
                yield from self._decode(None)
                break
            if packet.size:
                self.tally.packets += 1
                digest.update(bytes(packet))
            yield from self._decode(packet)
        self.tally.packets_hash = digest.hexdigest()

    def _decode(self, packet: Any) -> Iterator[VideoFrame]:
        try:
            if packet is not None and packet.size:
                yield from packet.decode()
            else:
                yield from self.stream.codec_context.decode(None)
        except av.error.EOFError:
            pass
        except av.error.FFmpegError:
            self.tally.failures += 1

    def _repair(self, image: VideoFrame, last: int | None) -> int:
        pts = image.pts if image.pts is not None else image.dts
        if pts is not None and (last is None or pts > last):
            return int(pts)
        self.tally.repaired += 1
        return 0 if last is None else last + self.tick

    @property
    def tick(self) -> int:
        """Nominal duration of a frame in pts ticks, at least 1."""
        rate = self.stream.average_rate or self.stream.guessed_rate or Fraction(25)
        return max(1, round(1 / (rate * self.time_base)))

    def _check(self) -> None:
        context = self.stream.codec_context
        _check_pixels(context.width, context.height, self.limits)
        context.thread_type = ThreadType.NONE  # parallelism comes from workers
        context.thread_count = 1
        if self.vectors:
            context.flags2 |= Flags2.export_mvs
        if "mp4" in self._container.format.name:  # other containers guess their frame count
            self.tally.promised = self.stream.frames or None


LEAST_SIDE_PX: Final = 16
"""Below this no score is defined (the smallest picture of real corpora is about 80 px high)."""


def _check_pixels(width: int, height: int, limits: Limits) -> None:
    if width * height > limits.max_frame_pixels:
        raise BadVideoError("too_large", f"{width}x{height} px")


def _choose(streams: Any) -> VideoStream:
    """The first video stream that is not a cover picture and that can be decoded."""
    moving = [s for s in streams if not s.disposition & av.stream.Disposition.attached_pic]
    if not moving:
        raise BadVideoError("no_video_stream")
    for stream in moving:
        if stream.codec_context is not None:
            return stream  # type: ignore[no-any-return]
    raise BadVideoError("unsupported_codec")


def _open(uri: str) -> Any:
    options = {"format_whitelist": CONTAINERS, "protocol_whitelist": "file"}
    try:
        if is_remote(uri):
            head = open_random_access(uri)
            size, start = head.size(), head.read(16)
            head.seek(0)
            source: Any = head
        else:
            size, source = Path(uri).stat().st_size, uri
            with Path(uri).open("rb") as handle:
                start = handle.read(16)
    except FileNotFoundError as error:
        raise BadVideoError("missing_file", str(error)) from error
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        raise BadVideoError("unreadable", str(error)) from error
    if size == 0:
        raise BadVideoError("empty_file")
    try:
        # Two real files raise UnicodeDecodeError on their metadata unless it is ignored.
        return av.open(source, metadata_errors="ignore", options=options)
    except (av.error.FFmpegError, ValueError) as error:
        known = any(start[at : at + len(magic)] == magic for at, magic in _MAGIC)
        raise BadVideoError("truncated" if known else "not_a_video", str(error)) from error
