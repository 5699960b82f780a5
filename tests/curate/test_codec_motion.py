from pathlib import Path
from typing import Any

import numpy as np
import pytest

from curate.config import load_config
from curate.keys import stage_keys
from curate.measure import measure_video
from tests.videos import scene, write

CODEC = load_config(None, ["clips.min_s=1.0", "measure.motion_source=codec"])
STILL = scene(1, 400, 240, seed=4, shapes=0)[0]


def _measured(path: Path, step_px: tuple[int, int], **how: Any) -> dict[str, Any]:
    """Scores of 50 frames of 320 x 180 whose content moves by so many px a frame."""
    x, y = (np.arange(50) * step for step in step_px)
    large = np.tile(STILL, (2, 2, 1))
    start_x, start_y = max(0, x.max()), max(0, y.max())
    frames = [
        large[b : b + 180, a : a + 320] for a, b in zip(start_x - x, start_y - y, strict=True)
    ]
    write(path, np.stack(frames), **how)
    tables = measure_video(str(path), "v", "k", CODEC).tables
    found: list[dict[str, Any]] = tables["scores"].to_pylist()
    return found[0]


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"preset": "veryfast", "bf": "0"}, id="each from the frame before"),
        pytest.param(
            {"preset": "veryfast", "bf": "3", "b-adapt": "0"}, id="one in four, B between"
        ),
        pytest.param({"preset": "veryfast", "bf": "2", "b-pyramid": "none"}, id="one in three"),
    ],
)
def test_vectors_give_the_pan_whatever_the_distance_to_their_reference(
    tmp_path: Path, options: dict[str, str]
) -> None:
    scores = _measured(tmp_path / "a.mp4", (-3, 0), options=options)
    assert scores["camera_pan"] == pytest.approx(3 * 25 / 320, rel=0.02)
    assert scores["camera_tilt"] == pytest.approx(0, abs=0.005)


@pytest.mark.parametrize("codec", ["mpeg4", "mpeg2video"])
def test_mpeg_codecs_have_vectors_too(tmp_path: Path, codec: str) -> None:
    path = tmp_path / ("a.avi" if codec == "mpeg4" else "a.ts")
    scores = _measured(path, (0, 2), codec=codec, options={"g": "50"})
    assert scores["camera_tilt"] == pytest.approx(-2 * 25 / 180, rel=0.03)


def test_vectors_of_a_turned_video_are_those_of_the_upright_picture(tmp_path: Path) -> None:
    options = {"preset": "veryfast"}
    right = _measured(tmp_path / "a.mp4", (2, 0), options=options, rotation_deg=90)
    other = load_config(None, ["clips.min_s=1.0"])
    found = measure_video(str(tmp_path / "a.mp4"), "v", "k", other)
    (tracked,) = found.tables["scores"].to_pylist()
    assert abs(tracked["camera_tilt"]) == pytest.approx(2 * 25 / 320, rel=0.05)
    assert right["camera_tilt"] == pytest.approx(tracked["camera_tilt"], rel=0.05)


@pytest.mark.parametrize(
    ("codec", "suffix", "options"),
    [
        pytest.param("libx264", ".mp4", {"preset": "ultrafast", "g": "1"}, id="intra only"),
        pytest.param(
            "libvpx-vp9", ".webm", {"deadline": "realtime", "cpu-used": "8"}, id="not exported"
        ),
    ],
)
def test_without_vectors_the_scores_are_null_with_their_reason(
    tmp_path: Path, codec: str, suffix: str, options: dict[str, str]
) -> None:
    scores = _measured(tmp_path / f"a{suffix}", (-3, 0), codec=codec, options=options)
    assert scores["camera_pan"] is None
    assert dict(scores["missing"])["camera_pan"] == "no_vectors"


def test_the_source_is_part_of_the_key() -> None:
    models = ["embed.spec=bundled", "encode.spec=bundled"]
    tracks, codec = (
        stage_keys(load_config(None, [*models, f"measure.motion_source={source}"]))
        for source in ("tracks", "codec")
    )
    assert stage_keys(load_config(None, models)) == tracks
    assert codec.scan == tracks.scan
    assert codec.signals != tracks.signals
