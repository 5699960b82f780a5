"""Candidate pairs: clips whose vectors are alike, found in blocks of bounded memory."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from curate.dedup import gpu
from curate.dedup.places import Ints, Places

Vectors = npt.NDArray[np.float32]

_ROUNDING: Final = 1e-6
"""Rounding may put the product of equal unit vectors just below 1."""
_BYTES_PER_PRODUCT: Final = 16
"""Of a block's cosines, and of the rows and columns of those above the bound."""
_CROWD: Final = 4
"""Times `Bounds.most` pairs, beyond which a clip's nearest are sought before any are listed."""
_CROWDED_ROWS: Final = 64
"""Such clips that are looked at together."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of rows with their cosines.

    Attributes:
        a: (P,) the smaller row.
        b: (P,) the larger row.
        cosine: (P,) -1 to 1.
    """

    a: Ints
    b: Ints
    cosine: Vectors

    @classmethod
    def none(cls) -> "Pairs":
        """No pairs."""
        return cls(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32))

    @classmethod
    def joined(cls, parts: "list[Pairs]") -> "Pairs":
        """Each pair of any part once, in order."""
        if not parts:
            return cls.none()
        a = np.concatenate([p.a for p in parts])
        b = np.concatenate([p.b for p in parts])
        cosine = np.concatenate([p.cosine for p in parts])
        order = np.lexsort((b, a))
        a, b, cosine = a[order], b[order], cosine[order]
        first = np.ones(len(a), np.bool_)
        first[1:] = (a[1:] != a[:-1]) | (b[1:] != b[:-1])
        return cls(a[first], b[first], cosine[first])

    def nearest_first(self, most: int) -> "Pairs":
        """Without the pairs that are among the `most` best of neither of their clips.

        Equal cosines rank by row, so the answer does not depend on the order of the pairs.
        """
        count = len(self.a)
        clip = np.concatenate([self.a, self.b])
        other = np.concatenate([self.b, self.a])
        order = np.lexsort((other, np.tile(-self.cosine, 2), clip))
        of = clip[order]
        starts = np.flatnonzero(np.concatenate([[True], of[1:] != of[:-1]])) if count else of
        rank = np.arange(2 * count) - np.repeat(starts, np.diff([*starts, 2 * count]))
        kept = np.zeros(2 * count, np.bool_)
        kept[order] = rank < most
        keep = kept[:count] | kept[count:]
        return Pairs(self.a[keep], self.b[keep], self.cosine[keep])


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a pair must be to be looked at, and how much may be held at once.

    Attributes:
        cosine: Least cosine, -1 to 1.
        most: Candidates per clip, the nearest ones, at least 1.
        block_bytes: Memory of one block of products, bytes.
    """

    cosine: float
    most: int
    block_bytes: int


def search(
    vectors: Vectors,
    rows: Ints,
    places: Places,
    queries: Ints,
    bounds: Bounds,
    among_queries: bool = True,
) -> Pairs:
    """Compare some of the given clips with all of them.

    Args:
        vectors: (m, D) unit vectors of the clips in `rows`.
        rows: (m,) their numbers in the corpus, increasing.
        places: Of the clips in `rows`.
        queries: Positions within `rows` whose pairs are wanted, increasing.
        bounds: Of the search.
        among_queries: Whether pairs of two queries are wanted.

    Returns:
        Pairs of numbers in the corpus, each once. Different moments of one source are left out.
    """
    wanted = np.zeros(len(rows), np.bool_)
    wanted[queries] = True
    least = bounds.cosine - _ROUNDING
    block = max(1, bounds.block_bytes // (_BYTES_PER_PRODUCT * max(1, len(rows))))
    found: list[Pairs] = []
    for start in range(0, len(queries), block):
        at = queries[start : start + block]
        i, b, cosine, rest = gpu.above(vectors[at], vectors, least)
        j, near, more = _above(vectors, at[rest], places, wanted, bounds)
        a = at[np.concatenate([i, rest[j]])]
        b, cosine = np.concatenate([b, near]), np.minimum(np.concatenate([cosine, more]), 1)
        keep = (a != b) & (among_queries | ~wanted[b]) & ~places.apart(a, b)
        a, b = a[keep], b[keep]
        found.append(Pairs(rows[np.minimum(a, b)], rows[np.maximum(a, b)], cosine[keep]))
        if sum(len(p.a) for p in found) > bounds.most * len(rows):
            found = [Pairs.joined(found).nearest_first(bounds.most)]
    return Pairs.joined(found).nearest_first(bounds.most)


def _above(
    vectors: Vectors, at: Ints, places: Places, wanted: npt.NDArray[np.bool_], bounds: Bounds
) -> tuple[Ints, Ints, Vectors]:
    """Positions within `at`, rows of the vectors and cosines of the pairs above the bound.

    Of a query that is like very many (black screens, one title card) only those pairs are given
    that are among the nearest of either clip: all of n equal clips would be n squared pairs.
    """
    cosines = vectors[at] @ vectors.T
    hits = cosines >= bounds.cosine - _ROUNDING
    crowded = np.flatnonzero(hits.sum(axis=1) > _CROWD * bounds.most)
    everything = np.arange(len(vectors))
    for start in range(0, len(crowded), _CROWDED_ROWS):
        some = crowded[start : start + _CROWDED_ROWS]
        own = at[some][:, None]
        fit = hits[some] & (own != everything) & ~places.apart(own, everything[None])
        values = np.where(fit, cosines[some], -np.inf)
        kept = _top(values, bounds.most)
        kept[:, ~wanted] |= _top(values[:, ~wanted].T, bounds.most).T
        hits[some] = kept & fit
    i, b = np.nonzero(hits)
    return i, b, np.asarray(cosines[i, b], np.float32)


def _top(values: Vectors, most: int) -> npt.NDArray[np.bool_]:
    """The `most` greatest of each row; of equal ones the first."""
    if values.shape[1] <= most:
        return np.ones(values.shape, np.bool_)
    least = np.partition(values, -most, axis=1)[:, -most, None]
    above, equal = values > least, values == least
    room = most - above.sum(axis=1, keepdims=True)
    return np.asarray(above | (equal & (np.cumsum(equal, axis=1, dtype=np.int32) <= room)))
