"""Clips with known motion, made from real stills and real clips by exact frame operations.

All work on luma, (F, H, W) uint8; `through_codec` encodes and decodes what they made.
"""

import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt

from curate.config import Limits
from curate.decode import Video

Gray = npt.NDArray[np.uint8]
Float = npt.NDArray[np.float64]

WIDTH, HEIGHT = 640, 360


@dataclass(frozen=True)
class Path2D:
    """A camera path: rates of the camera, as the scores state them.

    Attributes:
        pan: Frame widths a second, + to the right.
        tilt: Frame heights a second, + down.
        zoom: Natural log of the scale a second, + in.
        roll: Degrees a second, + content counter-clockwise.
        shake: RMS in % of the frame's width, of a sum of sines.
        shake_hz: Lowest and highest frequency of the shake.
        ease: Whether speed starts and ends at 0 (sin^2), with the same mean.
    """

    pan: float = 0.0
    tilt: float = 0.0
    zoom: float = 0.0
    roll: float = 0.0
    shake: float = 0.0
    shake_hz: tuple[float, float] = (2.5, 8.0)
    ease: bool = False

    def at(self, t_s: Float, length_s: float, rng: np.random.Generator) -> Float:
        """(F, 4): content shift x and y (widths, heights), log scale, degrees clockwise."""
        u = t_s
        if self.ease:
            u = t_s - length_s / (2 * np.pi) * np.sin(2 * np.pi * t_s / length_s)
        path = np.outer(u, [-self.pan, -self.tilt, self.zoom, -self.roll])
        if self.zoom and (self.pan or self.tilt):
            # A pan goes on at its rate however far the zoom has come.
            for axis in (0, 1):
                steps = np.diff(path[:, axis], prepend=0.0)
                scale = np.exp(path[:, 2])
                path[:, axis] = scale * np.cumsum(steps / scale)
        if self.shake:
            waves = np.zeros((len(t_s), 2))
            for _ in range(8):
                hz, phase = rng.uniform(*self.shake_hz), rng.uniform(0, 2 * np.pi, 2)
                waves += np.sin(2 * np.pi * hz * t_s[:, None] + phase)
            waves *= self.shake / 100 / np.sqrt((waves**2).sum(axis=1).mean())
            path[:, :2] += waves * (1, WIDTH / HEIGHT)
        return path


def read(
    path: Path, start_s: float = 0.0, seconds: float = 4.0, longer: int = WIDTH
) -> tuple[Gray, float]:
    """Luma of a span of a video, longer side at most `longer`, and its frame rate."""
    frames, times = [], []
    with Video(str(path), Limits()) as video:
        first = None
        for frame in video:
            t_s = float(frame.pts * video.time_base)
            first = t_s if first is None else first
            if t_s - first < start_s:
                continue
            if t_s - first >= start_s + seconds:
                break
            scale = min(1.0, longer / max(frame.size))
            w, h = (2 * max(1, round(side * scale / 2)) for side in frame.size)
            frames.append(frame.to_array(w, h, "gray"))
            times.append(t_s)
    if len(frames) < 2:
        raise ValueError(f"{path} has no {seconds} s from {start_s} s")
    return np.stack(frames), (len(times) - 1) / (times[-1] - times[0])


def cover(image: Gray, width: int, height: int) -> Gray:
    """The image scaled and cropped so that it fills width x height."""
    scale = max(width / image.shape[1], height / image.shape[0])
    size = (math.ceil(image.shape[1] * scale), math.ceil(image.shape[0] * scale))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    large = cv2.resize(image, size, interpolation=how)
    x, y = (size[0] - width) // 2, (size[1] - height) // 2
    return np.ascontiguousarray(large[y : y + height, x : x + width])


def moved(
    content: Callable[[int], Gray], path: Float, size: tuple[int, int] = (WIDTH, HEIGHT)
) -> Gray:
    """Frames through a window that moves over the content by a path.

    Content outside its picture is mirrored, so that fast paths need no larger picture.
    """
    width, height = size
    frames = []
    for i, (x, y, log_scale, degrees) in enumerate(path):
        image = content(i)
        scale, angle = math.exp(log_scale), math.radians(degrees)
        turn = scale * np.array(
            [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
        )
        middle = np.array([(image.shape[1] - 1) / 2, (image.shape[0] - 1) / 2])
        centre = np.array([(width - 1) / 2, (height - 1) / 2])
        shift = centre + np.array([x * width, y * height]) - turn @ middle
        matrix = np.concatenate([turn, shift[:, None]], axis=1)
        frames.append(
            cv2.warpAffine(
                image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
            )
        )
    return np.stack([np.asarray(frame, np.uint8) for frame in frames])


def with_foreground(
    frames: Gray,
    patch: Gray,
    share: float,
    t_s: Float,
    rng: np.random.Generator,
    speed: float = 0.15,
    anywhere: bool = False,
) -> Gray:
    """Paste a textured ellipse that covers a share of the frame and moves on its own.

    Its centre goes to and fro along a line at about `speed` frame widths a second, through the
    middle of the frame or through a place drawn from the whole frame.
    """
    height, width = frames.shape[1:]
    radius = math.sqrt(share * width * height / math.pi)
    rx, ry = int(radius * 0.85), int(min(radius * 1.2, height * 0.48))
    tile = cover(patch, 2 * rx, 2 * ry)
    y, x = np.mgrid[-ry:ry, -rx:rx]
    mask = ((x / rx) ** 2 + (y / ry) ** 2) < 1
    angle = rng.uniform(0, 2 * np.pi)
    reach = 0.18 * width
    sweep = reach * np.sin(speed * width / reach * t_s + rng.uniform(0, 2 * np.pi))
    middle = (0.5, 0.5) if not anywhere else (rng.uniform(0.2, 0.8), rng.uniform(0.2, 0.8))
    out = frames.copy()
    for i, away in enumerate(sweep):
        cx = round(middle[0] * width + away * math.cos(angle))
        cy = round(middle[1] * height + away * math.sin(angle) * 0.4)
        x0, y0 = max(0, cx - rx), max(0, cy - ry)
        x1, y1 = min(width, cx + rx), min(height, cy + ry)
        part = (slice(y0 - cy + ry, y1 - cy + ry), slice(x0 - cx + rx, x1 - cx + rx))
        np.copyto(out[i, y0:y1, x0:x1], tile[part], where=mask[part])
    return out


def captioned(frames: Gray, rng: np.random.Generator) -> Gray:
    """Two to four lines of letters that stay while the picture moves."""
    height, width = frames.shape[1:]
    out = frames.copy()
    for _ in range(int(rng.integers(2, 5))):
        line = "".join(rng.choice(list("ABCDEFGHKLMNRSTUVWXYZ0123456789:/ "), rng.integers(5, 22)))
        place = (
            int(rng.choice([8, width // 2, 7 * width // 10])),
            int(rng.choice([24, height // 2, height - 40, height - 12])),
        )
        size = float(rng.uniform(0.5, 1.1))
        for frame in out:
            for grey, thick in ((0, 4), (255, 2)):
                cv2.putText(frame, line, place, cv2.FONT_HERSHEY_SIMPLEX, size, grey, thick)
    return out


def noisy(frames: Gray, grey: float, rng: np.random.Generator) -> Gray:
    """Fresh normal noise in every frame."""
    noise = rng.normal(0, grey, frames.shape)
    return np.asarray((frames + noise).round().clip(0, 255), np.uint8)


def blurred(frames: Gray, sigma_px: float) -> Gray:
    """Every frame out of focus."""
    soft = [cv2.GaussianBlur(frame, (0, 0), sigma_px) for frame in frames]
    return np.stack([np.asarray(frame, np.uint8) for frame in soft])


def faint(frames: Gray, contrast: float) -> Gray:
    """Less contrast about grey."""
    return np.asarray((128 + (frames.astype(np.float32) - 128) * contrast).round(), np.uint8)


def through_codec(frames: Gray, fps: float, crf: int = 23, preset: str = "veryfast") -> Gray:
    """What x264 makes of the frames."""
    buffer = io.BytesIO()
    height, width = (side // 2 * 2 for side in frames.shape[1:])
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=round(fps))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"crf": str(crf), "preset": preset, "threads": "1"}
        for frame in frames:
            picture = av.VideoFrame.from_ndarray(
                np.ascontiguousarray(frame[:height, :width]), format="gray"
            )
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    buffer.seek(0)
    with av.open(buffer, "r") as container:
        return np.stack([f.to_ndarray(format="gray") for f in container.decode(video=0)])


def repeated(frames: Gray, times: int) -> Gray:
    """Every frame shown `times` times, over the same length."""
    return frames[np.arange(len(frames)) // times * times]


def pulled_down(frames: Gray) -> Gray:
    """24 frames a second stored at 30: one frame in five is the one before again."""
    index = np.arange(len(frames))
    return np.asarray(frames[index - (index % 5 == 4)])


def stalled(frames: Gray, share: float, rng: np.random.Generator) -> Gray:
    """A share of the frames, at random, replaced by the one before."""
    shown: list[int] = []
    for i in range(len(frames)):
        shown.append(shown[-1] if i and rng.random() < share else i)
    return frames[shown]


def forth_and_back(frames: Gray) -> Gray:
    """The first half, then the same backwards."""
    half = len(frames) // 2
    return np.concatenate([frames[:half], frames[:half][::-1]])


def looped(frames: Gray, period: int) -> Gray:
    """The first `period` frames again and again, over the same length."""
    return frames[np.arange(len(frames)) % period]


def flickering(frames: Gray, fps: float, amplitude: float, hz: float) -> Gray:
    """Brightness times 1 + amplitude * sine."""
    gain = 1 + amplitude * np.sin(2 * np.pi * hz * np.arange(len(frames)) / fps)
    return np.asarray((frames * gain[:, None, None]).round().clip(0, 255), np.uint8)


def slides(images: Sequence[Gray], frames_each: int, blend: int) -> Gray:
    """Stills shown one after the other, with blends of so many frames."""
    out: list[Gray] = []
    for image, following in zip(images, [*images[1:], None], strict=True):
        out += [image] * (frames_each - (blend if following is not None else 0))
        if following is not None:
            for i in range(blend):
                share = (i + 1) / (blend + 1)
                out.append(cv2.addWeighted(image, 1 - share, following, share, 0).astype(np.uint8))
    return np.stack(out)


def slowed(frames: Gray, factor: float, start: int, end: int) -> Gray:
    """Frames [start, end) of the result play at 1 / factor of the speed, by repeating frames."""
    at, shown = 0.0, []
    for i in range(len(frames)):
        shown.append(min(len(frames) - 1, int(at)))
        at += 1 / factor if start <= i < end else 1.0
    return frames[shown]


def blended_slow(frames: Gray, factor: float, start: int, end: int) -> Gray:
    """As `slowed`, with blends of the two frames that a moment lies between."""
    at, shown = 0.0, []
    for i in range(len(frames)):
        first, share = int(at), at - int(at)
        following = frames[min(first + 1, len(frames) - 1)]
        shown.append(cv2.addWeighted(frames[first], 1 - share, following, share, 0))
        at = min(at + (1 / factor if start <= i < end else 1.0), len(frames) - 1)
    return np.stack([np.asarray(frame, np.uint8) for frame in shown])


def hurried(frames: Gray, factor: int, start: int) -> Gray:
    """From frame `start` on, a quarter of all frames of the result play at `factor` the speed."""
    count = len(frames) // (factor + 3)
    fast = np.arange(start, min(len(frames), start + factor * count), factor)
    index = np.concatenate([np.arange(start), fast, np.arange(fast[-1] + 1, len(frames))])
    return np.asarray(frames[index])
