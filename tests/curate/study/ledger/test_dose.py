import pytest

from curate.study.ledger.dose import plan_dose
from curate.study.ledger.settings import Ledger
from curate.study.plan import StudyImpossible
from tests.curate.study.ledger.test_plan import make_windows

SETTINGS = Ledger(seeds=2, train_windows=40, doses=(0.1, 0.5))
WINDOWS = make_windows(16)
TRUTH = {
    name: frozenset({"cuts"} if int(name[-3:]) % 5 == 1 else ())
    for name in WINDOWS["window_id"].to_list()
}
"""A fifth is known to have a cut; the filters see these and a few more."""


def test_doses_are_shares_of_windows_known_to_be_contaminated() -> None:
    plan = plan_dose(WINDOWS, TRUTH, SETTINGS)
    assert not any(TRUTH[w] for seed in plan.train["clean"] for w in seed)
    for arm, dose in (("cuts 10 %", 0.1), ("cuts 50 %", 0.5)):
        share = [bool(TRUTH[w]) for seed in plan.train[arm] for w in seed]
        assert sum(share) / len(share) == pytest.approx(dose, abs=0.15)
        assert plan.versus[arm] == "clean"
    assert plan.reference == "clean"


def test_curated_doses_hold_only_what_no_filter_objects_to() -> None:
    plan = plan_dose(WINDOWS, TRUTH, SETTINGS)
    flagged = {w for w, found in WINDOWS.select("window_id", "flags").iter_rows() if found}
    cured = {w for seed in plan.train["cuts 50 % curated"] for w in seed}
    assert not cured & flagged
    assert plan.versus["cuts 50 % curated"] == "cuts 50 %"


def test_without_contamination_or_clean_windows_there_is_no_dose() -> None:
    with pytest.raises(StudyImpossible, match="no training window has a known"):
        plan_dose(WINDOWS, {}, SETTINGS)
    dirty = {name: frozenset({"cuts"}) for name in TRUTH}
    with pytest.raises(StudyImpossible, match="0 clean training windows"):
        plan_dose(WINDOWS, dirty, SETTINGS)


def test_order_of_rows_has_no_effect() -> None:
    shuffled = WINDOWS.sample(fraction=1, shuffle=True, seed=2)
    assert plan_dose(shuffled, TRUTH, SETTINGS) == plan_dose(WINDOWS, TRUTH, SETTINGS)
