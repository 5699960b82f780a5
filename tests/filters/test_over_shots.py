from dataclasses import replace

import cv2
import numpy as np
import pytest

from filters.base import Clip, Kept, OverShots, Unmeasurable
from filters.clip import clip_from_gray
from filters.over_shots import (
    alone,
    keep,
    mark_boxes,
    mark_sureness,
    over_shots,
    static_area,
    text_sureness,
)
from filters.registry import FILTERS
from tests.filters.scenes import HEIGHT, WIDTH, Image, panning, texture

MARK = (WIDTH - 60, 14, 44, 22)
"""x, y, width, height in px."""


def _shot(seed: int, marked: bool, shift: int = 0) -> Clip:
    """A pan over a picture of its own, with or without the same mark in a corner."""
    wide = np.asarray(cv2.resize(texture(seed=seed), (2 * WIDTH, 2 * HEIGHT)), np.uint8)

    def frame(i: int) -> Image:
        out = np.ascontiguousarray(wide[20 : 20 + HEIGHT, shift + 4 * i : shift + 4 * i + WIDTH])
        if marked:
            x, y, w, h = MARK
            cv2.rectangle(out, (x, y), (x + w, y + h), 235, -1)
            cv2.putText(out, "R8", (x + 3, y + h - 4), cv2.FONT_HERSHEY_SIMPLEX, 0.6, 20, 2)
        return out

    return clip_from_gray(np.stack([frame(i) for i in range(12)]).astype(np.uint8), 6.0)


def _found(shots: list[Clip]) -> list[OverShots]:
    found = over_shots([keep(clip, number) for number, clip in enumerate(shots)])
    return [one for one in found if one is not None]


def test_mark_that_stays_over_shots_is_found_in_its_place() -> None:
    found = _found([_shot(seed, True) for seed in (1, 2, 3)])
    assert len(found) == 3
    assert all(mark_sureness(one) > 0.7 for one in found)
    box = mark_boxes(found[0])[0].box
    assert box is not None
    middle = (box[0] + box[2] / 2) * WIDTH, (box[1] + box[3] / 2) * HEIGHT
    x, y, w, h = MARK
    assert np.hypot(middle[0] - x - w / 2, middle[1] - y - h / 2) < 12


def test_shots_without_a_mark_share_nothing() -> None:
    for one in _found([_shot(seed, False) for seed in (1, 2, 3, 4, 5)]):
        assert FILTERS["logo_overlay"].keeps(mark_sureness(one))
        assert static_area(one) == 0


def test_dark_line_along_the_edge_of_all_shots_is_no_overlay() -> None:
    shots = [_shot(seed, False) for seed in (1, 2, 3, 4, 5)]
    for shot in shots:
        shot.gray[:, -2:] = 0
    for one in _found(shots):
        assert FILTERS["logo_overlay"].keeps(mark_sureness(one))
        assert static_area(one) == 0


def test_mark_in_one_shot_only_is_the_scene() -> None:
    found = _found([_shot(1, True), _shot(2, False), _shot(3, False)])
    assert FILTERS["logo_overlay"].keeps(mark_sureness(found[0]))


def test_shots_of_one_view_say_nothing() -> None:
    # An interview that is cut to and fro shows the same room, not an overlay.
    same = [clip_from_gray(np.repeat(texture(seed=4)[None], 12, axis=0), 6.0) for _ in range(2)]
    assert over_shots([keep(clip, number) for number, clip in enumerate(same)]) == [None, None]


def test_clips_of_one_shot_are_not_compared() -> None:
    one_shot = [keep(_shot(1, True), 0), keep(_shot(2, True), 0)]
    assert over_shots(one_shot) == [None, None]


def test_what_stays_makes_text_surer_and_never_less_sure() -> None:
    cells = (45, 80)
    text = np.full((2, *cells), 20, np.uint8)
    text[:, 3:6, 60:72] = 130
    blank = np.zeros(cells, np.uint8)
    kept = Kept(0, np.zeros((180, 320), np.uint8), blank, text, (0, 0, 320, 180), 4.0)
    stays = np.zeros(cells, np.float32)
    without = text_sureness(OverShots(kept, stays, np.zeros_like(stays)))
    stays[3:6, 60:72] = 0.9
    assert without == pytest.approx(130 / 255, abs=0.01)
    assert text_sureness(OverShots(kept, stays, np.zeros_like(stays))) > 0.95


def _kept(shot: int, seen: bool) -> Kept:
    """A shot of a picture of its own, in which the network sees a mark or none."""
    drawn = np.zeros((45, 80), np.uint8)
    if seen:
        drawn[4:8, 60:68] = 230
    mean = np.asarray(texture(seed=shot + 1), np.uint8)
    mean = np.asarray(cv2.resize(mean, (320, 180)), np.uint8)
    return Kept(shot, mean, drawn, np.zeros((1, 45, 80), np.uint8), (4, 4, 316, 176), 4.0)


def test_a_mark_whose_edges_change_is_found_where_the_network_sees_it_in_most_shots() -> None:
    found = [one for one in over_shots([_kept(i, True) for i in range(3)]) if one]
    assert len(found) == 3
    assert all(mark_sureness(one) > 0.5 for one in found)
    assert static_area(found[0]) == pytest.approx(32 / 3600)
    assert mark_boxes(found[0])[0].box == pytest.approx((60 / 80, 4 / 45, 8 / 80, 4 / 45))


def test_what_the_network_sees_next_to_a_border_is_the_border() -> None:
    bordered = [replace(_kept(i, True), box=(4, 14, 316, 176)) for i in range(3)]
    for one in over_shots(bordered):
        assert one is not None
        assert one.recurs[4:5].max() == 0
        assert one.recurs[6:8, 60:68].min() > 0.8
    beside = [replace(_kept(i, True), box=(4, 24, 316, 176)) for i in range(3)]
    for one in over_shots(beside):
        assert one is not None
        assert FILTERS["logo_overlay"].keeps(mark_sureness(one))


def test_what_the_network_sees_in_two_shots_of_three_is_no_mark() -> None:
    found = over_shots([_kept(0, True), _kept(1, False), _kept(2, True)])
    assert all(
        one is not None and FILTERS["logo_overlay"].keeps(mark_sureness(one)) for one in found
    )


def test_one_clip_has_no_score_and_says_why() -> None:
    with pytest.raises(Unmeasurable, match="one_view"):
        alone(panning(3.0))
    with pytest.raises(Unmeasurable, match="too_few_frames"):
        alone(clip_from_gray(np.stack([texture()] * 3), 6.0))
