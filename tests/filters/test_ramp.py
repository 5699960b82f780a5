import cv2
import numpy as np
import numpy.typing as npt
import pytest

from filters.ramp import ramp

Profile = npt.NDArray[np.float64]


def _edge(at: float, sigma: float, lines: int = 16, height: float = 60.0) -> Profile:
    """(K,) distance from the border's colour of lines before and behind an edge that is blurred."""
    fine = np.where(np.arange(lines * 20) / 20 < at, 0.0, height)
    if sigma:
        fine = cv2.GaussianBlur(fine[None], (0, 0), sigma * 20, borderType=cv2.BORDER_REPLICATE)[0]
    return np.asarray(fine.reshape(lines, 20).mean(axis=1))


@pytest.mark.parametrize("at", [3.0, 3.3, 3.75])
def test_hard_edge_is_placed_within_its_line(at: float) -> None:
    assert ramp(_edge(at, 0.0), 2).middle == pytest.approx(at, abs=0.15)


@pytest.mark.parametrize("sigma", [1.0, 1.5, 2.0])
def test_soft_edge_of_another_shape_ends_in_its_middle(sigma: float) -> None:
    # No straight ramp: the flat lines end where the blur begins to show.
    flat = 6 - round(2.5 * sigma)
    assert ramp(_edge(6.0, sigma), flat).middle == pytest.approx(6, abs=0.5)


def test_ringing_of_a_codec_before_an_edge_is_no_edge() -> None:
    profile = _edge(6.0, 0.0)
    profile[2:6] = (0.7, 1.9, 3.1, 4.3)
    assert ramp(profile, 2).middle == pytest.approx(6, abs=0.3)


def test_picture_that_darkens_behind_a_soft_edge_does_not_draw_it_nearer() -> None:
    lines = np.arange(16) + 0.5
    profile = 80 * np.clip((lines - 3) / 6, 0, 1) * (1 - 0.03 * (lines - 3))
    assert ramp(profile, 3).middle == pytest.approx(6, abs=0.6)


def test_misfit_tells_edges_of_the_scene() -> None:
    straight = np.repeat(_edge(4.0, 0.0)[:, None], 40, axis=1)
    slanted = np.stack([_edge(2 + 6 * i / 40, 0.0) for i in range(40)], axis=1)
    assert ramp(straight.mean(axis=1), 2).misfit(straight) < 0.1
    assert ramp(slanted.mean(axis=1), 2).misfit(slanted) > 0.35
