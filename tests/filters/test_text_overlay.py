from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest

from filters.base import Clip, Unmeasurable
from filters.clip import clip_from_gray
from filters.overlay_maps import overlay_maps, windows
from filters.overlay_network import CELL, network
from filters.registry import FILTERS
from filters.text_overlay import WORDS, _colours, over_spans, overlays, text_boxes, text_sureness
from tests.filters.scenes import HEIGHT, WIDTH, Image, clip, panning, texture, view


def _captioned(draw: Callable[[int], Image], text: str = "what do you think of it") -> Clip:
    def captioned(i: int) -> Image:
        frame = draw(i).copy()
        for grey, stroke in ((0, 4), (255, 1)):
            at = (30, HEIGHT - 20)
            cv2.putText(frame, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.6, grey, stroke, cv2.LINE_AA)
        return frame

    return clip(captioned)


def test_caption_over_a_moving_picture_is_found_in_its_place() -> None:
    captioned = _captioned(lambda i: view(dx=-3 * i))
    assert text_sureness(captioned) > 0.8
    boxes = [at.box for at in text_boxes(captioned) if at.box is not None]
    assert boxes
    assert all(y > 0.7 for _, y, _, _ in boxes)


def test_moving_picture_without_overlay_scores_less() -> None:
    clean, captioned = panning(3.0), _captioned(lambda i: view(dx=-3 * i))
    assert text_sureness(clean) < 0.5 < text_sureness(captioned)


def test_text_of_one_of_three_spans_scores_five_sixths() -> None:
    text = np.zeros((3, 45, 80), np.float32)
    text[1, 30:34, 20:40] = 1
    assert over_spans(text) == pytest.approx(5 / 6)


def test_scattered_answers_score_less_than_as_many_side_by_side() -> None:
    rows, columns = WORDS
    word, scattered = np.zeros((2, 1, 45, 80), np.float32)
    word[0, 10 : 10 + rows, 10 : 10 + columns] = 1
    scattered[0, :: 45 // rows, :: 80 // columns] = 1
    assert over_spans(word) == 1
    assert over_spans(scattered) < 0.1


def test_overlay_on_bars_is_left_out() -> None:
    # What is cropped away with the border is no fault of the picture.
    def barred(i: int) -> Image:
        frame = np.full((HEIGHT, WIDTH), 16, np.uint8)
        frame[:130] = view(dx=-3 * i, size=(WIDTH, 130))
        return frame

    found = overlays(_captioned(barred))
    assert not found.cells[:, :, -(50 // CELL) + 2 :].any()


def test_maps_hold_what_changes_and_what_stays() -> None:
    gray = np.zeros((6, 40, 60), np.uint8)
    gray[:, 10:20, 10:20] = 200
    gray[3:, 30:36, 30:40] = 100
    mean, first, _, last, change, least, *_ = overlay_maps(gray)
    assert mean[15, 15] == 200
    assert (first[32, 32], last[32, 32], change[32, 32]) == (0, 100, 100)
    assert change[15, 15] == 0
    assert least[15, 10] > 0  # the edge that stays
    assert least[32, 30] == 0  # the edge that comes


def test_maps_hold_colours_and_which_of_their_edges_stay() -> None:
    gray = np.full((6, 40, 60), 90, np.uint8)
    chroma = np.full((2, 2, 40, 60), 128, np.uint8)
    chroma[:, 1, 10:20, 10:20] = 200
    chroma[1, 0, 30:36, 30:40] = 60
    blue, red, least = overlay_maps(gray, chroma)[-3:]
    assert (red[15, 15], red[5, 5], blue[32, 32]) == (200, 128, 94)
    assert least[15, 10] > 0  # the edge that stays
    assert least[32, 30] == 0  # the edge that comes
    grey = overlay_maps(gray)[-3:]
    assert (grey == np.array([128, 128, 0])[:, None, None]).all()


def test_letters_that_differ_by_colour_alone_are_found_if_they_stay() -> None:
    grey = clip(lambda i: view(dx=-3 * i))
    ink = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.putText(ink, "what do you think of it", (30, HEIGHT - 20), 0, 0.8, 60, 2, cv2.LINE_AA)
    at = tuple(range(0, len(grey.gray), 3))
    stays = np.full((len(at), 2, HEIGHT, WIDTH), 128, np.uint8)
    stays[:, 1] += ink
    moves = np.stack([np.roll(planes, -9 * i, axis=2) for i, planes in enumerate(stays)])
    without, drawn, moving = (
        text_sureness(replace(grey, chroma=chroma, chroma_at=at if chroma is not None else ()))
        for chroma in (None, stays, moves)
    )
    assert drawn > 0.9
    assert without < 0.2
    assert moving < 0.3


@pytest.mark.parametrize("seed", range(1, 7))
def test_a_thing_that_moves_before_a_resting_camera_is_no_text(seed: int) -> None:
    ground, box = texture(580, 1120, seed=seed)[200:380, 400:720], texture(40, 40, seed=5)

    def draw(i: int) -> Image:
        frame = ground.copy()
        x, y = round(140 + 60 * np.sin(i / 16)), round(60 + 25 * np.sin(i / 11))
        frame[y : y + 40, x : x + 40] = box
        return frame

    assert FILTERS["text_overlay"].keeps(text_sureness(clip(draw)))


def test_a_clip_names_the_frames_of_its_colours() -> None:
    grey = clip_from_gray(np.zeros((9, 40, 60), np.uint8), 6.0)
    with pytest.raises(ValueError, match="chroma"):
        replace(grey, chroma=np.zeros((2, 2, 40, 60), np.uint8), chroma_at=(1,))


def test_a_span_takes_the_colours_of_its_own_frames() -> None:
    clip = clip_from_gray(np.zeros((9, 40, 60), np.uint8), 6.0)
    chroma = np.stack([np.full((2, 40, 60), value, np.uint8) for value in (10, 20, 30)])
    coloured = replace(clip, chroma=chroma, chroma_at=(1, 4, 7), found={})
    assert _colours(clip, slice(0, 9)) is None
    assert _colours(coloured, slice(5, 7)) is None
    found = _colours(coloured, slice(4, 8))
    assert found is not None
    assert found[:, 0, 0, 0].tolist() == [20, 30]


def test_windows_cover_the_clip_and_hold_enough_frames() -> None:
    t_s = np.arange(40) / 6.0
    found = windows(t_s)
    assert [s.start for s in found[1:]] == [s.stop for s in found[:-1]]
    assert (found[0].start, found[-1].stop) == (0, 40)
    assert all(s.stop - s.start >= 4 for s in found)


def test_a_level_pan_leaves_level_edges_only() -> None:
    maps = overlay_maps(np.stack([view(dx=-3 * i) for i in range(12)]))
    across, down = (float(plane.mean()) for plane in maps[7:9])
    resting = overlay_maps(np.stack([view()] * 12))
    assert across < 0.4 * resting[7].mean()
    assert down > 1.5 * across


def test_network_answers_one_number_per_cell_and_kind() -> None:
    maps = overlay_maps(np.stack([view(dx=-3 * i, size=(102, 50)) for i in range(5)]))
    scores = network().scores(maps)
    assert scores.shape == (2, 13, 26)
    assert scores.min() >= 0
    assert scores.max() <= 1


def test_network_equals_the_model_that_was_trained() -> None:
    torch = pytest.importorskip("torch")
    from curate.overlays.training.train import Model, scaled

    model = Model()
    arrays = network().arrays
    model.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    maps = overlay_maps(np.stack([view(dx=-3 * i) for i in range(6)]))
    with torch.no_grad():
        wanted = torch.sigmoid(model(scaled(maps[None])))[0].numpy()
    np.testing.assert_allclose(network().scores(maps), wanted, atol=1e-4)


def test_three_frames_are_too_few() -> None:
    short = clip_from_gray(np.stack([texture(), texture(seed=1), texture(seed=2)]), 6.0)
    with pytest.raises(Unmeasurable, match="too_few_frames"):
        text_sureness(short)
