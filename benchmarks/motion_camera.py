"""Benchmark sections on the camera: known paths, and the four cells of camera and world."""

import argparse
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from benchmarks import motion_cases as cases
from benchmarks.motion_cases import HEIGHT, WIDTH, Gray, Path2D
from benchmarks.motion_sources import Take, measure_frames, takes
from filters.camera_kind import kind
from filters.cells import cell
from filters.registry import FILTERS

FPS: Final = 30.0
SECONDS: Final = 3.0
CONDITIONS: Final = ("plain", "noise", "crf 32", "blur", "faint", "foreground", "clip")
"""What is done to a still under a path; `clip` moves a real clip instead of a still."""
ONLY_ASKED: Final = ("foreground anywhere", "captions")
"""Further conditions, which `--condition` asks for."""
BOOTSTRAP: Final = 2000
CAMERA: Final = tuple(name for name in FILTERS if name.startswith("camera_"))


@dataclass(frozen=True)
class Known:
    """A path with the word that names it and its rates."""

    word: str
    path: Path2D


def known_paths(rng: np.random.Generator) -> list[Known]:
    """One path of each kind, at a speed drawn evenly in its logarithm: 5 to 200 px of 640 a s."""
    px = float(np.exp(rng.uniform(np.log(5), np.log(200))))
    pan = px / WIDTH
    tilt = float(np.exp(rng.uniform(np.log(5), np.log(120)))) / HEIGHT
    zoom = float(np.exp(rng.uniform(np.log(0.02), np.log(0.25))))
    roll = float(np.exp(rng.uniform(np.log(1.5), np.log(15))))
    ease = bool(rng.random() < 0.3)
    return [
        Known("static", Path2D()),
        Known("pan_right", Path2D(pan=pan, ease=ease)),
        Known("pan_left", Path2D(pan=-pan, ease=ease)),
        Known("tilt_down", Path2D(tilt=tilt, ease=ease)),
        Known("tilt_up", Path2D(tilt=-tilt, ease=ease)),
        Known("zoom_in", Path2D(zoom=zoom, ease=ease)),
        Known("zoom_out", Path2D(zoom=-zoom, ease=ease)),
        Known("roll", Path2D(roll=roll * rng.choice([-1, 1]), ease=ease)),
        Known("handheld", Path2D(shake=float(rng.uniform(0.3, 1.0)))),
        Known("mixed", Path2D(pan=pan, zoom=3 * pan * rng.choice([-1, 1]))),
    ]


def camera(options: argparse.Namespace) -> dict[str, Any]:
    """Kinds, rates and signs on known paths."""
    rng = np.random.default_rng(options.seed)
    sources = takes(options.clips, options.part, options.limit)
    resting = set()
    if options.condition in (None, "clip"):
        resting = {t.name for t in sources if _measured(t.frames, t.fps)["kind"] == "static"}
    right: dict[tuple[str, str], list[bool]] = defaultdict(list)
    errors: dict[str, list[float]] = defaultdict(list)
    by_take: dict[tuple[str, str], list[bool]] = defaultdict(list)
    wrong_signs: list[str] = []
    confused: Counter[str] = Counter()
    for number, take in enumerate(sources):
        for known in known_paths(rng):
            condition = CONDITIONS[(number + int(rng.integers(len(CONDITIONS)))) % len(CONDITIONS)]
            condition = options.condition or condition
            if condition == "clip" and take.name not in resting:
                condition = "plain"  # what its own camera does is not known
            frames = made(take, sources[number - 1], known.path, condition, rng)
            scores = _measured(cases.through_codec(frames, FPS, _crf(condition)), FPS)
            good = scores["kind"] == known.word
            right[known.word, condition].append(good)
            if known.word != "mixed":
                by_take[take.name, condition].append(good)
            if not good:
                confused[f"{known.word} as {scores['kind']} ({condition}, {take.name})"] += 1
            _rates(known.path, scores, errors, wrong_signs, f"{take.name} {condition}")
    kinds, conditions = _shares(right, 0), _shares(right, 1)
    print("right by kind     ", _line(kinds))
    print("right by condition", _line(conditions))
    single = _with_interval([(name, good) for (name, _), v in by_take.items() for good in v], rng)
    of = sum(map(len, by_take.values()))
    print(f"single kinds right: {_interval(single)} of {of}")
    before = [(n, good) for (n, c), v in by_take.items() if "foreground" in c for good in v]
    foreground = _with_interval(before, rng) if before else None
    if foreground is not None:
        print(f"with a foreground: {_interval(foreground)} of {len(before)}")
    medians = {name: float(np.median(v)) for name, v in errors.items()}
    print("median relative error of rates", _line(medians))
    print("wrong signs above 0.05 units:", wrong_signs or "none")
    for text, times in confused.most_common(40):
        print(f"   {times} x {text}")
    return {"kinds": kinds, "conditions": conditions, "single": single, "foreground": foreground,
            "rate_errors": medians, "wrong_signs": wrong_signs}  # fmt: skip


def _measured(frames: Gray, fps: float) -> dict[str, Any]:
    """Camera scores of frames at a constant rate, and the kind."""
    scores = measure_frames(frames, fps, CAMERA)
    return {**scores, "kind": kind(scores)}


def _with_interval(
    rows: list[tuple[str, bool]], rng: np.random.Generator
) -> tuple[float, float, float]:
    """Share that is right, with a 95 % interval from draws of whole takes."""
    names = sorted({name for name, _ in rows})
    # (takes, 2): how many are right, of how many.
    counts = np.array([(sum(g for n, g in rows if n == name), sum(n == name for n, _ in rows))
                       for name in names])  # fmt: skip
    drawn = counts[rng.integers(len(names), size=(BOOTSTRAP, len(names)))].sum(axis=1)
    low, high = np.quantile(drawn[:, 0] / drawn[:, 1], [0.025, 0.975])
    return float(counts[:, 0].sum() / counts[:, 1].sum()), float(low), float(high)


def _interval(share: tuple[float, float, float]) -> str:
    return "{:.3f} ({:.3f} to {:.3f})".format(*share)


def made(take: Take, other: Take, path: Path2D, condition: str, rng: np.random.Generator) -> Gray:
    """Frames of a take's still (or of the take itself) under a path and a condition."""
    count = round(SECONDS * FPS)
    t_s = np.arange(count) / FPS
    still = cases.cover(take.frames[len(take.frames) // 2], WIDTH, HEIGHT)
    shown = [still] * count
    if condition == "clip":
        index = np.minimum((t_s * take.fps).astype(int), len(take.frames) - 1)
        shown = [cases.cover(take.frames[i], WIDTH, HEIGHT) for i in index]
    frames = cases.moved(lambda i: shown[i], path.at(t_s, SECONDS, rng))
    if condition == "noise":
        return cases.noisy(frames, float(rng.uniform(2, 6)), rng)
    if condition == "blur":
        return cases.blurred(frames, float(rng.uniform(1, 3)))
    if condition == "faint":
        return cases.faint(frames, float(rng.uniform(0.25, 0.5)))
    if condition == "captions":
        return cases.captioned(frames, rng)
    if condition.startswith("foreground"):
        patch = other.frames[len(other.frames) // 2]
        share = float(rng.uniform(0.1, 0.25))
        speed, anywhere = float(rng.uniform(0.05, 0.3)), condition != "foreground"
        return cases.with_foreground(frames, patch, share, t_s, rng, speed, anywhere)
    return frames


def _crf(condition: str) -> int:
    return 32 if condition == "crf 32" else 23


def _rates(
    path: Path2D,
    scores: dict[str, Any],
    errors: dict[str, list[float]],
    wrong: list[str],
    where: str,
) -> None:
    """Relative errors of the rates that a path has, and signs that are wrong."""
    for name in ("pan", "tilt", "zoom", "roll"):
        true, found = getattr(path, name), scores[f"camera_{name}"]
        if not true or found is None:
            continue
        errors[name].append(abs(found - true) / abs(true))
        if found * true < 0 and abs(true) > 0.05:
            wrong.append(f"{name} {true:.3f} as {found:.3f} on {where}")


def _shares(right: dict[tuple[str, str], list[bool]], part: int) -> dict[str, float]:
    found: dict[str, list[bool]] = defaultdict(list)
    for key, values in right.items():
        found[key[part]] += values
    return {key: float(np.mean(values)) for key, values in sorted(found.items())}


def _line(values: dict[str, float]) -> str:
    return "  ".join(f"{key} {value:.3f}" for key, value in values.items())


def cells(options: argparse.Namespace) -> dict[str, Any]:
    """The four cells on composites: stills with and without a path and a thing that moves."""
    rng = np.random.default_rng(options.seed + 1)
    sources = takes(options.clips, options.part, options.limit)
    right: dict[str, list[bool]] = defaultdict(list)
    world: dict[bool, list[float]] = defaultdict(list)
    confused: Counter[str] = Counter()
    for number, take in enumerate(sources):
        other = sources[number - 1]
        for camera_moves in (False, True):
            for world_moves in (False, True):
                paths = [k.path for k in known_paths(rng) if k.word not in ("static", "handheld")]
                path = paths[int(rng.integers(len(paths)))] if camera_moves else Path2D()
                path = replace(path, ease=False)
                share = float(np.exp(rng.uniform(np.log(0.01), np.log(0.25))))
                t_s = np.arange(round(SECONDS * FPS)) / FPS
                frames = made(take, other, path, "plain", rng)
                if world_moves:
                    patch = other.frames[len(other.frames) // 2]
                    speed = float(rng.uniform(0.05, 0.3))
                    frames = cases.with_foreground(frames, patch, share, t_s, rng, speed)
                if rng.random() < 0.5:
                    frames = cases.noisy(frames, float(rng.uniform(1, 5)), rng)
                crf = int(rng.choice([18, 23, 28]))
                coded = cases.through_codec(frames, FPS, crf)
                scores = measure_frames(coded, FPS, ("camera_motion", "object_motion"))
                words = [("fixed", "still"), ("moving", "moving")]
                truth = f"{words[camera_moves][0]}_{words[world_moves][1]}"
                found = cell(scores["camera_motion"], scores["object_motion"])
                right[truth].append(found == truth)
                world[world_moves].append(scores["object_motion"] or 0.0)
                if found != truth:
                    confused[
                        f"{truth} as {found}: camera {scores['camera_motion']} world "
                        f"{scores['object_motion']} share {share:.3f} {path} {take.name}"
                    ] += 1
    shares = {key: float(np.mean(v)) for key, v in right.items()}
    everything = float(np.mean([good for v in right.values() for good in v]))
    print(_line(shares), f"  all {everything:.3f} of {sum(map(len, right.values()))}")
    print("object_motion of still worlds up to", sorted(world[False])[-5:])
    print("object_motion of moving worlds from", sorted(world[True])[:8])
    for text, _ in confused.most_common(20):
        print("  ", text)
    return {**shares, "all": everything}
