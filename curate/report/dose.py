"""Dose-response on the page: the figure of merit against the share of contaminated windows."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from markupsafe import Markup

from curate.report.figures import WIDTH, line, svg, text, ticks

_TOP: Final = 8
_HEIGHT: Final = 150
_LEFT: Final = 44
_ASIDE: Final = 3
"""Units by which the two series stand aside of each other, so that intervals can be told apart."""


def dose_plot(
    label: str, kind: str, rows: Sequence[dict[str, Any]], clean: dict[str, Any]
) -> Markup:
    """One contaminant: means with 95 % intervals, contaminated and curated, by dose.

    Args:
        label: Of the figure of merit.
        kind: The contaminant.
        rows: Of `curate.study.ledger.response.dose_responses`, of this contaminant.
        clean: The clean arm's mean, low and high: dose 0 of both series.
    """
    rows = sorted(rows, key=lambda row: float(row["dose"]))
    series = {
        "arm0": [(0.0, clean), *((row["dose"], row["dosed"]) for row in rows)],
        "arm1": [(0.0, clean), *((row["dose"], row["cured"]) for row in rows)],
    }
    known = [e for points in series.values() for _, e in points if e and e["mean"] is not None]
    if not known:
        return Markup("")
    low, high = min(e["low"] for e in known), max(e["high"] for e in known)
    room = 0.08 * (high - low) or 0.1
    x = _axis(0.0, 1.05 * max(row["dose"] for row in rows), _LEFT, WIDTH - 8)
    y = _axis(low - room, high + room, _TOP + _HEIGHT, _TOP)
    parts = _frame(x, y, low - room, high + room, [0.0, *(row["dose"] for row in rows)])
    for aside, (style, points) in zip((-_ASIDE, _ASIDE), series.items(), strict=True):
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
