import pytest

from filters.base import Unmeasurable
from filters.freeze import share
from filters.registry import FILTERS
from tests.filters.scenes import clip, panning, still, view


@pytest.mark.parametrize(
    ("first", "count", "expected"),
    [
        # Frames first .. first + count show one picture: `count` steps of the clip's 89.
        pytest.param(30, 30, 30 / 89, id="one-second-inside"),
        pytest.param(0, 20, 20 / 89, id="at-the-start"),
        pytest.param(59, 30, 30 / 89, id="at-the-end"),
        pytest.param(30, 15, 15 / 89, id="exactly-half-a-second"),
        pytest.param(30, 14, 0.0, id="shorter-than-half-a-second"),
    ],
)
def test_frozen_run_counts_its_time(first: int, count: int, expected: float) -> None:
    def shown(i: int) -> int:
        return first if first <= i <= first + count else i

    frozen = clip(lambda i: view(dx=-2 * shown(i)))
    assert share(frozen) == pytest.approx(expected)


def test_two_frozen_runs_add_up() -> None:
    pictures = [0] * 21 + list(range(1, 25)) + [25] * 21 + list(range(26, 40))
    measured = share(clip(lambda i: view(dx=-2 * pictures[i]), seconds=len(pictures) / 30))
    assert measured == pytest.approx(40 / (len(pictures) - 1))


def test_moving_clip_is_not_frozen() -> None:
    assert share(panning()) == 0.0


def test_slow_motion_is_not_frozen() -> None:
    # 3 px of 320 a second: neighbouring frames are repeats, frames half a second apart are not.
    assert share(panning(0.1)) == 0.0


def test_repeated_frames_of_a_rate_conversion_are_not_frozen() -> None:
    assert share(clip(lambda i: view(dx=-2 * (i // 4)))) == 0.0


def test_still_scene_counts_as_frozen() -> None:
    assert share(still()) == 1.0
    assert not FILTERS["freeze_share"].keeps(share(still()))


def test_one_frame_has_no_runs() -> None:
    with pytest.raises(Unmeasurable, match="too_few_frames"):
        share(clip(lambda _: view(), seconds=1 / 30))
