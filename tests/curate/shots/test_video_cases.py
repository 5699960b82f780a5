"""Shots of encoded videos with awkward clocks, orders and beginnings: spans are right in pts."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from curate.config import load_config
from curate.measure import measure_video
from tests.videos import Frames, scene, write

CONFIG = load_config(None, ["clips.min_s=0.4"])
CUT = 60


def two_shots(width: int = 160, height: int = 120) -> Frames:
    return np.concatenate([scene(CUT, width, height, seed=21), scene(70, width, height, seed=22)])


def shots(path: Path) -> list[dict[str, Any]]:
    tables = measure_video(str(path), "v", "k", CONFIG).tables
    rows: list[dict[str, Any]] = tables["shots"].to_pylist()
    return rows


def starts_s(path: Path) -> list[float]:
    return [s["start_pts"] * s["time_base_num"] / s["time_base_den"] for s in shots(path)]


def test_a_variable_frame_rate(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    times_ms = np.cumsum(rng.integers(10, 120, 130)).tolist()
    path = tmp_path / "v.mkv"
    write(path, two_shots(), times_ms=times_ms)
    first, second = shots(path)
    assert second["start_frame"] == CUT
    assert second["start_pts"] == times_ms[CUT]
    assert first["end_pts"] == second["start_pts"]


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_rotation_flag(tmp_path: Path, degrees: int) -> None:
    path = tmp_path / "v.mp4"
    times = write(path, two_shots(), rotation_deg=degrees)
    assert starts_s(path) == pytest.approx([times[0], times[CUT]])


@pytest.mark.parametrize("options", [{"bf": "4", "g": "250", "preset": "fast"}, {"bf": "0"}])
def test_b_frames_and_cuts_inside_a_group(tmp_path: Path, options: dict[str, str]) -> None:
    path = tmp_path / "v.mp4"
    times = write(path, two_shots(), options={**options, "sc_threshold": "0"})
    assert starts_s(path) == pytest.approx([times[0], times[CUT]])


def test_sixty_frames_a_second(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    times = write(path, two_shots(), fps=Fraction(60))
    assert starts_s(path) == pytest.approx([times[0], times[CUT]])


def test_a_missing_first_keyframe(tmp_path: Path) -> None:
    whole, path = tmp_path / "whole.ts", tmp_path / "v.ts"
    times = write(whole, two_shots(), options={"g": "20", "bf": "0", "sc_threshold": "0"})
    with av.open(str(whole)) as source, av.open(str(path), "w") as target:
        stream = source.streams.video[0]
        copy = target.add_stream_from_template(stream)
        for number, packet in enumerate(source.demux(stream)):
            if number >= 7 and packet.dts is not None:  # the first keyframe and six more are lost
                packet.stream = copy
                target.mux(packet)
    starts = starts_s(path)
    assert len(starts) == 2
    assert starts[1] - starts[0] <= times[CUT] - times[7] + 0.05
    with av.open(str(path)) as made:
        pts = [f.time or 0.0 for f in made.decode(video=0)]
    assert starts[1] == pytest.approx(pts[-70], abs=1e-3)


def test_a_shot_of_one_frame_is_in_no_clip(tmp_path: Path) -> None:
    frames = np.concatenate(
        [scene(60, 160, 120, seed=31), scene(1, 160, 120, seed=35), scene(60, 160, 120, seed=33)]
    )
    path = tmp_path / "v.mp4"
    write(path, frames)
    tables = measure_video(str(path), "v", "k", CONFIG).tables
    clips = tables["clips"].to_pylist()
    assert len(clips) == 2
    base = clips[0]["time_base_den"] / clips[0]["time_base_num"] / 25
    assert round(clips[0]["end_pts"] / base) <= 60
    assert round(clips[1]["start_pts"] / base) >= 61


def test_a_strange_frame_inside_a_shot_does_not_end_it(tmp_path: Path) -> None:
    frames = scene(120, 160, 120, seed=31)
    frames[60] = 255
    path = tmp_path / "v.mp4"
    write(path, frames)
    assert len(shots(path)) == 1
