"""Whether two filmstrips show the same footage, and how one maps to the other."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from curate.dedup.views import (
    COARSE,
    FINE,
    Floats,
    View,
    averaged,
    bank,
    mirrored,
    shrunk,
    views,
)
from curate.filmstrip import Strip

Times = npt.NDArray[np.float64]

SPEEDS: Final = (1.0, 0.9, 1.1, 0.8, 1.25, 0.6667, 1.5, 0.5, 2.0)
"""Re-timings that are looked for, the plain one first; others between are found by refinement."""
_STEP: Final = 2
"""Every second picture (4 a second) is compared while all views and offsets are tried."""
_VIEWS_KEPT: Final = 12
_STARTS: Final = 4
"""So many views are tried at all offsets, and so many (view, offset, speed) are refined."""
_SURE: Final = 0.93
"""Motion and likeness from which no other start is tried."""
_PROGRESS: Final = 1e-4
"""Least gain for which a guess is moved."""
_LEAST_WEIGHT: Final = 0.1
"""Of a picture halfway between two."""
_SHARE_SLACK: Final = 0.05
"""By which a refined map may fall below the least overlap: a picture or two at both ends."""
_WHOLE: Final = View(0.0, 1.0, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Footage:
    """A filmstrip with what is computed of it once, however many others it is compared with.

    Attributes:
        strip: (K, 32, 32) uint8, K at least 1.
        t_s: (K,) seconds after the clip's start, increasing.
        views: (V, K', 144) every view of every second picture.
        whole: (K', 144) the whole of every second picture.
        fine: (K, 256) the whole of every picture.
    """

    strip: Strip
    t_s: Times
    views: Floats
    whole: Floats
    fine: Floats

    @classmethod
    def of(cls, strip: Strip, t_s: Times) -> "Footage":
        """Prepare a strip."""
        seen = bank(strip[::_STEP])
        return cls(strip, t_s, seen, seen[0], shrunk(strip, _WHOLE, FINE))

    @property
    def coarse_t_s(self) -> Times:
        """Times of the pictures in `views`."""
        return self.t_s[::_STEP]


@dataclass(frozen=True, slots=True)
class Alignment:
    """How clip b shows what clip a shows.

    Attributes:
        likeness: Mean correlation of aligned pictures, -1 to 1.
        motion: Correlation of what changes over time in aligned pictures, -1 to 1.
        change: How much of the pictures changes over time, the smaller of both clips, 0 to 1.
        pictures: How many were compared, at least 2.
        overlap_s: Time of the shorter clip that the other shows too, s of its own clock.
        share: That time as a share of the shorter clip, 0 to 1.
        offset_s: Where b starts on a's clock, s.
        speed: Seconds of a that pass in one second of b: above 1 where b is faster.
        mirrored: Whether left and right are exchanged.
        inside: Whether b shows a part of a's picture (else a shows a part of b's, or all).
        view: That part.
    """

    likeness: float
    motion: float
    change: float
    pictures: int
    overlap_s: float
    share: float
    offset_s: float
    speed: float
    mirrored: bool
    inside: bool
    view: View


@dataclass(frozen=True, slots=True)
class _Guess:
    """A map from b to a before it is judged; `inside` says whose part is seen."""

    inside: bool
    mirrored: bool
    view: View
    offset_s: float
    speed: float
    score: float


def align(a: Footage, b: Footage, min_share: float, gate: float) -> Alignment | None:
    """The best map from b to a, of all views, offsets and speeds.

    Args:
        a: One clip.
        b: The other.
        min_share: Least overlap looked at, share of the shorter clip, above 0.
        gate: Likeness below which a pair is given up before offsets are tried, -1 to 1.

    Returns:
        None where nothing comes near.
    """
    guesses = sorted(_guesses(a, b, min_share, gate), key=lambda g: -g.score)
    whole = [g for g in guesses if g.view == _WHOLE][:1]
    pair = _Pair(a, b, min_share)
    best: Alignment | None = None
    for guess in whole + [g for g in guesses if g not in whole][:_STARTS]:
        found = pair.refined(guess)
        if found is not None and (best is None or _merit(found) > _merit(best)):
            best = found
        if best is not None and best.motion >= _SURE and best.likeness >= _SURE:
            break
    return best


def aligned(a: Footage, b: Footage, found: Alignment) -> tuple[Floats, Floats]:
    """Pictures of both clips at the times and in the part that they share, laid over each other.

    Args:
        a: Clip a.
        b: Clip b.
        found: An alignment of the two.

    Returns:
        Twice (N, 16, 16) mean luma, 0 to 255, N at least 1.
    """
    shared = _shared(a, b, found.offset_s, found.speed, 0.0)
    assert shared is not None, "an alignment has common times"
    part = (found.view, _WHOLE) if found.inside else (_WHOLE, found.view)
    x = averaged(shared.of_a, part[0], FINE)
    y = averaged(b.strip[shared.shown], part[1], FINE)
    return x, y[..., ::-1] if found.mirrored else y


def _merit(alignment: Alignment) -> float:
    return alignment.likeness + alignment.motion


def _guesses(a: Footage, b: Footage, min_share: float, gate: float) -> Iterator[_Guess]:
    lines = _Lines.of(a.coarse_t_s, b.coarse_t_s, min_share)
    flipped = mirrored(b.whole, COARSE), mirrored(a.whole, COARSE)
    tries = []
    for inside, seen, plain, turned in (
        (True, a.views, b.whole, flipped[0]),
        (False, b.views, a.whole, flipped[1]),
    ):
        for mirror, other in ((False, plain), (True, turned)):
            # (V, Ka, Kb) where b is inside, (V, Kb, Ka) where a is.
            likeness = seen @ other.T
            best = _reachable(likeness, min_share)
            tries += [(best[v], inside, mirror, v, seen, other, likeness) for v in range(len(best))]
    # The whole picture is tried on less: a large mark may make a part of it look likelier.
    tries.sort(key=lambda t: -t[0])
    chosen = tries[:_VIEWS_KEPT] + [t for t in tries[_VIEWS_KEPT:] if t[3] == 0 and t[1]]
    for reach, inside, mirror, v, seen, other, likeness in chosen:
        if reach < (gate if v else gate / 2):
            continue
        table = likeness[v] if inside else likeness[v].T
        moved = _moving(seen[v]), _moving(other)
        x, y = moved if inside else (moved[1], moved[0])
        for score, offset_s, speed in lines.best(table, x, y):
            yield _Guess(inside, mirror, views()[v], offset_s, speed, score)


def _reachable(likeness: Floats, min_share: float) -> Floats:
    """(V,): likeness that each view could have at most at any offset and speed."""
    # The shorter clip's pictures, or as many of them as must be shared, with their best partners.
    shorter = 1 if likeness.shape[1] < likeness.shape[2] else 2
    best = -np.sort(-likeness.max(axis=3 - shorter), axis=1)
    most = max(1, round(min_share * best.shape[1]))
    return np.asarray(best[:, :most].mean(axis=1), np.float32)


def _moving(pictures: Floats, weight: Floats | None = None) -> Floats:
    """What is not in the mean picture, which is weighted by (K, 1) weights of sum 1."""
    mean = pictures.mean(axis=0) if weight is None else (weight * pictures).sum(axis=0)
    return np.asarray(pictures - mean, np.float32)


@dataclass(frozen=True, slots=True)
class _Lines:
    """Every offset and speed as a path through the table of (picture of a, picture of b).

    Attributes:
        rows: (L, Kb) picture of a that is shown when b shows its picture j.
        valid: (L, Kb) whether a has one then.
        offset_s: (L,).
        speed: (L,).
    """

    rows: npt.NDArray[np.intp]
    valid: npt.NDArray[np.bool_]
    offset_s: Times
    speed: Times

    @classmethod
    def of(cls, a_s: Times, b_s: Times, min_share: float) -> "_Lines":
        step = max(_spacing(a_s), 1e-3)
        offsets, speeds = [], []
        for speed in SPEEDS:
            reach = np.arange(a_s[0] - speed * b_s[-1], a_s[-1] - speed * b_s[0] + step, step)
            # A grid that holds the offset 0 of an untrimmed copy.
            reach = np.round(reach / step) * step
            offsets.append(reach)
            speeds.append(np.full(len(reach), speed))
        offset_s, paces = np.concatenate(offsets), np.concatenate(speeds)
        wanted = offset_s[:, None] + paces[:, None] * b_s  # (L, Kb)
        rows = np.clip(np.round((wanted - a_s[0]) / step).astype(np.intp), 0, len(a_s) - 1)
        valid = np.abs(a_s[rows] - wanted) <= 0.51 * step
        shared = valid.sum(axis=1)
        spans = np.minimum(len(b_s), len(a_s) / paces)
        keep = (shared >= np.maximum(2, min_share * spans - 1)) | (shared == len(b_s))
        return cls(rows[keep], valid[keep], offset_s[keep], paces[keep])

    def best(self, likeness: Floats, x: Floats, y: Floats) -> list[tuple[float, float, float]]:
        """The two best (score, offset, speed) for likeness (Ka, Kb) and motion x, y of a and b."""
        if not len(self.rows):
            return []
        at = np.arange(likeness.shape[1])
        count = np.maximum(self.valid.sum(axis=1), 1)
        alike = (likeness[self.rows, at] * self.valid).sum(axis=1) / count
        product = ((x @ y.T)[self.rows, at] * self.valid).sum(axis=1)
        energy_x = ((x * x).sum(axis=1)[self.rows] * self.valid).sum(axis=1)
        energy_y = ((y * y).sum(axis=1) * self.valid).sum(axis=1)
        motion = product / np.sqrt(np.maximum(energy_x * energy_y, 1e-12))
        # Few shared pictures correlate by chance.
        score = (alike + motion) * np.sqrt(count / (count + 2))
        order = np.argsort(-score, kind="stable")[:2]
        return [(float(score[i]), float(self.offset_s[i]), float(self.speed[i])) for i in order]


def _spacing(t_s: Times) -> float:
    return float(t_s[-1] - t_s[0]) / max(len(t_s) - 1, 1)


_MOVES: Final = (
    {"x": 0.04}, {"y": 0.04}, {"width": 0.05, "x": -0.025}, {"height": 0.05, "y": -0.025},
    {"width": 0.05, "x": -0.025, "height": 0.05, "y": -0.025}, {"offset_s": 0.1},
    {"speed": 0.04},
)  # fmt: skip
"""Changes tried to a guess, both ways, at full, half and quarter size."""


class _Pair:
    """Two clips while maps between them are judged; pictures at the same times are made once."""

    def __init__(self, a: Footage, b: Footage, min_share: float) -> None:
        self._a, self._b, self._min_share = a, b, min_share
        self._timed: dict[tuple[float, float], _Shared | None] = {}

    def refined(self, guess: _Guess) -> Alignment | None:
        """Climb from a guess to the best map near it."""
        best = self._judged(guess)
        if best is None:
            return None
        for scale in (1.0, 0.5, 0.25):
            for move in _MOVES:
                for sign in (1, -1):
                    moved = _moved(guess, move, sign * scale)
                    judged = self._judged(moved)
                    if judged is not None and _merit(judged) > _merit(best) + _PROGRESS:
                        guess, best = moved, judged
                        break
        return best

    def _judged(self, guess: _Guess) -> Alignment | None:
        key = guess.offset_s, guess.speed
        if key not in self._timed:
            self._timed[key] = _shared(self._a, self._b, *key, self._min_share)
        shared = self._timed[key]
        if shared is None:
            return None
        if guess.inside:
            x, y = shrunk(shared.of_a, guess.view, FINE), self._b.fine[shared.shown]
        else:
            x = shared.whole_of_a
            y = shrunk(self._b.strip[shared.shown], guess.view, FINE)
        if guess.mirrored:
            y = mirrored(y, FINE)
        weight = shared.weight
        moving_x, moving_y = _moving(x, weight), _moving(y, weight)
        energies = float((weight * moving_x**2).sum()), float((weight * moving_y**2).sum())
        scale = max(float(np.sqrt(energies[0] * energies[1])), 1e-9)
        return Alignment(
            likeness=float((weight * x * y).sum()),
            motion=float((weight * moving_x * moving_y).sum()) / scale,
            change=min(energies),
            pictures=len(shared.shown),
            overlap_s=shared.overlap_s,
            share=shared.share,
            offset_s=guess.offset_s,
            speed=guess.speed,
            mirrored=guess.mirrored,
            inside=guess.inside,
            view=guess.view,
        )


def _moved(guess: _Guess, move: dict[str, float], by: float) -> _Guess:
    of_view = {k: v * by for k, v in move.items() if k in ("x", "y", "width", "height")}
    if of_view:
        changed = {k: getattr(guess.view, k) + v for k, v in of_view.items()}
        return replace(guess, view=replace(guess.view, **changed))
    if "speed" in move:
        return replace(guess, speed=guess.speed * (1 + move["speed"] * by))
    return replace(guess, offset_s=guess.offset_s + move["offset_s"] * by)


@dataclass(frozen=True, slots=True)
class _Shared:
    """What two clips share at one offset and speed.

    Attributes:
        shown: (N,) pictures of b that a shows too.
        of_a: (N, 32, 32) what a shows then.
        whole_of_a: (N, 256) the same, shrunk and normalised.
        weight: (N, 1) of sum 1: pictures of a that are blended of two count little.
        overlap_s: That time on the shorter clip's clock, s.
        share: Share of the shorter clip, 0 to 1.
    """

    shown: npt.NDArray[np.intp]
    of_a: Floats
    whole_of_a: Floats
    weight: Floats
    overlap_s: float
    share: float


def _shared(
    a: Footage, b: Footage, offset_s: float, speed: float, min_share: float
) -> _Shared | None:
    wanted = offset_s + speed * b.t_s
    step_a, step_b = max(_spacing(a.t_s), 1e-3), max(_spacing(b.t_s), 1e-3)
    slack = step_a / 2 + 1e-6
    shown = np.flatnonzero((wanted >= a.t_s[0] - slack) & (wanted <= a.t_s[-1] + slack))
    long_a, long_b, overlap = len(a.t_s) * step_a, len(b.t_s) * step_b, len(shown) * step_b
    if long_b > long_a / speed:  # a is the shorter one
        overlap, long_b = overlap * speed, long_a
    share = min(1.0, overlap / long_b)
    if len(shown) < 2 or share < min_share - _SHARE_SLACK:
        return None
    times = wanted[shown]
    pictures = _at(a, times)
    whole = shrunk(pictures, _WHOLE, FINE)
    return _Shared(shown, pictures, whole, _weight(a, times, step_a), overlap, share)


def _weight(a: Footage, t_s: Times, step: float) -> Floats:
    """Fast motion is blurred between two pictures, so those close in time to one count most."""
    after = np.clip(np.searchsorted(a.t_s, t_s), 0, len(a.t_s) - 1)
    before = np.maximum(after - 1, 0)
    distance = np.minimum(np.abs(a.t_s[after] - t_s), np.abs(a.t_s[before] - t_s))
    weight = (1 - 2 * np.minimum(distance / step, 0.5)) ** 2 + _LEAST_WEIGHT
    return np.asarray((weight / weight.sum())[:, None], np.float32)


def _at(footage: Footage, t_s: Times) -> Floats:
    """Pictures at given times, blended of the two around each."""
    after = np.clip(np.searchsorted(footage.t_s, t_s), 1, max(len(footage.t_s) - 1, 1))
    after = np.minimum(after, len(footage.t_s) - 1)
    before = np.maximum(after - 1, 0)
    gap = footage.t_s[after] - footage.t_s[before]
    share = np.clip((t_s - footage.t_s[before]) / np.maximum(gap, 1e-6), 0, 1)
    weight = share.astype(np.float32)[:, None, None]
    strip = footage.strip
    return np.asarray(strip[before] * (1 - weight) + strip[after] * weight, np.float32)
