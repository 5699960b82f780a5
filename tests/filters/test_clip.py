import numpy as np
import pytest

from filters.clip import analysis_size, analysis_slot, clip_from_gray, tiny
from filters.motion import estimate
from tests.filters.scenes import Image, texture, view


@pytest.mark.parametrize(
    ("size", "longer_px", "expected"),
    [
        pytest.param((1920, 1080), 320, (320, 180), id="landscape"),
        pytest.param((1080, 1920), 320, (180, 320), id="portrait"),
        pytest.param((640, 360), 320, (320, 180), id="half"),
        pytest.param((64, 64), 320, (64, 64), id="never-enlarged"),
        pytest.param((65, 49), 320, (64, 48), id="odd-small"),
        pytest.param((1282, 719), 320, (320, 180), id="odd-large"),
        pytest.param((4000, 20), 320, (320, 2), id="strip"),
        pytest.param((1000, 1000), 321, (320, 320), id="odd-limit"),
    ],
)
def test_analysis_size_is_even_and_within_the_limit(
    size: tuple[int, int], longer_px: int, expected: tuple[int, int]
) -> None:
    assert analysis_size(*size, longer_px) == expected


def test_analysis_size_refuses_less_than_two_px() -> None:
    with pytest.raises(ValueError, match="2 px"):
        analysis_size(1, 100, 320)


@pytest.mark.parametrize(
    ("fps", "expected"),
    [
        pytest.param(30.0, 18, id="30"),
        pytest.param(30000 / 1001, 18, id="ntsc"),
        pytest.param(25.0, 18, id="25"),
        pytest.param(24.0, 18, id="24"),
        pytest.param(5.0, 15, id="slower-than-analysis"),
    ],
)
def test_three_seconds_give_six_analysed_frames_a_second(fps: float, expected: int) -> None:
    slots = {analysis_slot(i / fps) for i in range(round(3 * fps))}
    assert len(slots) == expected


def test_clip_holds_every_frame_tiny_and_some_analysed() -> None:
    frames = np.stack([view(dx=-i, size=(640, 360)) for i in range(30)])
    clip = clip_from_gray(frames, 30.0)
    assert clip.gray.shape == (6, 180, 320)
    assert clip.tiny.shape == (30, 36, 64)
    np.testing.assert_allclose(clip.gray_t_s, np.arange(6) / 6)
    np.testing.assert_allclose(clip.tiny_t_s, np.arange(30) / 30)
    assert clip.motion[0] == estimate(clip.gray[0], clip.gray[1])
    # 5 px of 640 between analysed frames.
    assert [m.tx * 640 for m in clip.motion] == pytest.approx([-5] * 5, abs=0.1)


def test_one_frame_is_a_clip_without_motion() -> None:
    clip = clip_from_gray(texture()[None], 25.0)
    assert len(clip.gray) == len(clip.tiny) == 1
    assert clip.motion == ()


@pytest.mark.parametrize(
    ("frames", "fps"),
    [
        pytest.param(np.zeros((0, 9, 9), np.uint8), 30.0, id="no-frames"),
        pytest.param(np.zeros((9, 9), np.uint8), 30.0, id="one-plane"),
        pytest.param(np.zeros((2, 9, 9), np.uint8), 0.0, id="no-rate"),
        pytest.param(np.zeros((2, 9, 9), np.uint8), float("nan"), id="nan-rate"),
    ],
)
def test_wrong_input_is_refused(frames: Image, fps: float) -> None:
    with pytest.raises(ValueError, match=r"frames|fps"):
        clip_from_gray(frames, fps)


def test_tiny_averages_areas() -> None:
    # A checkerboard of single pixels becomes its mean.
    board = (np.indices((360, 640)).sum(axis=0) % 2 * 200).astype(np.uint8)
    assert tiny(board).shape == (36, 64)
    assert (tiny(board) == 100).all()


def test_tiny_reads_a_padded_plane() -> None:
    plane = np.zeros((360, 672), np.uint8)
    plane[:, :640] = 90
    assert (tiny(plane[:, :640]) == 90).all()
