import numpy as np
import polars as pl
import pytest

from curate.config import Config, load_config
from curate.measure import Measured, measure_video
from filters.registry import FILTERS
from manifests.errors import BadVideoError
from tests.videos import DAMAGED, MAKERS, Videos

SHORT = load_config(None, ["clips.min_s=1.0"])


def _measure(videos: Videos, name: str, config: Config = SHORT) -> Measured:
    return measure_video(str(videos[name].path), "v", "k", config)


def _frame(measured: Measured, name: str) -> pl.DataFrame:
    table = pl.from_arrow(measured.tables[name])
    assert isinstance(table, pl.DataFrame)
    return table


@pytest.mark.parametrize("name", [name for name in MAKERS if name not in DAMAGED])
def test_every_readable_video_is_measured_and_accounted_for(videos: Videos, name: str) -> None:
    truth = videos[name]
    measured = _measure(videos, name)
    assert measured.facts["frames"] == truth.frames
    assert _frame(measured, "frames")["pts"].is_sorted()
    assert len(_frame(measured, "frames")) == truth.frames
    clips, scores = _frame(measured, "clips"), _frame(measured, "scores")
    assert clips["clip_id"].to_list() == scores["clip_id"].to_list()
    for row in measured.tables["scores"].to_pylist():
        missing = dict(row["missing"])
        for score in FILTERS:
            assert (row[score] is None) == (score in missing)
            assert row[score] is None or np.isfinite(row[score])
    samples = _frame(measured, "samples")
    assert set(samples["clip_id"]) == set(clips["clip_id"])


def test_a_cut_separates_two_shots_whose_clips_stay_clear_of_it(videos: Videos) -> None:
    measured = _measure(videos, "hard_cut")
    shots = _frame(measured, "shots").select("start_frame", "end_frame", "transition_in")
    assert shots.rows() == [(0, 70, "start"), (70, 150, "cut")]
    clips = _frame(measured, "clips").select("start_s", "end_s", "frames")
    expected = [(0.0, 68 / 25, 68), (72 / 25, 150 / 25, 78)]
    np.testing.assert_allclose(np.array(clips.rows()), np.array(expected), atol=1e-6)


def test_where_a_score_comes_from_is_stored_with_it(videos: Videos) -> None:
    measured = _measure(videos, "stall")
    (clip,) = _frame(measured, "clips").iter_rows(named=True)
    evidence = _frame(measured, "evidence").filter(pl.col("filter") == "freeze_share")
    assert evidence.select("clip_id", "measure_key", "item").rows() == [(clip["clip_id"], "k", 0)]
    # Frames 25 to 50 show one picture.
    assert evidence.select("start_s", "end_s", "x").rows() == [(1.0, 2.0, None)]


def test_a_pan_is_measured_as_camera_motion_with_its_sign_and_rate(videos: Videos) -> None:
    measured = _measure(videos, "pan")
    expected = 3 * 25 / 320  # frame widths a second; content moves left, so the camera turns right
    assert _frame(measured, "scores")["camera_pan"].to_list() == pytest.approx([expected], rel=0.1)
    shifts = _frame(measured, "frames")["tx"].drop_nulls()
    assert (shifts < 0).all()


def test_times_are_those_of_the_stream_not_of_a_frame_rate(videos: Videos) -> None:
    clips = _frame(_measure(videos, "variable_rate"), "clips")
    assert clips.select("start_s", "end_s").rows() == [(0.0, pytest.approx(2.76, abs=0.005))]
    late = _frame(_measure(videos, "mpeg_ts"), "clips")
    assert late["start_s"].to_list() == [pytest.approx(10.0, abs=1e-3)]
    assert _measure(videos, "mpeg_ts").facts["start_s"] == pytest.approx(10.0, abs=1e-3)


def test_a_turned_video_is_measured_upright(videos: Videos) -> None:
    measured = _measure(videos, "rotated")
    assert (measured.facts["width"], measured.facts["height"]) == (120, 160)


def test_measuring_twice_gives_the_same_rows(videos: Videos) -> None:
    first, second = _measure(videos, "hard_cut"), _measure(videos, "hard_cut")
    assert first.facts == second.facts
    assert all(first.tables[name].equals(second.tables[name]) for name in first.tables)


def test_a_long_shot_is_cut_while_it_passes_and_no_frame_is_lost(videos: Videos) -> None:
    measured = _measure(videos, "plain", load_config(None, ["clips.min_s=0.5", "clips.max_s=1.0"]))
    clips = _frame(measured, "clips")
    assert clips["frames"].to_list() == [25, 25, 25]
    assert clips["end_pts"][:-1].to_list() == clips["start_pts"][1:].to_list()


def test_a_file_that_breaks_off_is_partial_and_what_decoded_is_used(videos: Videos) -> None:
    facts = _measure(videos, "broken_off").facts
    assert (facts["status"], facts["error"], facts["frames"]) == ("partial", "truncated", 30)


def test_a_single_frame_makes_a_shot_and_no_clip(videos: Videos) -> None:
    measured = _measure(videos, "one_frame")
    assert len(_frame(measured, "shots")) == 1
    assert _frame(measured, "clips").is_empty()


@pytest.mark.parametrize("name", DAMAGED)
def test_an_unreadable_video_raises_its_word(videos: Videos, name: str) -> None:
    with pytest.raises(BadVideoError) as caught:
        _measure(videos, name)
    assert caught.value.word == videos[name].error
