"""Copies among clips: vectors propose pairs, pictures aligned in time decide, the best is kept."""

from curate.dedup.cells import CELL_CLIPS, Cells
from curate.dedup.changes import CHANGES, chroma, words
from curate.dedup.groups import group_copies, ranked
from curate.dedup.placed import Placed, place
from curate.dedup.places import Places
from curate.dedup.propose import (
    Index,
    Map,
    assigned_to,
    calibrate,
    cells_of,
    map_here,
    propose,
    propose_in_cells,
)
from curate.dedup.search import Bounds, Pairs
from curate.dedup.verify import copies_frame, exact_copies, joined_copies, verify

__all__ = [
    "Bounds",
    "CELL_CLIPS",
    "CHANGES",
    "Cells",
    "Index",
    "Map",
    "Pairs",
    "Placed",
    "Places",
    "assigned_to",
    "calibrate",
    "chroma",
    "cells_of",
    "copies_frame",
    "exact_copies",
    "group_copies",
    "joined_copies",
    "map_here",
    "place",
    "propose",
    "propose_in_cells",
    "ranked",
    "verify",
    "words",
]
