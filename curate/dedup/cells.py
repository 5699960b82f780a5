"""Cells: a large corpus cut into neighbourhoods, so that clips are compared within them alone."""

from dataclasses import dataclass
from math import ceil, sqrt
from typing import Final

import faiss
import numpy as np
import numpy.typing as npt

from curate.dedup import gpu
from curate.dedup.search import Vectors

CELL_CLIPS: Final = 256
"""Clips per cell on average: the work within cells then grows with the number of clips."""
NEAREST: Final = 2
"""Cells of a clip. With one, 0.4 to 9.5 % of true pairs are lost between neighbouring cells; with
two, 0 to 0.4 % (measured on clustered vectors of 512 numbers)."""
_SAMPLE: Final = 40
"""Clips per centre that k-means learns from; FAISS warns below 39."""
_ROUNDS: Final = 8
_SUPER_PROBES: Final = 8
"""Super-cells whose cells are compared with a vector; the others are too far."""


@dataclass(frozen=True, slots=True)
class Cells:
    """Centres in two levels: a vector meets the centres of its nearest super-cells alone.

    Attributes:
        top: (S, D) unit centres of super-cells.
        centres: (C, D) unit centres of cells.
        parent: (C,) super-cell of each, increasing.
    """

    top: Vectors
    centres: Vectors
    parent: npt.NDArray[np.int32]

    def assign(self, vectors: Vectors) -> npt.NDArray[np.int32]:
        """(n, 2) the nearest cells of each vector, nearest first; -1 where there is only one."""
        quantizer = faiss.IndexFlatIP(self.top.shape[1])
        quantizer.add(self.top)
        index = faiss.IndexIVFFlat(
            quantizer, self.top.shape[1], len(self.top), faiss.METRIC_INNER_PRODUCT
        )
        index.is_trained = True
        # Pointers are passed below: these names keep the arrays alive.
        centres, parent = np.ascontiguousarray(self.centres), self.parent.astype(np.int64)
        index.add_core(len(centres), faiss.swig_ptr(centres), None, faiss.swig_ptr(parent))
        index.nprobe = min(_SUPER_PROBES, len(self.top))
        _, found = gpu.placed(index).search(np.ascontiguousarray(vectors, np.float32), NEAREST)
        return np.asarray(found, np.int32)

    def save(self) -> bytes:
        """As stored in a corpus."""
        shape = np.array([*self.top.shape, len(self.centres)], "<i8")
        parts = (shape, self.top.astype("<f4"), self.centres.astype("<f4"), self.parent)
        return b"".join(part.astype(part.dtype.newbyteorder("<")).tobytes() for part in parts)

    @classmethod
    def load(cls, content: bytes) -> "Cells":
        """What `save` stored."""
        supers, dim, cells = (int(v) for v in np.frombuffer(content, "<i8", 3))
        top = np.frombuffer(content, "<f4", supers * dim, 24).reshape(supers, dim)
        at = 24 + top.nbytes
        centres = np.frombuffer(content, "<f4", cells * dim, at).reshape(cells, dim)
        parent = np.frombuffer(content, "<i4", cells, at + centres.nbytes)
        return cls(top.astype(np.float32), centres.astype(np.float32), parent.astype(np.int32))


def cells_for(clips: int, cell_clips: int) -> int:
    """How many cells a corpus of so many clips gets."""
    return max(1, ceil(clips / cell_clips))


def sample_for(clips: int, cell_clips: int) -> int:
    """How many clips to learn the centres from."""
    return min(clips, max(_SAMPLE * cells_for(clips, cell_clips), cell_clips))


def train_cells(sample: Vectors, wanted: int, seed: int) -> Cells:
    """Learn centres by spherical k-means, first of super-cells, then within each.

    Args:
        sample: (m, D) unit vectors drawn at random, some forty per cell.
        wanted: Cells, see `cells_for`.
        seed: Of k-means.
    """
    supers = max(1, round(sqrt(wanted)))
    top = _kmeans(sample[: _SAMPLE * 4 * supers], supers, seed)
    nearest = np.argmax(sample @ top.T, axis=1) if supers > 1 else np.zeros(len(sample), np.intp)
    centres, parents = [], []
    for number in range(len(top)):
        members = sample[nearest == number]
        count = max(1, round(wanted * len(members) / max(1, len(sample))))
        own = _kmeans(members, count, seed) if len(members) else top[number : number + 1]
        centres.append(own)
        parents += [number] * len(own)
    return Cells(top, np.concatenate(centres), np.asarray(parents, np.int32))


def _kmeans(vectors: Vectors, count: int, seed: int) -> Vectors:
    """(count, D) unit centres; all of the vectors where there are no more of them."""
    if len(vectors) <= count:
        return vectors
    if count == 1:
        return _unit(vectors.mean(axis=0, keepdims=True))
    kmeans = faiss.Kmeans(
        vectors.shape[1],
        count,
        niter=_ROUNDS,
        seed=seed,
        spherical=True,
        gpu=gpu.available(),
        min_points_per_centroid=1,
        max_points_per_centroid=_SAMPLE * 4,
    )
    kmeans.train(np.ascontiguousarray(vectors, np.float32))
    return _unit(np.asarray(kmeans.centroids, np.float32))


def _unit(rows: Vectors) -> Vectors:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(length, 1e-12), np.float32)
