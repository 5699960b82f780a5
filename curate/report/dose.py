"""Dose-response on the page: the figure of merit against the share of contaminated windows."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from markupsafe import Markup

from curate.report.figures import WIDTH, line, svg, text, ticks

_TOP: Final = 8
_HEIGHT: Final = 150
_LEFT: Final = 44
_ASIDE: Final = 3
"""Units by which series stand aside of each other, so that intervals can be told apart."""


Series: TypeAlias = Mapping[str, Sequence[tuple[float, dict[str, Any] | None]]]
"""Style -> (dose, estimate with mean, low and high), which may be undefined or None."""


def dose_series(
    kind: str, rows: Sequence[dict[str, Any]], clean: dict[str, Any]
) -> dict[str, list[tuple[float, dict[str, Any] | None]]]:
    """A figure of merit of one contaminant by dose, contaminated and curated.

    Args:
        kind: The contaminant.
        rows: Of `curate.study.ledger.response.dose_responses`.
        clean: The clean arm's mean, low and high: dose 0 of both series.
    """
    rows = sorted((row for row in rows if row["kind"] == kind), key=lambda row: float(row["dose"]))
    return {
        style: [(0.0, clean), *((row["dose"], row[which]) for row in rows)]
        for style, which in (("arm0", "dosed"), ("arm1", "cured"))
    }


def dose_plot(label: str, kind: str, series: Series) -> Markup:
    """Means with 95 % intervals against the dose of one contaminant; empty without any.

    Args:
        label: Of the figure of merit.
        kind: The contaminant.
        series: What is drawn.
    """
    known = [e for points in series.values() for _, e in points if e and e["mean"] is not None]
    doses = sorted({dose for points in series.values() for dose, _ in points})
    if not known or doses[-1] <= 0:
        return Markup("")
    low, high = min(e["low"] for e in known), max(e["high"] for e in known)
    room = 0.08 * (high - low) or 0.1
    x = _axis(0.0, 1.05 * doses[-1], _LEFT, WIDTH - 8)
    y = _axis(low - room, high + room, _TOP + _HEIGHT, _TOP)
    parts = _frame(x, y, low - room, high + room, doses)
    for place, (style, points) in enumerate(series.items()):
        aside = _ASIDE * (2 * place - len(series) + 1)
        parts += _series(style, [(x(d) + aside, e) for d, e in points if e], y)
    parts.append(text(WIDTH - 8, _TOP + _HEIGHT + 30, f"windows with {kind}", "end"))
    return svg(f"{label} against the share of windows with {kind}", _TOP + _HEIGHT + 36, parts)


def _axis(low: float, high: float, first: float, last: float) -> Callable[[float], float]:
    return lambda value: first + (last - first) * (value - low) / (high - low)


def _frame(
    x: Callable[[float], float],
    y: Callable[[float], float],
    low: float,
    high: float,
    doses: Sequence[float],
) -> list[Markup]:
    """Axes, grid and their numbers."""
    bottom = _TOP + _HEIGHT
    parts = [line("axis", _LEFT, bottom, WIDTH - 8, bottom)]
    for tick in ticks(low, high, 4):
        parts.append(line("grid", _LEFT, y(tick), WIDTH - 8, y(tick)))
        parts.append(text(_LEFT - 6, y(tick) + 4, f"{tick:g}", "end"))
    taken = -1e9
    for dose in doses:
        parts.append(line("axis", x(dose), bottom, x(dose), bottom + 4))
        if x(dose) - taken > 34:  # numbers of doses close together would overlap
            parts.append(text(x(dose), bottom + 16, f"{100 * dose:g} %", "middle"))
            taken = x(dose)
    return parts


def _series(
    style: str, points: Sequence[tuple[float, dict[str, Any]]], y: Callable[[float], float]
) -> list[Markup]:
    """A line through the means, and an interval at each."""
    parts: list[Markup] = []
    last = None
    for place, found in points:
        if found["mean"] is None:
            last = None
            continue
        if last is not None:
            parts.append(line(f"path {style}", *last, place, y(found["mean"])))
        last = (place, y(found["mean"]))
        parts.append(line(f"interval {style}", place, y(found["low"]), place, y(found["high"])))
        dot = Markup('<circle class="dot {}" cx="{:.1f}" cy="{:.1f}" r="3"/>')
        parts.append(dot.format(style, *last))
    return parts
