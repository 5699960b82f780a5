"""Figures as inline SVG; colours and type come from the page's style sheet by class."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from markupsafe import Markup

from curate.report.formats import fixed, number, plural
from curate.report.scores import Score
from curate.report.study import Estimate

WIDTH: Final = 400
"""Of every figure; the page scales them."""
_HIST_TOP: Final = 30
_HIST_HEIGHT: Final = 96
_LEAST_BAR: Final = 1.5
"""Height of the lowest bar that holds a clip: a single clip far out must be seen."""
_LABEL_WIDTH: Final = 92
_NUMBER_WIDTH: Final = 128
_ROW_HEIGHT: Final = 22


def histogram(score: Score) -> Markup:
    """Clips by value: those beyond a bound in the colour of loss, each bound as a line."""
    if not score.edges:
        return Markup("")
    first, last = score.edges[0], score.edges[-1]
    base = _HIST_TOP + _HIST_HEIGHT

    def place(value: float) -> float:
        return WIDTH * (value - first) / (last - first)

    top = max(i + o for i, o in zip(score.inside, score.outside, strict=True)) or 1
    style = "in" if score.bounded else "free"
    parts = []
    bars = zip(pairwise(score.edges), score.inside, score.outside, strict=True)
    for (left, right), inside, outside in bars:
        if not inside + outside:
            continue
        total = max(_LEAST_BAR, _HIST_HEIGHT * (inside + outside) / top)
        kept = total * inside / (inside + outside)
        title = f"{number(left)} to {number(right)}: {plural(inside + outside, 'clip')}"
        x, width = place(left) + 0.4, place(right) - place(left) - 0.8
        parts.append(Markup("<g><title>{}</title>").format(title))
        parts.append(rect(style, x, base - kept, width, kept))
        parts.append(rect("out", x, base - total, width, total - kept))
        parts.append(Markup("</g>"))
    parts.append(line("axis", 0, base, WIDTH, base))
    for tick in ticks(first, last):
        parts.append(line("axis", place(tick), base, place(tick), base + 4))
        parts.append(text(place(tick), base + 16, number(tick), _anchor(place(tick))))
    # One line of text each, so that labels of bounds close together do not overlap.
    for bound, mark, y in (
        (score.low, "\N{GREATER-THAN OR EQUAL TO}", 10),
        (score.high, "\N{LESS-THAN OR EQUAL TO}", 23),
    ):
        if bound is not None and first <= bound <= last:
            x = place(bound)
            parts.append(line("bound", x, y + 3, x, base))
            parts.append(text(x, y, f"keep {mark} {number(bound)}", _anchor(x), "boundtext"))
    label = f"Histogram of {score.name} over {plural(score.values, 'clip')}"
    return svg(label, base + 22, parts)


@dataclass(frozen=True, slots=True)
class IntervalRow:
    """One line of an interval plot: its label, its colour class and what it shows."""

    label: str
    style: str
    estimate: Estimate


def intervals(
    label: str,
    rows: Sequence[IntervalRow],
    domain: tuple[float, float],
    *,
    zero: bool = False,
    label_width: int = _LABEL_WIDTH,
) -> Markup:
    """Means with 95 % intervals as bars and every seed as a dot, on one axis.

    Args:
        label: What the figure shows, for readers who cannot see it.
        rows: From top to bottom.
        domain: Least and greatest value on the axis.
        zero: Whether a line marks 0.
        label_width: Room for the labels, in units of the figure's width of 400.
    """
    low, high = domain
    plot = WIDTH - label_width - _NUMBER_WIDTH

    def place(value: float) -> float:
        return label_width + plot * (value - low) / (high - low)

    bottom = _ROW_HEIGHT * len(rows) + 4
    parts = [line("axis", label_width, bottom, label_width + plot, bottom)]
    for tick in ticks(low, high, 3):
        parts.append(line("grid", place(tick), 2, place(tick), bottom))
        parts.append(text(place(tick), bottom + 14, number(tick), "middle"))
    if zero:
        parts.append(line("zero", place(0), 2, place(0), bottom))
    for index, row in enumerate(rows):
        y = _ROW_HEIGHT * (index + 0.5) + 2
        parts.append(text(label_width - 8, y + 4, row.label, "end"))
        parts += _interval(row, y, place)
        parts.append(text(WIDTH, y + 4, _figure(row.estimate), "end", "value"))
    return svg(label, bottom + 20, parts)


def domain_of(estimates: Sequence[Estimate], *, zero: bool = False) -> tuple[float, float] | None:
    """An axis that holds every seed and interval with a little room; None without any number."""
    values = [0.0] if zero else []
    for estimate in estimates:
        ends = (estimate.low, estimate.high, estimate.mean, *estimate.seeds)
        values += [value for value in ends if value is not None and math.isfinite(value)]
    if len(values) <= zero:
        return None
    low, high = min(values), max(values)
    room = 0.06 * (high - low) or 0.5 * abs(high) or 0.5
    return low - room, high + room


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers inside [low, high], roughly `about` of them, 1, 2 or 5 times a power of ten."""
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * m for m in (1, 2, 5, 10) if power * m >= rough)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(index * step, 12) for index in range(first, last + 1)]


def _interval(row: IntervalRow, y: float, place: Callable[[float], float]) -> list[Markup]:
    estimate, parts = row.estimate, []
    if estimate.low is not None and estimate.high is not None:
        parts.append(line(f"interval {row.style}", place(estimate.low), y, place(estimate.high), y))
    for seed in estimate.seeds:
        dot = Markup('<circle class="dot {}" cx="{:.1f}" cy="{:.1f}" r="3"/>')
        parts.append(dot.format(row.style, place(seed), y))
    if estimate.mean is not None:
        x = place(estimate.mean)
        parts.append(line(f"mean {row.style}", x, y - 7, x, y + 7))
    return parts


def _figure(estimate: Estimate) -> str:
    if estimate.mean is None:
        return "not defined"
    digits = 3 if abs(estimate.mean) < 10 else 1
    mean = fixed(estimate.mean, digits)
    if estimate.low is None or estimate.high is None:
        return mean
    return f"{mean} [{fixed(estimate.low, digits)}, {fixed(estimate.high, digits)}]"


def _anchor(x: float) -> str:
    if x < 0.12 * WIDTH:
        return "start"
    return "end" if x > 0.88 * WIDTH else "middle"


def svg(label: str, height: float, parts: Sequence[Markup]) -> Markup:
    """A figure of so many units' height, named for readers who cannot see it."""
    head = Markup('<svg viewBox="0 0 {} {:.0f}" role="img" aria-label="{}">')
    return head.format(WIDTH, height, label) + Markup("").join(parts) + Markup("</svg>")


def rect(style: str, x: float, y: float, width: float, height: float) -> Markup:
    """A rectangle; nothing where it has no height."""
    if height <= 0:
        return Markup("")
    tag = Markup('<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>')
    return tag.format(style, x, y, width, height)


def line(style: str, x1: float, y1: float, x2: float, y2: float) -> Markup:
    """A line of a class."""
    tag = Markup('<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>')
    return tag.format(style, x1, y1, x2, y2)


def text(x: float, y: float, text: str, anchor: str, style: str = "label") -> Markup:
    """A text of a class, anchored `start`, `middle` or `end`."""
    tag = Markup('<text class="{}" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>')
    return tag.format(style, x, y, anchor, text)
