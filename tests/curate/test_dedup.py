import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from curate import dedup
from curate.config import Dedup
from curate.dedup import find_duplicates

DIM = 64
STILLS = 4


def unit(seed: int) -> npt.NDArray[np.float64]:
    vector = np.random.default_rng(seed).normal(size=DIM)
    return np.asarray(vector / np.linalg.norm(vector), np.float64)


def towards(start: npt.NDArray[np.float64], cosine: float, seed: int) -> npt.NDArray[np.float64]:
    """A unit vector at a given cosine to `start`."""
    side = unit(seed) - (unit(seed) @ start) * start
    side /= np.linalg.norm(side)
    return np.asarray(cosine * start + np.sqrt(1 - cosine**2) * side, np.float64)


def bits(seed: int, count: int = STILLS) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, 32), dtype=np.uint8)


def clip(
    name: str, vector: npt.NDArray[np.float64], signature: int | npt.NDArray[np.uint8], **facts: Any
) -> dict[str, Any]:
    """One clip of 4 s of a video of its own; `facts` replaces what is given here."""
    signatures = bits(signature) if isinstance(signature, int) else signature
    default = {
        "clip_id": name,
        "video_id": f"video of {name}",
        "start_s": 0.0,
        "end_s": 4.0,
        "frames": 100,
        "content_width": 640,
        "content_height": 360,
        "source_width": 640,
        "source_height": 360,
        "bits_per_pixel": 0.1,
        "packets_hash": None,
        "vector": vector.tolist(),
        "frame_vectors": np.tile(vector, (len(signatures), 1)).astype("<f2").tobytes(),
        "frame_t_s": [0.5 + i for i in range(len(signatures))],
        "signatures": signatures.tobytes(),
        "qualities": [90] * len(signatures),
    }
    return default | facts


SCHEMA: dict[str, Any] = {
    "clip_id": pl.String,
    "video_id": pl.String,
    "start_s": pl.Float64,
    "end_s": pl.Float64,
    "frames": pl.Int64,
    "content_width": pl.Int32,
    "content_height": pl.Int32,
    "source_width": pl.Int32,
    "source_height": pl.Int32,
    "bits_per_pixel": pl.Float64,
    "packets_hash": pl.String,
}
VECTORS: dict[str, Any] = {
    "clip_id": pl.String,
    "vector": pl.List(pl.Float32),
    "frame_vectors": pl.Binary,
    "frame_t_s": pl.List(pl.Float64),
    "signatures": pl.Binary,
    "qualities": pl.List(pl.Int32),
}


def find(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    clips = pl.DataFrame([{k: row[k] for k in SCHEMA} for row in rows], schema=SCHEMA)
    vectors = pl.DataFrame([{k: row[k] for k in VECTORS} for row in rows], schema=VECTORS)
    found = find_duplicates(clips, vectors, Dedup(), candidate_similarity=0.7, copy_similarity=0.95)
    assert found["clip_id"].to_list() == sorted(row["clip_id"] for row in rows)
    return {row["clip_id"]: row for row in found.iter_rows(named=True)}


def groups(found: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {name: row["group_id"] for name, row in found.items()}


A = unit(1)


def test_no_clips_give_no_rows_with_the_columns_of_the_table() -> None:
    empty = find_duplicates(
        pl.DataFrame(schema=SCHEMA),
        pl.DataFrame(schema=VECTORS),
        Dedup(),
        candidate_similarity=0.7,
        copy_similarity=0.95,
    )
    assert empty.shape == (0, 6)
    assert empty.columns == [
        "clip_id", "group_id", "nearest", "similarity", "relation", "offset_s",
    ]  # fmt: skip


def test_one_clip_is_its_own_group() -> None:
    assert find([clip("a", A, 1)])["a"] == {
        "clip_id": "a",
        "group_id": "a",
        "nearest": None,
        "similarity": None,
        "relation": None,
        "offset_s": None,
    }


def test_unlike_clips_stay_single_and_have_no_nearest() -> None:
    found = find([clip("a", A, 1), clip("b", towards(A, 0.5, 2), 2)])
    assert groups(found) == {"a": "a", "b": "b"}
    assert found["a"]["nearest"] is None


def test_clips_beyond_copy_similarity_are_copies() -> None:
    found = find([clip("a", A, 1), clip("b", towards(A, 0.97, 2), 2)])
    assert groups(found) == {"a": "a", "b": "a"}
    assert found["b"]["relation"] == "copy"
    assert found["b"]["nearest"] == "a"
    assert found["b"]["similarity"] == pytest.approx(0.97, abs=1e-6)
    assert found["a"]["relation"] is None
    assert found["a"]["offset_s"] is None


def test_candidates_are_copies_only_when_their_stills_agree() -> None:
    near = towards(A, 0.8, 2)
    assert groups(find([clip("a", A, 1), clip("b", near, 1)])) == {"a": "a", "b": "a"}
    found = find([clip("a", A, 1), clip("b", near, 2)])
    assert groups(found) == {"a": "a", "b": "b"}
    assert found["b"]["nearest"] == "a"


def test_equal_stills_do_not_join_clips_below_candidate_similarity() -> None:
    assert groups(find([clip("a", A, 1), clip("b", towards(A, 0.6, 2), 1)]))["b"] == "b"


def test_stills_of_low_quality_verify_nothing() -> None:
    flat = {"qualities": [10] * STILLS}
    found = find([clip("a", A, 1, **flat), clip("b", towards(A, 0.8, 2), 1, **flat)])
    assert groups(found)["b"] == "b"


@pytest.mark.parametrize(
    ("shared", "joined"),
    [pytest.param(1, False, id="a-quarter"), pytest.param(2, True, id="half")],
)
def test_half_of_the_stills_must_have_a_partner(shared: int, joined: bool) -> None:
    other = np.concatenate([bits(1)[:shared], bits(2)[shared:]])
    found = find([clip("a", A, 1), clip("b", towards(A, 0.8, 2), other)])
    assert (groups(found)["b"] == "a") is joined


def test_stills_that_agree_in_reversed_order_are_no_copy() -> None:
    found = find([clip("a", A, 1), clip("b", towards(A, 0.8, 2), bits(1)[::-1].copy())])
    assert groups(found)["b"] == "b"


def test_excerpt_of_a_longer_clip_is_a_copy() -> None:
    whole = clip("a", A, 1, end_s=16.0, frame_t_s=[2.0, 6.0, 10.0, 14.0])
    still = np.repeat(bits(1)[2:3], STILLS, axis=0)  # all show what the whole shows at 10 s
    excerpt = clip("b", towards(A, 0.8, 2), still, end_s=2.0, frame_t_s=[0.25, 0.75, 1.25, 1.75])
    found = find([whole, excerpt])
    assert groups(found)["b"] == "a"
    assert found["b"]["offset_s"] == pytest.approx(9.0, abs=1.0)


def test_chain_is_split_so_that_every_member_resembles_the_kept_clip() -> None:
    b = unit(2)
    a, c = towards(b, 0.96, 3), towards(b, 0.96, 4)
    assert float(a @ c) < 0.95
    small = {"content_width": 320, "content_height": 180}
    ends_best = [clip("a", a, 1), clip("b", b, 2, **small), clip("c", c, 3, **small)]
    assert groups(find(ends_best)) == {"a": "a", "b": "a", "c": "c"}
    middle_best = [clip("a", a, 1, **small), clip("b", b, 2), clip("c", c, 3, **small)]
    assert groups(find(middle_best)) == {"a": "b", "b": "b", "c": "b"}


def test_different_moments_of_one_video_are_kept() -> None:
    one = {"video_id": "v"}
    found = find(
        [
            clip("a", A, 1, **one),
            clip("b", A, 1, start_s=4.0, end_s=8.0, **one),
            clip("c", towards(A, 0.9, 2), 2),
        ]
    )
    assert groups(found) == {"a": "a", "b": "b", "c": "c"}
    assert found["a"]["nearest"] == "c"


def test_overlapping_clips_of_one_video_are_copies() -> None:
    one = {"video_id": "v"}
    found = find([clip("a", A, 1, **one), clip("b", A, 1, start_s=1.0, end_s=5.0, **one)])
    assert groups(found) == {"a": "a", "b": "a"}


def remuxed(name: str, video: str, start_s: float, **facts: Any) -> dict[str, Any]:
    times = {"start_s": start_s, "end_s": start_s + 4.0}
    return clip(name, A, 1, video_id=video, packets_hash="p", **times, **facts)


def test_same_moment_of_equal_packets_is_exact_though_the_clock_is_shifted() -> None:
    found = find(
        [
            remuxed("a1", "mp4", 0.0),
            remuxed("a2", "mp4", 4.0),
            remuxed("b1", "ts", 1.4),
            remuxed("b2", "ts", 5.4),
        ]
    )
    assert groups(found) == {"a1": "a1", "a2": "a2", "b1": "a1", "b2": "a2"}
    assert [found[name]["relation"] for name in ("b1", "b2")] == ["exact", "exact"]
    assert found["b2"]["offset_s"] == 0.0


def test_equal_times_without_equal_packets_are_a_copy_not_exact() -> None:
    found = find([clip("a", A, 1, packets_hash="p"), clip("b", A, 1, packets_hash="q")])
    assert found["b"]["relation"] == "copy"


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        pytest.param({"content_width": 641}, {"bits_per_pixel": 9.0}, id="pixels-first"),
        pytest.param({}, {"source_height": 480, "end_s": 9.0}, id="then-no-border"),
        pytest.param({"end_s": 4.5}, {"bits_per_pixel": 9.0}, id="then-duration"),
        pytest.param({"bits_per_pixel": 0.2}, {}, id="then-bits"),
        pytest.param({"bits_per_pixel": 0.0}, {"bits_per_pixel": None}, id="unknown-bits-last"),
    ],
)
def test_the_best_copy_is_kept(better: dict[str, Any], worse: dict[str, Any]) -> None:
    found = find([clip("a", A, 1, **worse), clip("b", A, 1, **better)])
    assert groups(found) == {"a": "b", "b": "b"}


def test_smallest_id_is_kept_among_equals() -> None:
    assert groups(find([clip("b", A, 1), clip("a", A, 1)])) == {"a": "a", "b": "a"}


@pytest.mark.parametrize("shift_s", [-1.0, 0.0, 2.0])
def test_offset_is_where_the_clip_starts_on_the_kept_clips_clock(shift_s: float) -> None:
    pictures = {t: unit(100 + t) for t in range(-2, 10)}
    prints = {t: bits(100 + t, 1)[0] for t in pictures}

    def cut(name: str, start: int, **facts: Any) -> dict[str, Any]:
        shown = range(start, start + STILLS)
        vectors = np.stack([pictures[t] for t in shown]).astype("<f2")
        signatures = np.stack([prints[t] for t in shown])
        return clip(name, A, signatures, frame_vectors=vectors.tobytes(), **facts)

    found = find([cut("a", 0, end_s=4.5), cut("b", int(shift_s))])
    assert found["b"]["group_id"] == "a"
    assert found["b"]["offset_s"] == shift_s


def test_offset_of_a_static_copy_is_zero() -> None:
    still = np.repeat(bits(1, 1), STILLS, axis=0)
    found = find([clip("a", A, still), clip("b", A, still)])
    assert found["b"]["offset_s"] == 0.0


def test_clips_with_different_numbers_of_stills_compare() -> None:
    found = find([clip("a", A, 1), clip("b", towards(A, 0.8, 2), bits(1)[:1], end_s=1.0)])
    assert groups(found)["b"] == "a"


def many_clips() -> list[dict[str, Any]]:
    """20 scenes with 1 to 4 copies each, of varied quality."""
    rng = np.random.default_rng(7)
    rows = []
    for scene in range(20):
        for copy in range(1 + scene % 4):
            vector = towards(unit(scene), rng.uniform(0.9, 0.999), 1000 + 10 * scene + copy)
            name = f"{rng.integers(1 << 32):08x}"
            width = int(rng.choice([320, 640]))
            rows.append(clip(name, vector, scene, content_width=width))
    return rows


def test_answer_does_not_depend_on_the_order_of_rows() -> None:
    rows = many_clips()
    expected = find(rows)
    for seed in range(3):
        random.Random(seed).shuffle(rows)
        assert find(rows) == expected
    assert len(set(groups(expected).values())) == 20


def test_answer_does_not_depend_on_the_block_size(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = find(many_clips())
    monkeypatch.setattr(dedup, "_RESULTS_PER_BLOCK", 150)  # 3 queries per block
    blocked = find(many_clips())
    assert groups(blocked) == groups(expected)
    for name, row in blocked.items():
        assert row["nearest"] == expected[name]["nearest"]
        assert row["similarity"] == pytest.approx(expected[name]["similarity"], abs=1e-6)


def test_embedded_clip_without_a_clip_row_is_refused() -> None:
    rows = [clip("a", A, 1)]
    vectors = pl.DataFrame([{k: row[k] for k in VECTORS} for row in rows], schema=VECTORS)
    with pytest.raises(ValueError, match="not among the clips: a"):
        find_duplicates(
            pl.DataFrame(schema=SCHEMA), vectors, Dedup(),
            candidate_similarity=0.7, copy_similarity=0.95,
        )  # fmt: skip
