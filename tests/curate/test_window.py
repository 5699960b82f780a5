"""What the passing clip holds of its frames."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from curate.config import Limits, Measure
from curate.decode import Video
from curate.window import ClipWindow
from filters.base import Clip
from tests.videos import Videos, write


def _clip(path: Path, start: int, end: int) -> Clip:
    window, times = ClipWindow(Measure(), 2.0), []
    with Video(str(path), Limits()) as video:
        for frame in video:
            times.append(float(frame.pts * video.time_base))
            window.add(frame, times[-1], frame.to_array(64, 36, "yuvj444p")[0])
    clip = window.clip(start, end, times[start], None)
    assert clip is not None
    return clip


def test_one_in_three_analysed_frames_is_held_in_colour(tmp_path: Path) -> None:
    frames = np.zeros((60, 96, 160, 3), np.uint8)
    frames[:, :, :80] = (220, 40, 40)
    frames[30:, :, 80:] = (40, 40, 220)
    write(tmp_path / "red.mp4", frames, fps=Fraction(30))
    clip = _clip(tmp_path / "red.mp4", 20, 60)
    assert clip.chroma is not None
    assert np.diff(clip.chroma_at).tolist() == [3] * (len(clip.chroma_at) - 1)
    assert clip.chroma.shape == (len(clip.chroma_at), 2, *clip.gray.shape[1:])
    blue, red = clip.chroma[:, 0], clip.chroma[:, 1]
    assert (red[:, 20:80, 20:60] > 190).all()
    late = clip.gray_t_s[list(clip.chroma_at)] >= 10 / 30
    assert (blue[late][:, 20:80, 100:140] > 190).all()
    assert (np.abs(blue[~late][:, 20:80, 100:140].astype(int) - 128) < 6).all()


@pytest.mark.parametrize("name", ["rotated", "odd_size", "ten_bit", "gray"])
def test_colour_has_the_size_of_the_luma(videos: Videos, name: str) -> None:
    clip = _clip(videos[name].path, 0, 20)
    assert clip.chroma is not None
    assert clip.chroma.shape[2:] == clip.gray.shape[1:]
    if name == "gray":
        assert (clip.chroma == 128).all()
