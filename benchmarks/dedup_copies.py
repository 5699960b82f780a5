"""Transformed copies of real clips and their hard negatives, measured once and kept as tables.

    python benchmarks/dedup_copies.py --list PATHS.txt --out DIR

Per source: the original clip, one file per transformation, and up to two other moments of the same
take, each as a file of its own (so nothing but pixels says that they are not copies). `half` splits
by a hash of the file's name. Writes DIR/<name>.pickle per source: the files' tables of
`curate.measure` and `curate.embed`, so that everything else runs on these in seconds.
"""

import argparse
import pickle
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import av
import cv2
import numpy as np
import numpy.typing as npt

from curate.config import load_config
from curate.decode import Video
from curate.embed import embed_clips
from curate.embedders import Embedder, load_embedder
from curate.measure import measure_video
from manifests.errors import CurateError

Frames = npt.NDArray[np.uint8]

CLIP_S: Final = 6.0
LEAST_S: Final = 2.6
HEIGHT: Final = 360
"""Sources are scaled down to this before anything else, so that a copy costs about a second."""


def _crop(frames: Frames) -> Frames:
    """64 % of the area: 80 % of each side, off centre."""
    height, width = frames.shape[1:3]
    top, left = round(0.05 * height), round(0.15 * width)
    return frames[:, top : top + round(0.8 * height), left : left + round(0.8 * width)]


def _letterbox(frames: Frames) -> Frames:
    bar = round(0.16 * frames.shape[1])
    return np.pad(frames, ((0, 0), (bar, bar), (0, 0), (0, 0)))


def _grey(frames: Frames) -> Frames:
    return np.repeat(frames.mean(axis=3, keepdims=True).astype(np.uint8), 3, axis=3)


def _brightness(frames: Frames) -> Frames:
    table = np.clip(np.arange(256) * 1.2 + 25, 0, 255).astype(np.uint8)
    return np.asarray(table[frames])


def _logo(frames: Frames) -> Frames:
    """An opaque mark of 4 % of the area in a corner, as channels have them."""
    frames = frames.copy()
    height, width = frames.shape[1:3]
    h, w = round(0.2 * height), round(0.2 * width)
    mark = np.full((h, w, 3), (200, 30, 40), np.uint8)
    cv2.putText(mark, "TV", (w // 8, h * 3 // 4), cv2.FONT_HERSHEY_DUPLEX, h / 40, (255,) * 3, 3)
    frames[:, height // 20 : height // 20 + h, -w - width // 20 : -(width // 20)] = mark
    return frames


def _trim(frames: Frames) -> Frames:
    return frames[round(0.2 * len(frames)) :]


def _same(frames: Frames) -> Frames:
    return frames


TRANSFORMS: Final[dict[str, tuple[Callable[[Frames], Frames], float, dict[str, str]]]] = {
    "reencode": (_same, 1.0, {"crf": "34"}),
    "crop": (_crop, 1.0, {}),
    "letterbox": (_letterbox, 1.0, {}),
    "mirror": (lambda frames: frames[:, :, ::-1], 1.0, {}),
    "grey": (_grey, 1.0, {}),
    "brightness": (_brightness, 1.0, {}),
    "logo": (_logo, 1.0, {}),
    "trim": (_trim, 1.0, {}),
    "faster": (_same, 1.25, {}),
    "mirror_crop_logo": (lambda frames: _logo(_crop(frames[:, :, ::-1])), 1.0, {"crf": "30"}),
}
"""Name -> picture operation, speed, encoder options; `reencode` is at half the size as well."""


def half(path: str) -> int:
    """0 for sources to tune on, 1 for those to judge by."""
    return blake2b(Path(path).name.encode(), digest_size=1).digest()[0] % 2


def read(path: str, seconds: float) -> tuple[Frames, float]:
    """The beginning of a video at no more than 360 lines, and its frame rate."""
    frames: list[Frames] = []
    times: list[float] = []
    with Video(path, load_config().limits) as video:
        for frame in video:
            t_s = float(frame.pts * video.time_base)
            if times and t_s - times[0] > seconds:
                break
            times.append(t_s)
            scale = min(1.0, HEIGHT / min(frame.size))
            width, height = (max(2, round(side * scale) // 2 * 2) for side in frame.size)
            frames.append(frame.to_array(width, height, "rgb24"))
    if len(frames) < 8:
        return np.zeros((0, 2, 2, 3), np.uint8), 0.0
    return np.stack(frames), (len(times) - 1) / (times[-1] - times[0])


def write(path: Path, frames: Frames, fps: float, options: dict[str, str]) -> None:
    """H.264, even sides."""
    frames = frames[:, : frames.shape[1] // 2 * 2, : frames.shape[2] // 2 * 2]
    with av.open(str(path), "w") as container:
        rate = Fraction(fps).limit_denominator(1001)
        stream = container.add_stream(
            "libx264", rate=rate, options={"preset": "superfast", **options}
        )
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt, stream.thread_count = "yuv420p", 1
        for array in frames:
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(array), format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())


def variants(frames: Frames, fps: float) -> dict[str, tuple[Frames, float, dict[str, str]]]:
    """What is made of one take: name -> frames, rate, encoder options."""
    most = round(CLIP_S * fps)
    length = min(most, max(round(LEAST_S * fps), len(frames) // 2))
    first = frames[:length]
    made: dict[str, tuple[Frames, float, dict[str, str]]] = {
        "original": (first, fps, {"crf": "20"})
    }
    for name, (change, speed, options) in TRANSFORMS.items():
        shown = change(first)
        if name == "reencode":
            half_size = (shown.shape[2] // 4 * 2, shown.shape[1] // 4 * 2)
            shown = np.stack(
                [cv2.resize(f, half_size, interpolation=cv2.INTER_AREA) for f in shown]
            )
        made[name] = (shown, fps * speed, {"crf": "23", **options})
    for number, start in enumerate(range(length, len(frames) - round(2.2 * fps), length)[:2]):
        made[f"other{number}"] = (frames[start : start + length], fps, {"crf": "23"})
    return made


def measured(path: str, embedder: Embedder, folder: Path) -> dict[str, Any]:
    """Tables of every variant of one source: name -> samples, clips, filmstrips, embeddings."""
    frames, fps = read(path, 3 * CLIP_S)
    if not len(frames) or len(frames) / fps < LEAST_S:
        return {}
    config = load_config()
    made = {}
    for name, (shown, rate, options) in variants(frames, fps).items():
        target = folder / "variant.mp4"
        write(target, shown, rate, options)
        ident = f"{Path(path).name}:{name}"
        tables = measure_video(str(target), ident, "k", config).tables
        vectors = embed_clips(tables["samples"], embedder, "k")
        made[name] = {n: tables[n] for n in ("clips", "filmstrips", "samples")}
        made[name]["embeddings"] = vectors
    return made


def main() -> None:
    """Measure every source that is not measured yet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--list", type=Path, required=True, help="one path per line")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    cv2.setNumThreads(1)
    embedder = load_embedder("bundled", device="cpu")
    for path in options.list.read_text().split("\n"):
        target = options.out / f"{Path(path).name}.pickle"
        if not path or target.exists():
            continue
        begin = time.process_time()
        with tempfile.TemporaryDirectory() as folder:
            try:
                made = measured(path, embedder, Path(folder))
            except CurateError as error:
                print(f"{path}: {error}")
                continue
        target.write_bytes(pickle.dumps(made))
        counts = {n: v["clips"].num_rows for n, v in made.items()}
        print(f"{path}: {time.process_time() - begin:.1f} s {counts}", flush=True)


if __name__ == "__main__":
    main()
