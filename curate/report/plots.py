"""The study's figures: per metric and eval set the arms, and their paired difference."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from curate.report.figures import IntervalRow, domain_of, intervals
from curate.report.study import VERDICTS, Metric, Result, Summary


@dataclass(frozen=True, slots=True)
class Plot:
    """The figures of one metric: per eval set the arms, and their paired difference."""

    metric: Metric
    sets: list[tuple[str, Markup, Markup, str]]
    """(eval set, arms, difference, what the differences show)."""


def draw_study(study: Summary) -> list[Plot]:
    """Draw every metric; the eval sets of one metric share their axes."""
    plots = []
    for metric in study.metrics:
        every = [result for results in metric.results.values() for result in results]
        arms = domain_of([estimate for r in every for estimate in r.arms.values()])
        difference = domain_of([r.difference for r in every], zero=True)
        sets = []
        for name, results in metric.results.items():
            label = f"{metric.label}, eval set {name}"
            first = second = Markup("")
            if arms:
                first = intervals(label, _arm_rows(study, results), arms)
            if difference:
                rows = [
                    IntervalRow(_at(r, results) or "difference", "diff", r.difference)
                    for r in results
                ]
                second = intervals(f"{label}: {study.difference}", rows, difference, zero=True)
            sets.append((name, first, second, _verdicts(results)))
        plots.append(Plot(metric, sets))
    return plots


def _arm_rows(study: Summary, results: Sequence[Result]) -> list[IntervalRow]:
    return [
        IntervalRow(f"{_at(result, results)} {arm}".strip(), f"arm{place}", result.arms[arm])
        for result in results
        for place, arm in enumerate(study.arms)
        if arm in result.arms
    ]


def _at(result: Result, results: Sequence[Result]) -> str:
    """The horizon, where there are several."""
    return f"h={result.horizon}" if len(results) > 1 else ""


def _verdicts(results: Sequence[Result]) -> str:
    """The verdicts in words, each with its horizons."""
    steps: dict[str, list[str]] = {}
    for result in results:
        word = VERDICTS.get(result.verdict, result.verdict)
        steps.setdefault(word, []).append(_at(result, results))
    several = len(results) > 1
    return "; ".join(w + (f" at {', '.join(at)}" if several else "") for w, at in steps.items())
