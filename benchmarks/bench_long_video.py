"""Peak memory of measuring a long video, beside that of a short one.

    python benchmarks/bench_long_video.py [--hours 3] [--keep FILE]

A minute of drawn shots, 25 frames a second with known cuts, is encoded once and its packets are
repeated on a continuing clock until the video is long enough. Each measure runs in a process of its
own, which tells its peak resident memory. All shots must start at the pts where they were put.
"""

import argparse
import json
import multiprocessing
import resource
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from curate.config import Config
from curate.measure import measure_video

SIZE = (320, 180)
FPS = 25
LENGTHS = (110, 75, 260, 90, 305, 60, 175, 125, 200, 100)
"""Frames of the shots of a minute."""


def minute(path: Path) -> None:
    """One minute with a cut after each of LENGTHS, a keyframe every 2 s and no B-frames."""
    rng = np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        options = {"g": "50", "bf": "0", "preset": "ultrafast", "sc_threshold": "0"}
        stream = container.add_stream("libx264", rate=FPS, options=options)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for length in LENGTHS:
            noise = rng.integers(0, 256, (12, 24, 3), np.uint8)
            size = (SIZE[0] * 2, SIZE[1])
            ground = np.asarray(cv2.resize(noise, size, interpolation=cv2.INTER_CUBIC), np.uint8)
            for i in range(length):
                frame = np.ascontiguousarray(ground[:, i % SIZE[0] :][:, : SIZE[0]])
                cv2.circle(frame, (20 + i % 280, 90), 25, (255, 255, 255), -1)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))


def repeat(source: Path, target: Path, minutes: int) -> None:
    """Write the packets of a video `minutes` times."""
    with av.open(str(source)) as one:
        stream = one.streams.video[0]
        packets = [p for p in one.demux(stream) if p.dts is not None]
        time_base = stream.time_base or Fraction(1, FPS)
        ticks = round(Fraction(60) / time_base)
        kept = [(bytes(p), p.pts or 0, p.dts or 0, p.is_keyframe) for p in packets]
        with av.open(str(target), "w") as many:
            copy = many.add_stream_from_template(stream)
            for number in range(minutes):
                for content, pts, dts, key in kept:
                    packet = av.Packet(content)
                    packet.stream, packet.time_base = copy, time_base
                    packet.pts, packet.dts = pts + number * ticks, dts + number * ticks
                    packet.is_keyframe = key
                    many.mux(packet)


def measure(path: str, queue: "multiprocessing.Queue[dict[str, object]]") -> None:
    """Measure and report: peak memory, CPU time, starts of shots in frames."""
    cv2.setNumThreads(1)
    begin = time.process_time()
    measured = measure_video(path, "0" * 32, "bench", Config())
    shots = measured.tables["shots"].to_pylist()
    queue.put(
        {
            "frames": measured.facts["frames"],
            "clips": measured.tables["clips"].num_rows,
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "cpu_s": time.process_time() - begin,
            "starts": [
                round(s["start_pts"] * s["time_base_num"] / s["time_base_den"] * FPS) for s in shots
            ],
        }
    )


def main() -> None:
    """Make the videos, measure both, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=3.0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        one = Path(folder) / "minute.mp4"
        minute(one)
        for minutes in (3, round(options.hours * 60)):
            path = Path(folder) / f"{minutes}.mp4"
            repeat(one, path, minutes)
            queue = context.Queue()
            process = context.Process(target=measure, args=(str(path), queue))
            process.start()
            row = queue.get()
            process.join()
            ends = np.cumsum(np.tile(LENGTHS, minutes))
            truth = [0, *ends[:-1].tolist()]
            found = row.pop("starts")
            wrong = len(set(truth) ^ set(found))
            rows.append({"minutes": minutes, **row, "shots": len(found), "wrong_starts": wrong})
            print(
                f"{minutes:>4} min  {row['frames']:>7} frames  peak {row['peak_mb']:.0f} MB  "
                f"{1000 * row['cpu_s'] / row['frames']:.2f} ms CPU/frame  {len(found)} shots of "
                f"{len(truth)}, {wrong} starts differ from the truth"
            )
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
