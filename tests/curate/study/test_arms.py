import json
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from curate.study.arms import RESULTS, run_arm, summarise
from curate.study.normaliser import fit_normaliser
from curate.study.plan import ARMS, StudyPlan, plan_study
from curate.study.settings import Study
from tests.curate.latent_action.world import make_world
from tests.curate.study.spans import make_spans

STEPS = 5
SMALL = Study(
    train_clips=24, steps=20, batch_size=8, pca=4, latent=3, width=16, horizon=2, bootstrap=200
)
COUNTS = {f"s{i:02d}": 4 for i in range(20)}


@dataclass(frozen=True)
class Load:
    """Tokens of the sprite world, by clip id."""

    places: dict[str, int]

    def __call__(self, clips: Sequence[str]) -> npt.NDArray[np.float16]:
        tokens = make_world(len(self.places), seed=0, steps=STEPS).tokens
        return tokens[[self.places[clip] for clip in clips]].astype(np.float16)


@pytest.fixture(scope="module")
def plan() -> StudyPlan:
    return plan_study(make_spans(COUNTS, COUNTS), SMALL, STEPS)


@pytest.fixture(scope="module")
def load(plan: StudyPlan) -> Load:
    return Load({clip: place for place, clip in enumerate(plan.clip_ids())})


@pytest.fixture(scope="module")
def results(plan: StudyPlan, load: Load) -> pl.DataFrame:
    normaliser = fit_normaliser(load(plan.reference), SMALL.pca)
    return pl.concat(
        run_arm(plan, arm, seed, load, SMALL, normaliser=normaliser)
        for arm in ARMS
        for seed in range(SMALL.seeds)
    )


def test_rows_are_one_per_clip_metric_and_horizon(plan: StudyPlan, results: pl.DataFrame) -> None:
    assert results.schema == pl.Schema(RESULTS)
    key = ["arm", "seed", "eval_set", "clip_id", "metric", "horizon"]
    assert not results.select(key).is_duplicated().any()
    assert results["value"].is_finite().all()
    # 3 of rollouts and 2 squared at 2 horizons; 4 of one step and kl_bits at one.
    clips = sum(map(len, plan.evaluate.values()))
    assert results.height == 2 * SMALL.seeds * clips * (5 * 2 + 5)


def test_a_task_is_reproducible_and_survives_pickling(
    plan: StudyPlan, load: Load, results: pl.DataFrame
) -> None:
    sent: tuple[Any, ...] = pickle.loads(pickle.dumps((plan, "curated", 1, load, SMALL)))
    again = run_arm(*sent)
    first = results.filter(pl.col("arm") == "curated", pl.col("seed") == 1)
    assert again.equals(first)


def test_summary_is_json_with_one_primary_figure(plan: StudyPlan, results: pl.DataFrame) -> None:
    summary = summarise(results.sample(fraction=1, shuffle=True, seed=0), plan, SMALL)
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    (primary,) = (entry for entry in summary["results"] if entry["primary"])
    assert (primary["eval_set"], primary["metric"]) == ("raw", "rollout_skill_no_action")
    assert primary["horizon"] == SMALL.horizon
    assert len(summary["results"]) == 2 * (3 * 2 + 4)
    assert summary["budget"]["raw"]["clips"] == summary["budget"]["curated"]["clips"] == 24
    for entry in summary["results"]:
        for part in (*entry["arms"].values(), entry["difference"]):
            assert part["low"] <= part["mean"] <= part["high"]
            assert len(part["seeds"]) == SMALL.seeds


def test_summary_without_a_seed_is_refused(plan: StudyPlan, results: pl.DataFrame) -> None:
    with pytest.raises(ValueError, match="cells of seed"):
        summarise(results.filter(pl.col("seed") != 2), plan, SMALL)
    with pytest.raises(ValueError, match=r"cells of seed|lack the eval set"):
        summarise(results.filter(pl.col("arm") == "raw"), plan, SMALL)


def test_arms_in_different_spaces_are_refused(plan: StudyPlan, results: pl.DataFrame) -> None:
    other = pl.when(pl.col("arm") == "raw").then(pl.lit("x")).otherwise("normaliser")
    with pytest.raises(ValueError, match="one target space, not 2"):
        summarise(results.with_columns(normaliser=other), plan, SMALL)
