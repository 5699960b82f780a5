"""The statistics of a LeRobot data set: per episode, and pooled over episodes."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

_QUANTILES: Final = {"q01": 0.01, "q10": 0.1, "q50": 0.5, "q90": 0.9, "q99": 0.99}

Stats = dict[str, npt.NDArray[Any]]
"""min, max, mean, std, q01 to q99 of each channel, and count (1,)."""


def stats_of(values: npt.NDArray[Any]) -> Stats:
    """Statistics of (n, K) values by column; rows with an undefined number are left out.

    With no row left, all are 0 and the count is 0.
    """
    rows = np.asarray(values, np.float64)
    rows = rows[np.isfinite(rows).all(axis=1)]
    count = np.array([len(rows)])
    if not len(rows):
        rows = np.zeros((1, rows.shape[1]))
    found = {
        "min": rows.min(0),
        "max": rows.max(0),
        "mean": rows.mean(0),
        "std": rows.std(0),
        "count": count,
    }
    quantiles = np.quantile(rows, list(_QUANTILES.values()), axis=0)
    return found | dict(zip(_QUANTILES, quantiles, strict=True))


def colour_stats(pixels: npt.NDArray[np.uint8]) -> Stats:
    """Statistics of (n, 3) uint8 colours in [0, 1], shaped (3, 1, 1) as LeRobot has pictures'."""
    found = stats_of(pixels / 255)
    return {k: v if k == "count" else v.reshape(3, 1, 1) for k, v in found.items()}


def pooled(parts: Sequence[Stats]) -> Stats:
    """Statistics of all values from those of the parts; quantiles are means weighted by count.

    That is how LeRobot aggregates episodes: all but the quantiles are exact.
    """
    parts = [part for part in parts if part["count"][0]] or list(parts[:1])
    counts = np.array([part["count"][0] for part in parts], np.float64)
    weights = counts / max(1.0, counts.sum())

    def mean(name: str) -> npt.NDArray[np.float64]:
        return np.asarray(np.tensordot(weights, np.stack([p[name] for p in parts]), 1))

    average = mean("mean")
    spread = np.stack([p["std"] ** 2 + (p["mean"] - average) ** 2 for p in parts])
    found: Stats = {
        "min": np.min([p["min"] for p in parts], axis=0),
        "max": np.max([p["max"] for p in parts], axis=0),
        "mean": average,
        "std": np.sqrt(np.tensordot(weights, spread, 1)),
        "count": np.array([int(counts.sum())]),
    }
    return found | {name: mean(name) for name in _QUANTILES}
