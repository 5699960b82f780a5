"""Which pairs of clips are looked at: all against all, or within cells where there are many."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from curate.dedup import gpu
from curate.dedup.cells import CELL_CLIPS, NEAREST, Cells, cells_for, sample_for, train_cells
from curate.dedup.places import Ints, Places
from curate.dedup.search import Bounds, Pairs, Vectors, search

_ASSIGN_ROWS: Final = 1 << 15
"""Clips that one task assigns to cells: 64 MB of vectors of 512 numbers."""
_TASK_BYTES: Final = 64 << 20
"""Vectors that one task compares within cells."""
_NULL_PAIRS: Final = 200_000
"""Random pairs that a bound is read off."""
_NULL_SHARE: Final = 0.02
"""Share of random pairs of clips of different sources that lie above the bound."""
_NULL_SOURCES: Final = 100
"""Fewest sources that a bound can be read off: 5,000 pairs of them."""


class Map(Protocol):
    """Applies a function to many argument lists, anywhere and in any order."""

    def __call__(
        self, function: Callable[..., Any], calls: Iterable[tuple[Any, ...]]
    ) -> Iterator[Any]:
        """Give every result, as it is ready; calls are taken as there is room for them."""


def map_here(function: Callable[..., Any], calls: Iterable[tuple[Any, ...]]) -> Iterator[Any]:
    """The `Map` of one process."""
    return (function(*call) for call in calls)


@dataclass(frozen=True, slots=True)
class Index:
    """Cells of a corpus and where its clips are in them.

    Attributes:
        cells: The centres.
        assigned: (n, 2) cells of every clip; rows of -1 where not assigned yet.
    """

    cells: Cells
    assigned: npt.NDArray[np.int32]


def propose(
    vectors: Vectors,
    places: Places,
    new: Ints,
    bounds: Bounds,
    run: Map = map_here,
    among_new: bool = True,
) -> Pairs:
    """Pairs of a new clip and any clip, among all of them.

    Args:
        vectors: (n, D) unit vectors; may be a memory map.
        places: Of all clips.
        new: Rows whose pairs are wanted, increasing.
        bounds: Of the search.
        run: Where the blocks are compared.
        among_new: Whether pairs of two new clips are wanted.

    Returns:
        Pairs of different clips that are not apart in one source, each once.
    """
    rows = np.arange(len(vectors))
    per_task = max(1, bounds.block_bytes // (16 * max(1, len(rows)))) * 4
    parts = [new[i : i + per_task] for i in range(0, len(new), per_task)]
    held = np.asarray(vectors)
    if len(parts) <= 1:
        return search(held, rows, places, new, bounds, among_new)
    run = map_here if gpu.available() else run  # tasks see no GPU, and one is faster than many CPUs
    calls = ((held, rows, places, part, bounds, among_new) for part in parts)
    return Pairs.joined(list(run(search, calls))).nearest_first(bounds.most)


def propose_in_cells(
    vectors: Vectors,
    places: Places,
    new: Ints,
    bounds: Bounds,
    index: Index,
    run: Map = map_here,
) -> Pairs:
    """As `propose`, of the pairs that share one of their two nearest cells.

    Args:
        vectors: (n, D) unit vectors; may be a memory map, of which a task's share is read.
        places: Of all clips.
        new: Rows whose pairs are wanted, increasing.
        bounds: Of the search.
        index: With every clip assigned.
        run: Where the cells are compared.
    """
    groups = _groups(index.assigned, new, vectors.shape[1] * 4)
    wanted = np.zeros(len(vectors), np.bool_)
    wanted[new] = True
    calls = (
        (vectors[rows], rows, sizes, places.take(rows), wanted[rows], bounds)
        for rows, sizes in groups
    )
    found: list[Pairs] = []
    for pairs in run(_within, calls):
        found.append(pairs)
        if sum(len(p.a) for p in found) > 2 * bounds.most * len(vectors):
            found = [Pairs.joined(found).nearest_first(bounds.most)]
    return Pairs.joined(found).nearest_first(bounds.most)


def _groups(
    assigned: npt.NDArray[np.int32], new: Ints, bytes_per_row: int
) -> Iterator[tuple[Ints, list[int]]]:
    """Members of whole cells that hold a new clip, cell after cell, about a task's worth."""
    count = int(assigned.max()) + 1 if len(assigned) else 0
    touched = np.zeros(count, np.bool_)
    touched[assigned[new][assigned[new] >= 0]] = True
    cell = assigned.ravel()
    row = np.repeat(np.arange(len(assigned)), NEAREST)
    order = np.lexsort((row, cell))
    cell, row = cell[order], row[order]
    ends = np.searchsorted(cell, np.arange(count + 1))
    rows: list[Ints] = []
    sizes: list[int] = []
    for number in np.flatnonzero(touched):
        members = row[ends[number] : ends[number + 1]]
        if len(members) > 1:
            rows.append(members)
            sizes.append(len(members))
        if sum(sizes) * bytes_per_row >= _TASK_BYTES:
            yield np.concatenate(rows), sizes
            rows, sizes = [], []
    if rows:
        yield np.concatenate(rows), sizes


def _within(
    vectors: Vectors,
    rows: Ints,
    sizes: list[int],
    places: Places,
    wanted: npt.NDArray[np.bool_],
    bounds: Bounds,
) -> Pairs:
    """Pairs within each of some cells, whose members stand one after the other."""
    found, at = [], 0
    for size in sizes:
        part = np.arange(at, at + size)
        queries = np.flatnonzero(wanted[part])
        found.append(search(vectors[part], rows[part], places.take(part), queries, bounds))
        at += size
    return Pairs.joined(found)


def assigned_to(cells: Cells, vectors: Vectors, rows: Ints, run: Map = map_here) -> Index:
    """Assign some clips to cells; the rows of the others are -1."""
    assigned = np.full((len(vectors), NEAREST), -1, np.int32)
    run = map_here if gpu.available() else run
    calls = (
        (cells, np.asarray(vectors[rows[i : i + _ASSIGN_ROWS]]), rows[i : i + _ASSIGN_ROWS])
        for i in range(0, len(rows), _ASSIGN_ROWS)
    )
    for part, found in run(_assign, calls):
        assigned[part] = found
    return Index(cells, assigned)


def _assign(cells: Cells, vectors: Vectors, rows: Ints) -> tuple[Ints, npt.NDArray[np.int32]]:
    return rows, cells.assign(vectors)


def cells_of(vectors: Vectors, seed: int = 0, cell_clips: int = CELL_CLIPS) -> Cells:
    """Learn cells of so many clips on average from a random share of a corpus."""
    drawn = np.random.default_rng(seed).choice(
        len(vectors), sample_for(len(vectors), cell_clips), replace=False
    )
    sample = np.asarray(vectors[np.sort(drawn)])
    return train_cells(sample, cells_for(len(vectors), cell_clips), seed)


def calibrate(vectors: Vectors, places: Places, seed: int = 0) -> float | None:
    """The cosine that 2 % of random pairs of clips of different sources exceed.

    Returns:
        -1 to 1; None where there are too few sources to tell.
    """
    if len(np.unique(places.source)) < _NULL_SOURCES:
        return None
    a, b = np.random.default_rng(seed).integers(0, len(vectors), (2, _NULL_PAIRS))
    other = places.source[a] != places.source[b]
    a, b = a[other], b[other]
    cosines = np.einsum("ij,ij->i", vectors[a], vectors[b])
    return float(np.quantile(cosines, 1 - _NULL_SHARE))
