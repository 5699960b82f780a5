"""Arms against each other: figures of merit, their intervals and paired differences."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from curate.study.conclusion import verdict
from curate.study.plan import ARMS, REFERENCE_ARM, StudyPlan
from curate.study.settings import Study
from curate.study.statistics import Interval, bootstrap

Array = npt.NDArray[np.float64]
Cells = dict[tuple[str, str, str, int], Array]
"""(eval set, arm, metric of the results, horizon) -> (seeds, sources) means over clips."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of merit made of metrics of the results (see curate/study/metrics.py).

    Attributes:
        label: For axes and tables.
        unit: `share`, `dB` or `bits`.
        meaning: One sentence for a reader.
        better: `higher`, or None where the figure only describes.
        value: Metric of each arm's own model.
        against: Metric it is compared with; None where there is none.
        own: Whether `against` is the arm's own; otherwise it is the reference arm's.
        rollout: Whether there is one value per horizon.
    """

    label: str
    unit: Literal["share", "dB", "bits"]
    meaning: str
    better: Literal["higher"] | None
    value: str
    against: str | None = None
    own: bool = False
    rollout: bool = False


FIGURES: Final = {
    "rollout_skill_no_action": Figure(
        "Rollout skill over no action",
        "share",
        "share of the error of the raw arm's no-action model that the inferred latent actions "
        "remove, `horizon` predicted steps after the last true frame",
        "higher",
        "rollout_error",
        "rollout_no_action",
        rollout=True,
    ),
    "rollout_skill_copy": Figure(
        "Rollout skill over copying",
        "share",
        "share of the error of repeating the last true frame that is removed",
        "higher",
        "rollout_error",
        "rollout_copy",
        rollout=True,
    ),
    "one_step_skill_no_action": Figure(
        "One-step skill over no action",
        "share",
        "as rollout_skill_no_action, for each next frame given all true frames before it",
        "higher",
        "one_step_error",
        "one_step_no_action",
    ),
    "one_step_skill_copy": Figure(
        "One-step skill over copying",
        "share",
        "as rollout_skill_copy, for each next frame given all true frames before it",
        "higher",
        "one_step_error",
        "one_step_copy",
    ),
    "linear_skill_copy": Figure(
        "Linear baseline's skill over copying",
        "share",
        "one_step_skill_copy of the closed-form linear latent-action model",
        "higher",
        "one_step_linear",
        "one_step_copy",
    ),
    "action_gain_db": Figure(
        "Gain from the right action",
        "dB",
        "10 log10 of the squared rollout error with another clip's latent actions over that with "
        "the clip's own: how much the forward model obeys the latent action",
        "higher",
        "rollout_mse",
        "rollout_mse_shuffled",
        own=True,
        rollout=True,
    ),
    "kl_bits": Figure(
        "Information in the latent action",
        "bits",
        "KL divergence of an inferred latent action from the prior; arms with other bits are "
        "compared at other capacity",
        None,
        "kl_bits",
    ),
}
PRIMARY: Final = ("raw", "rollout_skill_no_action")
"""Eval set and figure that decide, at the longest horizon; declared before any result."""


def compare(results: pl.DataFrame, plan: StudyPlan, settings: Study) -> list[dict[str, Any]]:
    """Compare the arms by every figure, on every eval set, at every horizon.

    Returns:
        `results` of the summary, as curate.study.arms.summarise describes it.

    Raises:
        ValueError: Values of an arm, seed or source are missing.
    """
    cells = _cells(results, plan, settings)
    entries = []
    for eval_set in plan.evaluate:
        for name, figure in FIGURES.items():
            if (eval_set, ARMS[0], figure.value, 1) not in cells:
                continue
            for horizon in range(1, (settings.horizon if figure.rollout else 1) + 1):
                entry = _entry(cells, eval_set, figure, horizon, plan, settings)
                primary = (eval_set, name) == PRIMARY and horizon == settings.horizon
                entries.append(
                    {"eval_set": eval_set, "metric": name, "horizon": horizon, "primary": primary}
                    | entry
                )
    return entries


def _cells(results: pl.DataFrame, plan: StudyPlan, settings: Study) -> Cells:
    means = results.group_by("eval_set", "arm", "metric", "horizon", "seed", "source").agg(
        pl.col("value").mean()
    )
    cells: Cells = {}
    for key, part in means.partition_by(
        "eval_set", "arm", "metric", "horizon", as_dict=True
    ).items():
        eval_set, arm, metric, horizon = key
        sources = sorted({plan.source_of[clip] for clip in plan.evaluate[eval_set]})
        wanted = len(sources) * settings.seeds
        grid = part.sort("seed", "source")
        if grid.height != wanted or set(grid["source"]) != set(sources):
            raise ValueError(
                f"results of arm {arm} on {eval_set} ({metric}) must have {wanted} cells of seed "
                f"and source, not {grid.height}"
            )
        cells[eval_set, arm, metric, horizon] = grid["value"].to_numpy().reshape(settings.seeds, -1)
    absent = {(e, a) for e in plan.evaluate for a in ARMS} - {(key[0], key[1]) for key in cells}
    if absent:
        raise ValueError(f"results lack the eval set and arm {sorted(absent)}")
    return cells


def _entry(
    cells: Cells,
    eval_set: str,
    figure: Figure,
    horizon: int,
    plan: StudyPlan,
    settings: Study,
) -> dict[str, Any]:
    def of(arm: str) -> tuple[Array, ...]:
        own = cells[eval_set, arm, figure.value, horizon]
        if figure.against is None:
            return (own,)
        owner = arm if figure.own else REFERENCE_ARM
        return own, cells[eval_set, owner, figure.against, horizon]

    combine = _combine(figure)
    parts = {arm: of(arm) for arm in ARMS}
    both = (*parts["curated"], *parts["raw"])
    width = len(parts["raw"])

    def differ(*means: Array) -> Array:
        return combine(*means[:width]) - combine(*means[width:])

    draws = settings.bootstrap
    difference = bootstrap(differ, *both, draws=draws)
    sources = both[0].shape[1]
    return {
        "arms": {
            arm: _plain(bootstrap(combine, *part, draws=draws), combine, part)
            for arm, part in parts.items()
        },
        "difference": _plain(difference, differ, both),
        "verdict": verdict(difference, training_sources(plan), sources),
    }


def training_sources(plan: StudyPlan) -> int:
    """Distinct sources that the arm with fewer of them draws training clips from."""
    return min(
        len({plan.source_of[clip] for clips in seeds for clip in clips})
        for seeds in plan.train.values()
    )


def _combine(figure: Figure) -> Callable[..., Array]:
    if figure.against is None:
        return lambda value: value
    if figure.unit == "dB":
        return lambda value, shuffled: 10 * np.log10(shuffled / value)
    return lambda value, against: 1 - value / against


def _plain(
    interval: Interval, statistic: Callable[..., Array], cells: tuple[Array, ...]
) -> dict[str, Any]:
    """An interval and the statistic of each seed, with None for what is not defined."""
    with np.errstate(divide="ignore", invalid="ignore"):
        seeds = statistic(*(part.mean(1) for part in cells))
    return {
        "mean": _finite(interval.mean),
        "low": _finite(interval.low),
        "high": _finite(interval.high),
        "seeds": [_finite(float(value)) for value in seeds],
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
