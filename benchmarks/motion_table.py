"""Benchmark section on the peers' table: eleven cases, decided by us and by the peers' scores."""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import polars as pl

from benchmarks import motion_cases as cases
from benchmarks.motion_cases import Float, Gray
from curate.config import Config, Policy
from curate.decide import decide
from curate.measure import measure_video


def table(options: argparse.Namespace) -> dict[str, Any]:
    """The eleven cases of the peers' table, decided by the default policy through the pipeline.

    The peers are their published formulas, re-implemented here, and, where interpreters of
    environments that have them are given, their packages themselves.
    """
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: Path(folder) / f"{name}.mp4" for name in eleven_cases()}
        for name, (frames, wanted) in eleven_cases().items():
            write(frames, paths[name])
            keep, reasons, kind = decided(paths[name])
            data_juicer, nemo = data_juicer_score(frames), nemo_scores(paths[name])
            found[name] = {
                "keep": keep, "wanted": wanted, "right": keep == wanted, "reasons": reasons,
                "camera": kind, "data_juicer": data_juicer, "data_juicer_keep": data_juicer >= 0.25,
                "nemo": nemo, "nemo_keep": nemo[0] >= 0.00098 and nemo[1] >= 1e-6,
            }  # fmt: skip
        packages = {
            peer: _package(peer, python, [str(path) for path in paths.values()])
            for peer, python in (("data-juicer", options.data_juicer), ("nemo", options.nemo))
            if python is not None
        }
        for name, row in found.items():
            for peer, package in packages.items():
                row[f"{peer} package"] = package["files"][str(paths[name])]
            _print(name, row)
    for package in packages.values():
        print(package["package"], package["version"])
    print(f"{sum(row['right'] for row in found.values())} of {len(found)} as wanted")
    return found


def _package(peer: str, python: Path, paths: list[str]) -> dict[str, Any]:
    """What a peer's package says of files, by a process of its own environment."""
    script = Path(__file__).with_name("motion_peer_scores.py")
    done = subprocess.run([python, script, peer, *paths], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{python} cannot run {peer}:\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _print(name: str, row: Mapping[str, Any]) -> None:
    def verdict(keep: bool) -> str:
        return "keep" if keep else "drop"

    print(
        f"{name:20s} ours {verdict(row['keep'])} ({', '.join(row['reasons']) or row['camera']}) "
        f"{'right' if row['right'] else 'WRONG'}   Data-Juicer's formula {row['data_juicer']:.2f} "
        f"{verdict(row['data_juicer_keep'])}   NeMo's formula {row['nemo'][0]:.6f} "
        f"{verdict(row['nemo_keep'])}"
    )
    for peer in ("data-juicer", "nemo"):
        if f"{peer} package" in row:
            said = row[f"{peer} package"]
            scores = ", ".join(f"{score:.6f}" for score in said["scores"])
            print(f"{'':20s} {peer}'s package {scores} {verdict(said['keep'])}")


def eleven_cases() -> dict[str, tuple[Gray, bool]]:
    """Four seconds at 640 x 360 of each case, and whether an action model should see it."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (1080, 1920), dtype=np.uint8)
    big = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 6), np.empty(0), 0, 255, cv2.NORM_MINMAX)
    big = np.asarray(big, np.uint8)
    for _ in range(60):
        place = int(rng.integers(0, 1920)), int(rng.integers(0, 1080))
        cv2.circle(big, place, int(rng.integers(15, 80)), int(rng.integers(0, 255)), -1)

    def window(x: int, y: int, width: int, height: int) -> Gray:
        part = big[y : y + height, x : x + width]
        return np.asarray(cv2.resize(part, (640, 360), interpolation=cv2.INTER_AREA), np.uint8)

    base = window(0, 0, 1920, 1080)

    def thing(i: int) -> Gray:
        frame = base.copy()
        cv2.rectangle(frame, (40 + 3 * i, 120), (120 + 3 * i, 220), 76, -1)
        cv2.circle(frame, (80 + 3 * i, 170), 25, 179, -1)
        return frame

    def small(i: int) -> Gray:
        frame = base.copy()
        cv2.circle(frame, (300 + int(60 * np.sin(i / 8)), 180), 12, 76, -1)
        return frame

    def boxed(i: int) -> Gray:
        frame = np.zeros_like(base)
        frame[70:290] = cv2.resize(thing(i), (640, 220))
        return frame

    def zoomed(i: int) -> Gray:
        scale = 1 - 0.35 * i / 120
        width, height = int(1920 * scale), int(1080 * scale)
        return window((1920 - width) // 2, (1080 - height) // 2, width, height)

    def made(draw: Any) -> Gray:
        return np.stack([draw(i) for i in range(120)])

    noisy = cases.noisy(made(lambda _: base), 6.0, rng)
    return {
        "moving object": (made(thing), True),
        "small object": (made(small), True),
        "letterboxed object": (made(boxed), True),
        "ken burns pan": (made(lambda i: window(4 * i, 200, 1280, 720)), False),
        "ken burns zoom": (made(zoomed), False),
        "slideshow": (made(lambda i: window(i // 30 * 200, i // 30 * 150, 960, 540)), False),
        "freeze after 40": (made(lambda i: thing(min(i, 40))), False),
        "boomerang": (made(lambda i: thing(i if i < 60 else 119 - i)), False),
        "four times each": (made(lambda i: thing(i // 4)), False),
        "static": (made(lambda _: base), False),
        "static with noise": (noisy, False),
    }


def write(frames: Gray, path: Path, options: Mapping[str, str] | None = None) -> None:
    """Encode with x264 at 30 frames a second, by default as the table's clips were."""
    chosen = dict(options or {"preset": "veryfast", "crf": "23"})
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30, options=chosen)
        stream.height, stream.width = frames.shape[1:]
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="gray")))
        container.mux(stream.encode(None))


def decided(path: Path) -> tuple[bool, list[str], str]:
    """Whether any clip of a video is kept by the default policy, the reasons, the camera's kind."""
    measured = measure_video(str(path), "0" * 32, "bench", Config())
    clips = pl.DataFrame(pl.from_arrow(measured.tables["clips"]))
    scores = pl.DataFrame(pl.from_arrow(measured.tables["scores"].drop(["missing"])))
    none = {
        "clip_id": pl.String,
        "group_id": pl.String,
        "nearest": pl.String,
        "similarity": pl.Float32,
    }
    verdicts = decide(clips, scores, {}, pl.DataFrame(schema=none), Policy())
    reasons = sorted({r["filter"] for row in verdicts["reasons"].to_list() for r in row})
    kinds = verdicts["camera_kind"].to_list()
    return bool(verdicts["keep"].any()), reasons, kinds[0] if kinds else "no clip"


def data_juicer_score(frames: Gray) -> float:
    """Data-Juicer's video_motion_score, re-implemented: mean Farneback flow at 2 fps, px."""
    sampled = frames[::15]
    flows = [
        cv2.calcOpticalFlowFarneback(a, b, np.empty(0), 0.5, 3, 15, 3, 5, 1.2, 0)
        for a, b in pairwise(sampled)
    ]
    return float(np.mean([np.linalg.norm(flow, axis=2).mean() for flow in flows]))


def nemo_scores(path: Path) -> tuple[float, float]:
    """NeMo Curator's motion-vector formula, re-implemented: mean |mv| / (w + h), least patch mean.

    Every fifteenth frame of any type, vectors not divided by the distance to their reference.
    """
    fields: list[Float] = []
    with av.open(str(path), "r") as container:
        stream = container.streams.video[0]
        stream.codec_context.options = {"flags2": "+export_mvs"}
        for number, frame in enumerate(container.decode(stream)):
            if number % 15:
                continue
            field = np.zeros((frame.height, frame.width))
            for data in frame.side_data:
                side: Any = data
                if side.type.name != "MOTION_VECTORS":
                    continue
                for v in side.to_ndarray():
                    width, height = int(v["w"]), int(v["h"])
                    moved = [int(v[f"dst_{axis}"]) - int(v[f"src_{axis}"]) for axis in "xy"]
                    x, y = int(v["dst_x"]) - width // 2, int(v["dst_y"]) - height // 2
                    patch = field[max(0, y) : y + height, max(0, x) : x + width]
                    patch[:] = np.hypot(moved[0], moved[1])
            fields.append(field / (frame.width + frame.height))
    mean = np.mean(fields, axis=0)
    patches = cv2.blur(mean, (256, 256))[128:-100:32, 128:-128:32]
    return float(mean.mean()), float(patches.min()) if patches.size else 0.0
