import random
from typing import Any

import polars as pl
import pytest

from curate.dedup import copies_frame, group_copies, joined_copies

FACTS: dict[str, Any] = {
    "content_width": 640, "content_height": 360, "source_width": 640, "source_height": 360,
    "start_s": 0.0, "end_s": 4.0, "bits_per_pixel": 0.1, "text_overlay": None,
}  # fmt: skip
NO_NEAREST = pl.DataFrame(
    schema={"clip_id": pl.String, "nearest": pl.String, "similarity": pl.Float32}
)


def clips(**facts: dict[str, Any]) -> pl.DataFrame:
    rows = [{"clip_id": name, **FACTS, **own} for name, own in facts.items()]
    return pl.DataFrame(rows, schema_overrides={"text_overlay": pl.Float32})


def pair(a: str, b: str, **facts: Any) -> dict[str, Any]:
    plain = {"relation": "copy", "offset_s": 0.0, "speed": 1.0, "mirrored": False}
    return {"clip_id": a, "other_id": b, **plain, **facts}


def groups(table: pl.DataFrame, *pairs: dict[str, Any]) -> dict[str, str]:
    found = group_copies(table, NO_NEAREST, copies_frame(pairs))
    return dict(found.select("clip_id", "group_id").iter_rows())


SMALL = {"content_width": 320, "content_height": 180}


def test_clips_without_copies_are_their_own_groups() -> None:
    found = group_copies(clips(a={}, b={}), NO_NEAREST, copies_frame([]))
    assert found.to_dicts()[0] == {
        "clip_id": "a", "group_id": "a", "nearest": None, "similarity": None, "relation": None,
        "offset_s": None, "speed": None, "mirrored": None, "changes": None,
    }  # fmt: skip
    assert len(found) == 2


def test_no_clips_give_no_rows() -> None:
    assert len(group_copies(clips(a={}).clear(), NO_NEAREST, copies_frame([]))) == 0


def test_chain_is_split_so_that_every_member_is_a_copy_of_the_kept_clip() -> None:
    chain = pair("a", "b"), pair("b", "c")
    ends_best = clips(a={}, b=SMALL, c=SMALL)
    assert groups(ends_best, *chain) == {"a": "a", "b": "a", "c": "c"}
    middle_best = clips(a=SMALL, b={}, c=SMALL)
    assert groups(middle_best, *chain) == {"a": "b", "b": "b", "c": "b"}


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        pytest.param({"content_width": 641}, {"bits_per_pixel": 9.0}, id="pixels-first"),
        pytest.param({"text_overlay": 0.0}, {"text_overlay": 0.95}, id="then-no-overlay"),
        pytest.param({}, {"source_height": 480, "end_s": 9.0}, id="then-no-border"),
        pytest.param({"end_s": 4.5}, {"bits_per_pixel": 9.0}, id="then-duration"),
        pytest.param({"bits_per_pixel": 0.2}, {}, id="then-bits"),
        pytest.param({"bits_per_pixel": 0.0}, {"bits_per_pixel": None}, id="unknown-bits-last"),
        pytest.param({}, {"start_s": 1.0, "end_s": 5.0}, id="then-earliest"),
    ],
)
def test_the_best_copy_is_kept(better: dict[str, Any], worse: dict[str, Any]) -> None:
    assert groups(clips(a=worse, b=better), pair("a", "b")) == {"a": "b", "b": "b"}


def test_smallest_id_is_kept_among_equals() -> None:
    assert groups(clips(b={}, a={}), pair("a", "b")) == {"a": "a", "b": "a"}


def test_relation_and_offset_are_seen_from_the_kept_clip() -> None:
    told = pair("a", "b", offset_s=3.0, speed=1.5, mirrored=True, changes=["retimed"])
    first = group_copies(clips(a={}, b=SMALL), NO_NEAREST, copies_frame([told])).to_dicts()[1]
    assert (first["clip_id"], first["offset_s"], first["speed"]) == ("b", 3.0, 1.5)
    other = group_copies(clips(a=SMALL, b={}), NO_NEAREST, copies_frame([told])).to_dicts()[0]
    # t_a = 3 + 1.5 t_b: a's start is where t_b = -2, and two seconds of b pass in three of a.
    assert (other["clip_id"], other["offset_s"]) == ("a", -2.0)
    assert other["speed"] == pytest.approx(1 / 1.5)
    assert other["mirrored"] is True
    assert first["changes"] == other["changes"] == ["retimed"]


def test_exact_relation_wins_over_copy() -> None:
    exact = copies_frame([pair("a", "b", relation="exact")])
    copy = copies_frame([pair("a", "b", offset_s=0.1)])
    for parts in ((exact, copy), (copy, exact)):
        assert joined_copies(*parts)["relation"].to_list() == ["exact"]


def test_a_worse_clip_that_comes_later_changes_no_other_group() -> None:
    table = clips(a={}, b=SMALL, c=SMALL)
    before = groups(table, pair("a", "b"))
    later = clips(a={}, b=SMALL, c=SMALL, z={"content_width": 32})
    after = groups(later, pair("a", "b"), pair("b", "z"), pair("c", "z"))
    assert {name: after[name] for name in before} == before
    assert after["z"] == "c" or after["z"] == "b" or after["z"] == "z"


def test_answer_does_not_depend_on_the_order_of_rows() -> None:
    rng = random.Random(0)
    names = [f"{i:02}" for i in range(40)]
    facts = {name: {"content_width": rng.choice([320, 640])} for name in names}
    pairs = [pair(*sorted(rng.sample(names, 2))) for _ in range(60)]
    pairs = list({(p["clip_id"], p["other_id"]): p for p in pairs}.values())
    expected = groups(clips(**facts), *pairs)
    for _ in range(3):
        rng.shuffle(names)
        rng.shuffle(pairs)
        assert groups(clips(**{n: facts[n] for n in names}), *pairs) == expected
