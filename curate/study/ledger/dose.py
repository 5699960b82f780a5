"""Dose-response: known shares of one contaminant in otherwise clean footage, and after curation.

Source: research on linear latent actions predicts the effect of cuts and camera motion by dose
(curate/latent_action/theory.py); here the doses are of footage whose contaminations are known.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import polars as pl

from curate.study.ledger.plan import MIN_WINDOWS, LedgerPlan, complete, split
from curate.study.ledger.settings import Ledger
from curate.study.plan import StudyImpossible
from manifests.errors import ConfigError

CLEAN: Final = "clean"
"""The arm without contamination, the reference."""
CURED: Final = "curated"
"""Suffix of arms whose contaminated footage went through the filters first."""


def arm_name(kind: str, dose: float) -> str:
    """The arm of which a share of the windows has one contaminant, such as `cuts 20 %`."""
    return f"{kind} {100 * dose:g} %"


def plan_dose(
    windows: pl.DataFrame, truth: Mapping[str, frozenset[str]], settings: Ledger
) -> LedgerPlan:
    """Draw arms of one contaminant at one dose each.

    `cuts 20 %` has a fifth of its windows from footage with cuts alone and the rest from footage
    without any contamination; `cuts 20 % curated` is drawn from the same mixture, less the windows
    to which a filter objects, and refilled to the same number. What it regains of what the dose
    cost is the recovered share.

    Args:
        windows: As of `curate.study.ledger.plan.plan_ledger`.
        truth: Window -> kinds of contamination that show in it.
        settings: `doses` are the shares, `seeds` and `train_windows` the budget.

    Raises:
        StudyImpossible: There is too little clean footage, or none with a known contaminant.
    """
    windows, pool, held = split(windows, settings)
    names = pool["window_id"].to_list()
    flagged = {w for w, found in pool.select("window_id", "flags").iter_rows() if found}
    clean = [w for w in names if not truth.get(w)]
    kinds = sorted({kind for w in names for kind in truth.get(w, ())})
    unknown = sorted(set(settings.dose_kinds) - set(kinds))
    if kinds and unknown:
        raise ConfigError(f"ledger.dose_kinds: no {unknown[0]}; known are {', '.join(kinds)}")
    kinds = [kind for kind in kinds if kind in (settings.dose_kinds or kinds)]
    if not kinds:
        raise StudyImpossible("no training window has a known contamination")
    size = min(len(clean), settings.train_windows)
    if size < MIN_WINDOWS:
        raise StudyImpossible(f"{len(clean)} clean training windows, at least {MIN_WINDOWS} needed")
    pools: dict[str, Sequence[str]] = {CLEAN: clean}
    versus: dict[str, str] = {}
    for kind in kinds:
        dirty = [w for w in names if truth.get(w) == frozenset({kind})]
        for dose in settings.doses:
            arm = arm_name(kind, dose)
            mixture = _mixture(dirty, clean, dose)
            pools[arm] = mixture
            pools[f"{arm} {CURED}"] = [w for w in mixture if w not in flagged]
            versus |= {arm: CLEAN, f"{arm} {CURED}": arm}
    shares = {kind: sum(kind in truth.get(w, ()) for w in names) / len(names) for kind in kinds}
    return complete(windows, held, pool, pools, versus, CLEAN, size, shares, settings)


def _mixture(dirty: Sequence[str], clean: Sequence[str], dose: float) -> list[str]:
    """As many windows as there are at this share of dirty ones."""
    total = min(len(dirty) / dose, len(clean) / (1 - dose))
    return [*dirty[: round(dose * total)], *clean[: round((1 - dose) * total)]]
