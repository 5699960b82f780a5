"""Dose-response: what a known share of a contaminant costs, and what curation gives back.

With M the figure of merit of the clean arm (c), of an arm at a dose (d) and of the same mixture
after the filters (k), all of equal budget,

    lost = M_c - M_d        recovered share = (M_k - M_d) / (M_c - M_d)

The share is stated only where the loss is shown: a ratio to nothing has no meaning.
"""

from typing import Any

import numpy as np

from curate.study.ledger.dose import CLEAN, CURED, arm_name
from curate.study.ledger.estimates import Cells, estimate, parts_of
from curate.study.ledger.figures import Array, Figure
from curate.study.ledger.plan import LedgerPlan
from curate.study.ledger.settings import Ledger


def dose_responses(
    cells: Cells, plan: LedgerPlan, figure: Figure, settings: Ledger
) -> list[dict[str, Any]]:
    """Every contaminant and dose of a plan, JSON-ready.

    Args:
        cells: Results of all arms.
        plan: Of the design `dose`.
        figure: The primary figure.
        settings: `doses` and draws of the bootstrap.

    Returns:
        Rows of kind, dose, dosed and cured (estimates; cured None where that arm was left out),
        lost, regained (estimates of differences) and recovered (a share with its interval, or
        None where `lost` or `regained` does not allow it).
    """
    clean = parts_of(cells, CLEAN, figure, plan)
    rows: list[dict[str, Any]] = []
    for arm, (kind, dose) in arms_of(plan, settings).items():
        dosed = parts_of(cells, arm, figure, plan)
        if clean is None or dosed is None:
            continue
        cured = parts_of(cells, f"{arm} {CURED}", figure, plan)
        width = len(dosed)

        def less(*means: Array, width: int = width) -> Array:
            difference: Array = figure.value(*means[:width]) - figure.value(*means[width:])
            return difference

        lost, draws = estimate(less, (*clean, *dosed), settings.bootstrap)
        row = {
            "kind": kind,
            "dose": dose,
            "dosed": estimate(figure.value, dosed, settings.bootstrap)[0],
            "cured": None,
            "lost": lost,
            "regained": None,
            "recovered": None,
        }
        if cured is not None:
            regained, back = estimate(less, (*cured, *dosed), settings.bootstrap)
            row["cured"] = estimate(figure.value, cured, settings.bootstrap)[0]
            row |= {"regained": regained, "recovered": _share(regained, lost, back, draws)}
        rows.append(row)
    return rows


def arms_of(plan: LedgerPlan, settings: Ledger) -> dict[str, tuple[str, float]]:
    """Arm -> (contaminant, dose) of the arms that are contaminated and not curated."""
    doses = settings.doses
    known = {arm_name(kind, dose): (kind, dose) for kind in plan.shares for dose in doses}
    return {arm: known[arm] for arm in plan.train if arm in known}


def _share(
    regained: dict[str, Any], lost: dict[str, Any], back: Array, gone: Array
) -> dict[str, float] | None:
    """Regained over lost, its interval of paired draws; None where no loss is shown."""
    if lost["mean"] is None or regained["mean"] is None or lost["low"] <= 0:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high = np.nanquantile(back / gone, [0.025, 0.975])
    return {"mean": regained["mean"] / lost["mean"], "low": float(low), "high": float(high)}
