"""What the study's figures allow to be said, in words that never claim more than the intervals."""

import math
from typing import Any, Final

from curate.study.statistics import Interval

MIN_SOURCES: Final = 6
"""Sources on each side below which no difference is claimed.

Six is the least number at which a two-sided sign test over sources can reach 5 % (2 x 0.5^6).
"""

ENOUGH_SEEDS: Final = 5
"""Seeds below which the conclusion says that there are few (research notes, section 4.4 h)."""


def verdict(difference: Interval, training_sources: int, eval_sources: int) -> str:
    """Say in one word what the interval of a difference shows.

    Returns:
        `too_small` with fewer sources than `MIN_SOURCES` on a side, `higher` or `lower` where the
        interval leaves 0 out, otherwise `not_shown`.
    """
    if min(training_sources, eval_sources) < MIN_SOURCES:
        return "too_small"
    if difference.low > 0:
        return "higher"
    return "lower" if difference.high < 0 else "not_shown"


def conclude(summary: dict[str, Any]) -> dict[str, Any]:
    """Write the conclusion of a summary: the primary metric on raw and on curated footage.

    Args:
        summary: What `curate.study.arms.summarise` returns, but for `conclusion`.

    Returns:
        Its `conclusion`.
    """
    primary = next(entry for entry in summary["results"] if entry["primary"])
    same = [
        entry
        for entry in summary["results"]
        if (entry["metric"], entry["horizon"]) == (primary["metric"], primary["horizon"])
    ]
    curated = next(entry for entry in same if entry["eval_set"] != primary["eval_set"])
    word = _overall(primary["verdict"], curated["verdict"])
    opening = _opening_of_small(summary) if word == "too_small" else _OPENING[word]
    sentences = [opening, *(_figures(entry) for entry in (primary, curated))]
    return {"verdict": word, "text": " ".join(sentences), "caveats": _caveats(summary)}


_OPENING: Final = {
    "better": "Trained on curated clips, the model's latent actions explain more of what happens "
    "in unfiltered footage than when trained on as many raw clips.",
    "worse": "Trained on curated clips, the model's latent actions explain less of what happens "
    "in unfiltered footage than when trained on as many raw clips.",
    "curated_only": "Curation helped on footage that passes the same filters and no difference is "
    "shown on unfiltered footage, so the gain may only be that training resembles the test.",
    "not_shown": "No difference between curated and raw training clips is shown on unfiltered "
    "footage.",
}


def _overall(raw: str, curated: str) -> str:
    if "too_small" in (raw, curated):
        return "too_small"
    if raw in ("higher", "lower"):
        return "better" if raw == "higher" else "worse"
    return "curated_only" if curated == "higher" else "not_shown"


def _opening_of_small(summary: dict[str, Any]) -> str:
    training = min(arm["sources"] for arm in summary["budget"].values())
    held_out = min(part["sources"] for part in summary["eval"].values())
    return (
        f"The study is too small to conclude anything: {training} training and {held_out} held-out "
        f"sources, where at least {MIN_SOURCES} of each are needed. The figures are reported "
        "without a claim."
    )


def _figures(entry: dict[str, Any]) -> str:
    footage = "unfiltered" if entry["eval_set"] == "raw" else "curated"
    difference = entry["difference"]
    if difference["mean"] is None:
        return f"On held-out {footage} footage nothing moves, so there is no figure."
    arms = {name: _share(values["mean"]) for name, values in entry["arms"].items()}
    sentence = (
        f"On held-out {footage} footage, {entry['horizon']} steps ahead, the inferred latent "
        f"actions remove {arms['raw']} of the no-action error after raw training and "
        f"{arms['curated']} after curated training: a difference of "
        f"{_points(difference['mean'])} points, 95 % interval {_points(difference['low'])} to "
        f"{_points(difference['high'])}"
    )
    includes = difference["low"] <= 0 <= difference["high"]
    return sentence + (", which includes 0." if includes else ", which leaves 0 out.")


def _caveats(summary: dict[str, Any]) -> list[str]:
    found = [
        "The intervals cover the choice of held-out sources, drawn training clips and initial "
        "weights; the training sources are the same in every seed."
    ]
    if summary["seeds"] < ENOUGH_SEEDS:
        found.append(
            f"Only {summary['seeds']} seeds were run; {ENOUGH_SEEDS} or more would make the "
            "intervals more reliable."
        )
    for name, arm in summary["budget"].items():
        if arm["available_clips"] == arm["clips"]:
            found.append(
                f"All {arm['clips']} available {name} clips train in every seed, so the "
                f"variation between drawn {name} clips is not in the intervals."
            )
    found += [_capacity(e) for e in summary["results"] if _differs(e, "kl_bits")]
    if any(_weak(entry) for entry in summary["results"] if entry["primary"]):
        found.append(
            "A model did not clearly beat the one that knows no action, so its latent actions "
            "may hold nothing; more steps or a smaller beta may be needed."
        )
    return found


def _differs(entry: dict[str, Any], metric: str) -> bool:
    low, high = entry["difference"]["low"], entry["difference"]["high"]
    return entry["metric"] == metric and low is not None and (low > 0 or high < 0)


def _capacity(entry: dict[str, Any]) -> str:
    return (
        f"On {entry['eval_set']} footage the arms' latent actions hold different amounts of "
        f"information (curated - raw: {entry['difference']['mean']:+.1f} bits), so part of a "
        "difference in skill may be capacity."
    )


def _weak(entry: dict[str, Any]) -> bool:
    lows = [values["low"] for values in entry["arms"].values()]
    return any(low is not None and low <= 0 for low in lows)


def _share(value: float | None) -> str:
    return "an undefined share" if value is None or math.isnan(value) else f"{100 * value:.1f} %"


def _points(value: float) -> str:
    return f"{100 * value:+.1f}"
