import numpy as np

from curate.overlays.training.looks import Sprite, burn
from curate.overlays.training.synthesis import _labels


def test_sprite_is_mixed_by_its_opacity_within_its_span() -> None:
    frames = np.full((3, 8, 8, 3), 100, np.uint8)
    square = np.full((2, 2, 4), 200, np.uint8)
    square[..., 3] = 255
    drawn, masks = burn(frames, [Sprite(square, 6, 3, 1, 2, True, alpha=0.5)])
    assert (drawn[[0, 2]] == 100).all()
    assert (drawn[1, 3:5, 6:8] == 150).all()
    assert masks[1].sum() == 2 * 4
    assert (frames == 100).all()


def test_moving_sprite_that_leaves_the_frame_is_cut_off() -> None:
    frames = np.zeros((3, 4, 8, 3), np.uint8)
    bar = np.full((4, 4, 4), 255, np.uint8)
    drawn, _ = burn(frames, [Sprite(bar, 0, 0, 0, 3, False, speed=-2.0)])
    assert [int((frame[0, :, 0] == 255).sum()) for frame in drawn] == [4, 2, 0]


def test_cells_covered_for_a_third_of_the_time_are_labelled() -> None:
    masks = np.zeros((10, 2, 180, 320), np.uint8)
    masks[:3, 0, 40:80, 100:200] = 1
    masks[:1, 1, 40:80, 100:200] = 1
    labels = _labels(masks)
    assert labels.shape == (2, 45, 80)
    assert (labels[0, 10:20, 25:50] == 1).all()
    assert (labels[1, 10:20, 25:50] == 255).all()
    assert labels[0].sum() == 10 * 25
