import json
from typing import Any

import numpy as np
import polars as pl
import pytest

from curate.study.ledger.plan import LedgerPlan, plan_ledger
from curate.study.ledger.settings import Ledger
from curate.study.ledger.table import RESULTS, summarise
from curate.study.ledger.words import conclude
from tests.curate.study.ledger.test_plan import make_windows

SETTINGS = Ledger(seeds=3, train_windows=60, windows_per_source=40, bootstrap=2000)
DIMENSIONS = ["yaw", "forward"]


@pytest.fixture(scope="module")
def plan() -> LedgerPlan:
    return plan_ledger(make_windows(24), SETTINGS)


def make_results(plan: LedgerPlan, gains: dict[str, float], noise: float = 0.01) -> pl.DataFrame:
    """Probe errors with a known gain per arm (0.3 elsewhere), and prediction errors alike.

    Sources differ in scale. The state alone explains a tenth of the variance.
    """
    rows = []
    tested = sorted({plan.source_of[w] for w in plan.label_test})
    seen = sorted({plan.source_of[w] for w in plan.evaluate["raw"]})
    for arm in (*plan.train, "control: supervised"):
        for seed in range(SETTINGS.seeds):
            rng = np.random.default_rng([len(arm), seed])
            for place, source in enumerate(tested):
                scale = 0.5 + place
                for name in DIMENSIONS:
                    gain = gains.get(arm, 0.3) + noise * rng.normal()
                    parts = {"state": 0.9 * scale, "both": (0.9 - gain) * scale, "total": scale}
                    for part, value in parts.items():
                        metric = f"ridge {part} {name}"
                        rows.append((arm, seed, "labelled", source, metric, value, "h"))
            if arm.startswith("control"):
                continue
            for source in seen:
                rows.append((arm, seed, "raw", source, "rollout_error", 0.6, "h"))
                if arm == "raw":
                    rows.append((arm, seed, "raw", source, "rollout_no_action", 0.8, "h"))
    return pl.DataFrame(rows, schema=RESULTS, orient="row")


def entry(summary: dict[str, Any], arm: str, figure: str) -> dict[str, Any]:
    found: dict[str, Any]
    (found,) = (e for e in summary["entries"] if (e["arm"], e["figure"]) == (arm, figure))
    return found


def test_known_gains_and_differences_are_found(plan: LedgerPlan) -> None:
    results = make_results(plan, {"curated": 0.5, "only cuts": 0.5, "rejected": 0.1})
    summary = summarise(results, plan, SETTINGS, DIMENSIONS)
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    curated = entry(summary, "curated", "action_gain")
    assert curated["mean"] == pytest.approx(0.5, abs=0.02)
    assert curated["difference"]["mean"] == pytest.approx(0.2, abs=0.03)
    assert curated["verdict"] == "higher"
    assert entry(summary, "rejected", "action_gain")["verdict"] == "lower"
    assert entry(summary, "only camera", "action_gain")["verdict"] == "not_shown"
    without = entry(summary, "without camera", "action_gain")
    assert without["versus"] == "curated"
    assert without["difference"]["mean"] == pytest.approx(-0.2, abs=0.03)
    assert entry(summary, "curated", "rollout_skill")["mean"] == pytest.approx(0.25)
    supervised = entry(summary, "control: supervised", "action_gain")
    assert supervised["versus"] is None
    assert not supervised["primary"]


def test_holm_is_over_all_primary_comparisons(plan: LedgerPlan) -> None:
    summary = summarise(make_results(plan, {"curated": 0.5}), plan, SETTINGS, DIMENSIONS)
    primary = [e for e in summary["entries"] if e["primary"] and e["p"] is not None]
    assert {e["figure"] for e in primary} == {"action_gain", "rollout_skill"}
    ordered = sorted(primary, key=lambda e: e["p"])
    assert ordered[0]["p_holm"] == pytest.approx(min(1, len(primary) * ordered[0]["p"]))
    adjusted = [e["p_holm"] for e in ordered]
    assert adjusted == sorted(adjusted)
    assert all(e["p_holm"] is None for e in summary["entries"] if not e["primary"])


def test_detectable_change_grows_with_the_noise(plan: LedgerPlan) -> None:
    quiet, loud = (
        entry(
            summarise(make_results(plan, {}, noise), plan, SETTINGS, DIMENSIONS),
            "curated",
            "action_gain",
        )["detectable"]
        for noise in (0.01, 0.1)
    )
    assert 5 * quiet < loud


def test_words_claim_no_more_than_the_intervals(plan: LedgerPlan) -> None:
    nothing = conclude(summarise(make_results(plan, {}), plan, SETTINGS, DIMENSIONS))
    assert nothing[0].startswith("Curation is not shown to change action gain")
    assert "No filter alone is shown to change it." in nothing
    gains = {"curated": 0.5, "only cuts": 0.5}
    found = conclude(summarise(make_results(plan, gains), plan, SETTINGS, DIMENSIONS))
    assert found[0].startswith("Curation raises action gain")
    assert found[1].startswith("The filter of cuts alone raises")
    assert any("Only 3 seeds" in sentence for sentence in found)


def test_low_ceiling_is_said(plan: LedgerPlan) -> None:
    gains = {"control: supervised": 0.1}
    found = conclude(summarise(make_results(plan, gains), plan, SETTINGS, DIMENSIONS))
    assert any("supervised inverse model reaches only 0.10" in sentence for sentence in found)


def test_missing_cells_and_other_spaces_are_refused(plan: LedgerPlan) -> None:
    results = make_results(plan, {})
    part = results.filter(~((pl.col("arm") == "raw") & (pl.col("seed") == 1)))
    with pytest.raises(ValueError, match="in each of 3 seeds"):
        summarise(part, plan, SETTINGS, DIMENSIONS)
    other = results.with_columns(normaliser=pl.col("arm"))
    with pytest.raises(ValueError, match="one target space"):
        summarise(other, plan, SETTINGS, DIMENSIONS)


def test_nothing_is_concluded_from_models_that_learned_nothing(plan: LedgerPlan) -> None:
    gains = {"raw": 0.02, "curated": 0.2, "control: supervised": 0.02}
    results = make_results(plan, gains)
    untrained = results.filter(pl.col("arm") == "control: supervised").with_columns(
        arm=pl.lit("control: untrained")
    )
    summary = summarise(pl.concat([results, untrained]), plan, SETTINGS, DIMENSIONS)
    found = conclude(summary)
    assert found[0].startswith("Training on raw windows is not shown to beat")
    assert not any("raises" in sentence for sentence in found)


def test_draws_that_are_nearly_the_pool_are_said(plan: LedgerPlan) -> None:
    summary = summarise(make_results(plan, {}), plan, SETTINGS, DIMENSIONS)
    pool = summary["pools"]["curated"]
    few = conclude(summary | {"windows": round(0.5 * pool)})
    assert not any("hardly by their windows" in sentence for sentence in few)
    most = conclude(summary | {"windows": round(0.95 * pool)})
    assert any(f"of {pool} windows: its seeds differ" in sentence for sentence in most)
