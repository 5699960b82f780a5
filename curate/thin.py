"""Thinning: of clips that are alike in their vectors, though no copies, some are kept.

After SemDeDup (Abbas et al., arXiv:2303.09540): k-means cells, cosines within each cell, and of the
pairs above a bound one side goes. Unlike there, a clip goes only for the sake of one that stays, so
that a chain of clips, each like the next, is thinned and not cut down to its end.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

import numpy as np
import numpy.typing as npt

from curate.dedup import Map, map_here
from curate.dedup.search import Vectors

Ints = npt.NDArray[np.int64]

_BLOCK: Final = 256
"""Clips that are compared with those kept so far at once."""
_KEPT_BLOCK: Final = 8192
"""Kept clips that one block is compared with at once: 8 MB of cosines."""
_ROUNDING: Final = 1e-6
"""Rounding may put the product of equal unit vectors just below 1."""
_PASSING: Final = 20
"""Random pairs that must lie above a bound for it to be read off them."""
_LEAST_PAIRS: Final = 200_000
_PAIRS_AT_ONCE: Final = 1 << 15
_TRIED_CLIPS: Final = 20_000
"""Clips, in whole cells, on which the bound that keeps a given share is looked for."""
_HALVINGS: Final = 16


@dataclass(frozen=True, slots=True)
class Cell:
    """Some clips that are compared with each other, the one most worth keeping first.

    Attributes:
        rows: (m,) their numbers in the corpus.
        sources: (m,) number of each clip's source; None where moments of one source are compared
            as well.
    """

    rows: Ints
    sources: Ints | None


@dataclass(frozen=True, slots=True)
class Near:
    """Clips that give way.

    Attributes:
        rows: (k,) their numbers in the corpus.
        instead: (k,) the kept clip most like each.
        cosine: (k,) to that clip, at least the bound.
    """

    rows: Ints
    instead: Ints
    cosine: Vectors

    @classmethod
    def joined(cls, parts: "Sequence[Near]") -> "Near":
        """All of them, by row."""
        if not parts:
            return cls(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32))
        rows = np.concatenate([part.rows for part in parts])
        order = np.argsort(rows)
        instead = np.concatenate([part.instead for part in parts])[order]
        return cls(rows[order], instead, np.concatenate([part.cosine for part in parts])[order])


def thin_cell(vectors: Vectors, cell: Cell, bound: float) -> Near:
    """Go through a cell, the best clip first; one that is like a kept one gives way to it.

    Args:
        vectors: (m, D) unit vectors of the cell's clips, in its order; a row of zeros is like none.
        cell: The clips.
        bound: Least cosine at which a clip gives way, above 0.
    """
    count = len(vectors)
    instead = np.full(count, -1, np.int64)
    best = np.full(count, -np.inf, np.float32)
    kept = np.zeros(0, np.int64)
    for start in range(0, count, _BLOCK):
        block = np.arange(start, min(start + _BLOCK, count))
        for at in range(0, len(kept), _KEPT_BLOCK):
            _look(vectors, cell.sources, block, kept[at : at + _KEPT_BLOCK], best, instead)
        own = _cosines(vectors, cell.sources, block, block)
        stays = np.zeros(len(block), np.bool_)
        for i in range(len(block)):
            row, cosines = start + i, np.where(stays, own[i], -np.inf)
            j = int(cosines.argmax())
            if cosines[j] > best[row]:
                best[row], instead[row] = cosines[j], start + j
            stays[i] = best[row] < bound - _ROUNDING
        kept = np.concatenate([kept, block[stays]])
    gone = np.flatnonzero(best >= bound - _ROUNDING)
    return Near(cell.rows[gone], cell.rows[instead[gone]], np.minimum(best[gone], 1))


def _look(
    vectors: Vectors, sources: Ints | None, block: Ints, kept: Ints, best: Vectors, instead: Ints
) -> None:
    """Note for each clip of a block the most alike of some kept ones, if it is more so."""
    cosines = _cosines(vectors, sources, block, kept)
    column = cosines.argmax(axis=1)
    highest = cosines[np.arange(len(block)), column]
    better = highest > best[block]
    best[block[better]] = highest[better]
    instead[block[better]] = kept[column[better]]


def _cosines(vectors: Vectors, sources: Ints | None, a: Ints, b: Ints) -> Vectors:
    """(len(a), len(b)) cosines; -inf where the two may not be compared."""
    cosines = vectors[a] @ vectors[b].T
    if sources is not None:
        cosines[sources[a][:, None] == sources[b][None]] = -np.inf
    return np.asarray(cosines, np.float32)


def cells_by_rank(
    rank: Ints, cell: npt.NDArray[np.int32], sources: Ints | None, kept: Ints
) -> Iterator[Cell]:
    """Cut clips into cells, each in the order in which its clips are worth keeping.

    Args:
        rank: (n,) place of every clip in the corpus, 0 for the one most worth keeping.
        cell: (n,) cell of every clip.
        sources: (n,) source of every clip, or None; see `Cell`.
        kept: Rows of the clips that are thinned; the others neither go nor make others go.
    """
    order = kept[np.lexsort((rank[kept], cell[kept]))]
    ends = np.flatnonzero(np.diff(cell[order])) + 1
    for rows in np.split(order, ends) if len(order) else []:
        yield Cell(rows, None if sources is None else sources[rows])


def thin(vectors: Vectors, cells: Sequence[Cell], bound: float, run: Map = map_here) -> Near:
    """Thin every cell.

    Args:
        vectors: (n, D) unit vectors of the corpus; may be a memory map, read cell by cell.
        cells: Without common clips.
        bound: See `thin_cell`.
        run: Where cells are compared.
    """
    calls = ((np.asarray(vectors[cell.rows]), cell, bound) for cell in cells if len(cell.rows) > 1)
    return Near.joined(list(run(thin_cell, calls)))


def bound_of_null(vectors: Vectors, sources: Ints, share: float, seed: int) -> float | None:
    """The cosine that a share of random pairs of clips of different sources exceeds.

    Bounds of embedders differ: what is a rare likeness for one is common for another. The same
    share of random pairs means the same for all.

    Args:
        vectors: (n, D) unit vectors; may be a memory map.
        sources: (n,) number of each clip's source.
        share: Above 0, at most 0.5.
        seed: Of the pairs.

    Returns:
        None where the sources are too few for so small a share: twenty of their pairs must exceed
        the bound.
    """
    if len(np.unique(sources)) < sources_for(share):
        return None
    rng = np.random.default_rng(seed)
    count = max(_LEAST_PAIRS, ceil(_PASSING / share))
    parts = []
    for start in range(0, count, _PAIRS_AT_ONCE):
        a, b = rng.integers(0, len(vectors), (2, min(_PAIRS_AT_ONCE, count - start)))
        other = sources[a] != sources[b]
        parts.append(np.einsum("ij,ij->i", vectors[a[other]], vectors[b[other]]))
    return float(np.quantile(np.concatenate(parts), 1 - share))


def sources_for(share: float) -> int:
    """Fewest sources of whose pairs enough exceed the bound of a share."""
    return ceil((1 + float(np.sqrt(1 + 8 * _PASSING / share))) / 2)


def bound_that_keeps(vectors: Vectors, cells: Sequence[Cell], share: float, seed: int) -> float:
    """The cosine at which about a share of the clips stays, halved down on some cells.

    Args:
        vectors: (n, D) unit vectors; may be a memory map.
        cells: Without common clips.
        share: Above 0, below 1.
        seed: Of the choice of cells, where there are more clips than need be tried.
    """
    chosen, clips = [], 0
    for number in np.random.default_rng(seed).permutation(len(cells)):
        chosen.append(cells[number])
        clips += len(cells[number].rows)
        if clips >= _TRIED_CLIPS:
            break
    held = [np.asarray(vectors[cell.rows]) for cell in chosen]
    low, high = 0.0, 1.0 + 2 * _ROUNDING
    for _ in range(_HALVINGS):
        bound = (low + high) / 2
        gone = sum(len(thin_cell(v, c, bound).rows) for v, c in zip(held, chosen, strict=True))
        if clips - gone > share * clips:
            high = bound
        else:
            low = bound
    return low if low > 0 else high
