"""Real takes and stills that the motion benchmark is built from, split by source."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.motion_cases import Gray, read
from filters.base import Clip, Unmeasurable
from filters.camera_kind import kind
from filters.clip import clip_from_gray
from filters.registry import FILTERS
from manifests.errors import BadVideoError

SECONDS: Final = 4.0
LEFT_OUT: Final = ("mcap", "npz", "txt", "json", "jsonl", "parquet", "tsv", "md")


@dataclass(frozen=True)
class Take:
    """A span of a real clip.

    Attributes:
        source: Repository it comes from.
        name: File name.
        frames: (F, H, W) uint8 luma.
        fps: Frames a second.
    """

    source: str
    name: str
    frames: Gray
    fps: float


def part_of(source: str) -> str:
    """The half of the sources that a repository belongs to, a or b."""
    return "ab"[hashlib.sha256(source.encode()).digest()[0] % 2]


def files(folder: Path, part: str = "all") -> Iterator[tuple[str, Path]]:
    """(repository, file) of every clip of a part, in order."""
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.suffix[1:] in LEFT_OUT:
            continue
        source = path.relative_to(folder).parts[0]
        if part in ("all", part_of(source)):
            yield source, path


@cache
def takes(folder: Path, part: str, limit: int, per_source: int = 2) -> tuple[Take, ...]:
    """Spans of four seconds of one shot each, at most `per_source` of a repository.

    A span is one shot if no two neighbouring frames differ by more than 25 grey levels in the mean;
    every frame must show a picture (a spread of 15 grey levels), so fades from black are left out.
    """
    found: list[Take] = []
    count: dict[str, int] = {}
    for source, path in files(folder, part):
        if count.get(source, 0) >= per_source or len(found) >= limit:
            continue
        try:
            frames, fps = read(path, 0.5, SECONDS)
        except (BadVideoError, ValueError):
            continue
        if len(frames) < 0.9 * SECONDS * fps or fps < 12 or min(frames.shape[1:]) < 120:
            continue
        steps = np.abs(np.diff(frames[:, ::8, ::8].astype(np.int16), axis=0)).mean(axis=(1, 2))
        if steps.max() > 25 or frames[:, ::4, ::4].std(axis=(1, 2)).min() < 15:
            continue
        found.append(Take(source, path.name, frames, fps))
        count[source] = count.get(source, 0) + 1
    return tuple(found)


def measure(clip: Clip, names: Iterable[str] = FILTERS) -> dict[str, Any]:
    """Scores of a clip (None where missing); with all of them, the kind of its camera motion."""
    scores: dict[str, Any] = {}
    for name in names:
        try:
            scores[name] = FILTERS[name].score(clip)
        except Unmeasurable:
            scores[name] = None
    return {**scores, "kind": kind(scores)} if len(scores) == len(FILTERS) else scores


def measure_frames(frames: Gray, fps: float, names: Iterable[str] = FILTERS) -> dict[str, Any]:
    """The same of frames at a constant rate."""
    return measure(clip_from_gray(frames, fps), names)
