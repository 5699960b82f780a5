"""Small synthetic videos whose facts are known from how they are made."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import ClassVar, Final

import av
import cv2
import numpy as np
import numpy.typing as npt

Frames = npt.NDArray[np.uint8]

FPS: Final = Fraction(25)
SIZE: Final = (160, 120)


@dataclass(frozen=True, slots=True)
class TestVideo:
    """A test video and what is true of it.

    Attributes:
        path: The file.
        width: Of a stored frame, px; 0 where nothing can be decoded.
        height: Of a stored frame, px.
        fps: Mean frame rate.
        frames: Frames that can be decoded.
        cut_frames: First frame of each new shot.
        what: How it was made.
        times_s: Presentation time of each frame on the file's own clock.
        rotation_deg: Counter-clockwise turn that a player should make.
        pan_px: Shift of the whole picture's content per frame, to the right and downwards.
        error: Error word (manifests.errors.VIDEO_ERRORS) that it should get.
    """

    __test__: ClassVar[bool] = False  # not a test case, whatever its name says

    path: Path
    width: int
    height: int
    fps: Fraction
    frames: int
    what: str
    cut_frames: tuple[int, ...] = ()
    times_s: tuple[float, ...] = ()
    rotation_deg: int = 0
    pan_px: tuple[int, int] = (0, 0)
    error: str | None = None


def texture(width: int, height: int, seed: int) -> Frames:
    """(height, width, 3) uint8: soft noise with trackable detail, in a colour of its seed."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(height, width, 4))
    # Blurring by sigma divides the spread of white noise by about 3.5 * sigma.
    layers = [cv2.GaussianBlur(noise, (0, 0), sigma) * 3.5 * sigma for sigma in (2, 10)]
    field = (layers[0] + layers[1]) / 2
    # One field for light and, weaker, one for each channel.
    pattern = 45 * field[..., 3:] + 15 * field[..., :3]
    return np.asarray(np.clip(rng.uniform(50, 205, 3) + pattern, 0, 255), dtype=np.uint8)


def scene(
    frames: int,
    width: int = SIZE[0],
    height: int = SIZE[1],
    *,
    seed: int,
    pan_px: tuple[int, int] = (0, 0),
    shapes: int = 3,
) -> Frames:
    """Discs that drift over a texture, which itself can pan.

    Args:
        frames: T.
        width: Px.
        height: Px.
        seed: Of texture, discs and their paths.
        pan_px: Shift of the texture per frame, to the right and downwards.
        shapes: Number of discs; each crosses the picture and wraps around.

    Returns:
        (T, height, width, 3) uint8 RGB.
    """
    rng = np.random.default_rng(seed)
    far_x, far_y = (abs(step) * (frames - 1) for step in pan_px)
    ground = texture(width + far_x, height + far_y, seed)
    starts = rng.uniform(0, 1, (shapes, 2)) * (width, height)
    steps = rng.uniform(1.5, 3, (shapes, 2)) * rng.choice([-1, 1], (shapes, 2))
    colours = rng.integers(0, 256, (shapes, 3))
    out = []
    for t in range(frames):
        x = far_x - pan_px[0] * t if pan_px[0] > 0 else -pan_px[0] * t
        y = far_y - pan_px[1] * t if pan_px[1] > 0 else -pan_px[1] * t
        frame = ground[y : y + height, x : x + width].copy()
        for (cx, cy), colour in zip((starts + t * steps) % (width, height), colours, strict=True):
            radius = min(width, height) // 8
            cv2.circle(frame, (int(cx), int(cy)), radius, colour.tolist(), -1, cv2.LINE_AA)
        out.append(frame)
    return np.stack(out)


def write(
    path: Path,
    frames: Frames,
    *,
    fps: Fraction = FPS,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    options: Mapping[str, str] | None = None,
    muxer_options: Mapping[str, str] | None = None,
    times_ms: list[int] | None = None,
    rotation_deg: int = 0,
    sound: bool = False,
) -> tuple[float, ...]:
    """Encode (T, H, W, 3) frames; returns the presentation time of each, s.

    Args:
        path: File whose suffix names the container.
        frames: (T, H, W, 3) uint8 RGB; T may be 0 for sound alone.
        fps: Nominal frame rate.
        codec: libav's name of an encoder.
        pix_fmt: Stored pixel format.
        options: Of the encoder; None for those that make small x264 files quickly.
        muxer_options: Of the container.
        times_ms: Presentation times for a variable rate or an offset; None counts at `fps`.
        rotation_deg: Written as a display matrix.
        sound: Whether 2 s of a 440 Hz tone go along.
    """
    clock = 1 / fps if times_ms is None else Fraction(1, 1000)
    ticks = range(len(frames)) if times_ms is None else times_ms
    # bitexact: some containers hold a random id otherwise.
    exact = {"fflags": "+bitexact", **(muxer_options or {})}
    with av.open(path, "w", container_options=exact) as container:
        # All streams must be there before the first packet.
        audio = container.add_stream("aac", rate=16000, layout="mono") if sound else None
        if len(frames):
            fast = {"preset": "ultrafast"} if codec == "libx264" else {}
            video = container.add_stream(codec, rate=fps, options=dict(options or fast))
            assert isinstance(video, av.VideoStream)
            video.height, video.width = frames.shape[1:3]
            video.pix_fmt, video.thread_count = pix_fmt, 1
            video.codec_context.time_base = clock
            if rotation_deg:
                video.set_display_rotation(rotation_deg)
            for array, tick in zip(frames, ticks, strict=True):
                picture = av.VideoFrame.from_ndarray(array, format="rgb24")
                picture.pts, picture.time_base = tick, clock
                container.mux(video.encode(picture))
            container.mux(video.encode())
        if audio is not None:
            for chunk in _tone():
                container.mux(audio.encode(chunk))
            container.mux(audio.encode())
    return tuple(float(tick * clock) for tick in ticks)


def _tone() -> Iterator[av.AudioFrame]:
    wave = np.sin(2 * np.pi * 440 * np.arange(32000) / 16000).astype(np.float32) * 0.3
    for start in range(0, len(wave) - 1023, 1024):
        chunk = av.AudioFrame.from_ndarray(wave[None, start : start + 1024], "fltp", "mono")
        chunk.sample_rate, chunk.pts = 16000, start
        chunk.time_base = Fraction(1, 16000)
        yield chunk


def _plain(path: Path) -> TestVideo:
    times = write(path, scene(75, seed=1))
    return TestVideo(path, *SIZE, FPS, 75, "h264 in mp4, discs over a texture", times_s=times)


def _hard_cut(path: Path) -> TestVideo:
    frames = np.concatenate([scene(70, 320, 180, seed=2), scene(80, 320, 180, seed=3)])
    times = write(path, frames)
    what = "two shots of 70 and 80 frames"
    return TestVideo(path, 320, 180, FPS, 150, what, cut_frames=(70,), times_s=times)


def _pan(path: Path) -> TestVideo:
    times = write(path, scene(75, 320, 180, seed=4, pan_px=(-3, 0), shapes=0))
    what = "camera pans right over a texture: content moves 3 px to the left per frame"
    return TestVideo(path, 320, 180, FPS, 75, what, pan_px=(-3, 0), times_s=times)


def _variable_rate(path: Path) -> TestVideo:
    times_ms = [*range(0, 1200, 40), *range(1200, 2800, 80)]
    times = write(path, scene(50, seed=5), times_ms=times_ms)
    what = "30 frames 40 ms apart, then 20 frames 80 ms apart; the last is shown for 40 ms"
    return TestVideo(path, *SIZE, Fraction(50_000, 2760), 50, what, times_s=times)


def _rotated(path: Path) -> TestVideo:
    times = write(path, scene(50, seed=6), rotation_deg=90)
    what = "stored 160x120, to be shown turned by 90 degrees"
    return TestVideo(path, *SIZE, FPS, 50, what, rotation_deg=90, times_s=times)


def _one_frame(path: Path) -> TestVideo:
    times = write(path, scene(1, seed=7))
    return TestVideo(path, *SIZE, FPS, 1, "a single frame", times_s=times)


def _truncated(path: Path) -> TestVideo:
    write(path, scene(50, seed=8))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 6 // 10])
    what = "the last 40 %, and with them the moov box, are missing"
    return TestVideo(path, 0, 0, FPS, 0, what, error="truncated")


def _broken_off(path: Path) -> TestVideo:
    # All frames intra, so that the file's order is the order of presentation.
    options = {"preset": "ultrafast", "g": "1", "bf": "0"}
    write(path, scene(50, seed=9), options=options, muxer_options={"movflags": "+faststart"})
    with av.open(path) as container:
        packets = [p for p in container.demux(video=0) if p.size and p.pos is not None]
    last = packets[29]
    assert last.pos is not None
    path.write_bytes(path.read_bytes()[: last.pos + last.size])
    what = "moov in front promises 50 frames; the file ends after the 30th"
    times = tuple(float(i / FPS) for i in range(30))
    return TestVideo(path, *SIZE, FPS, 30, what, times_s=times)


def _audio_only(path: Path) -> TestVideo:
    write(path, np.empty((0, 1, 1, 3), np.uint8), sound=True)
    return TestVideo(path, 0, 0, FPS, 0, "aac in mp4, no picture", error="no_video_stream")


def _text(path: Path) -> TestVideo:
    path.write_text("This is a text file with the wrong name.\n")
    return TestVideo(path, 0, 0, FPS, 0, "a text file named .mp4", error="not_a_video")


def _empty(path: Path) -> TestVideo:
    path.write_bytes(b"")
    return TestVideo(path, 0, 0, FPS, 0, "zero bytes", error="empty_file")


def _ten_bit(path: Path) -> TestVideo:
    times = write(path, scene(50, seed=10), pix_fmt="yuv420p10le")
    return TestVideo(path, *SIZE, FPS, 50, "h264 high 10, yuv420p10le", times_s=times)


def _odd_size(path: Path) -> TestVideo:
    times = write(path, scene(50, 161, 121, seed=11), codec="mpeg4")
    return TestVideo(path, 161, 121, FPS, 50, "mpeg4 in avi, 161x121, 4:2:0", times_s=times)


def _with_sound(path: Path) -> TestVideo:
    times = write(path, scene(50, seed=12), sound=True)
    return TestVideo(path, *SIZE, FPS, 50, "h264 and aac in mp4", times_s=times)


def _webm(path: Path) -> TestVideo:
    fps = Fraction(30000, 1001)
    frames = scene(60, seed=13)
    options = {"deadline": "realtime", "cpu-used": "8"}
    write(path, frames, fps=fps, codec="libvpx-vp9", options=options)
    what = "vp9 in webm, 30000/1001 fps, times rounded to 1 ms"
    times = tuple(int(1000 * i / fps + Fraction(1, 2)) / 1000 for i in range(60))
    return TestVideo(path, *SIZE, fps, 60, what, times_s=times)


def _mpeg_ts(path: Path) -> TestVideo:
    times_ms = [10_000 + 40 * i for i in range(50)]
    options = {"mpegts_copyts": "1"}
    times = write(path, scene(50, seed=14), times_ms=times_ms, muxer_options=options)
    return TestVideo(path, *SIZE, FPS, 50, "MPEG-TS that starts at 10 s", times_s=times)


def _gray(path: Path) -> TestVideo:
    times = write(path, scene(50, seed=15), pix_fmt="gray")
    return TestVideo(path, *SIZE, FPS, 50, "h264 with luma only", times_s=times)


def _stall(path: Path) -> TestVideo:
    moving = scene(60, seed=16)
    frames = moving[[*range(25), *[25] * 25, *range(25, 60)]]
    # Lossless, so that the encoder does not refine the picture while it stands.
    times = write(path, frames, options={"preset": "ultrafast", "qp": "0"})
    what = "frame 25 is shown for a second more, then all goes on"
    return TestVideo(path, *SIZE, FPS, 85, what, times_s=times)


MAKERS: Final[dict[str, tuple[str, Callable[[Path], TestVideo]]]] = {
    "plain": (".mp4", _plain),
    "hard_cut": (".mp4", _hard_cut),
    "pan": (".mp4", _pan),
    "variable_rate": (".mp4", _variable_rate),
    "rotated": (".mp4", _rotated),
    "one_frame": (".mp4", _one_frame),
    "truncated": (".mp4", _truncated),
    "broken_off": (".mp4", _broken_off),
    "audio_only": (".mp4", _audio_only),
    "text": (".mp4", _text),
    "empty": (".mp4", _empty),
    "ten_bit": (".mp4", _ten_bit),
    "odd_size": (".avi", _odd_size),
    "with_sound": (".mp4", _with_sound),
    "webm": (".webm", _webm),
    "mpeg_ts": (".ts", _mpeg_ts),
    "gray": (".mp4", _gray),
    "stall": (".mp4", _stall),
}
"""Name -> suffix and maker; for parametrisation by name."""

DAMAGED: Final = ("truncated", "audio_only", "text", "empty")
"""Names of those from which no picture can be had."""


class Videos(Mapping[str, TestVideo]):
    """The videos of `MAKERS` by name, each made when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[str, TestVideo] = {}

    def __getitem__(self, name: str) -> TestVideo:
        if name not in self._made:
            suffix, make = MAKERS[name]
            self._made[name] = make(self._folder / f"{name}{suffix}")
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(MAKERS)

    def __len__(self) -> int:
        return len(MAKERS)
