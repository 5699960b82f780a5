"""What a ledger allows to be said, and what limits it."""

from typing import Any, Final

from curate.study.conclusion import ENOUGH_SEEDS, MIN_SOURCES
from curate.study.ledger.dose import CLEAN
from curate.study.ledger.plan import CURATED, RANDOM, RAW

LOW_CEILING: Final = 0.3
"""Supervised gain below which the features leave too little room to compare arms."""


REDRAWN: Final = 0.8
"""Share of its pool above which an arm's draws are nearly the same windows."""


def conclude(summary: dict[str, Any]) -> list[str]:
    """Sentences on the primary figure: the curated arm, single filters, and the caveats.

    Args:
        summary: As `curate.study.ledger.table.summarise` returns it.
    """
    name = summary["primary"][0]
    figure = summary["figures"][name]
    entries = {e["arm"]: e for e in summary["entries"] if e["figure"] == name}
    if _learned_nothing(entries):
        return [
            f"Training on {RAW if RAW in entries else CLEAN} windows is not shown to beat an "
            "inverse model with random weights: differences of arms say nothing "
            "here. More windows or steps are needed.",
            *caveats(summary, entries),
        ]
    found = []
    curated = entries.get(CURATED)
    if curated is not None and curated["difference"] is not None:
        found.append(_compared("Curation", curated, figure))
    found += [_dose(row, figure) for row in _greatest_doses(summary)]
    singles = [e for arm, e in entries.items() if arm.startswith("only ")]
    shown = [e for e in singles if e["verdict"] in ("higher", "lower")]
    if singles and not shown:
        found.append("No filter alone is shown to change it.")
    found += [_compared(f"The filter of {e['arm'].removeprefix('only ')} alone", e, figure)
              for e in shown]  # fmt: skip
    return found + caveats(summary, entries)


def caveats(summary: dict[str, Any], entries: dict[str, dict[str, Any]]) -> list[str]:
    """Why the figures might mislead; empty where nothing speaks against them."""
    found = []
    ceiling = entries.get("control: supervised")
    if ceiling is not None and ceiling["mean"] is not None and ceiling["mean"] < LOW_CEILING:
        found.append(
            f"Even a supervised inverse model reaches only {ceiling['mean']:.2f}: the features, "
            "the step or the amount of labels leave little room, and the ledger is not conclusive."
        )
    random = entries.get(RANDOM)
    if random is not None and random["verdict"] in ("higher", "lower"):
        found.append(
            "The random arm, which filters nothing, differs from raw: the intervals are too narrow."
        )
    if summary["seeds"] < ENOUGH_SEEDS:
        found.append(f"Only {summary['seeds']} seeds; {ENOUGH_SEEDS} or more are advised.")
    figure = summary["figures"][summary["primary"][0]]
    sources = summary["sets"][figure["eval_set"]]["sources"]
    if sources < MIN_SOURCES:
        found.append(
            f"Only {sources} held-out sources, where {MIN_SOURCES} are needed to claim anything."
        )
    pool = summary["pools"].get(CURATED)
    if pool is not None and summary["windows"] > REDRAWN * pool:
        found.append(
            f"The curated arm draws {summary['windows']} of {pool} windows: its seeds differ by "
            "their initial weights, hardly by their windows."
        )
    found += [f"The arm {arm} was left out: {why}." for arm, why in summary["left_out"].items()]
    return found


def _learned_nothing(entries: dict[str, Any]) -> bool:
    """Whether the reference arm does not clearly exceed the untrained control."""
    raw, untrained = entries.get(RAW) or entries.get(CLEAN), entries.get("control: untrained")
    return raw is not None and untrained is not None and _below(raw, untrained)


def _greatest_doses(summary: dict[str, Any]) -> list[dict[str, Any]]:
    """The greatest dose of each contaminant."""
    rows = sorted(summary.get("doses", []), key=lambda row: float(row["dose"]))
    return list({row["kind"]: row for row in rows}.values())


def _dose(row: dict[str, Any], figure: dict[str, Any]) -> str:
    """What a contaminant cost at its greatest dose, and what curation gave back."""
    lost, name = row["lost"], f"{100 * row['dose']:g} % of windows with {row['kind']}"
    if lost["mean"] is None:
        return f"What {name} cost is not defined."
    change = (
        f"{-lost['mean']:+.3f} {figure['unit']}, 95 % interval {-lost['high']:+.3f} to "
        f"{-lost['low']:+.3f}"
    )
    if lost["low"] <= 0 <= lost["high"]:
        return f"{name} are not shown to change {figure['label'].lower()}: {change}."
    said = f"{name} {'lower' if lost['mean'] > 0 else 'raise'} {figure['label'].lower()}: {change}"
    share = row["recovered"]
    if share is None:
        return f"{said}."
    return (
        f"{said}; curation gives back {100 * share['mean']:.0f} % of it, 95 % interval "
        f"{100 * share['low']:.0f} to {100 * share['high']:.0f} %."
    )


def _compared(what: str, entry: dict[str, Any], figure: dict[str, Any]) -> str:
    change = entry["difference"]
    verb = {"higher": "raises", "lower": "lowers"}.get(entry["verdict"] or "", "")
    claim = f"{what} {verb}" if verb else f"{what} is not shown to change"
    return (
        f"{claim} {figure['label'].lower()}: {change['mean']:+.3f} {figure['unit']}, 95 % interval "
        f"{change['low']:+.3f} to {change['high']:+.3f}; a change of {entry['detectable']:.3f} "
        "would be found in four studies of five."
    )


def _below(entry: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether an entry does not clearly exceed another."""
    if entry["low"] is None or other["high"] is None:
        return True
    return bool(entry["low"] <= other["high"])
