from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest

from curate.dedup import (
    Bounds,
    Cells,
    Places,
    assigned_to,
    calibrate,
    cells_of,
    propose,
    propose_in_cells,
)
from curate.dedup.search import Pairs, Vectors, search

DIM = 32


def unit(rows: np.ndarray) -> Vectors:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def planted(count: int, seed: int = 0) -> Vectors:
    """Vectors in loose clusters; every tenth is a copy of the one before, at a cosine of 0.95."""
    rng = np.random.default_rng(seed)
    centres = unit(rng.normal(size=(20, DIM)))
    vectors = unit(centres[rng.integers(0, 20, count)] + 0.25 * rng.normal(size=(count, DIM)))
    side = unit(rng.normal(size=(count, DIM)))
    copies = np.arange(9, count, 10)
    vectors[copies] = unit(0.95 * vectors[copies - 1] + 0.31 * side[copies])
    return vectors


def places(count: int, **columns: Sequence[object]) -> Places:
    names = [f"{i:06}" for i in range(count)]
    table = {
        "video_id": names, "packets_hash": [None] * count, "start_s": [0.0] * count,
        "end_s": [4.0] * count, "frames": [100] * count,
    }  # fmt: skip
    schema = {
        "video_id": pl.String, "packets_hash": pl.String, "start_s": pl.Float64,
        "end_s": pl.Float64, "frames": pl.Int64,
    }  # fmt: skip
    return Places.of(pl.DataFrame({**table, **columns}, schema_overrides=schema))


def as_set(pairs: Pairs) -> set[tuple[int, int]]:
    assert (pairs.a < pairs.b).all()
    return set(zip(pairs.a.tolist(), pairs.b.tolist(), strict=True))


def slow(vectors: Vectors, cosine: float) -> set[tuple[int, int]]:
    products = vectors @ vectors.T
    return {(int(a), int(b)) for a, b in zip(*np.nonzero(products >= cosine), strict=True) if a < b}


WIDE = Bounds(0.9, 10_000, 1 << 30)


@pytest.mark.parametrize("block_bytes", [1 << 30, 20_000])
def test_all_pairs_above_the_bound_are_found_once(block_bytes: int) -> None:
    vectors = planted(300)
    found = propose(vectors, places(300), np.arange(300), Bounds(0.9, 10_000, block_bytes))
    assert as_set(found) == slow(vectors, 0.9)
    assert len(found.a) == len(as_set(found))
    assert found.cosine == pytest.approx((vectors[found.a] * vectors[found.b]).sum(axis=1))


def test_new_clips_meet_all_others_and_old_ones_do_not_meet_again() -> None:
    vectors = planted(300)
    new = np.arange(2, 300, 3)
    wanted = {(a, b) for a, b in slow(vectors, 0.9) if a % 3 == 2 or b % 3 == 2}
    assert as_set(propose(vectors, places(300), new, WIDE)) == wanted


def test_only_the_nearest_are_candidates_from_either_side() -> None:
    # Clip 0 has four neighbours; each of them has clip 0 as its nearest.
    base = np.zeros((5, DIM))
    base[:, 0] = 1
    for i in range(1, 5):
        base[i, i] = 0.1 * i
    vectors = unit(base)
    found = propose(vectors, places(5), np.arange(5), Bounds(0.5, 1, 1 << 30))
    products = vectors @ vectors.T - 2 * np.eye(5)
    nearest = products.argmax(axis=1)
    assert as_set(found) == {(min(i, int(j)), max(i, int(j))) for i, j in enumerate(nearest)}


def test_other_moments_of_one_source_are_left_out_and_take_nobodys_place() -> None:
    vectors = np.tile(unit(np.ones((1, DIM))), (7, 1))
    where = places(
        7,
        video_id=["v"] * 6 + ["w"],
        start_s=[4.0 * i for i in range(6)] + [0.0],
        end_s=[4.0 * i + 4 for i in range(6)] + [4.0],
    )
    found = propose(vectors, where, np.arange(7), Bounds(0.5, 6, 1 << 30))
    assert as_set(found) == {(i, 6) for i in range(6)}


def test_overlapping_moments_of_one_source_are_candidates() -> None:
    vectors = np.tile(unit(np.ones((1, DIM))), (2, 1))
    where = places(2, video_id=["v", "v"], start_s=[0.0, 2.0], end_s=[4.0, 6.0])
    assert as_set(propose(vectors, where, np.arange(2), WIDE)) == {(0, 1)}


def test_same_packets_at_the_same_moment_are_exact_though_clocks_differ() -> None:
    where = places(
        5,
        video_id=["mp4", "mp4", "ts", "ts", "other"],
        packets_hash=["p", "p", "p", "p", "q"],
        start_s=[0.0, 4.0, 1.4, 5.4, 0.0],
        end_s=[4.0, 8.0, 5.4, 9.4, 4.0],
    )
    a, b = where.exact()
    assert list(zip(a.tolist(), b.tolist(), strict=True)) == [(0, 2), (1, 3)]


def test_no_clips_have_no_pairs() -> None:
    empty = np.zeros((0, DIM), np.float32)
    assert as_set(propose(empty, places(0), np.arange(0), WIDE)) == set()
    assert as_set(search(empty, np.arange(0), places(0), np.arange(0), WIDE)) == set()


def test_cells_find_the_planted_copies() -> None:
    vectors = planted(6000)
    cells = cells_of(vectors)
    assert len(cells.centres) == pytest.approx(6000 / 256, rel=0.3)
    index = assigned_to(cells, vectors, np.arange(6000))
    found = as_set(propose_in_cells(vectors, places(6000), np.arange(6000), WIDE, index))
    exhaustive = slow(vectors, 0.9)
    assert found <= exhaustive
    assert len(found) >= 0.98 * len(exhaustive)


def test_cells_in_two_goes_find_what_they_find_at_once() -> None:
    vectors, where = planted(4000), places(4000)
    cells = cells_of(vectors)
    index = assigned_to(cells, vectors, np.arange(4000))
    whole = as_set(propose_in_cells(vectors, where, np.arange(4000), WIDE, index))
    early = assigned_to(cells, vectors[:2500], np.arange(2500))
    old = as_set(propose_in_cells(vectors[:2500], places(2500), np.arange(2500), WIDE, early))
    new = as_set(propose_in_cells(vectors, where, np.arange(2500, 4000), WIDE, index))
    assert old | new == whole


def test_the_two_cells_of_a_clip_are_its_nearest() -> None:
    vectors = planted(3000)
    cells = cells_of(vectors)
    assigned = cells.assign(vectors)
    exact = np.argsort(-(vectors @ cells.centres.T), axis=1, kind="stable")[:, :2]
    assert (assigned[:, 0] == exact[:, 0]).mean() > 0.99


def test_cells_survive_storage() -> None:
    cells = cells_of(planted(2000))
    again = Cells.load(cells.save())
    assert (again.top == cells.top).all()
    assert (again.centres == cells.centres).all()
    assert (again.parent == cells.parent).all()


def test_calibration_reads_the_bound_off_random_pairs() -> None:
    rng = np.random.default_rng(0)
    vectors = unit(rng.normal(size=(2000, DIM)))
    bound = calibrate(vectors, places(2000))
    products = (vectors @ vectors.T)[np.triu_indices(2000, 1)]
    assert bound == pytest.approx(np.quantile(products, 0.98), abs=0.01)
    assert calibrate(vectors[:50], places(50)) is None


@pytest.mark.parametrize("new", [np.arange(400), np.arange(0, 400, 3)], ids=["all", "some"])
def test_crowds_of_like_clips_have_the_nearest_pairs_of_either_clip(new: np.ndarray) -> None:
    rng = np.random.default_rng(0)
    vectors = unit(np.ones((400, DIM)) + 0.3 * rng.normal(size=(400, DIM)))
    where = places(400, video_id=[f"{i // 4:03}" for i in range(400)])  # four at a time are one
    where = Places(where.source, np.tile([0.0, 4.0, 8.0, 12.0], 100),
                   np.tile([4.0, 8.0, 12.0, 16.0], 100), where.tolerance_s)  # fmt: skip
    bounds = Bounds(0.5, 3, 1 << 30)
    every = {p for p in slow(vectors, 0.5) if p[0] // 4 != p[1] // 4 and set(p) & set(new.tolist())}
    assert len(every) > 20_000
    table = np.full((400, 400), -np.inf)
    for a, b in every:
        table[a, b] = table[b, a] = vectors[a] @ vectors[b]
    nearest = np.argsort(-table, axis=1, kind="stable")[:, :3]
    expected = {(min(i, int(j)), max(i, int(j))) for i in range(400) for j in nearest[i]
                if table[i, j] > -np.inf}  # fmt: skip
    assert as_set(propose(vectors, where, new, bounds)) == expected


def test_equal_clips_do_not_give_all_their_pairs() -> None:
    vectors = np.tile(unit(np.ones((1, DIM))), (1500, 1))
    found = propose(vectors, places(1500), np.arange(1500), Bounds(0.5, 4, 1 << 30))
    assert 1500 <= len(found.a) <= 1500 * 4
    assert set(found.a.tolist()) | set(found.b.tolist()) == set(range(1500))
