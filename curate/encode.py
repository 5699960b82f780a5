"""Tokens of chosen spans: the second decode, with exact times from pts."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np
import numpy.typing as npt
from av.video.frame import PictureType

from curate.config import Limits
from curate.decode import Frame, Video
from curate.encoders import Encoder, NotFiniteError
from curate.scan import require_content
from manifests.errors import BadVideoError

Frames = npt.NDArray[np.uint8]

FRAME_PX: Final = 256
"""Shorter side at which frames go to the encoder, which scales them to its own input, px."""
SPANS_PER_PASS: Final = 32
"""Most spans of a decoding pass from a video's beginning: 8 s each at 4 steps a second and 256x455
px are 360 MB."""
SPANS_PER_SEEK: Final = 8
"""Spans of a pass that begins near its spans: 90 MB, and at most one group of pictures decoded
twice. Two passes are held at once, the one that is encoded and the one that is decoded."""


@dataclass(frozen=True, slots=True)
class TokenSpan:
    """A span of a video to be encoded.

    Attributes:
        clip_id: Its id.
        video_id: The video's id.
        start_pts: First pts.
        end_pts: First pts after the span.
        box: x, y, width, height of the content in shares of the frame, or None for all of it.
    """

    clip_id: str
    video_id: str
    start_pts: int
    end_pts: int
    box: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class StepRule:
    """Which moments of a span are encoded.

    Attributes:
        step_s: Time between them, s.
        least: Fewest steps worth encoding.
        most: Most steps per span.
    """

    step_s: float
    least: int
    most: int

    def times(self, span: TokenSpan, time_base: Fraction) -> list[int]:
        """The pts of a span's steps."""
        step = Fraction(self.step_s).limit_denominator(10_000) / time_base
        times = (span.start_pts + round(k * step) for k in range(self.most))
        return [pts for pts in times if pts < span.end_pts]


@dataclass(frozen=True, slots=True)
class SpanFrames:
    """Frames of a span at a fixed step: (T, H, W, 3) uint8 RGB, and the first step's time, s."""

    frames: Frames
    t0_s: float


def read_source_spans(
    uri: str,
    spans: Sequence[TokenSpan],
    steps: StepRule,
    limits: Limits,
    *,
    seekable: bool = False,
) -> list[SpanFrames | None]:
    """`read_spans` of a source that is what was scanned.

    Raises:
        BadVideoError: As `read_spans`, or changed.
    """
    require_content(uri, spans[0].video_id)
    return read_spans(uri, spans, steps, limits, seekable=seekable)


def read_spans(
    uri: str,
    spans: Sequence[TokenSpan],
    steps: StepRule,
    limits: Limits,
    *,
    seekable: bool = False,
) -> list[SpanFrames | None]:
    """Decode the frames of spans of one video: at each step, the frame that is shown then.

    Step k of a span is at start + k * step_s, as long as that lies inside the span.

    Args:
        uri: Path or URI.
        spans: Spans of this video by start, at most about `SPANS_PER_PASS`.
        steps: Distance and number of steps.
        limits: Bounds on input.
        seekable: Whether the file's own pts are sound, so that decoding may start near the spans.

    Returns:
        One entry per span, None where fewer than `steps.least` steps lie inside it.

    Raises:
        BadVideoError: The video cannot be read.
    """
    with Video(uri, limits) as video:
        wanted: list[tuple[int, int, int]] = []  # (pts, span, step)
        for number, span in enumerate(spans):
            times = steps.times(span, video.time_base)
            if len(times) >= steps.least:
                wanted += [(pts, number, k) for k, pts in enumerate(times)]
        wanted.sort()
        if seekable and wanted:
            video.seek(wanted[0][0])
        try:
            found = _shown_at(video, wanted, spans)
        except BadVideoError:
            if not video.sought:
                raise
            found = None
        base = float(video.time_base)
    if found is None:  # seeking led astray: decode from the start
        return read_spans(uri, spans, steps, limits)
    counts = Counter(number for _, number, _ in wanted)
    return [
        _stacked([found.get((number, k)) for k in range(counts[number])], span.start_pts * base)
        for number, span in enumerate(spans)
    ]


def _stacked(pictures: Sequence[Frames | None], t0_s: float) -> SpanFrames | None:
    """The pictures as one array; None when one is missing or the stream changed its size."""
    complete = [picture for picture in pictures if picture is not None]
    if not complete or len({p.shape for p in complete}) > 1 or len(complete) < len(pictures):
        return None
    return SpanFrames(np.stack(complete), t0_s)


def _shown_at(
    video: Video, wanted: list[tuple[int, int, int]], spans: Sequence[TokenSpan]
) -> dict[tuple[int, int], Frames] | None:
    """The picture shown at each wanted pts: that of the last frame at or before it.

    None when the video was sought and its first frame is no place to begin.
    """
    found: dict[tuple[int, int], Frames] = {}
    if not wanted:
        return found
    position, before = 0, None

    def take(frame: Frame) -> None:
        _, number, step = wanted[position]
        found[number, step] = _picture(frame, spans[number].box)

    for frame in video:
        if video.sought and frame.index == 0 and not begins_clean(frame, wanted[0][0]):
            return None
        while before is not None and position < len(wanted) and wanted[position][0] < frame.pts:
            take(before)
            position += 1
        if position == len(wanted):
            return found
        before = frame
    while before is not None and position < len(wanted):
        take(before)
        position += 1
    return found


def begins_clean(frame: Frame, pts: int) -> bool:
    """Whether decoding from this frame on gives the pictures at and after `pts` whole.

    Not so where a stream is refreshed bit by bit and its seek points are no intra pictures.
    """
    intra = frame.image.key_frame and frame.image.pict_type == PictureType.I
    return bool(intra and frame.pts <= pts)


def _picture(frame: Frame, box: tuple[float, float, float, float] | None) -> Frames:
    """The content of a frame, its shorter side `FRAME_PX` at most."""
    width, height = frame.size
    x, y, w, h = box or (0.0, 0.0, 1.0, 1.0)
    scale = min(1.0, FRAME_PX / min(w * width, h * height))
    full = frame.to_array(max(1, round(width * scale)), max(1, round(height * scale)), "rgb24")
    rows, columns = full.shape[:2]
    top, left = round(y * rows), round(x * columns)
    return full[
        top : max(top + 1, round((y + h) * rows)), left : max(left + 1, round((x + w) * columns))
    ]


@dataclass(frozen=True, slots=True)
class Encoded:
    """Tokens of a span (T, N, D) float16 and its first step's time, or an error word."""

    span: TokenSpan
    tokens: npt.NDArray[np.float16] | None = None
    t0_s: float | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Pass:
    """Spans that one decode gives.

    Attributes:
        uris: Sources of equal content; the first that can be read is.
        spans: Of that video, by start.
        seekable: See `read_spans`.
    """

    uris: tuple[str, ...]
    spans: tuple[TokenSpan, ...]
    seekable: bool


def passes_of(uris: Sequence[str], spans: Sequence[TokenSpan], *, sound: bool) -> list[Pass]:
    """Cut a video's spans, by start, into passes.

    Args:
        uris: Its sources.
        spans: What to encode of it.
        sound: Whether its own pts are, so that later passes may seek.
    """
    size = SPANS_PER_SEEK if sound else SPANS_PER_PASS
    return [
        Pass(tuple(uris), tuple(spans[start : start + size]), sound and start > 0)
        for start in range(0, len(spans), size)
    ]


def encode_passes(
    passes: Sequence[Pass], read: Callable[[Pass], list[SpanFrames | None]], encoder: Encoder
) -> Iterator[list[Encoded]]:
    """Encode passes, each while the next is decoded.

    Args:
        passes: In the order of the answers.
        read: Decodes a pass, called in a thread of its own; raises BadVideoError.
        encoder: The encoder.

    Yields:
        One entry per span of each pass.
    """
    if not passes:
        return
    with ThreadPoolExecutor(1) as ahead:
        coming = ahead.submit(read, passes[0])
        for number, current in enumerate(passes):
            try:
                frames: list[SpanFrames | None] | BadVideoError = coming.result()
            except BadVideoError as error:
                frames = error
            if number + 1 < len(passes):
                coming = ahead.submit(read, passes[number + 1])
            if isinstance(frames, BadVideoError):
                yield unreadable(current.spans, frames)
            else:
                yield encode_together(current.spans, frames, encoder)
            del frames  # before the next pass arrives


def encode_together(
    spans: Sequence[TokenSpan], frames: Sequence[SpanFrames | None], encoder: Encoder
) -> list[Encoded]:
    """Encode spans in common batches; the answer is that of `encode_frames` for each."""
    pictures = [picture for found in frames if found is not None for picture in found.frames]
    try:
        tokens = encoder.encode(pictures) if pictures else None
    except NotFiniteError:  # of which span?
        pairs = zip(spans, frames, strict=True)
        return [encode_frames(span, found, encoder) for span, found in pairs]
    encoded, start = [], 0
    for span, found in zip(spans, frames, strict=True):
        if found is None or tokens is None:
            encoded.append(Encoded(span, error="too_short"))
            continue
        end = start + len(found.frames)
        encoded.append(Encoded(span, tokens[start:end], found.t0_s))
        start = end
    return encoded


def encode_frames(span: TokenSpan, frames: SpanFrames | None, encoder: Encoder) -> Encoded:
    """Encode one span's frames; without frames, or with undefined tokens, an error word."""
    if frames is None:
        return Encoded(span, error="too_short")
    try:
        tokens = encoder.encode(frames.frames)
    except NotFiniteError:
        return Encoded(span, error="not_finite")
    return Encoded(span, tokens, frames.t0_s)


def unreadable(spans: Sequence[TokenSpan], error: BadVideoError) -> list[Encoded]:
    """What a batch becomes when its video cannot be decoded again."""
    word = "no_frames" if error.word == "no_frames" else "unreadable"
    return [Encoded(span, error=word) for span in spans]
