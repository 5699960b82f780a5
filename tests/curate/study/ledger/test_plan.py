from typing import Any

import polars as pl
import pytest

from curate.study.ledger.plan import LedgerPlan, plan_ledger
from curate.study.ledger.settings import Ledger
from curate.study.plan import StudyImpossible

SETTINGS = Ledger(seeds=2, train_windows=60, windows_per_source=40)


def make_windows(sources: int = 12, each: int = 30) -> pl.DataFrame:
    """A fifth of the windows has a cut, a tenth shakes, one in thirty does both."""
    rows = []
    for source in range(sources):
        for index in range(each):
            flags = ["camera"] if index % 10 == 0 else []
            flags += ["cuts"] if index % 5 == 1 or index == 0 else []
            name = f"s{source:02d}-{index:03d}"
            rows.append((name, f"s{source:02d}", "pool", flags, index % 2 == 0))
    schema: dict[str, Any] = {
        "window_id": pl.String,
        "source": pl.String,
        "role": pl.String,
        "flags": pl.List(pl.String),
        "labelled": pl.Boolean,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


WINDOWS = make_windows()
FLAGS: dict[str, set[str]] = {
    name: set(found) for name, found in WINDOWS.select("window_id", "flags").iter_rows()
}


@pytest.fixture(scope="module")
def plan() -> LedgerPlan:
    return plan_ledger(WINDOWS, SETTINGS)


def test_arms_hold_what_their_filters_admit(plan: LedgerPlan) -> None:
    def held(arm: str) -> list[set[str]]:
        return [FLAGS[w] for seed in plan.train[arm] for w in seed]

    assert all(not found for found in held("curated"))
    assert all("cuts" not in found for found in held("only cuts"))
    assert any("camera" in found for found in held("only cuts"))
    assert all(not found - {"camera"} for found in held("without camera"))
    assert any("cuts" in found for found in held("raw"))
    assert all(held("rejected"))


def test_arms_have_equal_budgets_and_seeds_differ(plan: LedgerPlan) -> None:
    sizes = {arm: {len(set(seed)) for seed in seeds} for arm, seeds in plan.train.items()}
    assert sizes.pop("all raw") == {round(plan.windows * plan.pools["raw"] / plan.pools["curated"])}
    assert set.union(*sizes.values()) == {plan.windows}
    assert all(seeds[0] != seeds[1] for seeds in plan.train.values())
    assert plan.pools["random"] == plan.pools["curated"]
    assert plan.versus["only camera"] == "raw"
    assert plan.versus["without camera"] == "curated"


def test_no_held_out_source_trains_or_fits_a_probe(plan: LedgerPlan) -> None:
    held = {plan.source_of[w] for names in plan.evaluate.values() for w in names}
    held |= {plan.source_of[w] for w in plan.label_test}
    trained = {plan.source_of[w] for seeds in plan.train.values() for seed in seeds for w in seed}
    trained |= {plan.source_of[w] for w in (*plan.label_train, *plan.neutral)}
    assert not held & trained
    assert len(held) == 4


def test_labelled_tests_are_not_filtered(plan: LedgerPlan) -> None:
    assert any(FLAGS[w] for w in plan.label_test)
    assert not any(FLAGS[w] for w in plan.label_train)
    assert plan.primary[0] == "action_gain"


def test_names_decide_roles_where_they_are_given() -> None:
    names = {"s00": "eval", "s01": "label", "s02": "label"}
    role = pl.col("source").replace_strict(names, default="pool")
    plan = plan_ledger(WINDOWS.with_columns(role=role), SETTINGS)
    assert {plan.source_of[w] for w in plan.label_test} == {"s00"}
    assert {plan.source_of[w] for w in plan.label_train} == {"s01", "s02"}
    used = {plan.source_of[w] for seeds in plan.train.values() for seed in seeds for w in seed}
    assert not used & names.keys()


def test_order_of_rows_has_no_effect_and_json_keeps_all(plan: LedgerPlan) -> None:
    assert plan_ledger(WINDOWS.sample(fraction=1, shuffle=True, seed=1), SETTINGS) == plan
    assert LedgerPlan.from_json(plan.to_json()) == plan


def test_an_arm_that_is_too_small_is_left_out_with_its_size() -> None:
    plan = plan_ledger(WINDOWS, SETTINGS.model_copy(update={"train_windows": 150}))
    assert "rejected" not in plan.train
    assert (
        plan.left_out["rejected"] == f"{plan.pools['rejected']} windows, where the others have 150"
    )


def test_groups_that_hardly_object_have_no_arms() -> None:
    plan = plan_ledger(WINDOWS, SETTINGS.model_copy(update={"least_share": 0.15}))
    assert "only camera" not in plan.train
    assert plan.shares["camera"] == pytest.approx(0.1)


def test_without_labels_prediction_decides() -> None:
    plan = plan_ledger(WINDOWS.with_columns(labelled=pl.lit(False)), SETTINGS)
    assert (plan.label_train, plan.label_test) == ((), ())
    assert plan.primary == ("rollout_skill",)


@pytest.mark.parametrize(
    ("windows", "message"),
    [
        pytest.param(make_windows(1), "at least 2 sources", id="one source"),
        pytest.param(make_windows(2, 4), "there are 4 and 2", id="few windows"),
    ],
)
def test_too_little_is_refused_with_counts(windows: pl.DataFrame, message: str) -> None:
    with pytest.raises(StudyImpossible, match=message):
        plan_ledger(windows, SETTINGS)


def test_probes_are_fitted_on_two_sources_or_there_are_none() -> None:
    only = pl.col("source").is_in(["s00", "s01"])
    flags = pl.when(only).then(pl.col("flags")).otherwise(pl.lit(["cuts"], pl.List(pl.String)))
    few = make_windows(12).with_columns(flags=flags)
    found = plan_ledger(few, SETTINGS)
    assert len({found.source_of[w] for w in found.label_train}) >= 2
    held = {found.source_of[w] for w in found.label_test}
    trains = sorted(set(few["source"]) - held)[0]
    one = few.with_columns(labelled=pl.col("source").is_in([trains, *held]))
    assert plan_ledger(one, SETTINGS).label_train == ()
    named = pl.when(pl.col("source") == "s00").then(pl.lit("label")).otherwise(pl.lit("pool"))
    with pytest.raises(StudyImpossible, match="actions of 1 source, and probes need 2"):
        plan_ledger(few.with_columns(role=named), SETTINGS)
