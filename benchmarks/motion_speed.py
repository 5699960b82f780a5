"""Benchmark section on speed: `speed_change`, and what was tried for the kinds it does not see."""

import argparse
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np

from benchmarks import motion_cases as cases
from benchmarks.motion_cases import Float, Gray, read
from benchmarks.motion_false import auc, speeds
from benchmarks.motion_sources import files, takes
from filters import camera, repeated, speed_change
from filters.base import Clip, Unmeasurable
from filters.clip import clip_from_gray
from manifests.errors import BadVideoError

WINDOW_S: Final = 0.8
"""Span in which blended frames are looked for, and on each side of a step of speed."""
LONG_S: Final = 8.0
"""Least length of a take whose every eighth frame is kept."""
LAPSE: Final = 8
CRFS: Final = (18, 23, 28, 33)


def speed(options: argparse.Namespace) -> dict[str, Any]:
    """AUC of each measure against takes, by constructed case."""
    rng = np.random.default_rng(options.seed + 3)
    scored: dict[str, dict[str, list[float | None]]] = defaultdict(lambda: defaultdict(list))
    for take in takes(options.clips, options.part, options.limit):
        for case, frames, fps in (("take", take.frames, take.fps), *speeds(take)):
            coded = cases.through_codec(frames, fps, int(rng.choice(CRFS)))
            clip = clip_from_gray(coded, fps)
            for name, measure in RAMPS.items():
                scored[name][case].append(_or_none(measure, clip))
    for case, frames, fps in _lapses(options):
        clip = clip_from_gray(cases.through_codec(frames, fps, int(rng.choice(CRFS))), fps)
        for name, measure in LAPSES.items():
            scored[name][case].append(_or_none(measure, clip))
    return {name: _report(name, by_case) for name, by_case in scored.items()}


def _report(name: str, by_case: dict[str, list[float | None]]) -> dict[str, Any]:
    """Print and return the AUC of each case; a missing score counts 0, as it keeps the clip."""
    values = {case: np.array([v or 0.0 for v in found]) for case, found in by_case.items()}
    real = values.pop("take")
    found: dict[str, Any] = {
        "auc": {case: round(auc(at, real), 3) for case, at in values.items()},
        "above 0.3": {case: round(float((at > 0.3).mean()), 3) for case, at in values.items()},
        "takes": len(real),
        "missing of takes": sum(v is None for v in by_case["take"]),
        "takes: median, 90 %, most": np.quantile(real, [0.5, 0.9, 1]).round(3).tolist(),
    }
    print(name, found)
    return found


def _lapses(options: argparse.Namespace) -> Iterator[tuple[str, Gray, float]]:
    """Takes of 8 s or more, one of a source, and the same with every eighth frame kept."""
    seen: set[str] = set()
    for source, path in files(options.clips, options.part):
        if source in seen:
            continue
        try:
            frames, fps = read(path, 0.5, 2 * LONG_S, 320)
        except (BadVideoError, ValueError):
            continue
        steps = np.abs(np.diff(frames[:, ::8, ::8].astype(np.int16), axis=0)).mean(axis=(1, 2))
        if len(frames) < LONG_S * fps or steps.max() > 25:
            continue
        seen.add(source)
        kept = frames[::LAPSE]
        yield "take", frames[: len(kept)], fps
        yield "lapse", kept, fps


def _or_none(measure: Callable[[Clip], float], clip: Clip) -> float | None:
    try:
        return measure(clip)
    except Unmeasurable:
        return None


def blended(clip: Clip, period: int) -> float:
    """How much nearer one frame in `period` is to the mean of its neighbours, or the others are.

    Largest over windows and phases, 0 to 1: 1 less the ratio of the lesser to the greater mean
    residual, each residual a share of the change around the frame.

    Raises:
        Unmeasurable: "too_few_frames", or "static_scene" where nothing moves.
    """
    tiny = clip.tiny.astype(np.float32)
    window = max(4 * period, round(WINDOW_S * len(tiny) / max(float(clip.tiny_t_s[-1]), 1e-6)))
    if len(tiny) < window + 2:
        raise Unmeasurable("too_few_frames")
    around = np.abs(tiny[2:] - tiny[:-2]).reshape(len(tiny) - 2, -1).mean(axis=1)
    off = np.abs(tiny[1:-1] - (tiny[2:] + tiny[:-2]) / 2).reshape(len(tiny) - 2, -1).mean(axis=1)
    if np.median(around) < 0.5:
        raise Unmeasurable("static_scene")
    ratio = off / np.maximum(around, 0.5)
    best = 0.0
    for start in range(0, len(ratio) - window + 1, max(1, window // 4)):
        part = ratio[start : start + window]
        for phase in range(period):
            at = np.arange(window) % period == phase
            one, others = float(part[at].mean()), float(part[~at].mean())
            best = max(best, 1 - min(one, others) / max(one, others, 1e-6))
    return best


def stepped(clip: Clip) -> float:
    """Greatest step of the camera's speed over its spread on both sides, squashed to 0 to 1.

    Raises:
        Unmeasurable: As `filters.camera.valid_pairs`; "too_few_frames" below two windows.
    """
    lengths = np.linalg.norm(camera.rates(clip), axis=1)
    side = max(3, round(WINDOW_S * len(lengths) / max(float(clip.gray_t_s[-1]), 1e-6)))
    if len(lengths) < 2 * side:
        raise Unmeasurable("too_few_frames")
    steps = []
    for at in range(side, len(lengths) - side + 1):
        before, after = lengths[at - side : at], lengths[at : at + side]
        spread = (before.std() + after.std()) / 2 + 0.005
        steps.append(abs(after.mean() - before.mean()) / spread)
    return float(max(steps) / (1 + max(steps)))


def jumpy(clip: Clip) -> float:
    """How little the changes of the picture go on from one step to the next, 0 to 1.

    1 less the mean cosine between neighbouring changes, halved.

    Raises:
        Unmeasurable: "too_few_frames", or "static_scene" where nothing changes.
    """
    if len(clip.tiny) < 8:
        raise Unmeasurable("too_few_frames")
    if float(np.median(repeated.step_change(clip.tiny))) < repeated.MOVES:
        raise Unmeasurable("static_scene")
    steps = np.diff(clip.tiny.reshape(len(clip.tiny), -1).astype(np.float32), axis=0)
    length = np.maximum(np.linalg.norm(steps, axis=1), 1e-6)
    cosine: Float = np.asarray((steps[1:] * steps[:-1]).sum(axis=1) / (length[1:] * length[:-1]))
    return float((1 - cosine.mean()) / 2)


def unsteady_light(clip: Clip) -> float:
    """Root mean square of the brightness off its neighbours' mean, in grey levels.

    Raises:
        Unmeasurable: "too_few_frames".
    """
    if len(clip.tiny) < 8:
        raise Unmeasurable("too_few_frames")
    light = clip.tiny.reshape(len(clip.tiny), -1).mean(axis=1)
    off = light[1:-1] - (light[2:] + light[:-2]) / 2
    return float(np.sqrt((off * off).mean()))


RAMPS: Final[dict[str, Callable[[Clip], float]]] = {
    "speed_change": speed_change.strength,
    "residual at every second frame": lambda clip: blended(clip, 2),
    "residual at every third frame": lambda clip: blended(clip, 3),
    "step of the camera's speed": stepped,
}
LAPSES: Final[dict[str, Callable[[Clip], float]]] = {
    "lapse: changes that do not go on": jumpy,
    "lapse: unsteady brightness": unsteady_light,
}
