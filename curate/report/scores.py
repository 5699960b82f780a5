"""Each score's distribution over the clips, with the bounds that the policy puts on it."""

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from curate.config import Config
from curate.report.data import Tables
from filters.base import MISSING_SCORES
from filters.registry import FILTERS

BINS: Final = 48
"""Bars of a histogram: fine enough to place a bound by eye in a figure 480 units wide."""
_TAIL: Final = 0.005
"""Share of clips at either end whose values go to the outermost bars."""
_NEAR_ZERO: Final = 0.1
"""An axis that would begin above 0, and below this share of its end, begins at 0."""
_STRETCH: Final = 3.0
"""A bound beyond this multiple of the data's range is told, not drawn: it would hide the data."""


@dataclass(frozen=True, slots=True)
class Score:
    """One score over all clips.

    Attributes:
        name: Column, setting and command-line name.
        doc: The filter's own line.
        low: Least value kept; None for no bound.
        high: Greatest value kept; None for no bound.
        null: What a missing score means: keep or drop.
        off: Whether the policy leaves the filter out.
        edges: BINS + 1 limits of the bars; empty without a value.
        inside: Clips within the bounds per bar.
        outside: Clips beyond a bound per bar.
        values: Clips with a value.
        within: Clips with a value within the bounds.
        median: Middle value; None without a value.
        missing: (reason word, its meaning, clips), the most frequent first.
    """

    name: str
    doc: str
    low: float | None
    high: float | None
    null: str
    off: bool
    edges: tuple[float, ...]
    inside: tuple[int, ...]
    outside: tuple[int, ...]
    values: int
    within: int
    median: float | None
    missing: tuple[tuple[str, str, int], ...]

    @property
    def beyond(self) -> int:
        """Clips with a value beyond a bound."""
        return self.values - self.within

    @property
    def absent(self) -> int:
        """Clips without a value."""
        return sum(clips for _, _, clips in self.missing)

    @property
    def bounded(self) -> bool:
        """Whether the policy uses the score."""
        return self.low is not None or self.high is not None


def count_scores(tables: Tables, config: Config) -> list[Score]:
    """Every registered score that the corpus holds, in the registry's order."""
    bounds = {row["filter"]: row for row in tables.bounds.iter_rows(named=True)}
    names = [name for name in FILTERS if name in tables.scores.columns]
    missing = _missing(tables.scores, names)
    found = []
    for name in names:
        bound = bounds.get(name, {"low": None, "high": None, "null": FILTERS[name].null})
        chosen = config.policy.filters.get(name)
        off = chosen is not None and chosen.off
        found.append(_count(tables.scores[name], bound, missing[name], off=off))
    return found


def _count(values: pl.Series, bound: dict[str, Any], words: Counter[str], *, off: bool) -> Score:
    low, high = bound["low"], bound["high"]
    present = values.drop_nulls().to_numpy().astype(np.float64)
    # Verdicts compare float32 with float32 (curate/decide.py); so does this count.
    within = np.ones(present.shape, dtype=bool)
    if low is not None:
        within &= present >= np.float32(low)
    if high is not None:
        within &= present <= np.float32(high)
    edges = _edges(present, low, high)
    return Score(
        name=values.name,
        doc=FILTERS[values.name].doc,
        low=low,
        high=high,
        null=bound["null"],
        off=off,
        edges=tuple(edges.tolist()),
        inside=_bars(present[within], edges),
        outside=_bars(present[~within], edges),
        values=present.size,
        within=int(within.sum()),
        median=float(np.median(present)) if present.size else None,
        missing=tuple((w, MISSING_SCORES.get(w, ""), n) for w, n in words.most_common()),
    )


def _edges(
    values: npt.NDArray[np.float64], low: float | None, high: float | None
) -> npt.NDArray[np.float64]:
    """Limits that hold nearly all values and every bound that is not far from them."""
    if not values.size:
        return np.zeros(0)
    start, end = (float(v) for v in np.quantile(values, (_TAIL, 1 - _TAIL)))
    if 0 < start < _NEAR_ZERO * end:
        start = 0.0
    reach = _STRETCH * ((end - start) or abs(start) or 1.0)
    for bound in (low, high):
        if bound is not None and start - reach <= bound <= end + reach:
            start, end = min(start, bound), max(end, bound)
    if end - start < 1e-9 * max(abs(start), 1.0):  # one value only: give it a bar in the middle
        start, end = start - 0.5, end + 0.5
    return np.linspace(start, end, BINS + 1)


def _bars(values: npt.NDArray[np.float64], edges: npt.NDArray[np.float64]) -> tuple[int, ...]:
    if not edges.size:
        return ()
    counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
    return tuple(int(c) for c in counts)


def _missing(scores: pl.DataFrame, names: list[str]) -> dict[str, Counter[str]]:
    """Score -> reason word -> clips; `unmeasured` where no reason was stored."""
    counted: dict[str, Counter[str]] = {name: Counter() for name in names}
    if not names:
        return counted
    rows = scores.filter(pl.any_horizontal(pl.col(names).is_null()))
    words = _words(rows["missing"]) if "missing" in rows.columns else [{}] * rows.height
    for name in names:
        for absent, word in zip(rows[name].is_null(), words, strict=True):
            if absent:
                counted[name][word.get(name, "unmeasured")] += 1
    return counted


def _words(column: pl.Series) -> list[dict[str, str]]:
    """Rows of a map column, which Polars reads as a map or as a list of key-value structs."""
    rows: list[list[Any] | None] = column.to_arrow().to_pylist()
    return [
        dict((p["key"], p["value"]) if isinstance(p, dict) else p for p in row or ())
        for row in rows
    ]
