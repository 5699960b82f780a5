"""Estimates of the ledger's figures from the results of all arms and seeds."""

import math
from typing import Any

import numpy as np
import polars as pl

from curate.study.ledger.figures import Array, Figure
from curate.study.ledger.plan import LedgerPlan
from curate.study.statistics import LEVEL, resample

Cells = dict[tuple[str, str, str], Array]
"""(eval set, arm, metric) -> (seeds, sources)."""


def cells_of(results: pl.DataFrame, seeds: int) -> Cells:
    """Results in the ledger's grids.

    Raises:
        ValueError: A source or a seed is missing somewhere.
    """
    cells: Cells = {}
    for key, part in results.partition_by("eval_set", "arm", "metric", as_dict=True).items():
        grid = part.sort("seed", "source")
        sources = grid["source"].n_unique()
        if grid.height != sources * grid["seed"].n_unique() or grid["seed"].n_unique() != seeds:
            raise ValueError(f"results of {key} must have every source in each of {seeds} seeds")
        eval_set, arm, metric = map(str, key)
        cells[eval_set, arm, metric] = grid["value"].to_numpy().reshape(seeds, sources)
    return cells


def parts_of(cells: Cells, arm: str, figure: Figure, plan: LedgerPlan) -> tuple[Array, ...] | None:
    """The figure's metrics for an arm; None where one was not measured."""
    split = len(figure.metrics) - figure.reference
    owners = [arm] * split + [plan.reference] * figure.reference
    keys = [
        (figure.eval_set, owner, metric)
        for owner, metric in zip(owners, figure.metrics, strict=True)
    ]
    return tuple(cells[key] for key in keys) if all(key in cells for key in keys) else None


def estimate(statistic: Any, parts: tuple[Array, ...], draws: int) -> tuple[dict[str, Any], Array]:
    """Mean, interval and every seed; None where not defined, and the statistic's draws."""
    values = resample(statistic, *parts, draws=draws)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = float(statistic(*(np.array([part.mean()]) for part in parts))[0])
        seeds = [float(v) for v in statistic(*(part.mean(1) for part in parts))]
    if not (math.isfinite(mean) and np.isfinite(values).all()):
        return {"mean": None, "low": None, "high": None, "seeds": []}, values
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return {"mean": mean, "low": float(low), "high": float(high), "seeds": seeds}, values
