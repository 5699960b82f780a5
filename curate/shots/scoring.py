"""How found transitions are scored against the truth.

Conventions: a transition is the frames [first, last) that belong to neither shot; for a cut first
== last, the first frame of the new shot. All counts are per video and are summed over videos.

Events, with a tolerance of `tolerance` frames: a found and a true transition can match when their
spans, each widened by one frame for a cut's boundary, are at most `tolerance` frames apart. They
are matched one to one, nearest middles first. Further findings that lie wholly inside a matched
true gradual transition are neither hits nor false alarms, because nothing is lost by them: both
sides of them are cut out anyway. (PySceneDetect's benchmark counts them as false alarms; its rule
is `strict=True`.) Findings that touch an ignored span are not scored.

Windows, the figure that matters for latent actions: the video is cut at the found transitions,
`trim` frames are left out on each side of each, and every clip gives consecutive windows of
`length` frames from its start. A window is contaminated when it holds a mixed frame or frames of
two shots. `ideal` counts the windows that the truth itself would give. Windows that touch an
ignored span do not count. Source: Rushes; the event rules follow TRECVID SBD and PySceneDetect's
benchmark, the overlap OmniShotCut (arXiv 2604.24762).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from curate.shots.transition import Transition

WINDOW: Final = 32
Spans = Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Truth:
    """A true transition: [first, last) and a kind: cut, jump, dissolve, fade, wipe or gradual."""

    first: int
    last: int
    kind: str


@dataclass(frozen=True, slots=True)
class Case:
    """One video with its truth and what a detector found.

    Attributes:
        source: Videos of one source are resampled together.
        frames: Number of frames.
        seconds: Duration, s.
        truth: True transitions in order.
        found: Found transitions in order.
        ignored: Spans [first, last) of which nobody can tell.
    """

    source: str
    frames: int
    seconds: float
    truth: Sequence[Truth]
    found: Sequence[Transition]
    ignored: Spans = ()


@dataclass(slots=True)
class Events:
    """Hits, misses and false alarms; `kinds` has hits and misses by true kind.

    Attributes:
        hits: Matched true transitions.
        misses: True transitions that nothing matched.
        false_alarms: Findings that matched nothing.
        kinds: By kind of the truth: [hits, misses].
        overlap: Summed intersection over union of matched spans.
        missed: The missed ones.
        wrong: The false alarms.
    """

    hits: int = 0
    misses: int = 0
    false_alarms: int = 0
    kinds: dict[str, list[int]] = field(default_factory=dict)
    overlap: float = 0.0
    missed: list[Truth] = field(default_factory=list)
    wrong: list[Transition] = field(default_factory=list)


def events(case: Case, *, tolerance: int = 2, strict: bool = False) -> Events:
    """Match the findings of a video to its truth; see the module's rules."""
    found = [f for f in case.found if not _touches(_wide(f), case.ignored)]
    truth = [t for t in case.truth if not _touches(_wide(t), case.ignored)]
    pairs = sorted(
        (abs((t.first + t.last) - (f.first + f.last)), i, j)
        for i, t in enumerate(truth)
        for j, f in enumerate(found)
        if _apart(_wide(t), _wide(f)) <= tolerance
    )
    of_truth: dict[int, int] = {}
    of_found: dict[int, int] = {}
    for _, i, j in pairs:
        if i not in of_truth and j not in of_found:
            of_truth[i], of_found[j] = j, i
    result = Events()
    for i, t in enumerate(truth):
        hit = i in of_truth
        result.kinds.setdefault(t.kind, [0, 0])[not hit] += 1
        if hit:
            result.overlap += _overlap(_wide(t), _wide(found[of_truth[i]]))
        else:
            result.missed.append(t)
    for j, f in enumerate(found):
        inside = any(
            t.first < t.last and t.first - 1 <= f.first and f.last <= t.last + 1 for t in truth
        )
        if j not in of_found and (strict or not inside):
            result.wrong.append(f)
    result.hits, result.misses = len(of_truth), len(result.missed)
    result.false_alarms = len(result.wrong)
    return result


@dataclass(frozen=True, slots=True)
class Windows:
    """Counts of windows: all, contaminated ones, and those that the truth would give."""

    all: int
    contaminated: int
    ideal: int

    @property
    def clean(self) -> int:
        """Windows without a frame of a transition."""
        return self.all - self.contaminated


def windows(case: Case, *, length: int = WINDOW, trim: int = 2) -> Windows:
    """Count the windows of a video; see the module's rules."""

    def starts(spans: Iterable[tuple[int, int]]) -> list[int]:
        kept = []
        for start, end in _clips(spans, case.frames, trim):
            kept += list(range(start, end - length + 1, length))
        return [s for s in kept if not _touches((s, s + length), case.ignored)]

    truth = [(t.first, t.last) for t in case.truth]
    chosen = starts((f.first, f.last) for f in case.found)
    bad = sum(any(_holds(s, s + length, *t) for t in truth) for s in chosen)
    return Windows(len(chosen), bad, len(starts(truth)))


def _clips(spans: Iterable[tuple[int, int]], frames: int, trim: int) -> list[tuple[int, int]]:
    clips, start = [], 0
    for first, last in sorted(spans):
        clips.append((start, first - trim))
        start = max(start, last + trim)
    return [(a, b) for a, b in [*clips, (start, frames)] if b > a]


def _holds(start: int, end: int, first: int, last: int) -> bool:
    """Whether [start, end) has a mixed frame of [first, last), or frames of both sides."""
    mixed = max(start, first) < min(end, last)
    return mixed or (start < first and last < end)


def _wide(t: Truth | Transition) -> tuple[int, int]:
    """The frames concerned: a cut concerns the two frames around it."""
    return (t.first - 1, t.first + 1) if t.first == t.last else (t.first, t.last)


def _apart(a: tuple[int, int], b: tuple[int, int]) -> int:
    """Frames by which two spans fail to meet; cuts at the same frame and overlaps give 0."""
    if a[1] - a[0] == b[1] - b[0] == 2:
        return abs(a[0] - b[0])
    return max(0, max(a[0], b[0]) - min(a[1], b[1]))


def _overlap(a: tuple[int, int], b: tuple[int, int]) -> float:
    common = max(0, min(a[1], b[1]) - max(a[0], b[0]))
    return common / (max(a[1], b[1]) - min(a[0], b[0]))


def _touches(span: tuple[int, int], others: Spans) -> bool:
    return any(span[0] < b and a < span[1] for a, b in others)


def counts(case: Case, *, tolerance: int = 2, trim: int = 2) -> dict[str, float]:
    """All sums that `figures` divides, for one video."""
    scored = events(case, tolerance=tolerance)
    held = windows(case, trim=trim)
    sums: dict[str, float] = {
        "hits": scored.hits,
        "misses": scored.misses,
        "false_alarms": scored.false_alarms,
        "overlap": scored.overlap,
        "seconds": case.seconds,
        "windows": held.all,
        "contaminated": held.contaminated,
        "clean": held.clean,
        "ideal": held.ideal,
    }
    exact = events(case, tolerance=0)
    for kind, (hits, misses) in scored.kinds.items():
        sums[f"{kind}_hits"], sums[f"{kind}_all"] = hits, hits + misses
        sums[f"{kind}_exact"] = exact.kinds[kind][0]
    for name, gradual in (("abrupt", False), ("gradual", True)):
        kinds = [v for k, v in scored.kinds.items() if (k not in ("cut", "jump")) == gradual]
        sums[f"all_{name}_hits"] = sum(v[0] for v in kinds)
        sums[f"all_{name}_misses"] = sum(v[1] for v in kinds)
        wrong = [f for f in scored.wrong if (f.kind != "cut") == gradual]
        sums[f"all_{name}_false_alarms"] = len(wrong)
    return sums


def figures(sums: Mapping[str, float]) -> dict[str, float]:
    """Precision, recall, F1, recall by kind, contamination and the rest, from summed counts.

    A figure whose denominator is 0 is absent.
    """

    def ratio(top: float, bottom: float) -> float | None:
        return top / bottom if bottom else None

    def get(name: str) -> float:
        return sums.get(name, 0.0)

    hits = get("hits")
    values = {
        "precision": ratio(hits, hits + get("false_alarms")),
        "recall": ratio(hits, hits + get("misses")),
        "f1": _f1(hits, get("misses"), get("false_alarms")),
        "overlap": ratio(get("overlap"), hits + get("misses")),
        "contaminated": ratio(get("contaminated"), get("windows")),
        "yield": ratio(get("clean"), get("ideal")),
        "false_alarms_per_hour": ratio(3600 * get("false_alarms"), get("seconds")),
    }
    for name in ("abrupt", "gradual"):
        parts = (get(f"all_{name}_{part}") for part in ("hits", "misses", "false_alarms"))
        values[f"f1_{name}"] = _f1(*parts)
    for kind in ("cut", "jump", "dissolve", "fade", "wipe", "gradual"):
        values[f"recall_{kind}"] = ratio(get(f"{kind}_hits"), get(f"{kind}_all"))
        values[f"exact_{kind}"] = ratio(get(f"{kind}_exact"), get(f"{kind}_all"))
    return {name: value for name, value in values.items() if value is not None}


def _f1(hits: float, misses: float, false_alarms: float) -> float | None:
    bottom = 2 * hits + misses + false_alarms
    return 2 * hits / bottom if bottom else None


def total(parts: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """Sum counts over videos."""
    sums: dict[str, float] = {}
    for part in parts:
        for name, value in part.items():
            sums[name] = sums.get(name, 0.0) + value
    return sums


def bootstrap(
    sources: Sequence[str],
    figure: Callable[[Sequence[int]], float | None],
    *,
    runs: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """95 % percentile interval of a figure, resampling sources with replacement.

    Args:
        sources: Source of each video.
        figure: Computes the figure from indices of videos (with repeats); None is left out.
        runs: Resamplings.
        seed: Of the resampling: the same seed draws the same sources.
    """
    names = sorted(set(sources))
    members = {name: [i for i, s in enumerate(sources) if s == name] for name in names}
    rng = np.random.default_rng(seed)
    values = []
    for _ in range(runs):
        drawn = rng.choice(len(names), len(names))
        value = figure([i for n in drawn for i in members[names[n]]])
        if value is not None:
            values.append(value)
    low, high = np.percentile(values, (2.5, 97.5)) if values else (np.nan, np.nan)
    return float(low), float(high)
