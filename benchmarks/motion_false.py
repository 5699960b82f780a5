"""Benchmark sections on false motion: constructed cases against real takes, and what is dropped."""

import argparse
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np

from benchmarks import motion_cases as cases
from benchmarks.motion_cases import HEIGHT, WIDTH, Float, Gray, Path2D
from benchmarks.motion_sources import Take, files, measure_frames, takes
from curate.config import Config
from curate.measure import measure_video
from filters.registry import FILTERS
from manifests.errors import BadVideoError

SCORES: Final = {
    "repeated_frames": ("2x", "3x", "4x", "3:2", "stalled"),
    "slideshow": ("slides", "blends"),
    "ken_burns": ("moved pan", "moved zoom", "moved eased"),
    "boomerang": ("boomerang",),
    "loop": ("loop",),
    "flicker": ("flicker 2 %", "flicker 5 %"),
    "speed_change": ("slow 2x", "slow 3x", "blended 2x", "blended 3x", "fast 2x", "fast 4x"),
}
"""Score -> the constructed cases that it must tell from takes."""
BOOTSTRAP: Final = 1000
DOUBLED: Final = frozenset({"test.avi", "36Sg0Le2FYY.1.mp4"})
"""Takes whose files repeat frames (full-size differences of 0.02 to 0.3 and of 2 to 8 grey levels
by turns): they are cases of `repeated_frames` themselves, and none of its takes."""


def false_motion(options: argparse.Namespace) -> dict[str, Any]:
    """AUC and average precision of each score, with intervals over sources.

    A case of `repeated_frames` is a file in which at least half of the repeats are left, as
    `holds_repeats` tells; the figures with the other files too are printed beside.
    """
    rng = np.random.default_rng(options.seed + 2)
    sources = takes(options.clips, options.part, options.limit)
    speed_rng = np.random.default_rng(options.seed + 3)
    scored: list[tuple[str, str, dict[str, Any]]] = []
    lost: set[int] = set()
    wanted = {score: SCORES[score] for score in options.score or SCORES}
    needed = {"take", *(case for cases_ in wanted.values() for case in cases_)}
    for take in sources:
        for case, frames, fps in _constructed(take, sources, rng):
            crf = int(rng.choice([18, 23, 28, 33]))  # drawn for all, so a score alone is the same
            if case not in needed:
                continue
            name = "doubled take" if case == "take" and take.name in DOUBLED else case
            coded = cases.through_codec(frames, fps, crf)
            if case in SCORES["repeated_frames"] and not holds_repeats(frames, coded):
                lost.add(len(scored))
            scored.append((take.source, name, measure_frames(coded, fps, wanted)))
        for case, frames, fps in speeds(take):
            if case in needed:
                coded = cases.through_codec(frames, fps, int(speed_rng.choice([18, 23, 28, 33])))
                scored.append((take.source, case, measure_frames(coded, fps, wanted)))
    found: dict[str, Any] = {}
    for score, positive in wanted.items():
        repeats = score == "repeated_frames"
        kept = {"take", *positive} | (set() if repeats else {"doubled take"})
        everything = [row for row in scored if row[1] in kept]
        # A file in which no repeats are left is no case of a score of decoded frames.
        chosen = everything
        if repeats:
            chosen = [row for i, row in enumerate(scored) if row[1] in kept and i not in lost]
        found[score] = _summary(_labelled(chosen, score, positive), rng)
        # A missing score counts as 0 in these, although it says "nothing moves", not "no case".
        known = [(n in positive, v[score]) for _, n, v in chosen if v[score] is not None]
        found[score] |= {"auc where measured": round(_apply(auc, known), 4)}
        found[score] |= {"missing": len(chosen) - len(known), "clips": len(chosen)}
        if repeats:
            over_all = _summary(_labelled(everything, score, positive), rng)
            gone = sorted(f"{scored[i][1]} of {scored[i][0]}" for i in lost)
            found[score] |= {"with those without repeats": over_all, "without repeats": gone}
        high = FILTERS[score].high
        values = {
            case: np.array([v[score] or 0.0 for _, n, v in chosen if n == case])
            for case in ("take", *positive)
        }
        if high is None:
            by_case = {case: round(auc(values[case], values["take"]), 3) for case in positive}
            found[score]["auc by case"] = by_case
        else:
            caught = {case: float((at > high).mean()) for case, at in values.items()}
            found[score]["dropped at the default bound"] = caught
        print(f"{score:16s} {found[score]}")
    return found


def _labelled(
    scored: list[tuple[str, str, dict[str, Any]]], score: str, positive: tuple[str, ...]
) -> list[tuple[str, bool, float]]:
    """Source, whether it is a case, and the score, 0 where it is missing."""
    return [(source, name in positive, float(of[score] or 0.0)) for source, name, of in scored]


def holds_repeats(frames: Gray, coded: Gray) -> bool:
    """Whether frames that were repeated before encoding still are after it.

    Told from what was encoded, not from how much frames change, which is what the score looks at:
    a repeat is left where the decoded frame is nearer to the frame that was encoded than to the
    mean of it and the next new one, where even motion would put it. Half of the repeats must be.

    Args:
        frames: (F, H, W) uint8 with exact repeats.
        coded: (F, H', W') uint8, the same encoded and decoded, cropped to even sides.
    """
    height, width = coded.shape[1:]
    shown = frames[:, :height, :width]
    new = np.flatnonzero((shown[1:] != shown[:-1]).any(axis=(1, 2))) + 1
    left = []
    for i in range(1, len(shown)):
        later = new[new > i]
        if i in new or not len(later):
            continue
        own = shown[i].astype(np.float32)
        off = coded[i] - own
        away = coded[i] - (own + shown[later[0]]) / 2
        left.append(float((off * off).mean()) < float((away * away).mean()))
    return not left or float(np.mean(left)) >= 0.5


def _constructed(
    take: Take, sources: tuple[Take, ...], rng: np.random.Generator
) -> Iterator[tuple[str, Gray, float]]:
    """Cases made of a take: name, frames, frames a second."""
    frames, fps, count = take.frames, take.fps, len(take.frames)
    yield "take", frames, fps
    for times in (2, 3, 4):
        yield f"{times}x", cases.repeated(frames, times), fps
    yield "3:2", cases.pulled_down(frames), fps
    yield "stalled", cases.stalled(frames, 0.3, rng), fps
    yield "boomerang", cases.forth_and_back(frames), fps
    yield "loop", cases.looped(frames, int(count * rng.uniform(0.3, 0.7))), fps
    for percent in (2, 5):
        hz = float(rng.uniform(3, min(12, fps / 2.5)))
        yield f"flicker {percent} %", cases.flickering(frames, fps, percent / 100, hz), fps
    pictures = [
        cases.cover(sources[i].frames[0], WIDTH, HEIGHT) for i in rng.permutation(len(sources))[:3]
    ]
    yield "slides", cases.slides(pictures, 40, 0), 30.0
    yield "blends", cases.slides(pictures, 40, int(rng.integers(6, 20))), 30.0
    still = cases.cover(frames[count // 2], int(1.5 * WIDTH), int(1.5 * HEIGHT))
    t_s = np.arange(120) / 30
    for name, path in {
        "moved pan": Path2D(pan=float(rng.uniform(0.02, 0.1)) * rng.choice([-1, 1])),
        "moved zoom": Path2D(zoom=float(rng.uniform(0.03, 0.1)) * rng.choice([-1, 1])),
        "moved eased": Path2D(pan=0.03, tilt=-0.02, zoom=float(rng.uniform(0.02, 0.06)), ease=True),
    }.items():
        yield name, cases.moved(lambda _: still, path.at(t_s, 4.0, rng)), 30.0


def speeds(take: Take) -> Iterator[tuple[str, Gray, float]]:
    """A take whose middle is slower, by repeated or by blended frames, or faster."""
    count = len(take.frames)
    start, end = int(0.3 * count), int(0.6 * count)
    for times in (2, 3):
        yield f"slow {times}x", cases.slowed(take.frames, times, start, end), take.fps
        yield f"blended {times}x", cases.blended_slow(take.frames, times, start, end), take.fps
    for times in (2, 4):
        yield f"fast {times}x", cases.hurried(take.frames, times, start), take.fps


def _summary(rows: list[tuple[str, bool, float]], rng: np.random.Generator) -> dict[str, Any]:
    """AUC and average precision, each with a 95 % interval from draws of whole sources."""
    names = sorted({source for source, _, _ in rows})
    by_source = {n: [(p, v) for s, p, v in rows if s == n] for n in names}
    draws: dict[str, list[float]] = defaultdict(list)
    for _ in range(BOOTSTRAP):
        drawn = [row for n in rng.choice(names, len(names)) for row in by_source[n]]
        for key, function in (("auc", auc), ("ap", average_precision)):
            draws[key].append(_apply(function, drawn))
    whole = [(p, v) for _, p, v in rows]
    return {
        key: [
            round(float(v), 4)
            for v in (_apply(function, whole), *np.quantile(draws[key], [0.025, 0.975]))
        ]
        for key, function in (("auc", auc), ("ap", average_precision))
    }


def _apply(function: Callable[[Float, Float], float], rows: list[tuple[bool, float]]) -> float:
    positive = np.array([value for is_case, value in rows if is_case])
    negative = np.array([value for is_case, value in rows if not is_case])
    return function(positive, negative)


def auc(positive: Float, negative: Float) -> float:
    """Chance that a case scores above a take, ties counting half (Mann and Whitney 1947)."""
    higher = (positive[:, None] > negative).mean() + 0.5 * (positive[:, None] == negative).mean()
    return float(higher)


def average_precision(positive: Float, negative: Float) -> float:
    """Mean over cases of the precision at the case's own score."""
    precisions = [
        (positive >= value).sum() / ((positive >= value).sum() + (negative >= value).sum())
        for value in positive
    ]
    return float(np.mean(precisions))


def real(options: argparse.Namespace) -> dict[str, Any]:
    """What the default bounds of the false-motion filters drop of real clips, each by its name."""
    dropped: dict[str, list[str]] = defaultdict(list)
    unbound: dict[str, list[float]] = {n: [] for n in SCORES if FILTERS[n].high is None}
    clips = 0
    for source, path in files(options.clips, options.part):
        try:
            measured = measure_video(str(path), "0" * 32, "bench", Config())
        except BadVideoError:
            continue
        starts = measured.tables["clips"]["start_s"].to_pylist()
        for start_s, row in zip(starts, measured.tables["scores"].to_pylist(), strict=True):
            clips += 1
            for score in SCORES:
                value = row[score]
                if value is not None and score in unbound:
                    unbound[score].append(value)
                if value is not None and not FILTERS[score].keeps(value):
                    dropped[score].append(f"{source}/{path.name} at {start_s:.1f} s: {value:.3f}")
    print(f"{clips} clips")
    for score, values in unbound.items():
        high = float(np.quantile(values, 0.9)) if values else 0.0
        print(f"{score}: {len(values)} clips have a score, a tenth above {high:.2f}")
    for score in SCORES:
        print(f"{score}: {len(dropped[score])} ({len(dropped[score]) / max(1, clips):.1%})")
        for text in dropped[score]:
            print("  ", text)
    return {"clips": clips, "dropped": dict(dropped)}
