"""Which clips train and evaluate each arm: split by source, equal budgets, fixed before training.

An arm is a pool of spans. `raw` holds fixed windows of the sources' timelines that ignore every
filter, cuts included; `curated` holds spans inside kept clips. Both have the same length.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from typing import Any, Final

import numpy as np
import polars as pl

from curate.study.settings import Study
from manifests.errors import ConfigError, CurateError

ARMS: Final = ("raw", "curated")
"""The arms in reporting order; every eval set bears the name of the arm whose spans it holds."""

REFERENCE_ARM: Final = "raw"
"""Whose no-action model divides all arms' errors."""

REFERENCE_CLIPS: Final = 256
"""Most clips per arm in the normaliser's sample: 256 x 8 x 16 tokens are ample for 384 channels."""

EVAL_CLIPS: Final = 512
"""Most clips per eval set; the interval's width is governed by sources, not by clips."""

MIN_CLIPS: Final = 4
"""Fewest training clips per arm: below, there is no second batch to learn from."""

_SALT: Final = "rushes study split 1"  # a new split is a new number here
_COLUMNS: Final = ("clip_id", "video_id", "source", "arm")


class StudyImpossible(CurateError):
    """There are too few sources or spans to compare the arms; the message has the counts."""


@dataclass(frozen=True, slots=True)
class StudyPlan:
    """Everything that decides which clip is used where; independent of tokens and training.

    Attributes:
        steps: T, frames per clip.
        clips: Training clips per arm and seed, the same for all arms.
        train_sources: Sources that only train, sorted.
        eval_sources: Sources that only evaluate, sorted.
        train: Arm -> per seed, the training clips (sorted).
        evaluate: Eval set -> its clips (sorted), all of held-out sources.
        reference: Clips that fit the normaliser: training sources only, equally many per arm.
        source_of: Clip -> source, of every clip named here.
        available: Arm -> training clips there were after the cap per source.
        available_sources: Arm -> training sources that have spans of it.
    """

    steps: int
    clips: int
    train_sources: tuple[str, ...]
    eval_sources: tuple[str, ...]
    train: dict[str, tuple[tuple[str, ...], ...]]
    evaluate: dict[str, tuple[str, ...]]
    reference: tuple[str, ...]
    source_of: dict[str, str]
    available: dict[str, int]
    available_sources: dict[str, int]

    def clip_ids(self) -> list[str]:
        """All clips whose tokens the study reads, sorted."""
        return sorted(self.source_of)

    def to_json(self) -> str:
        """The plan as stored in plan.json."""
        return json.dumps(asdict(self), indent=1, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "StudyPlan":
        """Read what `to_json` wrote."""
        data: dict[str, Any] = json.loads(text)
        for key in ("train_sources", "eval_sources", "reference"):
            data[key] = tuple(data[key])
        data["train"] = {a: tuple(map(tuple, seeds)) for a, seeds in data["train"].items()}
        data["evaluate"] = {name: tuple(clips) for name, clips in data["evaluate"].items()}
        return cls(**data)


def plan_study(spans: pl.DataFrame, settings: Study, steps: int) -> StudyPlan:
    """Draw the study's clips.

    Args:
        spans: One row per span that has tokens: clip_id, video_id, source (sources that are
            copies of each other share one name; the split is by it) and arm. A clip may be in both
            arms. The order of rows has no effect.
        settings: Budget.
        steps: T, frames per clip.

    Raises:
        ConfigError: The horizon does not fit into clips of T frames.
        StudyImpossible: Too few sources or spans.
        ValueError: A column or arm is unknown, a row is repeated, or a clip has two sources.
    """
    if settings.horizon >= steps:
        raise ConfigError(
            f"study.horizon must be below the {steps} frames of a clip, not {settings.horizon}"
        )
    source_of = _checked(spans)
    pools = {arm: _by_source(spans.filter(pl.col("arm") == arm)) for arm in ARMS}
    held_out = _split(pools, settings.eval_share)
    train = {
        arm: {s: c for s, c in pool.items() if s not in held_out} for arm, pool in pools.items()
    }
    evaluate = {
        arm: _capped({s: c for s, c in pool.items() if s in held_out}, settings.clips_per_video)
        for arm, pool in pools.items()
    }
    cap = settings.clips_per_video
    available = {arm: sum(min(len(c), cap) for c in train[arm].values()) for arm in ARMS}
    clips = min(*available.values(), settings.train_clips)
    if clips < MIN_CLIPS:
        raise StudyImpossible(
            f"a study needs at least {MIN_CLIPS} training clips per arm; there are "
            + ", ".join(f"{n} {arm}" for arm, n in available.items())
            + f" after holding out {len(held_out)} sources"
        )
    drawn = {
        arm: tuple(_draw(train[arm], cap, clips, arm, seed) for seed in range(settings.seeds))
        for arm in ARMS
    }
    reference = _reference(train)
    used = {*reference, *_flat(evaluate.values()), *_flat(_flat(drawn.values()))}
    sources = {source for pool in pools.values() for source in pool}
    return StudyPlan(
        steps=steps,
        clips=clips,
        train_sources=tuple(sorted(sources - held_out)),
        eval_sources=tuple(sorted(held_out)),
        train=drawn,
        evaluate=evaluate,
        reference=reference,
        source_of={clip: source_of[clip] for clip in sorted(used)},
        available=available,
        available_sources={arm: len(train[arm]) for arm in ARMS},
    )


def _checked(spans: pl.DataFrame) -> dict[str, str]:
    """Clip -> source, after checking the table."""
    missing = [name for name in _COLUMNS if name not in spans.columns]
    if missing:
        raise ValueError(f"spans lack the columns {missing}")
    unknown = sorted(set(spans["arm"]) - set(ARMS))
    if unknown:
        raise ValueError(f"arms must be among {ARMS}, not {unknown}")
    if spans.select("clip_id", "arm").is_duplicated().any():
        raise ValueError("spans repeat a clip within an arm")
    pairs = spans.select("clip_id", "source").unique()
    if pairs["clip_id"].is_duplicated().any():
        raise ValueError("spans give one clip two sources")
    return dict(pairs.iter_rows())


def _by_source(spans: pl.DataFrame) -> dict[str, list[str]]:
    """Source -> its clips, both in an order that hashes decide and rows do not."""
    pool: dict[str, list[str]] = {}
    for clip, source in spans.select("clip_id", "source").iter_rows():
        pool.setdefault(source, []).append(clip)
    return {s: sorted(pool[s], key=_rank) for s in sorted(pool, key=_rank)}


def _split(pools: dict[str, dict[str, list[str]]], share: float) -> set[str]:
    """Choose the held-out sources: the first ones by hash, so that an arm does not decide it.

    Sources with spans of every arm are swapped in where one side would have none of an arm, or
    one where each side could have two.
    """
    order = sorted({source for pool in pools.values() for source in pool}, key=_rank)
    full = {s for s in order if all(s in pool for pool in pools.values())}
    if len(full) < 2:
        raise StudyImpossible(
            f"a study needs at least 2 sources with spans of both arms, one to train and one to "
            f"evaluate; there are {len(full)} ("
            + ", ".join(f"{len(pool)} {arm}" for arm, pool in pools.items())
            + f", {len(order)} in all)"
        )
    least = 2 if len(order) >= 4 else 1
    size = min(max(round(share * len(order)), least), len(order) - least)
    held_out = order[:size]
    training = order[size:]
    wanted = 2 if len(full) >= 4 else 1
    _fill(held_out, training, full, wanted)
    _fill(training, held_out, full, wanted)
    return set(held_out)


def _fill(short: list[str], other: list[str], full: set[str], wanted: int) -> None:
    """Swap sources between two sides until `short` has as many full ones as wanted."""
    while sum(s in full for s in short) < wanted:
        gained = next(s for s in other if s in full)
        given = next(s for s in reversed(short) if s not in full)
        short[short.index(given)] = gained
        other[other.index(gained)] = given


def _capped(pool: dict[str, list[str]], cap: int) -> tuple[str, ...]:
    """At most `cap` clips per source and `EVAL_CLIPS` in all, taken from sources in turn."""
    return tuple(sorted(_in_turn([clips[:cap] for clips in pool.values()], EVAL_CLIPS)))


def _reference(train: dict[str, dict[str, list[str]]]) -> tuple[str, ...]:
    """The normaliser's sample: equally many clips of each arm, taken from its sources in turn."""
    total = min(REFERENCE_CLIPS, *(sum(map(len, pool.values())) for pool in train.values()))
    chosen = {c for pool in train.values() for c in _in_turn(list(pool.values()), total)}
    return tuple(sorted(chosen))


def _in_turn(groups: Sequence[Sequence[str]], total: int) -> list[str]:
    """The first of each group, then the second of each, and so on, `total` at most."""
    longest = max(map(len, groups))
    rounds = (group[i] for i in range(longest) for group in groups if i < len(group))
    return [clip for clip, _ in zip(rounds, range(total), strict=False)]


def _draw(pool: dict[str, list[str]], cap: int, clips: int, arm: str, seed: int) -> tuple[str, ...]:
    """Draw a seed's training clips: `cap` of each source, `clips` of those."""
    generator = np.random.default_rng([seed, ARMS.index(arm)])
    capped = [
        str(clip)
        for group in pool.values()
        for clip in generator.choice(group, min(cap, len(group)), replace=False)
    ]
    return tuple(sorted(map(str, generator.choice(capped, clips, replace=False))))


def _rank(name: str) -> bytes:
    return blake2b(f"{_SALT}:{name}".encode(), digest_size=16).digest()


def _flat(groups: Iterable[Iterable[Any]]) -> list[Any]:
    return [item for group in groups for item in group]
