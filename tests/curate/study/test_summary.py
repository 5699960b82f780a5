from typing import Any

import numpy as np
import polars as pl
import pytest

from curate.study.arms import RESULTS, summarise
from curate.study.plan import ARMS, StudyPlan, plan_study
from curate.study.settings import Study
from tests.curate.study.spans import make_spans

SETTINGS = Study(train_clips=30, horizon=2, bootstrap=500)


def _plan(sources: int) -> StudyPlan:
    counts = {f"s{i:02d}": 4 for i in range(sources)}
    return plan_study(make_spans(counts, counts), SETTINGS, steps=6)


def _results(plan: StudyPlan, curated_on_raw: float, curated_on_curated: float) -> pl.DataFrame:
    """Errors 0.6 for raw and 0.6 less the given gains for curated, of a no-action error of 1.

    Each source has its own scale, and a little noise keeps the intervals open. The curated arm's
    own no-action model is bad: a summary that divided by it would be wrong.
    """
    generator = np.random.default_rng(0)
    gains = {"raw": curated_on_raw, "curated": curated_on_curated}
    scale = {s: generator.uniform(0.5, 2) for s in plan.eval_sources}
    rows = []
    for arm in ARMS:
        for seed in range(SETTINGS.seeds):
            for eval_set, clips in plan.evaluate.items():
                for clip in clips:
                    error = 0.6 - (gains[eval_set] if arm == "curated" else 0)
                    blind = 1.0 if arm == "raw" else 9.0
                    values = {
                        "rollout_error": error + 0.002 * generator.normal(),
                        "rollout_no_action": blind,
                        "rollout_copy": 2.0,
                        "one_step_error": error,
                        "one_step_no_action": blind,
                        "one_step_copy": 2.0,
                        "rollout_mse": 0.1,
                        "rollout_mse_shuffled": 1.0,
                        "kl_bits": 5.0,
                    }
                    source = plan.source_of[clip]
                    for metric, value in values.items():
                        scaled = value if metric == "kl_bits" else value * scale[source]
                        horizons = (1, 2) if metric.startswith("rollout") else (1,)
                        key = (arm, seed, eval_set, clip, source, metric)
                        rows += [(*key, h, scaled, "hash") for h in horizons]
    return pl.DataFrame(rows, schema=RESULTS, orient="row")


def _entry(summary: dict[str, Any], eval_set: str, metric: str, horizon: int = 1) -> dict[str, Any]:
    entry: dict[str, Any]
    (entry,) = (
        e
        for e in summary["results"]
        if (e["eval_set"], e["metric"], e["horizon"]) == (eval_set, metric, horizon)
    )
    return entry


def test_known_difference_is_found_with_the_reference_arms_unit() -> None:
    plan = _plan(24)
    summary = summarise(_results(plan, 0.1, 0.2), plan, SETTINGS)
    one = _entry(summary, "raw", "one_step_skill_no_action")
    assert one["arms"]["raw"]["mean"] == pytest.approx(0.4)
    assert one["arms"]["curated"]["mean"] == pytest.approx(0.5)
    assert one["difference"]["mean"] == pytest.approx(0.1)
    assert one["difference"]["seeds"] == pytest.approx([0.1] * 3)
    assert _entry(summary, "curated", "one_step_skill_copy")["difference"]["mean"] == pytest.approx(
        0.1
    )
    assert _entry(summary, "raw", "action_gain_db")["arms"]["raw"]["mean"] == pytest.approx(10)
    primary = _entry(summary, "raw", "rollout_skill_no_action", 2)
    assert primary["primary"]
    assert primary["verdict"] == "higher"
    assert primary["difference"]["low"] < 0.1 < primary["difference"]["high"]
    assert summary["conclusion"]["verdict"] == "better"
    assert "a difference of +10.0 points" in summary["conclusion"]["text"]
    assert not any(e["metric"] == "linear_skill_copy" for e in summary["results"])


@pytest.mark.parametrize(
    ("on_raw", "on_curated", "verdict", "phrase"),
    [
        pytest.param(-0.1, 0.1, "worse", "explain less", id="worse"),
        pytest.param(0.0, 0.1, "curated_only", "may only be that training", id="curated_only"),
        pytest.param(0.0, 0.0, "not_shown", "which includes 0", id="nothing"),
    ],
)
def test_conclusion_says_what_the_intervals_say(
    on_raw: float, on_curated: float, verdict: str, phrase: str
) -> None:
    plan = _plan(24)
    conclusion = summarise(_results(plan, on_raw, on_curated), plan, SETTINGS)["conclusion"]
    assert conclusion["verdict"] == verdict
    assert phrase in conclusion["text"]


def test_few_sources_allow_no_claim_however_large_the_difference() -> None:
    plan = _plan(6)
    summary = summarise(_results(plan, 0.5, 0.5), plan, SETTINGS)
    assert {entry["verdict"] for entry in summary["results"]} == {"too_small"}
    assert summary["conclusion"]["verdict"] == "too_small"
    assert (
        "too small to conclude anything: 4 training and 2 held-out"
        in (summary["conclusion"]["text"])
    )


def test_footage_where_nothing_moves_has_no_figure() -> None:
    plan = _plan(24)
    still = _results(plan, 0.1, 0.1).with_columns(
        value=pl.when(pl.col("metric") == "kl_bits").then("value").otherwise(0.0)
    )
    summary = summarise(still, plan, SETTINGS)
    entry = _entry(summary, "raw", "rollout_skill_no_action", 2)
    assert entry["difference"] == {"mean": None, "low": None, "high": None, "seeds": [None] * 3}
    assert entry["verdict"] == "not_shown"
    assert summary["conclusion"]["verdict"] == "not_shown"
    assert "nothing moves" in summary["conclusion"]["text"]


def test_weak_or_unequal_models_are_pointed_out() -> None:
    plan = _plan(24)
    weak = _results(plan, 0.1, 0.1).with_columns(
        value=pl.when(pl.col("metric") == "rollout_error", pl.col("arm") == "raw")
        .then(pl.col("value") * 2)
        .when(pl.col("metric") == "kl_bits", pl.col("arm") == "raw")
        .then(3.0)
        .otherwise("value")
    )
    caveats = " ".join(summarise(weak, plan, SETTINGS)["conclusion"]["caveats"])
    assert "did not clearly beat the one that knows no action" in caveats
    assert "+2.0 bits" in caveats
    assert "Only 3 seeds" in caveats
