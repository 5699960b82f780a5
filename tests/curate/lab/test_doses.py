from itertools import pairwise

import numpy as np
import pytest

from curate.lab.doses import Doses, place_cuts, place_spans, plan_takes
from manifests.errors import ConfigError

FRAMES, FPS, STEP_S = 720, 12, 0.25


@pytest.mark.parametrize("share", [0.01, 0.05, 0.2, 0.4, 0.9])
def test_spans_cover_their_share_and_stay_apart(share: float) -> None:
    spans = place_spans(share, 6000, 12, 36, np.random.default_rng(1))

    assert sum(end - start for start, end in spans) == round(share * 6000)
    assert all(after[0] > before[1] for before, after in pairwise(spans))
    assert spans[-1][1] <= 6000


@pytest.mark.parametrize("share", [0.02, 0.1, 0.4])
def test_that_share_of_steps_holds_a_cut(share: float) -> None:
    cuts = np.array(place_cuts(share, 60_000, 3, np.random.default_rng(2)))

    # A step k goes from frame 3 k to frame 3 k + 3, and a cut at frame c lies in the step before.
    cut_steps = len(np.unique((cuts - 1) // 3))
    assert cut_steps / 20_000 == pytest.approx(share, abs=0.1 * share + 0.003)


def test_a_dose_of_one_fault_leaves_the_places_of_others_alone() -> None:
    alone = plan_takes(Doses(pans=0.2), 3, FRAMES, FPS, STEP_S, 7)
    with_more = plan_takes(Doses(pans=0.2, shake=0.3, cuts=0.1), 3, FRAMES, FPS, STEP_S, 7)

    for less, more in zip(alone, with_more, strict=True):
        assert less.spans == tuple(span for span in more.spans if span.kind == "pans")
    assert not any(plan.cuts for plan in alone)
    assert all(plan.cuts for plan in with_more)


def test_spans_stay_within_takes() -> None:
    plans = plan_takes(Doses(freezes=0.5, captions=0.4), 5, 100, FPS, STEP_S, 1)

    assert all(0 <= s.start < s.end <= 100 for plan in plans for s in plan.spans)
    frozen = sum(s.end - s.start for p in plans for s in p.spans if s.kind == "freezes")
    assert frozen == 250


def test_doses_are_read() -> None:
    assert Doses.parse(["cuts=0.1", "copies=0.25"]) == Doses(cuts=0.1, copies=0.25)


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        (["cut=0.1"], "one of cuts, shake"),
        (["cuts"], "NAME=SHARE"),
        (["cuts=0.1", "cuts=0.2"], "twice"),
        (["cuts=1"], "0 to 0.9"),
    ],
)
def test_wrong_doses_are_refused(texts: list[str], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        Doses.parse(texts)
