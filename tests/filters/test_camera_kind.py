import pytest

from filters.camera_kind import KINDS, kind

REST: dict[str, float | None] = {
    "camera_pan": 0.0,
    "camera_tilt": 0.0,
    "camera_zoom": 0.0,
    "camera_roll": 0.0,
    "camera_motion": 0.0,
    "camera_shake": 0.0,
    "camera_steadiness": 1.0,
    "camera_confidence": 0.9,
    "camera_parallax": 0.0,
}


@pytest.mark.parametrize(
    ("scores", "word"),
    [
        pytest.param({}, "static", id="rest"),
        pytest.param({"camera_pan": 0.1, "camera_motion": 0.1}, "pan_right", id="right"),
        pytest.param({"camera_pan": -0.01, "camera_motion": 0.01}, "pan_left", id="left-slowly"),
        pytest.param({"camera_tilt": 0.1, "camera_motion": 0.06}, "tilt_down", id="down"),
        pytest.param({"camera_tilt": -0.1, "camera_motion": 0.06}, "tilt_up", id="up"),
        pytest.param({"camera_zoom": 0.1, "camera_motion": 0.03}, "zoom_in", id="in"),
        pytest.param({"camera_zoom": -0.1, "camera_motion": 0.03}, "zoom_out", id="out"),
        pytest.param({"camera_roll": 5.0, "camera_motion": 0.03}, "roll", id="roll"),
        pytest.param({"camera_roll": -5.0, "camera_motion": 0.03}, "roll", id="roll-clockwise"),
        pytest.param(
            {"camera_pan": 0.1, "camera_tilt": 0.05, "camera_motion": 0.1}, "pan_right", id="mostly"
        ),
        pytest.param(
            {"camera_pan": 0.1, "camera_tilt": 0.09, "camera_motion": 0.1}, "mixed", id="two"
        ),
        pytest.param(
            {
                "camera_zoom": 0.2, "camera_motion": 0.06, "camera_parallax": 0.02,
                "camera_confidence": 0.2,
            },
            "moving",
            id="walk",
        ),
        pytest.param(
            {"camera_zoom": 0.2, "camera_motion": 0.06, "camera_parallax": 0.02}, "zoom_in",
            id="zoom-behind-a-thing",
        ),
        pytest.param(
            {"camera_motion": 0.05, "camera_steadiness": 0.1, "camera_shake": 0.4}, "handheld",
            id="hand",
        ),
        pytest.param(
            {"camera_motion": 0.05, "camera_steadiness": 0.1, "camera_shake": 0.02}, "mixed",
            id="to-and-fro",
        ),
        pytest.param(
            {"camera_pan": 0.1, "camera_motion": 0.1, "camera_shake": 0.4}, "pan_right",
            id="pan-by-hand",
        ),
        pytest.param({"camera_confidence": 0.05}, "unknown", id="not-trusted"),
        pytest.param({"camera_confidence": None}, "unknown", id="no-confidence"),
        pytest.param({"camera_pan": None}, "unknown", id="not-measured"),
        pytest.param({"camera_shake": None, "camera_parallax": None}, "static", id="few-frames"),
    ],
)  # fmt: skip
def test_scores_give_the_word(scores: dict[str, float | None], word: str) -> None:
    assert kind({**REST, **scores}) == word
    assert word in KINDS


def test_clip_without_scores_is_unknown() -> None:
    assert kind({}) == "unknown"
