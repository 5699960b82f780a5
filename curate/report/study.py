"""A study's summary as the page draws it; the summary's keys are those of study.arms.summarise."""

import json
from dataclasses import dataclass
from typing import Any, Final

from curate.keys import StageKeys
from manifests.corpus import Corpus

VERDICTS: Final = {
    "higher": "higher (the interval lies above 0)",
    "lower": "lower (the interval lies below 0)",
    "not_shown": "no difference shown (the interval holds 0)",
    "too_small": "too few sources to say",
}
"""Verdict on one difference -> what it means."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its 95 % interval and the value of every seed; None or empty where undefined."""

    mean: float | None
    low: float | None
    high: float | None
    seeds: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """One metric on one eval set at one horizon."""

    eval_set: str
    horizon: int | None
    primary: bool
    arms: dict[str, Estimate]
    difference: Estimate
    verdict: str


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric and its results by eval set."""

    name: str
    label: str
    unit: str
    meaning: str
    better: str | None
    results: dict[str, tuple[Result, ...]]


@dataclass(frozen=True, slots=True)
class Summary:
    """A study.

    Attributes:
        text: The conclusion, sentences.
        verdict: Its stable word.
        caveats: Sentences that limit it.
        arms: Names of the arms.
        difference: What is subtracted from what.
        budget: Arm -> what it was given, by name.
        evaluation: Eval set -> its size, by name.
        metrics: All metrics that have results; the primary one first.
        facts: Everything else that the summary says in one value.
    """

    text: str
    verdict: str
    caveats: tuple[str, ...]
    arms: tuple[str, ...]
    difference: str
    budget: dict[str, dict[str, Any]]
    evaluation: dict[str, dict[str, Any]]
    metrics: tuple[Metric, ...]
    facts: dict[str, Any]

    @property
    def primary(self) -> tuple[Metric, Result] | None:
        """The one result that the conclusion rests on."""
        for metric in self.metrics:
            for results in metric.results.values():
                for result in results:
                    if result.primary:
                        return metric, result
        return None

    @property
    def lead(self) -> str:
        """The conclusion's first sentence."""
        head, stop, _ = self.text.partition(". ")
        return head + stop.strip()


def read_study(corpus: Corpus, keys: StageKeys) -> Summary | None:
    """The study of these keys, or None while there is none.

    Raises:
        StorageError: The summary exists and cannot be read.
    """
    parts = ("study", keys.study, "summary.json")
    if not corpus.folder.exists(*parts):
        return None
    return parse_summary(json.loads(corpus.folder.read(*parts)))


def other_studies(corpus: Corpus, keys: StageKeys) -> list[str]:
    """Keys of the corpus's studies under other settings."""
    files = (name.split("/") for name in corpus.folder.files("study"))
    found = {parts[1] for parts in files if len(parts) == 3 and parts[2] == "summary.json"}
    return sorted(found - {keys.study})


def parse_summary(document: dict[str, Any]) -> Summary:
    """Read a summary; what it lacks is left out of the page, what it adds goes to `facts`."""
    conclusion = document.get("conclusion") or {}
    arms = tuple(document.get("arms", ()))
    results = [_result(entry) for entry in document.get("results", ())]
    names = [entry["metric"] for entry in document.get("results", ())]
    metrics = []
    for name, about in document.get("metrics", {}).items():
        sets: dict[str, tuple[Result, ...]] = {}
        for result, metric in zip(results, names, strict=True):
            if metric == name:
                sets[result.eval_set] = (*sets.get(result.eval_set, ()), result)
        if sets:
            metrics.append(
                Metric(
                    name=name,
                    label=about.get("label", name),
                    unit=about.get("unit", ""),
                    meaning=about.get("meaning", ""),
                    better=about.get("better"),
                    results=sets,
                )
            )
    metrics.sort(key=lambda m: not any(r.primary for rs in m.results.values() for r in rs))
    simple = (str, int, float)
    return Summary(
        text=conclusion.get("text", ""),
        verdict=conclusion.get("verdict", ""),
        caveats=tuple(conclusion.get("caveats", ())),
        arms=arms,
        difference=" \N{MINUS SIGN} ".join(reversed(arms)) if len(arms) == 2 else "difference",
        budget=document.get("budget", {}),
        evaluation=document.get("eval", {}),
        metrics=tuple(metrics),
        facts={name: value for name, value in document.items() if isinstance(value, simple)},
    )


def _result(entry: dict[str, Any]) -> Result:
    return Result(
        eval_set=entry.get("eval_set", ""),
        horizon=entry.get("horizon"),
        primary=bool(entry.get("primary", False)),
        arms={arm: _estimate(value) for arm, value in entry.get("arms", {}).items()},
        difference=_estimate(entry.get("difference") or {}),
        verdict=entry.get("verdict", ""),
    )


def _estimate(value: dict[str, Any]) -> Estimate:
    seeds = tuple(seed for seed in value.get("seeds") or () if seed is not None)
    return Estimate(value.get("mean"), value.get("low"), value.get("high"), seeds)
