"""Thinning of 1e4 to 1e6 vectors: time, memory and what the borders of cells lose.

    python benchmarks/thin_scale.py [--sizes 10000 100000] [--cell-clips 4096]

Vectors of benchmarks/dedup_scale.py: one in ten lies at a cosine of 0.90 to 0.99 to the one before
it. Runs the code of `jobs.thin` in one process: cells learned, clips assigned, each cell gone
through. `gone` is the share of the planted ones of which at least one of the two gives way at 0.85,
which in one cell for all is 1.
"""

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from benchmarks.dedup_scale import COSINE, made
from curate.dedup import assigned_to, cells_of
from curate.thin import cells_by_rank, thin


def measure(count: int, cell_clips: int) -> dict[str, Any]:
    """One size."""
    faiss.omp_set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        vectors = made(Path(folder) / "vectors", count)
        everything = np.arange(count)
        begin = time.process_time()
        cells = cells_of(vectors, 0, cell_clips)
        learned = time.process_time()
        cell = assigned_to(cells, vectors, everything).assigned[:, 0]
        assigned = time.process_time()
        ordered = list(cells_by_rank(everything, cell, None, everything))
        near = thin(vectors, ordered, COSINE)
        ended = time.process_time()
    planted = np.arange(9, count, 10)
    gone = np.isin(planted, near.rows) | np.isin(planted - 1, near.rows)
    return {
        "vectors": count,
        "cells": len(cells.centres),
        "largest_cell": max(len(part.rows) for part in ordered),
        "learn_s": round(learned - begin, 1),
        "assign_s": round(assigned - learned, 1),
        "thin_s": round(ended - assigned, 1),
        "peak_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        "gone": round(float(gone.mean()), 4),
    }


def main() -> None:
    """Print one line of JSON per size; seconds are of one core's CPU."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--cell-clips", type=int, default=4096)
    options = parser.parse_args()
    for size in options.sizes:
        print(json.dumps(measure(size, options.cell_clips)), flush=True)


if __name__ == "__main__":
    main()
