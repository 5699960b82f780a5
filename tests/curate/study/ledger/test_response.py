from typing import Any

import numpy as np
import polars as pl
import pytest

from curate.report.ledger import build_ledger
from curate.study.ledger.dose import plan_dose
from curate.study.ledger.plan import LedgerPlan
from curate.study.ledger.settings import Ledger
from curate.study.ledger.table import RESULTS, summarise
from curate.study.ledger.words import conclude
from manifests.errors import ConfigError
from tests.curate.study.ledger.test_dose import TRUTH, WINDOWS

SETTINGS = Ledger(seeds=3, train_windows=40, doses=(0.1, 0.5), bootstrap=500)
GAINS = {"clean": 0.5, "cuts 10 %": 0.5, "cuts 50 %": 0.1, "cuts 50 % curated": 0.4}


@pytest.fixture(scope="module")
def plan() -> LedgerPlan:
    return plan_dose(WINDOWS, TRUTH, SETTINGS)


@pytest.fixture(scope="module")
def summary(plan: LedgerPlan) -> dict[str, Any]:
    """Half of the windows with cuts cost 0.4 of 0.5, of which curation gives back 0.3."""
    rows = []
    for arm in plan.train:
        for seed in range(SETTINGS.seeds):
            rng = np.random.default_rng([len(arm), seed])
            for source in sorted({plan.source_of[w] for w in plan.label_test}):
                gain = GAINS.get(arm, 0.5) + 0.01 * rng.normal()
                for part, value in (("state", 1.0), ("both", 1 - gain), ("total", 1.0)):
                    rows.append((arm, seed, "labelled", source, f"ridge {part} yaw", value, "h"))
    results = pl.DataFrame(rows, schema=RESULTS, orient="row")
    return summarise(results, plan, SETTINGS, ["yaw"])


def test_recovered_share_is_what_curation_gives_back_of_the_loss(summary: dict[str, Any]) -> None:
    (high,) = (row for row in summary["doses"] if row["dose"] == 0.5)
    assert high["lost"]["mean"] == pytest.approx(0.4, abs=0.02)
    assert high["recovered"]["mean"] == pytest.approx(0.75, abs=0.05)
    assert high["recovered"]["low"] < 0.75 < high["recovered"]["high"]


def test_no_share_of_a_loss_that_is_not_shown(summary: dict[str, Any]) -> None:
    (low,) = (row for row in summary["doses"] if row["dose"] == 0.1)
    assert low["recovered"] is None


def test_the_conclusion_and_the_page_say_it(summary: dict[str, Any]) -> None:
    said = conclude(summary)
    assert any("50 % of windows with cuts lower action gain" in sentence for sentence in said)
    assert any("curation gives back 7" in sentence for sentence in said)
    page = build_ledger(summary)
    ((kind, plots),) = page.doses
    assert kind == "cuts"
    (title, plot), *_ = plots
    assert title == "Action gain"
    assert plot.count("<circle") == 2 * len(summary["doses"]) + 2
    assert "clean: windows without" in page.notes


def test_only_the_contaminants_asked_for() -> None:
    named = SETTINGS.model_copy(update={"dose_kinds": ("cuts",)})
    assert (
        plan_dose(WINDOWS, TRUTH, named).train.keys()
        == plan_dose(WINDOWS, TRUTH, SETTINGS).train.keys()
    )
    wrong = SETTINGS.model_copy(update={"dose_kinds": ("cut",)})
    with pytest.raises(ConfigError, match="no cut; known are cuts"):
        plan_dose(WINDOWS, TRUTH, wrong)
