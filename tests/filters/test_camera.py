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


@pytest.mark.parametrize(
    "score", [camera.pan, camera.tilt, camera.zoom, camera.roll, camera.total, camera.shake]
)
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


def test_steady_moves_do_not_shake() -> None:
    assert camera.shake(made_of([moved(tx=0.02, ty=0.01)] * 12)) == pytest.approx(0, abs=1e-9)


def test_steady_pan_with_uneven_times_does_not_shake() -> None:
    t_s = np.array([0.0, 0.2, 0.36, 0.52, 0.68, 0.84, 1.0, 1.2, 1.36])
    steady = made_of([moved(tx=0.1 * dt) for dt in np.diff(t_s)])
    uneven = Clip(steady.gray, t_s, steady.motion, steady.tiny, steady.tiny_t_s)
    assert camera.shake(uneven) == pytest.approx(0, abs=1e-9)


def test_alternating_path_shakes_by_its_distance_from_the_mean_of_three() -> None:
    # Places 0, a, 0, a: each lies 2/3 a from the mean of itself and its neighbours.
    motions = [moved(tx=0.03 * (-1) ** i) for i in range(13)]
    assert camera.shake(made_of(motions)) == pytest.approx(100 * 0.03 * 2 / 3)


def test_shaken_camera_shakes_more_than_a_panning_one() -> None:
    rng = np.random.default_rng(0)
    jolts = rng.normal(0, 3, (90, 2))
    shaken = clip(lambda i: view(dx=float(jolts[i, 0]), dy=float(jolts[i, 1])))
    # Jolts of 3 px each way on places that share no smoothing: sqrt(2 * 2/3) * 3 px of 320.
    assert camera.shake(shaken) == pytest.approx(100 * 3 * math.sqrt(4 / 3) / 320, rel=0.4)


def test_missing_pairs_are_skipped() -> None:
    motions = [moved(tx=-0.05), NAN, moved(tx=-0.05), moved(tx=-0.05), NAN]
    assert camera.pan(made_of(motions, step_s=0.5)) == pytest.approx(0.1)
    assert camera.total(made_of(motions, step_s=0.5)) == pytest.approx(0.1)
    assert camera.shake(made_of(motions, step_s=0.2)) == pytest.approx(0, abs=1e-9)


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
@pytest.mark.parametrize("score", [camera.pan, camera.total, camera.shake])
def test_clips_without_enough_motion_name_the_reason(
    score: Callable[[Clip], float], motions: list[GlobalMotion], word: str
) -> None:
    with pytest.raises(Unmeasurable) as error:
        score(made_of(motions))
    assert error.value.word == word


def test_half_of_the_pairs_are_enough() -> None:
    assert camera.pan(made_of([REST, NAN])) == 0.0


def test_shake_needs_four_frames() -> None:
    with pytest.raises(Unmeasurable, match="too_few_frames"):
        camera.shake(made_of([REST, REST]))
