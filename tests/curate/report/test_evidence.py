import pytest

from curate.report.evidence import Place, _on_still

ROW = {
    "source_width": 640,
    "source_height": 360,
    "content_x": 160,
    "content_y": 0,
    "content_width": 320,
    "content_height": 360,
}


def test_box_of_the_frame_becomes_a_box_of_the_content() -> None:
    box = _on_still({**ROW, "x": 0.25, "y": 0.5, "width": 0.25, "height": 0.5})
    assert box == pytest.approx((0, 50, 50, 50))


def test_box_is_cut_off_at_the_content_and_left_out_beyond_it() -> None:
    half = _on_still({**ROW, "x": 0.0, "y": 0.0, "width": 0.5, "height": 1.0})
    assert half == pytest.approx((0, 0, 50, 100))
    assert _on_still({**ROW, "x": 0.0, "y": 0.0, "width": 0.2, "height": 1.0}) is None
    assert _on_still({**ROW, "x": None}) is None


def test_place_is_shown_in_stills_of_its_time() -> None:
    place = Place(1.0, 2.0, "text", 0.9, None)
    assert [place.at(t_s) for t_s in (0.5, 0.9, 1.5, 2.5)] == [False, True, True, False]
    assert place.at(None)
