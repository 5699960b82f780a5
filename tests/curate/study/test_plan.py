import polars as pl
import pytest

from curate.study.plan import ARMS, StudyImpossible, StudyPlan, plan_study
from curate.study.settings import Study
from manifests.errors import ConfigError
from tests.curate.study.spans import make_spans

SETTINGS = Study(train_clips=40, clips_per_video=10)
RAW = {f"s{i:02d}": 12 for i in range(20)}
CURATED = {f"s{i:02d}": 5 for i in range(0, 20, 2)}


@pytest.fixture(scope="module")
def plan() -> StudyPlan:
    return plan_study(make_spans(RAW, CURATED), SETTINGS, steps=8)


def test_no_source_is_on_both_sides(plan: StudyPlan) -> None:
    train = {plan.source_of[c] for arm in ARMS for seed in plan.train[arm] for c in seed}
    train |= {plan.source_of[c] for c in plan.reference}
    evaluated = {plan.source_of[c] for clips in plan.evaluate.values() for c in clips}
    assert train <= set(plan.train_sources)
    assert evaluated == set(plan.eval_sources)
    assert not set(plan.train_sources) & set(plan.eval_sources)
    assert len(plan.eval_sources) == 6


def test_arms_have_equal_budgets(plan: StudyPlan) -> None:
    spans = make_spans(RAW, CURATED)
    sizes = {len(set(seed)) for arm in ARMS for seed in plan.train[arm]}
    assert sizes == {plan.clips}
    assert plan.clips == min(40, plan.available["curated"])
    for arm in ARMS:
        pool = set(spans.filter(pl.col("arm") == arm)["clip_id"])
        assert len(plan.train[arm]) == SETTINGS.seeds
        assert all(set(seed) <= pool for seed in plan.train[arm])
        assert set(plan.evaluate[arm]) <= pool


def test_seeds_draw_different_clips(plan: StudyPlan) -> None:
    assert len(set(plan.train["raw"])) == SETTINGS.seeds


def test_no_source_gives_more_than_the_cap(plan: StudyPlan) -> None:
    for clips in (*plan.train["raw"], *plan.evaluate.values()):
        sources = [plan.source_of[c] for c in clips]
        assert max(map(sources.count, sources)) <= 10


def test_order_of_rows_has_no_effect(plan: StudyPlan) -> None:
    spans = make_spans(RAW, CURATED).sample(fraction=1, shuffle=True, seed=3)
    assert plan_study(spans, SETTINGS, steps=8) == plan


def test_plan_survives_json(plan: StudyPlan) -> None:
    assert StudyPlan.from_json(plan.to_json()) == plan


def test_clip_ids_are_those_that_are_used(plan: StudyPlan) -> None:
    used = {c for arm in ARMS for seed in plan.train[arm] for c in seed} | set(plan.reference)
    assert set(plan.clip_ids()) == used | {c for clips in plan.evaluate.values() for c in clips}


def test_both_eval_sets_have_sources_however_few_are_curated() -> None:
    # Wherever the hashes put the two curated sources, each side gets one of them.
    for first in range(8):
        for second in range(first + 1, 8):
            curated = {f"s{first:02d}": 6, f"s{second:02d}": 6}
            raw = {f"s{i:02d}": 6 for i in range(8)}
            plan = plan_study(make_spans(raw, curated), SETTINGS, steps=8)
            assert len({plan.source_of[c] for c in plan.evaluate["curated"]}) == 1
            assert plan.available_sources["curated"] == 1


def test_four_sources_and_eight_clips_suffice() -> None:
    counts = dict.fromkeys("abcd", 2)
    plan = plan_study(make_spans(counts, counts), SETTINGS, steps=8)
    assert len(plan.eval_sources) == len(plan.train_sources) == 2
    assert plan.clips == 4


@pytest.mark.parametrize(
    ("raw", "curated", "message"),
    [
        pytest.param({"a": 9}, {"a": 9}, "there are 1 .1 raw, 1 curated, 1 in all", id="one"),
        pytest.param({"a": 9, "b": 9}, {}, "there are 0 .2 raw, 0 curated", id="nothing_kept"),
        pytest.param({}, {}, "there are 0", id="nothing"),
        pytest.param({"a": 9, "b": 9}, {"a": 3, "b": 3}, "9 raw, 3 curated", id="few_clips"),
    ],
)
def test_too_little_is_refused_with_counts(
    raw: dict[str, int], curated: dict[str, int], message: str
) -> None:
    spans = make_spans(raw, curated).cast(pl.String)
    with pytest.raises(StudyImpossible, match=message):
        plan_study(spans, SETTINGS, steps=8)


def test_horizon_beyond_the_clip_is_a_wrong_setting() -> None:
    with pytest.raises(ConfigError, match=r"study\.horizon must be below the 4 frames"):
        plan_study(make_spans(RAW, CURATED), SETTINGS, steps=4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(lambda s: s.drop("source"), "lack the columns", id="column"),
        pytest.param(lambda s: pl.concat([s, s]), "repeat a clip", id="repeated"),
        pytest.param(lambda s: s.with_columns(arm=pl.lit("other")), "arms must be", id="arm"),
        pytest.param(
            lambda s: s.with_columns(source=pl.col("source") + pl.col("arm")),
            "two sources",
            id="source",
        ),
    ],
)
def test_malformed_spans_are_refused(change: object, message: str) -> None:
    assert callable(change)
    with pytest.raises(ValueError, match=message):
        plan_study(change(make_spans(RAW, CURATED)), SETTINGS, steps=8)
