from collections.abc import Callable

import cv2
import numpy as np
import pytest

from filters.base import Unmeasurable
from filters.clip import clip_from_gray
from filters.registry import FILTERS
from filters.text_overlay import area, overlay_mask
from tests.filters.scenes import HEIGHT, WIDTH, Image, clip, flat, panning, still, texture, view

BOUND = FILTERS["text_overlay"]


def _write(frame: Image, line: str, x: int, y: int, size: float = 0.5) -> Image:
    written = frame.copy()
    cv2.putText(written, line, (x, y), cv2.FONT_HERSHEY_SIMPLEX, size, 0, 4, cv2.LINE_AA)
    cv2.putText(written, line, (x, y), cv2.FONT_HERSHEY_SIMPLEX, size, 255, 1, cv2.LINE_AA)
    return written


def _caption(frame: Image) -> Image:
    return _write(_write(frame, "so this is what we", 60, 140), "found in the garden", 55, 165)


def _logo(frame: Image) -> Image:
    return _write(frame, "TV", 285, 20)


def _ticker(frame: Image) -> Image:
    panel = frame.copy()
    panel[150:172, 20:300] = 30
    cv2.putText(panel, "BREAKING NEWS TONIGHT", (30, 167), 0, 0.55, 255, 1, cv2.LINE_AA)
    return panel


@pytest.mark.parametrize(
    ("draw", "kept"),
    [
        pytest.param(_caption, False, id="caption"),
        pytest.param(_ticker, False, id="ticker"),
        pytest.param(_logo, True, id="corner-logo"),
        pytest.param(lambda frame: frame, True, id="nothing"),
    ],
)
def test_overlay_on_a_panning_picture(draw: Callable[[Image], Image], kept: bool) -> None:
    measured = area(clip(lambda i: draw(view(dx=-3 * i))))
    assert BOUND.keeps(measured) is kept


def test_mask_covers_the_letters_and_nothing_else() -> None:
    gray = np.stack([_caption(view(dx=-8 * i)) for i in range(12)])
    path = np.zeros((12, 4))
    path[:, 0] = -8 / WIDTH * np.arange(12)
    mask = overlay_mask(gray, path)
    letters = _caption(np.full((HEIGHT, WIDTH), 128, np.uint8)) == 255
    assert mask[letters].mean() > 0.8
    box = np.zeros((HEIGHT, WIDTH), np.bool_)
    box[122:174, 50:260] = True
    assert mask[~box].mean() < 0.002


def test_caption_is_seen_before_a_resting_camera_when_the_picture_moves_behind_it() -> None:
    # Water: every pixel changes, and no camera moves.
    pictures = [texture(seed=20 + i) for i in range(18)]
    plain = area(clip_from_gray(np.stack(pictures), 6.0))
    written = area(clip_from_gray(np.stack([_caption(frame) for frame in pictures]), 6.0))
    assert plain < 0.002
    assert not BOUND.keeps(written)


def test_lettering_on_the_scene_does_not_count() -> None:
    def draw(i: int) -> Image:
        wide = view(size=(700, HEIGHT))
        for x in (60, 300, 500):
            wide = _write(wide, "GROCERY", x, 100, 0.8)
        return np.ascontiguousarray(wide[:, 3 * i : 3 * i + WIDTH])

    assert area(clip(draw)) < 0.005


def test_resting_scene_next_to_a_moving_thing_does_not_count() -> None:
    # A wall full of edges, and a box that crosses the left half in front of it.
    def draw(i: int) -> Image:
        frame = view().copy()
        x = round(60 + 50 * np.sin(i / 8))
        frame[20:170, x : x + 60] = texture(150, 60, seed=9)
        return frame

    assert BOUND.keeps(area(clip(draw)))


def test_caption_shown_half_of_the_time_counts_half() -> None:
    always = area(clip(lambda i: _caption(view(dx=-2 * i)), seconds=4.0))
    half = area(
        clip(lambda i: _caption(view(dx=-2 * i)) if i < 60 else view(dx=-2 * i), seconds=4.0)
    )
    assert half == pytest.approx(always / 2, rel=0.2)


def test_still_scene_cannot_be_judged_and_is_kept() -> None:
    with pytest.raises(Unmeasurable, match="static_scene"):
        area(clip(lambda _: _caption(view())))
    with pytest.raises(Unmeasurable, match="static_scene"):
        area(still(3.0))
    assert BOUND.null == "keep"


def test_bars_are_not_overlays() -> None:
    def draw(i: int) -> Image:
        frame = view(dx=-3 * i).copy()
        frame[:24], frame[-24:] = 16, 16
        return frame

    assert area(clip(draw)) < 0.002


@pytest.mark.parametrize(
    ("short", "word"),
    [
        pytest.param(
            clip(lambda i: view(dx=-i), seconds=0.5), "too_few_frames", id="half-a-second"
        ),
        pytest.param(flat(16), "black", id="black"),
    ],
)
def test_reason_is_named(short: object, word: str) -> None:
    with pytest.raises(Unmeasurable, match=word):
        area(short)  # type: ignore[arg-type]


def test_ordinary_clip_has_no_overlay() -> None:
    assert area(panning(3.0)) < 0.002
