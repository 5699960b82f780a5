"""The ledger as a table: every arm's figures, their differences, Holm over the primary ones."""

from typing import Any, Final

import polars as pl

from curate.study.ledger.dose import CLEAN
from curate.study.ledger.estimates import Cells, cells_of, estimate, parts_of
from curate.study.ledger.figures import BESIDE, CAMERA, LABELLED, Array, Figure, figures
from curate.study.ledger.plan import LedgerPlan
from curate.study.ledger.response import dose_responses
from curate.study.ledger.settings import Ledger, knob_of
from curate.study.statistics import LEVEL, holm, p_value

RESULTS: Final = {
    "arm": pl.String,
    "seed": pl.Int64,
    "eval_set": pl.String,
    "source": pl.String,
    "metric": pl.String,
    "value": pl.Float64,
    "normaliser": pl.String,
}
"""Columns of the results: one row per arm, seed, eval set, source and metric, a mean per pair."""

_POWER_FACTOR: Final = 1.960 + 0.842  # two-sided 5 %, power 80 %


def summarise(
    results: pl.DataFrame, plan: LedgerPlan, settings: Ledger, dimensions: list[str]
) -> dict[str, Any]:
    """Compare all arms; JSON-ready.

    Args:
        results: Rows of `RESULTS` of every arm and seed of the plan, in any order; arms that the
            plan does not train (controls) are shown and compared with nothing.
        plan: The plan.
        settings: What they ran with.
        dimensions: Names of the action's dimensions; empty without labels.

    Returns:
        The plan's budget, `figures`, and `entries`: one per arm and figure with mean, low, high,
        seeds and, where the plan compares the arm, versus, difference (mean, low, high, seeds),
        p (two-sided, of the bootstrap), p_holm (of primary figures, over all their comparisons),
        detectable (least difference that 80 % of such studies would find) and verdict.
        `doses` is of `curate.study.ledger.response.dose_responses`, empty for other designs.

    Raises:
        ValueError: Arms have different target spaces, or cells are missing.
    """
    spaces = results["normaliser"].unique().to_list()
    if len(spaces) != 1:
        raise ValueError(f"the arms must have one target space, not {len(spaces)}")
    cells = cells_of(results, settings.seeds)
    camera = any(metric.startswith(f"{CAMERA} ") for metric in results["metric"].unique())
    known = figures(dimensions, camera=camera, beside=_beside_dimensions(results))
    controls = [arm for arm in results["arm"].unique().sort() if arm not in plan.train]
    entries = []
    for name, figure in known.items():
        for arm in (*plan.train, *controls):
            entry = _entry(cells, arm, name, figure, plan, settings)
            if entry is not None:
                entries.append(entry)
    _holm([e for e in entries if e["primary"] and e["p"] is not None])
    for entry in entries:
        entry["verdict"] = _verdict(entry)
    return {
        "arms": list(plan.train),
        "controls": controls,
        "versus": plan.versus,
        "windows": plan.windows,
        "pools": plan.pools,
        "left_out": plan.left_out,
        "shares": plan.shares,
        "seeds": settings.seeds,
        "optimiser_steps": settings.steps,
        "batch_size": settings.batch_size,
        "model": {
            "inverse": settings.inverse,
            "forward": settings.forward,
            "regulariser": settings.regulariser,
            "capacity": knob_of(settings),
            "latent": settings.latent,
        },
        "epochs": settings.steps * min(settings.batch_size, plan.windows) / plan.windows,
        "normaliser": spaces[0],
        "primary": list(plan.primary),
        "dimensions": dimensions,
        "sets": _sets(plan) | _beside_set(results),
        "figures": {
            name: {
                "label": f.label,
                "unit": f.unit,
                "meaning": f.meaning,
                "eval_set": f.eval_set,
                "better": f.better,
            }
            for name, f in known.items()
            if any(e["figure"] == name for e in entries)
        },
        "entries": entries,
        "doses": dose_responses(cells, plan, known[plan.primary[0]], settings)
        if plan.reference == CLEAN
        else [],
    }


def _entry(
    cells: Cells, arm: str, name: str, figure: Figure, plan: LedgerPlan, settings: Ledger
) -> dict[str, Any] | None:
    own = parts_of(cells, arm, figure, plan)
    if own is None:
        return None
    entry: dict[str, Any] = {
        "arm": arm,
        "figure": name,
        "primary": name in plan.primary and arm in plan.versus,
        **estimate(figure.value, own, settings.bootstrap)[0],
        "versus": None,
        "difference": None,
        "p": None,
        "p_holm": None,
        "detectable": None,
    }
    other = plan.versus.get(arm)
    against = parts_of(cells, other, figure, plan) if other is not None else None
    if against is None:
        return entry
    width = len(own)

    def differ(*means: Array) -> Array:
        difference: Array = figure.value(*means[:width]) - figure.value(*means[width:])
        return difference

    difference, draws = estimate(differ, (*own, *against), settings.bootstrap)
    entry |= {"versus": other, "difference": difference}
    if difference["mean"] is not None:
        entry["p"] = p_value(draws)
        entry["detectable"] = float(_POWER_FACTOR * draws.std())
    return entry


def _holm(entries: list[dict[str, Any]]) -> None:
    for entry, adjusted in zip(entries, holm([e["p"] for e in entries]), strict=True):
        entry["p_holm"] = adjusted


def _verdict(entry: dict[str, Any]) -> str | None:
    """`higher` or `lower`; `not_shown` where the interval, or Holm, does not leave 0 out."""
    difference = entry["difference"]
    if difference is None or difference["mean"] is None:
        return None
    clear = difference["low"] > 0 or difference["high"] < 0
    if entry["p_holm"] is not None:
        clear = clear and entry["p_holm"] <= 1 - LEVEL
    if not clear:
        return "not_shown"
    return "higher" if difference["mean"] > 0 else "lower"


def _beside_dimensions(results: pl.DataFrame) -> list[str]:
    """Names of the dimensions that were probed for in the corpus beside."""
    metrics = results.filter(pl.col("eval_set") == BESIDE)["metric"].unique().sort()
    start = "ridge total "
    return [name.removeprefix(start) for name in metrics if name.startswith(start)]


def _beside_set(results: pl.DataFrame) -> dict[str, dict[str, int | None]]:
    """Its size, as far as results tell it."""
    sources = results.filter(pl.col("eval_set") == BESIDE)["source"].n_unique()
    return {BESIDE: {"windows": None, "sources": sources}} if sources else {}


def _sets(plan: LedgerPlan) -> dict[str, dict[str, int | None]]:
    sets = {**plan.evaluate, LABELLED: plan.label_test} if plan.label_test else plan.evaluate
    return {
        name: {"windows": len(names), "sources": len({plan.source_of[w] for w in names})}
        for name, names in sets.items()
    }
