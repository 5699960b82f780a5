"""The ledger on the page: per figure every arm and its difference, and what may be said."""

import json
from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup

from curate.config import Config
from curate.keys import StageKeys, ledger_key
from curate.report.dose import dose_plot, dose_series
from curate.report.figures import IntervalRow, domain_of, intervals
from curate.report.study import Estimate
from curate.study.ledger.dose import CLEAN, arm_name
from curate.study.ledger.words import conclude
from manifests.corpus import Corpus

_LABEL_WIDTH: Final = 132  # "without false_motion"


@dataclass(frozen=True, slots=True)
class LedgerFigure:
    """One figure of merit: its words and its two plots, which may be empty."""

    label: str
    unit: str
    meaning: str
    primary: bool
    arms: Markup
    differences: Markup


@dataclass(frozen=True, slots=True)
class LedgerPage:
    """What the section shows.

    Attributes:
        sentences: Conclusion and caveats.
        rows: (arm, windows, share that its group objects to, difference, shown?) of the first
            primary figure.
        figures: All figures, the primary ones first.
        facts: Budget and sizes, name and value.
        doses: (contaminant, its plots by title) of a dose-response, else empty.
        notes: What the arms are, for the design at hand.
    """

    sentences: list[str]
    rows: list[dict[str, Any]]
    figures: list[LedgerFigure]
    facts: list[tuple[str, str]]
    doses: list[tuple[str, list[tuple[str, Markup]]]]
    notes: str


def load_ledger(corpus: Corpus, config: Config, keys: StageKeys) -> LedgerPage | None:
    """The ledger of these settings; None while there is none."""
    place = ("ledger", ledger_key(config, keys), "summary.json")
    if not corpus.folder.exists(*place):
        return None
    return build_ledger(json.loads(corpus.folder.read(*place)))


def build_ledger(summary: dict[str, Any]) -> LedgerPage:
    """Lay a summary (`curate.study.ledger.table.summarise`) out for the page."""
    names = list(summary["figures"])
    names.sort(key=lambda name: name not in summary["primary"])
    first = summary["primary"][0]
    rows = [
        {
            "arm": entry["arm"],
            "share": summary["shares"].get(entry["arm"].partition(" ")[2]),
            "windows": summary["pools"].get(entry["arm"]),
            "estimate": entry if entry["mean"] is not None else None,
            "difference": entry["difference"],
            "versus": entry["versus"],
            "verdict": (entry["verdict"] or "").replace("_", " "),
            "p": entry["p_holm"],
        }
        for entry in summary["entries"]
        if entry["figure"] == first
    ]
    sets = ((f"{name} evaluation", _size(size)) for name, size in summary["sets"].items())
    facts = [
        ("training windows per arm", f"{summary['windows']}"),
        ("seeds", f"{summary['seeds']}"),
        ("optimiser steps", f"{summary['optimiser_steps']}"),
        ("epochs", f"{summary['epochs']:.2g}"),
        *((name, f"{value}") for name, value in summary["model"].items()),
        *sets,
        ("normaliser", summary["normaliser"]),
    ]
    doses = _doses(summary, summary["figures"][first]["label"], first)
    figures = [_figure(summary, name) for name in names]
    notes = _DOSES if doses else _ARMS
    return LedgerPage(conclude(summary), rows, figures, facts, doses, notes)


_ARMS: Final = (
    "raw: windows of the timeline as they come; curated: nothing objects; rejected: something "
    "does; random: as many as are curated, unlooked at; only X: one filter alone; without X: all "
    "but one; all raw: all windows of the footage that the curated ones are left of. Every arm "
    "has the same number of windows (all raw has more), optimiser steps and sources' cap; the "
    "eval sets are the same and hold other sources."
)
_DOSES: Final = (
    "clean: windows without any known contamination; X n %: so many of the windows with X, the "
    "others clean; X n % curated: what the filters leave of the same mixture, refilled to the "
    "same number. The eval sets are the same and hold other sources."
)


def _size(size: dict[str, int | None]) -> str:
    sources = f"{size['sources']} sources"
    return sources if size["windows"] is None else f"{size['windows']} windows of {sources}"


def _doses(
    summary: dict[str, Any], label: str, figure: str
) -> list[tuple[str, list[tuple[str, Markup]]]]:
    """Per contaminant the primary figure by dose, and changes beside those of the linear model."""
    rows = summary.get("doses", [])
    clean = [e for e in summary["entries"] if (e["arm"], e["figure"]) == (CLEAN, figure)]
    found = []
    for kind in dict.fromkeys(row["kind"] for row in rows):
        plots = [(label, dose_plot(label, kind, dose_series(kind, rows, clean[0])))]
        doses = {arm_name(kind, r["dose"]): r["dose"] for r in rows if r["kind"] == kind}
        for name, three in _BESIDE_LINEAR.items():
            plots.append((name, dose_plot(name, kind, _changes(summary, doses, three))))
        found.append((kind, [(name, plot) for name, plot in plots if plot]))
    return found


_BESIDE_LINEAR: Final = {
    "Action gain, change from clean": ("action_gain", "linear_gain", "theory_gain"),
    "Cut recovery, change from clean": (
        "cut_recovery",
        "linear_cut_recovery",
        "theory_cut_recovery",
    ),
}
"""Figures of the neural model, of the linear one, and of its theory."""


def _changes(
    summary: dict[str, Any], doses: dict[str, float], names: tuple[str, ...]
) -> dict[str, list[tuple[float, dict[str, Any] | None]]]:
    """Differences to the clean arm, by dose, of the three figures of the same thing."""
    known = {(e["figure"], e["arm"]): e["difference"] for e in summary["entries"]}
    return {
        style: [(dose, known.get((name, arm))) for arm, dose in doses.items()]
        for style, name in zip(("arm0", "linear", "theory"), names, strict=True)
    }


def _figure(summary: dict[str, Any], name: str) -> LedgerFigure:
    about = summary["figures"][name]
    entries = [e for e in summary["entries"] if e["figure"] == name]
    arms = [
        IntervalRow(e["arm"], "arm0" if e["versus"] is None else "arm1", _estimate(e))
        for e in entries
    ]
    differences = [
        IntervalRow(e["arm"], "diff", _estimate(e["difference"]))
        for e in entries
        if e["difference"] is not None
    ]
    return LedgerFigure(
        about["label"],
        about["unit"],
        about["meaning"],
        name in summary["primary"],
        _plot(about["label"], arms, zero=False),
        _plot(f"{about['label']}: differences", differences, zero=True),
    )


def _plot(label: str, rows: list[IntervalRow], *, zero: bool) -> Markup:
    domain = domain_of([row.estimate for row in rows], zero=zero)
    if domain is None:
        return Markup("")
    return intervals(label, rows, domain, zero=zero, label_width=_LABEL_WIDTH)


def _estimate(value: dict[str, Any]) -> Estimate:
    seeds = tuple(seed for seed in value["seeds"] if seed is not None)
    return Estimate(value["mean"], value["low"], value["high"], seeds)
