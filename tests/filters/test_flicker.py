import math

import numpy as np
import pytest

from filters.base import Unmeasurable
from filters.flicker import spans, strength
from filters.registry import FILTERS
from tests.filters.scenes import Image, clip, flat, panning, view, with_object


def lit(gain: float, image: Image) -> Image:
    """The picture above video black, times a gain."""
    return (12 + (image.astype(np.float64) - 12) * gain).round().clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("hz", [4.0, 7.0, 10.0, 15.0])
def test_sine_flickers_by_its_root_mean_square(hz: float) -> None:
    made = clip(lambda i: lit(1 + 0.06 * math.sin(2 * math.pi * hz * i / 30 + 0.8), view()))
    # A sine's nine tenths nearest to its mean have less than all of it.
    assert 0.6 * 6 / math.sqrt(2) < strength(made) < 6.2 / math.sqrt(2) * 1.45
    assert not FILTERS["flicker"].keeps(strength(made))
    assert spans(made)


def test_flicker_is_seen_over_a_pan() -> None:
    made = clip(lambda i: lit(1 + 0.06 * math.sin(2 * math.pi * 7 * i / 30), view(dx=-2 * i)))
    assert not FILTERS["flicker"].keeps(strength(made))


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(panning(2.0), id="pan"),
        pytest.param(with_object(), id="object"),
        pytest.param(clip(lambda i: lit(1 - i / 200, view())), id="slow-fade"),
        pytest.param(clip(lambda i: lit(1.4 if i == 40 else 1.0, view())), id="one-flash"),
    ],
)
def test_what_is_not_flicker_scores_low(made) -> None:  # type: ignore[no-untyped-def]
    assert strength(made) < 1


def test_black_has_no_brightness() -> None:
    with pytest.raises(Unmeasurable, match="black"):
        strength(flat(0))
