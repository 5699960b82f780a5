"""Labelled sequences: takes joined by transitions, and takes that only look as if they were."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from curate.shots.signals import HEIGHT, MARGIN, WIDTH, compare, prepare
from curate.shots.training.distractors import disturb
from curate.shots.training.footage import Take
from curate.shots.training.joins import GRADUAL
from curate.shots.training.looks import Look, choose_look, frame_numbers, show

Floats = npt.NDArray[np.float32]
Random = np.random.Generator

CLASSES: Final = ("none", "dissolve", "fade", "wipe")
IGNORE: Final = -1
"""Label of frames of which nobody could tell."""
_JOINS: Final = {
    "cut": 0.38, "jump": 0.10, "dissolve": 0.22, "fade": 0.11,
    "wipe": 0.08, "slide": 0.05, "zoom": 0.03, "whip": 0.03,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sample:
    """Signals and labels of consecutive frames.

    Attributes:
        signals: (T, signals) uint8.
        cut: (T,) int8: 1 at the first frame after a cut, 0 elsewhere, IGNORE.
        kind: (T,) int8: index into CLASSES inside [first mixed, first clean), IGNORE.
    """

    signals: npt.NDArray[np.uint8]
    cut: npt.NDArray[np.int8]
    kind: npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class _Shot:
    """Frames of a take as they are shown: take's index, look, its frame numbers, pictures."""

    take: int
    look: Look
    numbers: npt.NDArray[np.intp]
    frames: Floats


class Composer:
    """Makes sequences out of takes.

    Args:
        takes: Single takes; sources count alike, however many takes they have.
        rng: Source of randomness.
    """

    def __init__(self, takes: Sequence[Take], rng: Random) -> None:
        self._takes, self._rng = list(takes), rng
        self._by_source: dict[str, list[int]] = {}
        for index, take in enumerate(takes):
            self._by_source.setdefault(take.source, []).append(index)
        colours = np.stack([take.colours for take in takes])
        likeness = colours @ colours.T
        self._alike = np.argsort(-likeness, axis=1)[:, 1:9]
        counts = [
            min(1500, sum(len(takes[i].yuv) for i in held)) for held in self._by_source.values()
        ]
        motion = [np.mean([takes[i].motion for i in held]) for held in self._by_source.values()]
        weights = np.sqrt(np.array(counts)) * (0.6 + np.minimum(np.array(motion), 10) / 5)
        self._chances = weights / weights.sum()

    def compose(self, frames: int) -> Sample:
        """One sequence of at most `frames` frames."""
        rng = self._rng
        if rng.random() < 0.25:
            yuv, cut, kind = self._alone(frames)
        else:
            yuv, cut, kind = self._joined(frames)
        if rng.random() < 0.5:
            yuv = yuv + rng.normal(0, rng.uniform(0, 3), yuv.shape).astype(np.float32)
        pictures = np.clip(yuv + 0.5, 0, 255).astype(np.uint8)
        frames = len(pictures)
        ends = np.clip(np.arange(-MARGIN, frames + MARGIN), 0, frames - 1)
        return Sample(compare(prepare(pictures).take(ends)), cut, kind)

    def _alone(self, frames: int) -> tuple[Floats, npt.NDArray[np.int8], npt.NDArray[np.int8]]:
        """One take and nothing else, most often one that moves."""
        rng = self._rng
        tries = [self._choose() for _ in range(4)]
        index = max(tries, key=lambda i: self._takes[i].motion * rng.uniform(0.3, 1))
        start = 0 if rng.random() < 0.5 else None
        shown = self._shot(index, frames, start, choose_look(rng, self._bars())).frames
        return shown, np.zeros(len(shown), np.int8), np.zeros(len(shown), np.int8)

    def _joined(self, frames: int) -> tuple[Floats, npt.NDArray[np.int8], npt.NDArray[np.int8]]:
        rng = self._rng
        yuv = np.empty((frames, 3, HEIGHT, WIDTH), np.float32)
        cut, kind = np.zeros(frames, np.int8), np.zeros(frames, np.int8)
        bars = self._bars()
        dense = rng.random() < 0.2
        shot, used, at = self._next(None, 0, "cut", bars), 0, 0
        while True:
            length = int(rng.integers(1, 14)) if dense else int(np.exp(rng.uniform(2.1, 4.9)))
            length = max(1, min(length, len(shot.frames) - used))
            end = min(frames, at + length)
            part = shot.frames[used : used + end - at]
            yuv[at : at + len(part)], end = part, at + len(part)
            if end == frames or len(part) == 0:
                return yuv[:end], cut[:end], kind[:end]
            used += len(part)
            join = "cut" if dense and rng.random() < 0.85 else self._join()
            later = self._next(shot, used, join, bars)
            at, gone = self._connect(yuv, cut, kind, end, shot.frames[used:], later.frames, join)
            shot, used = later, gone
            if at >= frames:
                return yuv, cut, kind

    def _connect(
        self,
        yuv: Floats,
        cut: npt.NDArray[np.int8],
        kind: npt.NDArray[np.int8],
        at: int,
        rest: Floats,
        new: Floats,
        join: str,
    ) -> tuple[int, int]:
        """Write a transition at frame `at`; returns the next frame and frames of `new` used."""
        rng = self._rng
        last = yuv[at - 1]
        if join in ("cut", "jump"):
            visible = _difference(last, new[0]) > 3 * _movement(yuv[max(0, at - 4) : at]) + 4
            if visible:
                cut[at] = 1
            else:
                cut[max(0, at - 2) : at + 3] = IGNORE
                kind[max(0, at - 2) : at + 3] = IGNORE
            return at, 0
        make, name = GRADUAL[join]
        longest = {"dissolve": 62, "fade": 62}.get(join, 32)
        mixed = int(np.exp(rng.uniform(np.log(2.5 if join != "whip" else 4), np.log(longest))))
        mixed = min(mixed, len(new) - 1)
        if mixed < 2:
            cut[at] = 1
            return at, 0
        old = rest[:mixed] if len(rest) else last[None]
        if len(old) < mixed:  # the old shot has run out: it freezes, as it does in editors
            old = np.concatenate([old, np.repeat(old[-1:], mixed - len(old), 0)])
        made = make(old, new[:mixed], rng)
        end = min(len(yuv), at + mixed)
        yuv[at:end] = made[: end - at]
        seen = name == "fade" or _difference(last, new[mixed]) > 8
        kind[at:end] = CLASSES.index(name) if seen else IGNORE
        cut[at:end] = IGNORE if mixed < 5 or not seen or join in ("fade", "whip") else 0
        return end, mixed

    def _next(self, before: "_Shot | None", used: int, join: str, bars: tuple[int, int]) -> "_Shot":
        """The next shot: another take, a similar one, or the same one later."""
        rng = self._rng
        if rng.random() < 0.2:
            bars = self._bars()
        if before is None or (join != "jump" and rng.random() < 0.45):
            return self._shot(self._choose(), 210, None, choose_look(rng, bars))
        take = self._takes[before.take]
        if join == "jump" or rng.random() < 0.3:
            now = int(before.numbers[min(used, len(before.numbers)) - 1])
            start = now + int(rng.integers(12, 71))
            if start < len(take.yuv) - 8:
                look = before.look if rng.random() < 0.75 else choose_look(rng, bars)
                return self._shot(before.take, 210, start, look)
        index = int(rng.choice(self._alike[before.take]))
        return self._shot(index, 210, None, choose_look(rng, bars))

    def _shot(self, index: int, wanted: int, start: int | None, look: Look) -> "_Shot":
        rng, take = self._rng, self._takes[index]
        if start is None:
            start = int(rng.integers(0, max(1, len(take.yuv) - 20)))
        numbers = frame_numbers(len(take.yuv), wanted, start, rng)
        if len(numbers) < 4:
            numbers = np.arange(min(len(take.yuv), 8))
        frames = show(take.yuv[numbers], look, rng)
        other = self._takes[self._choose()].yuv
        disturb(frames, other[int(rng.integers(len(other)))][None].astype(np.float32), rng)
        return _Shot(index, look, numbers, np.clip(frames, 0, 255))

    def _choose(self) -> int:
        sources = list(self._by_source.values())
        held = sources[self._rng.choice(len(sources), p=self._chances)]
        return int(self._rng.choice(held))

    def _join(self) -> str:
        return str(self._rng.choice(list(_JOINS), p=np.array(list(_JOINS.values()))))

    def _bars(self) -> tuple[int, int]:
        look = self._rng.random()
        if look < 0.15:
            return int(self._rng.integers(1, 7)), 0
        return (0, int(self._rng.integers(2, 18))) if look < 0.25 else (0, 0)


def _difference(a: Floats, b: Floats) -> float:
    """Mean absolute difference over all planes, chroma counting as much as luma."""
    return float(np.abs(a - b).mean((1, 2)).sum())


def _movement(frames: Floats) -> float:
    if len(frames) < 2:
        return 0.0
    return float(np.median(np.abs(np.diff(frames, axis=0)).mean((2, 3)).sum(1)))
