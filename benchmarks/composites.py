"""Composite videos with exactly known transitions, made of real single takes.

    python benchmarks/composites.py --clips FOLDER_OR_LIST --out DIR [--videos 12] [--mix web]

Independent of the code that trains the detector: full-size frames, H.264. Writes DIR/NNN.mp4 and
DIR/truth.json: {"transitions": {"NNN.mp4": [{"kind", "start", "end"}]}}, where
[start, end) are the mixed frames and start == end is the first frame after a cut.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import av
import cv2
import numpy as np
import numpy.typing as npt

from curate.config import Limits
from curate.decode import Video
from curate.sources import list_sources
from manifests.errors import BadVideoError

SIZE: Final = (640, 360)
Frames = npt.NDArray[np.uint8]
Random = np.random.Generator

MIXES: Final = {
    "web": {"cut": 0.54, "jump": 0.05, "dissolve": 0.2, "fade": 0.14, "wipe": 0.04, "slide": 0.03},
    "hard": {
        "cut": 0.2, "jump": 0.15, "dissolve": 0.2, "fade": 0.15, "wipe": 0.12, "slide": 0.1,
        "iris": 0.04, "zoom": 0.04,
    },
}  # fmt: skip
"""Shares of the kinds of joins: much as in edited footage, and with the rare ones made frequent."""


def load(path: str, most: int = 300) -> Frames | None:
    """Up to `most` frames of a clip, filled to 640x360; None where there are too few."""
    frames = []
    try:
        with Video(path, Limits()) as video:
            for frame in video:
                width, height = frame.size
                scale = max(SIZE[0] / width, SIZE[1] / height)
                fitted = (max(SIZE[0], round(width * scale)), max(SIZE[1], round(height * scale)))
                picture = frame.to_array(*fitted, "rgb24")
                x, y = (fitted[0] - SIZE[0]) // 2, (fitted[1] - SIZE[1]) // 2
                frames.append(picture[y : y + SIZE[1], x : x + SIZE[0]])
                if len(frames) == most:
                    break
    except BadVideoError:
        return None
    return np.stack(frames) if len(frames) >= 45 else None


def weights(count: int, rng: Random) -> npt.NDArray[np.float32]:
    """Progress over `count` mixed frames, linear or eased."""
    t = (np.arange(1, count + 1) / (count + 1)).astype(np.float32)
    return t if rng.random() < 0.6 else np.asarray(t * t * (3 - 2 * t), np.float32)


def dissolve(old: Frames, new: Frames, rng: Random) -> Frames:
    """A cross-fade."""
    w = weights(len(old), rng)[:, None, None, None]
    return np.asarray(old * (1 - w) + new * w, np.uint8)


def fade(old: Frames, new: Frames, rng: Random) -> Frames:
    """Out to black, white or a colour, a hold, and in again."""
    count = len(old)
    colour = np.array(
        [(0, 0, 0), (0, 0, 0), (255, 255, 255), rng.integers(0, 256, 3)][rng.integers(4)]
    )
    hold = int(count * rng.uniform(0, 0.3))
    out = (count - hold) // 2
    w = np.ones(count, np.float32)
    w[:out] = weights(out, rng)
    w[out + hold :] = weights(count - out - hold, rng)[::-1]
    base = np.concatenate([old[: out + hold], new[out + hold :]])
    return np.asarray(
        base * (1 - w[:, None, None, None]) + colour * w[:, None, None, None], np.uint8
    )


def _masked(field: npt.NDArray[np.floating], old: Frames, new: Frames, rng: Random) -> Frames:
    soft = float(rng.choice([0.005, 0.05, 0.15]))
    field = (field - field.min()) / np.ptp(field)
    position = weights(len(old), rng)[:, None, None] * (1 + 2 * soft) - soft
    mask = np.clip((position - field) / soft + 0.5, 0, 1)[..., None]
    return np.asarray(old * (1 - mask) + new * mask, np.uint8)


def wipe(old: Frames, new: Frames, rng: Random) -> Frames:
    """An edge that runs over the picture in one of eight directions."""
    y, x = np.mgrid[0 : SIZE[1], 0 : SIZE[0]].astype(np.float32)
    angle = np.deg2rad(45 * rng.integers(8))
    return _masked(x / SIZE[0] * np.cos(angle) + y / SIZE[1] * np.sin(angle), old, new, rng)


def iris(old: Frames, new: Frames, rng: Random) -> Frames:
    """A circle that opens or closes."""
    y, x = np.mgrid[0 : SIZE[1], 0 : SIZE[0]].astype(np.float32)
    distance = np.hypot(x - SIZE[0] / 2, y - SIZE[1] / 2)
    return _masked(distance if rng.random() < 0.5 else -distance, old, new, rng)


def slide(old: Frames, new: Frames, rng: Random) -> Frames:
    """The new shot pushes the old one out, or slides over it."""
    axis, length = [(1, SIZE[0]), (0, SIZE[1])][rng.integers(2)]
    forward, push = rng.random() < 0.5, rng.random() < 0.5
    made = np.empty_like(old)
    for i, share in enumerate(weights(len(old), rng)):
        reach = max(1, round(float(share) * length))
        a, b = (old[i], new[i]) if forward else (new[i], old[i])
        start = reach if forward else length - reach
        pushed = np.take(np.concatenate([a, b], axis), range(start, start + length), axis)
        if not push:
            keep = np.arange(length) < length - reach if forward else np.arange(length) >= reach
            still = keep[None, :, None] if axis == 1 else keep[:, None, None]
            pushed = np.where(still, old[i], pushed)
        made[i] = pushed
    return made


def zoom(old: Frames, new: Frames, rng: Random) -> Frames:
    """The old shot grows and gives way to the new one."""
    made = np.empty_like(old)
    for i, share in enumerate(weights(len(old), rng)):
        factor = 1 + 2 * float(share)
        matrix = cv2.getRotationMatrix2D((SIZE[0] / 2, SIZE[1] / 2), 0, factor)
        grown = cv2.warpAffine(old[i], matrix, SIZE)
        made[i] = cv2.addWeighted(grown, 1 - float(share), new[i], float(share), 0)
    return made


MAKERS: Final[dict[str, tuple[Callable[[Frames, Frames, Random], Frames], str, int, int]]] = {
    "dissolve": (dissolve, "dissolve", 6, 60),
    "fade": (fade, "fade", 8, 50),
    "wipe": (wipe, "wipe", 6, 40),
    "slide": (slide, "wipe", 5, 25),
    "iris": (iris, "wipe", 6, 30),
    "zoom": (zoom, "wipe", 5, 20),
}
"""Maker, kind in the truth, and shortest and longest number of mixed frames."""


def disturb(shot: Frames, rng: Random) -> Frames:
    """One thing that is no transition, or nothing: flash, exposure, caption, whip, jolt, speed."""
    look = rng.integers(12)
    at = int(rng.integers(3, max(4, len(shot) - 5)))
    shot = shot.copy()
    if look in (0, 1):
        count = int(rng.integers(1, 3))
        shot[at : at + count] = np.clip(shot[at : at + count].astype(np.int16) + 150, 0, 255)
    elif look == 2:
        shot[at : at + 1] = 0 if rng.random() < 0.5 else 255
    elif look == 3:
        ramp = np.linspace(1, rng.uniform(0.5, 1.6), len(shot))[:, None, None, None]
        shot = np.clip(shot * ramp, 0, 255).astype(np.uint8)
    elif look == 4:
        for i in range(at, len(shot)):
            text = f"caption {i // 30}"
            cv2.putText(shot[i], text, (120, 330), 0, 1.4, (255, 255, 255), 3, cv2.LINE_AA)
    elif look == 5:
        wide = np.pad(shot, ((0, 0), (0, 0), (0, SIZE[0] // 2), (0, 0)), mode="reflect")
        for i in range(len(shot)):  # the camera swings by a third of the picture in 8 frames
            x = int(np.clip(i - at, 0, 8) * SIZE[0] / 24)
            shot[i] = wide[i, :, x : x + SIZE[0]]
            if 0 < i - at < 8:
                shot[i] = cv2.blur(shot[i], (27, 1))
    elif look == 6:
        for i in range(at, min(at + 3, len(shot))):
            shot[i] = np.roll(shot[i], rng.integers(-25, 26, 2), (0, 1))
    elif look == 7 and len(shot) > 80:
        shot = shot[:: int(rng.integers(2, 4))]
    return shot


def compose(
    clips: list[Frames], joins: dict[str, float], shots: int, rng: Random
) -> tuple[Frames, list[dict[str, Any]]]:
    """One video of `shots` shots and its truth."""
    parts: list[Frames] = []
    truth: list[dict[str, Any]] = []
    names, shares = list(joins), np.array(list(joins.values()))
    clip = clips[rng.integers(len(clips))]
    position, length = 0, int(rng.integers(30, 130))
    pending = clip[position : position + length + 70]
    total = 0
    for number in range(shots):
        body, rest = pending[:length], pending[length:]
        body = disturb(body, rng)
        parts.append(body)
        total += len(body)
        if number == shots - 1:
            break
        join = str(rng.choice(names, p=shares / shares.sum()))
        end = position + length
        if join == "jump" and end + 60 < len(clip):
            position = end + int(rng.integers(12, 40))
        else:
            join = "cut" if join == "jump" else join
            other = clips[rng.integers(len(clips))]
            if other is clip:  # the same take again would be a jump, or no cut at all
                other = clips[(next(i for i, c in enumerate(clips) if c is clip) + 1) % len(clips)]
            clip, position = other, int(rng.integers(0, max(1, len(other) - 100)))
        length = int(rng.integers(20, 130))
        pending = clip[position : position + length + 130]
        if join in ("cut", "jump"):
            truth.append({"kind": join, "start": total, "end": total})
            length = min(length, len(pending))
            continue
        make, kind, shortest, longest = MAKERS[join]
        mixed = int(rng.integers(shortest, longest + 1))
        mixed = max(2, min(mixed, len(pending) - 10))
        old = rest[:mixed] if len(rest) else body[-1:]
        old = np.concatenate([old, np.repeat(old[-1:], mixed - len(old), 0)])
        parts.append(make(old, pending[:mixed], rng))
        truth.append({"kind": kind, "start": total, "end": total + mixed})
        total += mixed
        position, pending = position + mixed, pending[mixed:]
        length = max(2, min(length, len(pending)))
    return np.concatenate(parts), truth


def encode(path: Path, frames: Frames, rng: Random) -> None:
    """H.264 at a random quality, group length, number of B-frames and frame rate."""
    options = {
        "crf": str(rng.integers(18, 33)), "preset": "veryfast", "g": str(rng.integers(12, 250)),
        "bf": str(rng.integers(0, 4)),
    }  # fmt: skip
    with av.open(str(path), "w") as container:
        rate = int(rng.choice([24, 25, 30, 60]))
        stream = container.add_stream("libx264", rate=rate, options=options)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))


def paths(given: str) -> Iterator[str]:
    """Files of a folder, or the lines of a list."""
    if Path(given).is_file():
        yield from (line for line in Path(given).read_text().splitlines() if line)
    else:
        yield from (source.uri for source in list_sources([given]))


def main() -> None:
    """Make the videos."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", required=True, help="folder, or file with one path per line")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--videos", type=int, default=12)
    parser.add_argument("--shots", type=int, default=12)
    parser.add_argument("--mix", choices=list(MIXES), default="web")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    listed = list(paths(options.clips))
    options.out.mkdir(parents=True, exist_ok=True)
    truth: dict[str, Any] = {}
    for number in range(options.videos):
        chosen = rng.permutation(listed)[:12]
        clips = [clip for clip in map(load, chosen) if clip is not None]
        frames, transitions = compose(clips, MIXES[options.mix], options.shots, rng)
        name = f"{number:03d}.mp4"
        encode(options.out / name, frames, rng)
        truth[name] = transitions
        print(f"{name}: {len(frames)} frames, {len(transitions)} transitions")
    record = {"note": f"mix {options.mix}, seed {options.seed}", "transitions": truth}
    (options.out / "truth.json").write_text(json.dumps(record, indent=1))


if __name__ == "__main__":
    main()
