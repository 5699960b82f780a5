"""How much of what is wrong with a set of takes, and where in them: pure plans, no pictures."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from manifests.errors import ConfigError

SpanKind: TypeAlias = Literal["shake", "pans", "freezes", "captions"]
"""Faults that last; each has spans of its own, which may overlap those of others."""

SPAN_S: Final[dict[SpanKind, tuple[float, float]]] = {
    "shake": (1.0, 3.0),
    "pans": (1.5, 4.0),
    "freezes": (1.0, 3.0),
    "captions": (1.5, 4.0),
}
"""Shortest and longest span, s."""

MAX_DOSE: Final = 0.9
"""Beyond it there is hardly room to place spans apart from each other."""


@dataclass(frozen=True, slots=True)
class Doses:
    """Shares of a set of takes, 0 to 0.9.

    Attributes:
        cuts: Of all steps, those across which the picture is cut: this is the share p of pairs
            that are no transition. A cut goes to another take of the same source.
        shake: Of all time, with a hand-held camera's shake added.
        pans: Of all time, with a camera's pan added.
        freezes: Of all time, during which the picture stands while nothing is filmed.
        captions: Of all time, with a burnt-in caption.
        copies: Of all files, those that are re-encoded copies of others.
    """

    cuts: float = 0.0
    shake: float = 0.0
    pans: float = 0.0
    freezes: float = 0.0
    captions: float = 0.0
    copies: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            share = getattr(self, field.name)
            if not 0 <= share <= MAX_DOSE:
                raise ConfigError(f"a dose of {field.name} is 0 to {MAX_DOSE}, not {share}")

    @classmethod
    def parse(cls, texts: Sequence[str]) -> "Doses":
        """Read `name=share` texts.

        Raises:
            ConfigError: A name is unknown or repeated, or a share is no number of 0 to 0.9.
        """
        known = [field.name for field in fields(cls)]
        found: dict[str, float] = {}
        for text in texts:
            name, _, share = text.partition("=")
            if name not in known or name in found:
                problem = "is given twice" if name in found else f"is one of {', '.join(known)}"
                raise ConfigError(f"a dose {problem}: {text!r}")
            try:
                found[name] = float(share)
            except ValueError:
                raise ConfigError(f"a dose is NAME=SHARE, not {text!r}") from None
        return cls(**found)


@dataclass(frozen=True, slots=True)
class Span:
    """Frames [start, end) of a take that have a fault."""

    kind: SpanKind
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class TakePlan:
    """What happens to one take.

    Attributes:
        frames: Its length.
        cuts: Frames that follow a cut, ascending.
        spans: What lasts, by kind and then by start.
    """

    frames: int
    cuts: tuple[int, ...]
    spans: tuple[Span, ...]


def plan_takes(
    doses: Doses, takes: int, frames: int, fps: float, step_s: float, seed: int
) -> list[TakePlan]:
    """Place the faults, over all takes together, so that small doses are met too.

    Each kind has its own stream of chance: a dose of one leaves the places of the others alone.

    Args:
        doses: Shares.
        takes: Number of takes.
        frames: Length of each, frames.
        fps: Frames per second.
        step_s: Time between the frames of a step, s; says what a dose of cuts means.
        seed: Of the places.

    Returns:
        One plan per take. Spans are of `SPAN_S` unless a take's end or what is left of the dose
        cuts them short. Cuts are independent of each other, as a Poisson process has them, with
        at least two frames between them.
    """
    total = takes * frames
    spans: list[list[Span]] = [[] for _ in range(takes)]
    for number, kind in enumerate(get_args(SpanKind)):
        rng = np.random.default_rng([seed, number])
        shortest, longest = (round(s * fps) for s in SPAN_S[kind])
        for start, end in place_spans(getattr(doses, kind), total, shortest, longest, rng):
            for take in range(start // frames, (end - 1) // frames + 1):
                first, last = max(start - take * frames, 0), min(end - take * frames, frames)
                spans[take].append(Span(kind, first, last))
    rng = np.random.default_rng([seed, 100])
    cuts = [place_cuts(doses.cuts, frames, round(step_s * fps), rng) for _ in range(takes)]
    return [TakePlan(frames, cut, tuple(span)) for cut, span in zip(cuts, spans, strict=True)]


def place_spans(
    share: float, total: int, shortest: int, longest: int, rng: np.random.Generator
) -> list[tuple[int, int]]:
    """Place spans that do not touch and cover a share of the frames.

    Args:
        share: Of the frames, 0 to 0.9.
        total: Frames.
        shortest: Of a span, frames.
        longest: Of a span, frames.
        rng: Source of chance.

    Returns:
        (start, end) ascending, which cover round(share * total) frames.
    """
    wanted = round(share * total)
    lengths: list[int] = []
    while (left := wanted - sum(lengths)) > 0:
        length = int(rng.integers(shortest, longest + 1))
        # No crumbs: what would be too short for a span of its own goes to this one.
        lengths.append(left if left - length < shortest else length)
    if not lengths:
        return []
    free = total - wanted - (len(lengths) - 1)  # one frame at least between two spans
    if free < 0:
        raise ValueError(f"{len(lengths)} spans of {wanted} frames do not fit into {total}")
    gaps = np.diff(np.sort(rng.integers(0, free + 1, len(lengths))), prepend=0)
    found, at = [], 0
    for index, length in enumerate(lengths):
        at += int(gaps[index]) + (1 if index else 0)
        found.append((at, at + length))
        at += length
    return found


def place_cuts(
    share: float, frames: int, step_frames: int, rng: np.random.Generator
) -> tuple[int, ...]:
    """Choose the frames that follow a cut so that a share of steps holds one.

    Args:
        share: Of steps of `step_frames` frames, 0 to 0.9.
        frames: Length of the take.
        step_frames: Frames from one step to the next.
        rng: Source of chance.
    """
    chance = 1 - (1 - share) ** (1 / step_frames)
    hits: npt.NDArray[np.intp] = np.flatnonzero(rng.random(frames) < chance)
    cuts: list[int] = []
    for hit in hits:
        if hit >= 2 and (not cuts or hit - cuts[-1] >= 2):
            cuts.append(int(hit))
    return tuple(cuts)
