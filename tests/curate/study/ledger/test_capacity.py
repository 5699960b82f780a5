import json
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest

from curate.config import load_config
from curate.study.ledger.capacity import match
from curate.study.ledger.plan import LedgerPlan, plan_ledger
from curate.study.ledger.settings import Ledger
from curate.study.normaliser import fit_normaliser
from manifests.errors import ConfigError
from tests.curate.latent_action.sprites import make_sprites
from tests.curate.study.ledger.test_plan import make_windows

SETTINGS = Ledger(
    seeds=2,
    train_windows=96,
    steps=60,
    batch_size=8,
    pca=6,
    latent=4,
    width=16,
    search_rows=1,
    search_columns=1,
    match_gap=0.5,
)
WINDOWS = make_windows(8, 20)
NAMES = {name: place for place, name in enumerate(WINDOWS["window_id"])}
TOKENS = make_sprites(len(NAMES), seed=0).tokens.astype(np.float16)


def load(windows: Sequence[str]) -> npt.NDArray[np.float16]:
    return TOKENS[[NAMES[name] for name in windows]]


def still(windows: Sequence[str]) -> npt.NDArray[np.float16]:
    """The same, and nothing moves: there is no gap to close."""
    return np.repeat(load(windows)[:, :1], TOKENS.shape[1], axis=1)


@pytest.fixture(scope="module")
def plan() -> LedgerPlan:
    return plan_ledger(WINDOWS, SETTINGS)


def test_the_knob_is_the_one_that_came_nearest(plan: LedgerPlan) -> None:
    found = match(plan, load, SETTINGS, fit_normaliser(load(plan.neutral), 6))
    assert json.loads(json.dumps(found)) == found
    nearest = min(found["trials"], key=lambda trial: abs(trial["gap_closed"] - 0.5))
    assert (found["capacity"], found["gap_closed"]) == (
        nearest["capacity"],
        nearest["gap_closed"],
    )
    shares = [trial["gap_closed"] for trial in sorted(found["trials"], key=lambda t: t["capacity"])]
    assert shares[0] > shares[-1]  # a heavier penalty closes less


def test_no_gap_is_an_error_that_says_so(plan: LedgerPlan) -> None:
    with pytest.raises(ConfigError, match=r"ledger\.match_gap: unbounded latent actions do not"):
        match(plan, still, SETTINGS, fit_normaliser(still(plan.neutral), 6))


def test_one_of_the_two_chooses_the_knob() -> None:
    with pytest.raises(ConfigError, match="set one of them"):
        load_config(None, ["ledger.capacity=0.1", "ledger.match_gap=0.5"])
    with pytest.raises(ConfigError, match="none has no knob"):
        load_config(None, ["ledger.regulariser=none", "ledger.match_gap=0.5"])
