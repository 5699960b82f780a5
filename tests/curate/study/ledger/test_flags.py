import polars as pl

from curate.study.ledger.flags import flag_windows

SHOTS = pl.DataFrame(
    [("v", 0, 1000), ("v", 1010, 1100), ("v", 1100, 3000)],
    schema=["video_id", "start_pts", "end_pts"],
    orient="row",
).with_columns(time_base_num=1, time_base_den=100)
"""Shots of 10 s, 0.9 s (too short for a clip) and 19 s; 0.1 s of a transition after the first."""

CLIPS = pl.DataFrame(
    [("a", "v", 0.0, 8.0), ("b", "v", 8.0, 10.0), ("c", "v", 11.0, 19.0), ("d", "v", 19.0, 27.0)],
    schema=["clip_id", "video_id", "start_s", "end_s"],
    orient="row",
)


def flags(start: float, end: float, **reasons: list[str]) -> set[str]:
    """Groups that object to one window of the video."""
    window = pl.DataFrame({"window_id": "w", "video_id": "v", "start_s": start, "end_s": end})
    return set(flag_windows(window, SHOTS, CLIPS, reasons)["w"])


def test_window_inside_kept_clips_of_one_shot_is_free() -> None:
    assert flags(1.0, 2.0) == set()
    assert flags(7.5, 8.5) == set(), "two clips of one shot are no cut"


def test_window_across_or_in_a_transition_or_in_a_short_shot_has_a_cut() -> None:
    assert flags(9.5, 10.5) == {"cuts"}
    assert flags(10.02, 10.08) == {"cuts"}
    assert flags(10.2, 10.8) == {"cuts"}
    assert flags(10.8, 11.2) == {"cuts"}


def test_last_frame_of_a_shot_is_inside_and_the_first_pts_after_it_is_not() -> None:
    assert flags(9.0, 9.99) == set()
    assert flags(9.0, 10.0) == {"cuts"}


def test_window_after_the_last_clip_shows_what_nothing_judged() -> None:
    assert flags(28.0, 29.0) == {"cuts"}


def test_groups_of_every_dropped_clip_that_shows_object() -> None:
    dropped = {"a": ["camera_shake"], "b": ["text_overlay", "freeze_share"], "d": ["duplicate"]}
    assert flags(1, 2, **dropped) == {"camera"}
    assert flags(7.5, 8.5, **dropped) == {"camera", "edits", "static"}
    assert flags(12, 13, **dropped) == set()
    assert flags(20, 21, **dropped) == {"copies"}


def test_a_reason_in_no_group_is_its_own() -> None:
    assert flags(1, 2, a=["my_filter"]) == {"my_filter"}


def test_a_video_without_shots_is_all_cut() -> None:
    window = pl.DataFrame({"window_id": "w", "video_id": "x", "start_s": 0.0, "end_s": 1.0})
    assert flag_windows(window, SHOTS, CLIPS, {}) == {"w": frozenset({"cuts"})}
