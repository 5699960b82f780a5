"""Cells that a corpus keeps: stored centres, clips assigned once, learned anew when outgrown."""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

import numpy as np
import numpy.typing as npt

from curate.dedup.cells import NEAREST, Cells
from curate.dedup.propose import Index, Map, assigned_to, cells_of
from curate.dedup.search import Vectors
from manifests.storage import Folder

_GROWTH: Final = 4
"""Cells are learned anew when they hold so many times the clips that they were made for."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Where clips were found to lie earlier.

    Attributes:
        centres: Id of the file of centres; None where nothing was assigned yet.
        assigned: (n, 2) cells of every clip; rows of -1 where not assigned under these centres.
    """

    centres: str | None
    assigned: npt.NDArray[np.int32]

    @classmethod
    def nowhere(cls, count: int) -> "Placed":
        """Clips that were never assigned."""
        return cls(None, np.full((count, NEAREST), -1, np.int32))


def place(
    folder: Folder, vectors: Vectors, known: Placed, cell_clips: int, seed: int, run: Map
) -> tuple[Index, str]:
    """Assign the clips that have no cell yet.

    Centres lie in a file named by their content, and every row that names a cell names the file as
    well: a run that is killed after it has learned new ones leaves old rows with old centres.

    Args:
        folder: Of the corpus; files are below `index/`.
        vectors: (n, D) unit vectors; may be a memory map.
        known: What is stored.
        cell_clips: Clips per cell on average.
        seed: Of k-means.
        run: Where clips are assigned.

    Returns:
        Where every clip is, and the id of the file of the centres.
    """
    cells, centres = None, known.centres
    if centres is not None and folder.exists(*_file(centres)):
        cells = Cells.load(folder.read(*_file(centres)))
    if cells is None or len(vectors) > _GROWTH * cell_clips * len(cells.centres):
        cells = cells_of(vectors, seed, cell_clips)
        content = cells.save()
        centres = blake2b(content, digest_size=8).hexdigest()
        folder.write(content, *_file(centres))
        known = Placed.nowhere(len(vectors))
    assert centres is not None
    index = assigned_to(cells, vectors, np.flatnonzero(known.assigned[:, 0] < 0), run)
    held = known.assigned[:, 0] >= 0
    index.assigned[held] = known.assigned[held]
    return index, centres


def _file(centres: str) -> tuple[str, str]:
    return "index", f"{centres}.cells"
