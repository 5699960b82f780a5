"""CPU per frame of measure against bare PyAV decode of the same files, as a ratio.

    python benchmarks/bench_measure_cost.py FOLDER [--runs 3] [--limit 12] [--json OUT]

Rule: both passes decode every frame of a file with one thread in this process, and the CPU time
of the process is taken; measure is everything that `rushes measure` does to a video (shots, motion,
scores, stills), without embedding. Passes alternate, file by file; the median over runs counts.
Files are grouped by height. Files that cannot be decoded whole are left out.
"""

import argparse
import json
import platform
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import cv2

from curate.config import Config, Limits
from curate.decode import Video
from curate.isolate import keep_freed_memory
from curate.measure import measure_video
from curate.sources import list_sources
from manifests.errors import BadVideoError


def bare_decode(uri: str) -> int:
    """Decode all frames with PyAV alone, one thread; returns their number."""
    with av.open(uri, metadata_errors="ignore") as container:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        return sum(1 for _ in container.decode(stream))


def cpu_s(function: Callable[[], Any]) -> float:
    """CPU seconds of this process spent in a call."""
    begin = time.process_time()
    function()
    return time.process_time() - begin


def readable(uri: str) -> tuple[int, int] | None:
    """Frames and height of a file that decodes without a fault, else None."""
    try:
        with Video(uri, Limits()) as video:
            frames, height = 0, 0
            for frame in video:
                frames, height = frame.index + 1, min(frame.size)
            return None if video.tally.failures or frames < 50 else (frames, height)
    except BadVideoError:
        return None


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sources", nargs="+")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--limit", type=int, default=8, help="files per group of heights")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    keep_freed_memory()  # as measuring workers do
    groups: dict[int, list[tuple[str, int]]] = {}
    for source in list_sources(options.sources):
        facts = readable(source.uri)
        if facts is not None:
            near = min((240, 360, 480, 720, 1080), key=lambda h: abs(h - facts[1]))
            groups.setdefault(near, []).append((source.uri, facts[0]))
    rows = []
    for height in sorted(groups):
        files = groups[height][: options.limit]
        frames = sum(count for _, count in files)
        bare, ours = [], []
        for _ in range(options.runs):
            decode = measure = 0.0
            for uri, _ in files:
                decode += cpu_s(lambda uri=uri: bare_decode(uri))  # type: ignore[misc]
                measure += cpu_s(
                    lambda uri=uri: measure_video(uri, "0" * 32, "bench", Config())  # type: ignore[misc]
                )
            bare.append(1000 * decode / frames)
            ours.append(1000 * measure / frames)
        ratio = statistics.median(m / d for m, d in zip(ours, bare, strict=True))
        rows.append(
            {
                "height": height,
                "files": len(files),
                "frames": frames,
                "decode_ms": statistics.median(bare),
                "measure_ms": statistics.median(ours),
                "ratio": ratio,
            }
        )
        print(
            f"{height:>5}p  {len(files):>3} files {frames:>6} frames   decode "
            f"{rows[-1]['decode_ms']:.2f}  measure {rows[-1]['measure_ms']:.2f} ms/frame   "
            f"ratio {ratio:.2f}"
        )
    if options.json:
        commit = subprocess.run(
            ["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False
        ).stdout.strip()
        facts_of = {"commit": commit, "machine": platform.processor(), "runs": options.runs}
        options.json.write_text(json.dumps({**facts_of, "rows": rows}, indent=2))


if __name__ == "__main__":
    main()
