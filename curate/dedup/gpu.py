"""FAISS on a GPU where it was built for one and there is one; the same answers either way."""

from functools import cache
from typing import Any, Final

import faiss
import numpy as np
import numpy.typing as npt

_NEIGHBOURS: Final = 1024
"""Asked of the GPU per clip; FAISS selects 2048 at most. A clip with more above the bound is
compared here, so that the answer is complete."""

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


def available() -> bool:
    """Whether FAISS can use a GPU: `faiss-gpu` is installed and a device is visible."""
    return hasattr(faiss, "StandardGpuResources") and faiss.get_num_gpus() > 0


@cache
def _resources() -> Any:
    """Scratch memory and streams of the first device, made once."""
    return faiss.StandardGpuResources()


def placed(index: Any) -> Any:
    """A FAISS index on the GPU if there is one, else the index itself."""
    return faiss.index_cpu_to_gpu(_resources(), 0, index) if available() else index


def above(queries: Floats, vectors: Floats, least: float) -> tuple[Ints, Ints, Floats, Ints]:
    """Every pair of a query and a vector whose product is at least `least`, as far as a GPU goes.

    Args:
        queries: (q, D) unit vectors.
        vectors: (n, D) unit vectors.
        least: -1 to 1.

    Returns:
        Rows of the queries, rows of the vectors and their products, in any order; and the queries
        that are left to the CPU: those with too many neighbours, or all where there is no GPU.
    """
    if not available() or not len(vectors):
        none = np.zeros(0, np.int64)
        return none, none, np.zeros(0, np.float32), np.arange(len(queries))
    found, near = faiss.knn_gpu(
        _resources(),
        np.ascontiguousarray(queries, np.float32),
        np.ascontiguousarray(vectors, np.float32),
        min(_NEIGHBOURS, len(vectors)),
        metric=faiss.METRIC_INNER_PRODUCT,
    )
    more = (found[:, -1] >= least) & (near.shape[1] < len(vectors))
    i, column = np.nonzero((found >= least) & ~more[:, None])
    products = found[i, column].astype(np.float32)
    return i, near[i, column].astype(np.int64), products, np.flatnonzero(more)
