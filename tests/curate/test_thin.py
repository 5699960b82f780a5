from typing import Any

import numpy as np
import polars as pl
import pytest

from curate.config import load_config, to_toml
from curate.decide import without_near
from curate.dedup.search import Vectors
from curate.thin import (
    Cell,
    bound_of_null,
    bound_that_keeps,
    cells_by_rank,
    sources_for,
    thin,
    thin_cell,
)
from manifests.errors import ConfigError

DIM = 24


def unit(rows: np.ndarray) -> Vectors:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def clusters(sizes: list[int], spread: float = 0.05, seed: int = 0) -> Vectors:
    """Tight clusters around far centres, one after the other."""
    rng = np.random.default_rng(seed)
    centres = unit(rng.normal(size=(len(sizes), DIM)))
    members = np.repeat(centres, sizes, axis=0)
    return unit(members + spread * rng.normal(size=members.shape))


def whole(count: int, sources: np.ndarray | None = None) -> Cell:
    return Cell(np.arange(count), sources)


def slow(vectors: Vectors, sources: np.ndarray | None, bound: float) -> dict[int, int]:
    """One clip after the other against all that stay."""
    stay: list[int] = []
    gone: dict[int, int] = {}
    for i in range(len(vectors)):
        near = [(float(vectors[i] @ vectors[j]), -j) for j in stay
                if sources is None or sources[i] != sources[j]]  # fmt: skip
        if near and max(near)[0] >= bound:
            gone[i] = -max(near)[1]
        else:
            stay.append(i)
    return gone


def test_of_each_planted_cluster_the_best_clip_stays() -> None:
    sizes = [1, 2, 30, 7]
    vectors = clusters(sizes)
    near = thin_cell(vectors, whole(40), 0.9)
    first = np.repeat(np.cumsum([0, *sizes[:-1]]), sizes)
    assert near.rows.tolist() == [i for i in range(40) if first[i] != i]
    assert near.instead.tolist() == [first[i] for i in near.rows]
    assert near.cosine == pytest.approx((vectors[near.rows] * vectors[near.instead]).sum(axis=1))


@pytest.mark.parametrize("shared", [False, True])
def test_blocks_give_what_one_clip_after_the_other_gives(shared: bool) -> None:
    rng = np.random.default_rng(1)
    vectors = clusters([40] * 20, 0.25)[rng.permutation(800)]
    sources = rng.integers(0, 30, 800) if shared else None
    near = thin_cell(vectors, whole(800, sources), 0.7)
    assert dict(zip(near.rows.tolist(), near.instead.tolist(), strict=True)) == slow(
        vectors, sources, 0.7
    )
    assert 0 < len(near.rows) < 800


def test_a_chain_is_thinned_and_not_cut_down_to_its_end() -> None:
    angles = np.deg2rad(np.arange(0, 60, 10))
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    near = thin_cell(vectors, whole(6), float(np.cos(np.deg2rad(11))))
    assert near.rows.tolist() == [1, 3, 5]


def test_moments_of_one_source_stay_unless_asked() -> None:
    vectors, sources = clusters([6]), np.array([0, 0, 0, 1, 1, 2])
    assert thin_cell(vectors, whole(6, sources), 0.9).rows.tolist() == [3, 4, 5]
    assert thin_cell(vectors, whole(6), 0.9).rows.tolist() == [1, 2, 3, 4, 5]


def test_dropped_clips_and_other_cells_make_nothing_go() -> None:
    vectors = clusters([6])
    cell = np.array([0, 0, 0, 1, 1, 1], np.int32)
    rank = np.array([0, 1, 2, 5, 4, 3])
    kept = np.array([1, 2, 3, 4, 5])  # the best of cell 0 is not among them
    cells = list(cells_by_rank(rank, cell, None, kept))
    near = thin(vectors, cells, 0.9)
    assert dict(zip(near.rows.tolist(), near.instead.tolist(), strict=True)) == {2: 1, 3: 5, 4: 5}


@pytest.mark.parametrize("count", [0, 1, 700], ids=["none", "one", "identical"])
def test_no_clip_one_clip_and_equal_clips(count: int) -> None:
    vectors = np.tile(unit(np.ones((1, DIM))), (count, 1))
    cells = list(cells_by_rank(np.arange(count), np.zeros(count, np.int32), None, np.arange(count)))
    assert thin(vectors, cells, 1.0).rows.tolist() == list(range(1, count))


def test_vectors_of_zeros_are_like_nothing() -> None:
    assert not len(thin_cell(np.zeros((3, DIM), np.float32), whole(3), 0.01).rows)


def test_a_share_is_kept() -> None:
    vectors = clusters([50] * 10, 0.25, seed=3)
    cells = list(cells_by_rank(np.arange(500), np.zeros(500, np.int32), None, np.arange(500)))
    for share in (0.3, 0.7):
        bound = bound_that_keeps(vectors, cells, share, 0)
        assert 1 - len(thin(vectors, cells, bound).rows) / 500 == pytest.approx(share, abs=0.02)


def test_the_null_is_read_off_pairs_of_different_sources() -> None:
    rng = np.random.default_rng(0)
    sources = np.repeat(np.arange(400), 5)
    own = unit(rng.normal(size=(400, DIM)))
    vectors = unit(own[sources] + 0.01 * rng.normal(size=(2000, DIM)))
    products = own @ own.T
    expected = np.quantile(products[np.triu_indices(400, 1)], 0.99)
    assert bound_of_null(vectors, sources, 0.01, 0) == pytest.approx(expected, abs=0.01)


def test_too_few_sources_for_a_small_share_give_no_bound() -> None:
    vectors = unit(np.random.default_rng(0).normal(size=(sources_for(0.01), DIM)))
    assert len(vectors) == 64  # 64 x 63 / 2 pairs, of which twenty are 1 %
    assert bound_of_null(vectors, np.arange(64), 0.01, 0) is not None
    assert bound_of_null(vectors[:63], np.arange(63), 0.01, 0) is None


def _verdict(clip: str, instead: str | None = None) -> dict[str, Any]:
    copy = {"filter": "duplicate", "value": 0.9, "low": None, "high": None, "word": None}
    return {
        "clip_id": clip, "keep": instead is None, "reasons": [copy] if instead else [],
        "kept_instead": instead, "camera_kind": "still",
    }  # fmt: skip


def test_verdicts_name_the_clip_that_stays_for_near_clips_and_their_copies() -> None:
    from curate.decide import _SCHEMA

    rows = [_verdict("a"), _verdict("b", instead="a"), _verdict("c")]
    verdicts = pl.DataFrame(rows, schema=_SCHEMA)
    near = pl.DataFrame({"clip_id": ["a"], "kept_instead": ["c"], "similarity": [0.8]})
    a, b, c = without_near(verdicts, near, 0.75).to_dicts()
    assert (a["keep"], a["kept_instead"]) == (False, "c")
    assert a["reasons"] == [{"filter": "near", "value": 0.8, "low": None, "high": 0.75,
                             "word": None}]  # fmt: skip
    assert (b["keep"], b["kept_instead"]) == (False, "c")
    assert [r["filter"] for r in b["reasons"]] == ["duplicate"]
    assert c == verdicts.row(2, named=True)
    assert without_near(verdicts, near.clear(), 0.75).equals(verdicts)


def test_a_bound_must_be_of_its_kind() -> None:
    assert not load_config().thin.on
    config = load_config(None, ["thin.by=null_share", "thin.bound=0.001"])
    assert config.thin.on
    assert load_config(to_toml(config)) == config
    with pytest.raises(ConfigError, match=r"bound \(0.9\) must be 1e-06 to 0.5"):
        load_config(to_toml(config), ["thin.bound=0.9"])
    assert not load_config(to_toml(config), ["thin.by=off"]).thin.on
    with pytest.raises(ConfigError, match="must be below 1"):
        load_config(None, ["thin.by=keep_share", "thin.bound=1"])
