"""Benchmark section on layers: how surely each cue tells the picture from a thing before it.

The weights of `filters.layers` are what this section finds on part a.
"""

import argparse
import math
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from benchmarks import motion_cases as cases
from benchmarks.motion_camera import FPS, SECONDS, known_paths, made
from benchmarks.motion_cases import Float, Gray
from benchmarks.motion_sources import Take, takes
from filters import layers, occlusion, tracks
from filters.clip import ANALYSIS_FPS, analysis_size, shrink

CONDITIONS: Final = ("foreground", "foreground anywhere")
WORDS: Final = ("static", "pan_right", "tilt_down", "zoom_in", "roll", "mixed")
"""Paths that are drawn: one way of each kind tells as much as both, and the shake of a hand is
drawn anew at every call, so its truth is not known here."""
NEAR_PX: Final = 1.0
"""Root mean square error over the frame of 320 px below which a group is the picture; or a tenth of
the true displacement, where that is more."""
RIDGE: Final = 0.5
STRIDE: Final = round(FPS / ANALYSIS_FPS)


def layers_of(options: argparse.Namespace) -> dict[str, Any]:
    """Weights by logistic regression, and the share of pairs told right on takes left out."""
    rng = np.random.default_rng(options.seed)
    sources = takes(options.clips, options.part, options.limit)
    rows: list[tuple[str, float, float, float, float]] = []
    for number, take in enumerate(sources):
        for condition in CONDITIONS:
            rows += [(take.name, *row) for row in _pairs(take, sources[number - 1], condition, rng)]
    names = np.array([name for name, *_ in rows])
    truth, cues = np.array([row[1] for row in rows]), np.array([row[2:] for row in rows])
    # Takes count alike, however many of their pairs are in doubt.
    each = {name: 20 / float((names == name).sum()) for name in set(names)}
    weight = np.array([each[name] for name in names])
    right = _left_out(names, cues, truth, weight)
    found = {
        "weights": _fit(cues, truth, weight).round(2).tolist(),
        "pairs": len(rows),
        "right on takes left out": round(float(right.mean()), 4),
        "by surrounding alone": round(float((cues[:, 0] * truth > 0).mean()), 4),
        "by reach alone": round(float((cues[:, 1] * truth > 0).mean()), 4),
        "by what is hidden alone": round(float((cues[:, 2] * truth > 0).mean()), 4),
        "wrong by it": round(float((cues[:, 2] * truth < 0).mean()), 4),
        "right without it": round(float(_left_out(names, cues[:, :2], truth, weight).mean()), 4),
        "worst takes": {n: round(float(right[names == n].mean()), 3)
                        for n in sorted(each, key=lambda n: right[names == n].mean())[:3]},
    }  # fmt: skip
    print(found)
    return found


def _left_out(
    names: npt.NDArray[np.str_], cues: Float, truth: Float, weight: Float
) -> npt.NDArray[np.bool_]:
    """(N,) whether a pair is told right by weights that the other takes give."""
    right = np.zeros(len(names), np.bool_)
    for name in set(names.tolist()):
        out = names == name
        right[out] = cues[out] @ _fit(cues[~out], truth[~out], weight[~out]) * truth[out] > 0
    return right


def _pairs(
    take: Take, other: Take, condition: str, rng: np.random.Generator
) -> Iterator[tuple[float, float, float, float]]:
    """Pairs in doubt: 1 or -1 as the first or the second group is the picture, and three cues."""
    for known in known_paths(rng):
        if known.word not in WORDS:
            continue
        frames = cases.through_codec(made(take, other, known.path, condition, rng), FPS)
        size = analysis_size(frames.shape[2], frames.shape[1], 320)
        gray = [shrink(frame, size) for frame in frames[::STRIDE]]
        path = known.path.at(np.arange(len(frames)) / FPS, SECONDS, rng)[::STRIDE]
        for earlier, before, after, a, b in zip(
            gray, gray[1:], gray[2:], path[1:], path[2:], strict=False
        ):
            row = _row(earlier, before, after, _between(a, b, size), size)
            if row is not None:
                yield row


def _row(
    earlier: Gray, before: Gray, after: Gray, true: Float, size: tuple[int, int]
) -> tuple[float, float, float, float] | None:
    """None where there is no choice, none or both groups are the picture, or one of them rests."""
    start, end = tracks.follow(
        before, after, tracks.corners(before, tracks.common_box(before, after))
    )
    if len(start) < tracks.MIN_TRACKS:
        return None
    first, second = layers.two_largest(start, end, *size)
    if first is None or second is None or second.inliers.sum() < layers.MIN_TRACKS:
        return None
    near = max(NEAR_PX, 0.1 * _distance_px(np.eye(2, 3), true, size))
    is_first, is_second = (_distance_px(g.matrix, true, size) < near for g in (first, second))
    if is_first == is_second or layers.rests(first, start, end) != layers.rests(second, start, end):
        return None
    cues = layers.cues(start[first.inliers], start[second.inliers])
    hidden = occlusion.behind(earlier, before, after, start, first, second)
    return (1.0 if is_first else -1.0, *cues, hidden)


def _between(a: Float, b: Float, size: tuple[int, int]) -> Float:
    """(2, 3) similarity about the centre, px, that leads from one place of a path to another."""
    parts = []
    for x, y, log_scale, degrees in (a, b):
        cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        turn = math.exp(log_scale) * np.array([[cosine, -sine], [sine, cosine]])
        parts.append((turn, np.array([x * size[0], y * size[1]])))
    turn = parts[1][0] @ np.linalg.inv(parts[0][0])
    return np.hstack([turn, (parts[1][1] - turn @ parts[0][1])[:, None]])


def _distance_px(one: Float, other: Float, size: tuple[int, int]) -> float:
    """Root mean square over a 3 x 3 grid of the frame."""
    half = np.array(size) / 2
    grid = np.stack(np.meshgrid([-1, 0, 1], [-1, 0, 1]), axis=-1).reshape(-1, 2) * half
    off = grid @ (one[:, :2] - other[:, :2]).T + one[:, 2] - other[:, 2]
    return float(np.sqrt((off**2).sum(axis=1).mean()))


def _fit(cues: Float, truth: Float, weight: Float) -> Float:
    """Logistic regression without intercept, by Newton's method with a ridge."""
    found = np.zeros(cues.shape[1])
    for _ in range(50):
        chance = 1 / (1 + np.exp(-cues @ found))
        slope = cues.T @ (weight * (chance - (truth > 0))) + RIDGE * found
        bend = (cues.T * (weight * chance * (1 - chance))) @ cues + RIDGE * np.eye(len(found))
        found = found - np.linalg.solve(bend, slope)
    return np.asarray(found)
