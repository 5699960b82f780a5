"""Benchmark section on the source of camera motion: tracks against the codec's vectors."""

import argparse
import tempfile
import time
from collections import defaultdict
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np

import curate.window
from benchmarks import motion_cases as cases
from benchmarks.motion_camera import FPS, SECONDS, known_paths
from benchmarks.motion_cases import HEIGHT, WIDTH, Gray
from benchmarks.motion_sources import files, takes
from benchmarks.motion_table import write
from curate.codec_motion import CodecMotion
from curate.config import Config, load_config
from curate.decode import Video
from curate.window import ClipWindow
from filters import camera
from filters.base import Clip, Unmeasurable
from filters.camera_kind import kind
from filters.registry import FILTERS
from manifests.errors import BadVideoError

SOURCES: Final = ("tracks", "codec")
ENCODERS: Final = {
    "veryfast": {"preset": "veryfast", "crf": "23"},
    "medium": {"preset": "medium", "crf": "23"},
    "8 B frames": {"preset": "medium", "crf": "23", "bf": "8", "b-adapt": "2"},
    "no B frames": {"preset": "veryfast", "crf": "23", "bf": "0"},
    "GOP of 30": {"preset": "veryfast", "crf": "23", "g": "30"},
    "crf 32": {"preset": "veryfast", "crf": "32"},
}
"""x264 options that takes are encoded with, one after the other."""
PER_SOURCE: Final = 2
"""Files of a repository that the sources are compared on."""
SURE: Final = 0.3
"""Confidence from which what the sources say of a real clip is compared."""
RATES: Final = ("camera_pan", "camera_tilt", "camera_zoom", "camera_roll")


def codec(options: argparse.Namespace) -> dict[str, Any]:
    """Errors of both sources on known paths, and how they agree and what they cost on files."""
    return {"known": _known(options), "real": _real(options)}


def _known(options: argparse.Namespace) -> dict[str, Any]:
    """Five kinds of path on each take, encoded in one of the ways of ENCODERS each."""
    rng = np.random.default_rng(options.seed)
    errors: dict[tuple[str, str], list[float]] = defaultdict(list)
    relative: dict[tuple[str, str], list[float]] = defaultdict(list)
    right: dict[tuple[str, str], list[bool]] = defaultdict(list)
    pairs: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for take in takes(options.clips, options.part, options.limit):
        still = cases.cover(take.frames[len(take.frames) // 2], WIDTH, HEIGHT)
        for number, known in enumerate(rng.permutation(np.array(known_paths(rng), object))[:5]):
            t_s = np.arange(round(SECONDS * FPS)) / FPS
            path = known.path.at(t_s, SECONDS, rng)
            frames = cases.moved(partial(_same, still), path)
            encoder = list(ENCODERS)[(number + int(rng.integers(len(ENCODERS)))) % len(ENCODERS)]
            with tempfile.NamedTemporaryFile(suffix=".mp4") as file:
                write(frames, Path(file.name), ENCODERS[encoder])
                clips = {source: _clip(file.name, source)[0] for source in SOURCES}
            for source, clip in clips.items():
                scores = _scores(clip)
                right[source, encoder].append(kind(scores) == known.word)
                for rate in RATES:
                    true = getattr(known.path, rate.removeprefix("camera_"))
                    if true and scores[rate] is not None:
                        error = abs(scores[rate] - true) / abs(true)
                        relative[source, rate].append(error)
                pairs[source, encoder] += [m.missing is None for m in clip.motion]
                errors[source, encoder] += _shift_errors(clip, path)
    found: dict[str, Any] = {}
    for source in SOURCES:
        every = [e for encoder in ENCODERS for e in errors[source, encoder]]
        named = [good for encoder in ENCODERS for good in right[source, encoder]]
        found[source] = {
            "named right": float(np.mean(named)), "paths": len(named),
            "error of the rate": {r: float(np.median(relative[source, r])) for r in RATES},
            "error of a pair's shift, % of width": _median_p95(every),
            "pairs measured": float(np.mean([p for e in ENCODERS for p in pairs[source, e]])),
            "by encoder": {
                e: (*_median_p95(errors[source, e]), float(np.mean(pairs[source, e])),
                    float(np.mean(right[source, e])))
                for e in ENCODERS
            },
        }  # fmt: skip
        print(source, found[source])
    return found


def _same(still: Gray, _: int) -> Gray:
    return still


def _median_p95(values: list[float]) -> tuple[float, float]:
    return float(np.median(values)), float(np.quantile(values, 0.95))


def _shift_errors(clip: Clip, path: np.ndarray) -> list[float]:
    """Distance of each pair's shift from the path's, % of the width a pair.

    The content's centre after a similarity about the path's own centre: p -> a p + t, so between
    two frames t_b - (a_b / a_a) t_a, with a the complex scale and turn.
    """
    turn = np.exp(path[:, 2] + 1j * np.radians(path[:, 3]))
    shift = path[:, 0] + 1j * path[:, 1] * HEIGHT / WIDTH
    at = np.round(clip.gray_t_s * FPS).astype(int)
    found = []
    for a, b, motion in zip(at[:-1], at[1:], clip.motion, strict=True):
        if motion.missing is None:
            true = shift[b] - turn[b] / turn[a] * shift[a]
            found.append(100 * abs(motion.tx + 1j * motion.ty * HEIGHT / WIDTH - true))
    return found


def _real(options: argparse.Namespace) -> dict[str, Any]:
    """Both sources on the files themselves: what they say of each clip, and their cost."""
    spent: dict[tuple[str, int], list[float]] = defaultdict(list)
    values: dict[str, list[tuple[float, float]]] = defaultdict(list)
    kinds: list[bool] = []
    unsure = 0
    reasons: dict[str, int] = defaultdict(int)
    per_source: dict[str, int] = defaultdict(int)
    for source_name, path in files(options.clips, options.part):
        per_source[source_name] += 1
        if per_source[source_name] > PER_SOURCE:
            continue
        try:
            found = {source: _clip(str(path), source) for source in SOURCES}
            more_ms = _export_ms(str(path))
        except (BadVideoError, ValueError):
            continue
        scores = {source: _scores(clip) for source, (clip, _) in found.items()}
        codec_name, height = _stream(path)
        word = _missing(found["codec"][0])
        reasons[f"{codec_name} {word or 'measured'}"] += 1
        if word is not None or scores["tracks"]["camera_pan"] is None:
            continue
        near = min((240, 360, 480, 720, 1080), key=lambda h: abs(h - height))
        for source, (_, ms) in found.items():
            spent[source, near].append(ms + (more_ms if source == "codec" else 0.0))
        if min(s["camera_confidence"] for s in scores.values()) < SURE:
            unsure += 1
            continue
        for name in (*RATES, "camera_motion", "object_motion"):
            values[name].append((scores["tracks"][name], scores["codec"][name]))
        kinds.append(kind(scores["tracks"]) == kind(scores["codec"]))
    agree = {n: float(np.corrcoef(np.array(v).T)[0, 1]) for n, v in values.items()}
    cost = {f"{s} {h}": (float(np.median(v)), len(v)) for (s, h), v in sorted(spent.items())}
    print("clips by codec and reason", dict(reasons))
    print(
        f"r of {len(kinds)} clips ({unsure} more are unsure)",
        agree,
        "same kind",
        float(np.mean(kinds)),
    )
    print("ms of CPU a frame, median of clips", cost)
    return {"codecs": dict(reasons), "r": agree, "same kind": float(np.mean(kinds)), "ms": cost}


def _missing(clip: Clip) -> str | None:
    try:
        camera.valid_pairs(clip)
    except Unmeasurable as reason:
        return reason.word
    return None


def _stream(path: Path) -> tuple[str, int]:
    with Video(str(path), Config().limits) as video:
        header = video.header()
        return header.codec, min(header.width, header.height)


def _clip(uri: str, source: str) -> tuple[Clip, float]:
    """The first 4 s of a file under a source of motion, and ms of CPU a frame that it takes.

    Counted are taking vectors and estimating motion; what decoding takes more is `_export_ms`.
    """
    config = load_config(None, [f"measure.motion_source={source}"])
    window: Any = ClipWindow(config.measure, 0.5)
    spent = 0.0

    def timed(function: Any) -> Any:
        def run(*args: Any) -> Any:
            nonlocal spent
            start = time.process_time()
            found = function(*args)
            spent += time.process_time() - start
            return found

        return run

    patched: Any = curate.window
    plain = patched.estimate, CodecMotion.take
    patched.estimate = timed(plain[0])
    owner: Any = CodecMotion
    owner.take = timed(plain[1])
    try:
        count, first = 0, None
        with Video(uri, config.limits, vectors=source == "codec") as video:
            for frame in video:
                t_s = float(frame.pts * video.time_base)
                first = t_s if first is None else first
                if t_s - first >= 4:
                    break
                window.add(frame, t_s, frame.to_array(64, 36, "yuvj444p")[0])
                count = frame.index + 1
    finally:
        patched.estimate, owner.take = plain
    if count < 20 or first is None:
        raise ValueError(f"{uri} has {count} frames")
    clip = window.clip(0, count, first, None)
    if clip is None:
        raise ValueError(f"{uri} has no analysed frame")
    return clip, 1000 * spent / count


def _export_ms(uri: str) -> float:
    """Milliseconds of CPU a frame that telling vectors adds to decoding, over 100 frames."""
    spent: dict[bool, list[float]] = {False: [], True: []}
    for vectors in (False, True, False, True):
        start, count = time.process_time(), 0
        with Video(uri, Config().limits, vectors=vectors) as video:
            for _ in islice(video, 100):
                count += 1
        spent[vectors].append(1000 * (time.process_time() - start) / max(1, count))
    return min(spent[True]) - min(spent[False])


def _scores(clip: Clip) -> dict[str, Any]:
    """The scores of camera and world that come from the global motion."""
    scores: dict[str, Any] = {}
    for name, chosen in FILTERS.items():
        if name.startswith("camera_") or name == "object_motion":
            try:
                scores[name] = chosen.score(clip)
            except Unmeasurable:
                scores[name] = None
    return scores
