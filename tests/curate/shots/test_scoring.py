import pytest

from curate.shots import Transition
from curate.shots.scoring import (
    Case,
    Truth,
    bootstrap,
    counts,
    events,
    figures,
    total,
    windows,
)


def case(
    truth: list[tuple[int, int, str]],
    found: list[tuple[int, int]],
    frames: int = 200,
    ignored: list[tuple[int, int]] | None = None,
) -> Case:
    transitions = [Transition(a, b, "cut" if a == b else "dissolve") for a, b in found]
    return Case("s", frames, frames / 25, [Truth(*t) for t in truth], transitions, ignored or [])


@pytest.mark.parametrize(
    ("found", "tolerance", "hit"), [(50, 0, True), (51, 0, False), (51, 1, True), (53, 2, False)]
)
def test_a_cut_is_hit_within_the_tolerance(found: int, tolerance: int, hit: bool) -> None:
    scored = events(case([(50, 50, "cut")], [(found, found)]), tolerance=tolerance)
    assert (scored.hits, scored.misses, scored.false_alarms) == (hit, not hit, not hit)


def test_one_finding_hits_one_cut() -> None:
    scored = events(case([(50, 50, "cut"), (52, 52, "cut")], [(51, 51)]))
    assert (scored.hits, scored.misses, scored.false_alarms) == (1, 1, 0)


def test_nearest_are_matched_first() -> None:
    scored = events(case([(50, 50, "cut")], [(49, 49), (50, 50)]))
    assert [w.first for w in scored.wrong] == [49]


def test_findings_inside_a_gradual_transition_count_once() -> None:
    found = [(60, 60), (70, 75), (90, 90)]
    scored = events(case([(55, 80, "dissolve")], found))
    assert (scored.hits, scored.false_alarms) == (1, 1)
    assert [w.first for w in scored.wrong] == [90]
    assert events(case([(55, 80, "dissolve")], found), strict=True).false_alarms == 2


def test_what_touches_an_ignored_span_is_not_scored() -> None:
    scored = events(case([(50, 50, "cut")], [(50, 50), (120, 120)], ignored=[(45, 55), (118, 125)]))
    assert (scored.hits, scored.misses, scored.false_alarms) == (0, 0, 0)


def test_overlap_is_intersection_over_union_of_frames() -> None:
    scored = events(case([(50, 70, "dissolve")], [(55, 75)]))
    assert scored.overlap == pytest.approx(15 / 25)


def test_windows_without_any_finding_hold_the_cut() -> None:
    counted = windows(case([(50, 50, "cut")], [], frames=128))
    # Windows start at 0, 32, 64, 96; the one from 32 holds frames of both shots. The truth would
    # give [0, 48) one window and [52, 128) two.
    assert (counted.all, counted.contaminated, counted.clean, counted.ideal) == (4, 1, 3, 3)


def test_a_window_that_ends_at_the_cut_is_clean() -> None:
    assert windows(case([(64, 64, "cut")], [], frames=128)).contaminated == 0


def test_every_mixed_frame_contaminates() -> None:
    # Clips [0, 58) and [72, 200): the dissolve was seen too late and too short.
    counted = windows(case([(30, 75, "dissolve")], [(60, 70)]))
    assert (counted.all, counted.contaminated) == (1 + 4, 2)


def test_windows_that_touch_an_ignored_span_do_not_count() -> None:
    counted = windows(case([], [], frames=128, ignored=[(40, 41)]))
    assert (counted.all, counted.ideal) == (3, 3)


def test_figures_are_ratios_of_sums() -> None:
    good = counts(case([(50, 50, "cut")], [(50, 50)]))
    bad = counts(case([(50, 70, "dissolve")], [(120, 120)]))
    values = figures(total([good, bad]))
    assert values["precision"] == values["recall"] == values["f1"] == 0.5
    assert (values["recall_cut"], values["recall_dissolve"]) == (1, 0)
    assert values["f1_abrupt"] == pytest.approx(2 / 3)  # one hit and one false cut
    assert values["f1_gradual"] == 0
    assert values["false_alarms_per_hour"] == pytest.approx(3600 / 16)
    assert "recall_wipe" not in values


def test_figures_without_transitions_are_absent() -> None:
    assert "f1" not in figures(total([counts(case([], []))]))


def test_bootstrap_resamples_sources_as_wholes() -> None:
    sources = ["a", "a", "b", "b"]
    values = [0.0, 0.0, 1.0, 1.0]

    def mean(chosen: object) -> float:
        indices = list(chosen)  # type: ignore[call-overload]
        assert len(indices) == 4
        return float(sum(values[i] for i in indices) / 4)

    assert bootstrap(sources, mean) == (0.0, 1.0)
    assert bootstrap(sources, mean) == bootstrap(sources, mean)
    assert bootstrap(["a"] * 4, mean) == (0.5, 0.5)
