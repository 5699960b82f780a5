import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from filters import camera
from filters.base import Clip, GlobalMotion, Unmeasurable
from tests.filters.scenes import FPS, HEIGHT, WIDTH, clip, made_of, still, view

REST = GlobalMotion(0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0)
NAN = GlobalMotion(missing="textureless")


def moved(
    tx: float = 0.0, ty: float = 0.0, log_scale: float = 0.0, roll_deg: float = 0.0
) -> GlobalMotion:
    return replace(REST, tx=tx, ty=ty, log_scale=log_scale, roll_deg=roll_deg)


@pytest.mark.parametrize(
    ("score", "draw", "expected"),
    [
        # 1 px a frame is 30 px a second; the content goes against the camera.
        pytest.param(camera.pan, lambda i: view(dx=-i), FPS / WIDTH, id="pan-right"),
        pytest.param(camera.pan, lambda i: view(dx=i), -FPS / WIDTH, id="pan-left"),
        pytest.param(camera.tilt, lambda i: view(dy=-i), FPS / HEIGHT, id="tilt-down"),
        pytest.param(camera.tilt, lambda i: view(dy=i), -FPS / HEIGHT, id="tilt-up"),
        pytest.param(camera.zoom, lambda i: view(scale=math.exp(i / 300)), 0.1, id="zoom-in"),
        pytest.param(camera.zoom, lambda i: view(scale=math.exp(-i / 300)), -0.1, id="zoom-out"),
        pytest.param(camera.roll, lambda i: view(clockwise_deg=-i / 5), 6.0, id="content-ccw"),
        pytest.param(camera.roll, lambda i: view(clockwise_deg=i / 5), -6.0, id="content-cw"),
        pytest.param(camera.total, lambda i: view(dx=-i), FPS / WIDTH, id="total-of-a-pan"),
    ],
)
def test_known_camera_move_is_measured(
    score: Callable[[Clip], float], draw: Callable[[int], np.ndarray], expected: float
) -> None:
    assert score(clip(draw, seconds=2.0)) == pytest.approx(expected, rel=0.03)


def test_portrait_tilt_is_in_frame_heights() -> None:
    measured = camera.tilt(clip(lambda i: view(dy=-i, size=(180, 320)), seconds=1.0))
    assert measured == pytest.approx(FPS / 320, rel=0.03)


@pytest.mark.parametrize("score", [camera.pan, camera.tilt, camera.zoom, camera.roll, camera.total])
def test_still_clip_scores_zero(score: Callable[[Clip], float]) -> None:
    assert score(still()) == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize(
    "motion",
    [
        pytest.param(moved(log_scale=0.05), id="zoom"),
        pytest.param(moved(roll_deg=2.0), id="roll"),
        pytest.param(moved(tx=0.02, ty=-0.03, log_scale=-0.04, roll_deg=3.0), id="all"),
    ],
)
def test_total_is_the_rms_displacement_over_the_frame(motion: GlobalMotion) -> None:
    # The slow twin: move every pixel of the frame by the similarity.
    y, x = np.mgrid[:180, :320]
    x, y = (x - 159.5) / 320, (y - 89.5) / 320
    angle, scale = -np.radians(motion.roll_deg), np.exp(motion.log_scale)
    dx = scale * (np.cos(angle) * x - np.sin(angle) * y) - x + motion.tx
    dy = scale * (np.sin(angle) * x + np.cos(angle) * y) - y + motion.ty * 180 / 320
    expected = np.sqrt((dx**2 + dy**2).mean()) / 0.5
    assert camera.total(made_of([motion] * 3, step_s=0.5)) == pytest.approx(expected, rel=1e-3)


def test_total_is_the_median_over_pairs() -> None:
    motions = [moved(tx=0.01)] * 5 + [moved(tx=0.5)]
    assert camera.total(made_of(motions, step_s=0.1)) == pytest.approx(0.1)


def test_missing_pairs_are_skipped() -> None:
    motions = [moved(tx=-0.05), NAN, moved(tx=-0.05), moved(tx=-0.05), NAN]
    assert camera.pan(made_of(motions, step_s=0.5)) == pytest.approx(0.1)
    assert camera.total(made_of(motions, step_s=0.5)) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("motions", "word"),
    [
        pytest.param([REST, NAN, NAN], "textureless", id="most-missing"),
        pytest.param(
            [REST, NAN, GlobalMotion(missing="black"), GlobalMotion(missing="black")],
            "black",
            id="most-common-reason",
        ),
        pytest.param([], "too_few_frames", id="one-frame"),
    ],
)
@pytest.mark.parametrize("score", [camera.pan, camera.total, camera.steadiness])
def test_clips_without_enough_motion_name_the_reason(
    score: Callable[[Clip], float], motions: list[GlobalMotion], word: str
) -> None:
    with pytest.raises(Unmeasurable) as error:
        score(made_of(motions))
    assert error.value.word == word


def test_half_of_the_pairs_are_enough() -> None:
    assert camera.pan(made_of([REST, NAN])) == 0.0


@pytest.mark.parametrize(
    ("motions", "expected"),
    [
        pytest.param([moved(tx=0.02)] * 4, 1.0, id="one-way"),
        pytest.param([moved(tx=0.02), moved(tx=-0.02)] * 2, 0.0, id="to-and-fro"),
        # Three steps forth and one back: 2 of 4.
        pytest.param([moved(ty=0.02)] * 3 + [moved(ty=-0.02)], 0.5, id="mostly-forth"),
    ],
)
def test_steadiness_is_the_net_share_of_the_way(
    motions: list[GlobalMotion], expected: float
) -> None:
    assert camera.steadiness(made_of(motions)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("motions", "expected"),
    [
        pytest.param([replace(REST, trust=0.8)] * 4, 0.8, id="measured"),
        pytest.param([replace(REST, trust=0.8), NAN], 0.4, id="half-measured"),
        pytest.param([NAN, NAN], 0.0, id="not-measured"),
    ],
)
def test_confidence_is_measured_share_times_inliers_times_spread(
    motions: list[GlobalMotion], expected: float
) -> None:
    assert camera.confidence(made_of(motions)) == pytest.approx(expected)
