"""The facts stated about the synthetic videos hold for the files."""

from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from manifests.errors import VIDEO_ERRORS
from tests.videos import DAMAGED, MAKERS, Videos, scene


@pytest.mark.parametrize("name", [name for name in MAKERS if name not in DAMAGED])
def test_readable_video_is_as_stated(videos: Videos, name: str) -> None:
    video = videos[name]
    with av.open(video.path) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        assert stream.average_rate == video.fps
    assert len(frames) == video.frames
    assert {(frame.width, frame.height) for frame in frames} == {(video.width, video.height)}
    assert [frame.time for frame in frames] == pytest.approx(list(video.times_s), abs=1e-6)
    assert {frame.rotation for frame in frames} == {video.rotation_deg}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_video_has_no_picture(videos: Videos, name: str) -> None:
    video = videos[name]
    assert video.error in VIDEO_ERRORS
    try:
        with av.open(video.path) as container:
            assert not container.streams.video
    except av.FFmpegError:
        assert name != "audio_only"


def test_cut_is_the_largest_change(videos: Videos) -> None:
    video = videos["hard_cut"]
    with av.open(video.path) as container:
        grays = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    change = np.abs(np.diff(np.stack(grays).astype(np.int16), axis=0)).mean((1, 2))
    assert video.cut_frames == (int(np.argmax(change)) + 1,)


@pytest.mark.parametrize("pan_px", [(-3, 0), (2, 1), (0, -2)])
def test_panned_content_moves_by_the_stated_step(pan_px: tuple[int, int]) -> None:
    frames = scene(4, seed=1, pan_px=pan_px, shapes=0)
    for before, after in pairwise(frames):
        moved = np.roll(before, pan_px, axis=(1, 0))
        assert np.array_equal(after[4:-4, 4:-4], moved[4:-4, 4:-4])


def test_makers_give_the_same_file_twice(videos: Videos, tmp_path: Path) -> None:
    again = Videos(tmp_path)
    for name in ("plain", "webm"):
        assert again[name].path.read_bytes() == videos[name].path.read_bytes()
