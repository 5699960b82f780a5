"""Copies of drawn footage, of which it is known what was done to them."""

from typing import Any

import cv2
import numpy as np
import polars as pl
import pytest

from curate.dedup.align import Footage
from curate.dedup.changes import CHANGES as WORDS
from curate.dedup.changes import chroma, tones, words
from tests.curate.dedup.test_align import CHANGES, FPS, ORIGINAL, footage, found, seen

CLIP: dict[str, Any] = {
    "start_s": 0.0, "end_s": 6.0, "content_width": 640, "content_height": 360,
    "source_width": 640, "source_height": 360, "chroma": 20.0,
}  # fmt: skip


def told(a: Footage, b: Footage, **facts: Any) -> list[str]:
    """Words of a pair; `facts` are those of b that differ from `CLIP`."""
    alignment = found(a, b)
    measured = tones(a, b, alignment)
    pair = {
        "clip_id": "a", "other_id": "b", "relation": "copy", "share": alignment.share,
        "speed": alignment.speed, "mirrored": alignment.mirrored,
        "part_of": "clip" if alignment.inside else "other",
        "part_width": alignment.view.width, "part_height": alignment.view.height,
        "gain": measured.gain, "shift": measured.shift, "marked": measured.marked,
    }  # fmt: skip
    clips = pl.DataFrame([{"clip_id": "a", **CLIP}, {"clip_id": "b", **CLIP, **facts}])
    return list(words(pl.DataFrame([pair]), clips)[0])


def size(width: int, height: int) -> dict[str, int]:
    """A picture without borders."""
    return {
        side + axis: value
        for side in ("content_", "source_")
        for axis, value in (("width", width), ("height", height))
    }


@pytest.mark.parametrize(
    ("change", "facts", "expected"),
    [
        pytest.param("nothing", {}, [], id="encoded-again"),
        pytest.param("noise", {}, [], id="noise"),
        pytest.param("mirror", {}, ["mirrored"], id="mirror"),
        pytest.param("crop", size(512, 288), ["cropped"], id="crop"),
        pytest.param("crop", {}, ["cropped", "rescaled"], id="crop-enlarged"),
        pytest.param("brightness", {}, ["recoloured"], id="brightness"),
        pytest.param("nothing", {"chroma": 0.1}, ["recoloured"], id="grey"),
        pytest.param("logo", {}, ["marked"], id="logo"),
        pytest.param("nothing", {"source_height": 480}, ["bordered"], id="letterbox"),
        pytest.param("nothing", size(320, 180), ["rescaled"], id="half-size"),
        pytest.param("nothing", size(480, 360), ["squeezed"], id="squeezed"),
    ],
)
def test_what_was_done_is_told(change: str, facts: dict[str, Any], expected: list[str]) -> None:
    a, b = seen(ORIGINAL), seen(CHANGES[change](ORIGINAL))
    assert told(a, b, **facts) == expected
    assert set(expected) <= set(WORDS)


def test_trimmed_and_retimed_copies_are_told() -> None:
    a = seen(ORIGINAL)
    assert told(a, seen(ORIGINAL[36:]), end_s=4.5) == ["trimmed"]
    assert told(a, seen(footage(6, 1, start_s=2.0))) == ["trimmed"]
    assert told(a, seen(ORIGINAL, fps=FPS * 1.25), end_s=4.8) == ["retimed"]


def test_exact_copies_and_unknown_facts_have_no_words() -> None:
    pair = {
        "clip_id": "a", "other_id": "b", "relation": "exact", "share": 0.5, "speed": 2.0,
        "mirrored": True, "part_of": "clip", "part_width": 0.5, "part_height": 0.5,
        "gain": None, "shift": None, "marked": None,
    }  # fmt: skip
    clips = pl.DataFrame(
        [{"clip_id": "a", **CLIP, "chroma": None}, {"clip_id": "b", **CLIP, "chroma": None}],
        schema_overrides={"chroma": pl.Float64},
    )
    casts = [pl.col(name).cast(pl.Float64) for name in ("gain", "shift", "marked")]
    assert words(pl.DataFrame([pair]).with_columns(casts), clips)[0].to_list() == []


def test_chroma_is_none_of_grey_and_much_of_red() -> None:
    for colour, low, high in (((90, 90, 90), 0, 1), ((0, 0, 255), 100, 180)):
        picture = np.full((64, 64, 3), colour, np.uint8)
        assert low <= chroma(cv2.imencode(".jpg", picture)[1].tobytes()) <= high
    assert np.isnan(chroma(b"no picture"))
