import numpy as np
import pytest

from filters.base import Unmeasurable
from filters.registry import FILTERS
from filters.repeated import progress, runs, share
from tests.filters.scenes import clip, noisy, panning, still, view


@pytest.mark.parametrize(
    ("times", "note"),
    [
        pytest.param(2, "2x", id="doubled"),
        pytest.param(3, "3x", id="tripled"),
        pytest.param(4, "4x", id="fourfold"),
    ],
)
def test_frames_shown_n_times_repeat_in_n_minus_one_of_n(times: int, note: str) -> None:
    made = clip(lambda i: view(dx=-2 * (i // times * times)))
    assert share(made) == pytest.approx((times - 1) / times, abs=0.03)
    assert runs(made)[0].note == note
    assert FILTERS["repeated_frames"].keeps(share(made)) == (times == 2)


def test_one_in_five_is_three_to_two() -> None:
    made = clip(lambda i: view(dx=-2 * (i - (i % 5 == 4))))
    assert share(made) == pytest.approx(0.2, abs=0.03)
    assert {run.note for run in runs(made)} == {"3:2"}


def test_noise_does_not_hide_a_cadence() -> None:
    rng = np.random.default_rng(0)
    made = clip(lambda i: noisy(view(dx=-2 * (i // 2 * 2)), 2.0, rng))
    assert share(made) == pytest.approx(0.5, abs=0.05)


def test_progress_is_none_where_a_frame_repeats_though_noise_changes_it() -> None:
    rng = np.random.default_rng(0)
    made = clip(lambda i: noisy(view(dx=-1 * (i // 2 * 2)), 12.0, rng))
    # The last step of each pair shows the next picture.
    new, repeats = progress(made.tiny)[3:-3:2], progress(made.tiny)[4:-3:2]
    assert np.abs(repeats).mean() < 0.2 * new.mean()


def test_a_pause_within_a_cadence_does_not_hide_it() -> None:
    rng = np.random.default_rng(0)

    def shown(i: int) -> int:
        at = i if i < 40 else 40 if i < 48 else i - 8
        return at // 2 * 2

    made = clip(lambda i: noisy(view(dx=-2 * shown(i)), 4.0, rng))
    assert share(made) > 0.4


def test_part_of_a_clip_is_named() -> None:
    def shown(i: int) -> int:
        return i if not 30 <= i < 60 else 30 + (i - 30) // 3 * 3

    (run,) = runs(clip(lambda i: view(dx=-2 * shown(i))))
    assert run.start_s == pytest.approx(1.0, abs=0.15)
    assert run.end_s == pytest.approx(2.0, abs=0.15)
    assert run.note == "3x"


def test_continuous_motion_repeats_nothing() -> None:
    assert share(panning()) == 0.0


def test_pause_is_no_cadence() -> None:
    assert share(clip(lambda i: view(dx=-2 * min(i, 45)))) == 0.0


def test_cut_between_stills_is_no_cadence() -> None:
    with pytest.raises(Unmeasurable, match="static_scene"):
        share(clip(lambda i: view(dx=300 * (i > 45))))


def test_still_scene_has_nothing_to_repeat() -> None:
    with pytest.raises(Unmeasurable, match="static_scene"):
        share(still())
