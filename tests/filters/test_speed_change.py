import numpy as np
import pytest

from filters.base import Unmeasurable
from filters.speed_change import moments, strength
from tests.filters.scenes import clip, noisy, panning, still, view


def _slowed(i: int, factor: int) -> int:
    """Frame shown: at 1 / factor of the speed from frame 30 to frame 60."""
    return i if i < 30 else 30 + (i - 30) // factor if i < 60 else 30 + 30 // factor + i - 60


@pytest.mark.parametrize("factor", [2, 3])
def test_slow_motion_by_repetition_begins_and_ends(factor: int) -> None:
    rng = np.random.default_rng(0)
    made = clip(lambda i: noisy(view(dx=-2 * _slowed(i, factor)), 1.0, rng))
    assert strength(made) == pytest.approx(1 - 1 / factor, abs=0.1)
    begins, ends = sorted(moments(made), key=lambda e: e.start_s)
    assert (begins.note, ends.note) == ("slower", "faster")
    assert begins.start_s == pytest.approx(1.0, abs=0.1)
    assert ends.start_s == pytest.approx(2.0, abs=0.1)


def test_even_repetition_is_one_speed() -> None:
    made = clip(lambda i: view(dx=-2 * (i // 3 * 3)))
    assert strength(made) < 0.2
    assert moments(made) == []


def test_continuous_motion_has_one_speed() -> None:
    assert strength(panning()) == 0.0


def test_a_still_scene_has_no_speed() -> None:
    with pytest.raises(Unmeasurable, match="static_scene"):
        strength(still())


def test_a_short_clip_has_no_before_and_after() -> None:
    with pytest.raises(Unmeasurable, match="too_few_frames"):
        strength(clip(lambda i: view(dx=-2 * i), seconds=0.5))
