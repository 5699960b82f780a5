import numpy as np
import pytest

from curate.shot_settings import Shots
from curate.shots import Transition
from curate.shots.spans import SpanBuilder, highest_inside, transitions_from_scores

SETTINGS = Shots(cut_threshold=0.5, gradual_threshold=0.5, gradual_edge=0.2, min_gradual_frames=2)
FPS = 25


def spans(
    cuts: dict[int, float],
    gradual: dict[tuple[int, int], tuple[float, float, float]] | None = None,
    frames: int = 100,
    settings: Shots = SETTINGS,
    breaks: tuple[int, ...] = (),
) -> list[Transition]:
    rows = np.zeros((frames, 4))
    for frame, score in cuts.items():
        rows[frame, 0] = score
    for (first, last), scores in (gradual or {}).items():
        rows[first:last, 1:] = scores
    times = [i / FPS for i in range(frames)]
    return transitions_from_scores(
        times, rows.tolist(), [i in breaks for i in range(frames)], settings
    )


def test_the_highest_score_near_by_is_the_cut() -> None:
    found = spans({39: 0.6, 40: 0.9, 41: 0.8, 60: 0.4})
    assert found == [Transition(40, 40, "cut", 0.9)]


def test_shots_of_five_frames_are_kept_apart() -> None:
    assert [t.first for t in spans({40: 0.9, 45: 0.9, 50: 0.8})] == [40, 45, 50]


def test_of_equal_scores_the_first_counts() -> None:
    assert [t.first for t in spans({40: 0.7, 41: 0.7})] == [40]


def test_a_run_is_one_transition_of_its_strongest_kind() -> None:
    (found,) = spans({}, {(30, 50): (0.1, 0.6, 0.1)})
    assert (found.first, found.last, found.kind) == (30, 50, "fade")
    assert found.confidence == pytest.approx(0.8)


def test_ends_below_the_threshold_belong_to_the_run() -> None:
    faint, strong = (0.3, 0.0, 0.0), (0.9, 0.0, 0.0)
    (found,) = spans({}, {(25, 30): faint, (30, 40): strong, (40, 43): faint})
    assert (found.first, found.last) == (25, 43)
    assert spans({}, {(25, 43): faint}) == []


def test_a_hole_of_two_frames_does_not_end_a_run_and_one_of_three_does() -> None:
    strong = (0.9, 0.0, 0.0)
    assert len(spans({}, {(20, 30): strong, (32, 40): strong})) == 1
    assert len(spans({}, {(20, 30): strong, (33, 40): strong})) == 2


def test_a_long_run_takes_up_its_cuts_and_a_short_one_is_the_cut() -> None:
    strong = (0.9, 0.0, 0.0)
    assert [t.kind for t in spans({30: 0.9}, {(28, 40): strong})] == ["dissolve"]
    assert [t.kind for t in spans({30: 0.9}, {(29, 32): strong})] == ["cut"]


def test_too_short_a_run_is_nothing() -> None:
    assert spans({}, {(30, 31): (0.9, 0.0, 0.0)}) == []


def test_a_run_without_end_is_cut_up() -> None:
    found = spans({}, {(10, 990): (0.9, 0.0, 0.0)}, frames=1000)
    assert len(found) > 5
    assert all((t.last - t.first) / FPS <= 4.1 for t in found)


def test_nothing_reaches_over_a_break_of_the_clock() -> None:
    found = spans({}, {(30, 50): (0.9, 0.0, 0.0)}, breaks=(40,))
    assert Transition(40, 40, "cut", 1.0) in found
    assert all(t.last <= 40 or t.first >= 40 for t in found)


def test_the_first_frame_is_no_cut() -> None:
    assert spans({0: 0.9}) == []


@pytest.mark.parametrize("seed", range(30))
def test_any_scores_give_ordered_spans_and_settled_keeps_its_word(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.random((300, 4)) ** rng.choice([1, 3, 6]) * (1, 0.5, 0.5, 0.5)
    builder = SpanBuilder(SETTINGS)
    found: list[Transition] = []
    settled = 0
    for index, row in enumerate(rows.tolist()):
        new = builder.push(index / FPS, *row, break_=bool(rng.random() < 0.01))
        assert all(t.first >= settled for t in new)
        found += new
        assert builder.settled() >= settled
        settled = builder.settled()
    rest = builder.finish()
    assert all(t.first >= settled for t in rest)
    found += rest
    for one, two in zip(found, found[1:], strict=False):  # noqa: RUF007
        assert one.first <= one.last <= two.first


def test_missing_gradual_scores_count_as_nothing() -> None:
    rows = [(0.0, None, None, None)] * 20
    assert transitions_from_scores(list(range(20)), rows, [False] * 20, SETTINGS) == []


def test_the_highest_score_inside_leaves_out_the_cut_before() -> None:
    scores = {"cut_score": [0.0, 0.9, 0.1, 0.3, 0.8], "dissolve_score": [0.0, 0.2, 0.4, 0.0, 0.0]}
    assert highest_inside(scores, 1, 4) == pytest.approx(0.4)
    assert highest_inside(scores, 0, 4) == pytest.approx(0.9)
