"""Search for copies among 1e4 to 1e6 vectors: recall of planted pairs, time, memory, exponent.

    python benchmarks/dedup_scale.py [--sizes 10000 100000 1000000] [--workers 2] [--out scale.json]

Vectors of 512 numbers in clusters whose random pairs are as alike as CLIP's; one in ten is a copy
of another at a cosine of 0.90 to 0.99. Runs the code of `jobs.dedup`: vectors in a file that is
mapped, cells learned, assigned and compared in as many processes as workers. Recall is that of
exhaustive search over a sample of the planted copies. Each size runs in a process of its own, so
that its peak memory is its own; that of the workers is added.
"""

import argparse
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path
from typing import Any, Final

import faiss
import numpy as np
import numpy.typing as npt
import polars as pl

from curate.dedup import Bounds, Places, assigned_to, cells_of, propose, propose_in_cells

DIM: Final = 512
COSINE: Final = 0.85
FLAT: Final = 50_000
_BLOCK: Final = 50_000
_SAMPLE: Final = 2000
Vectors = npt.NDArray[np.float32]


def made(path: Path, count: int) -> Vectors:
    """A mapped file of vectors; every tenth is a copy of the one before it."""
    rng = np.random.default_rng(0)
    vectors = np.memmap(path, np.float32, "w+", shape=(count, DIM))
    # Clusters grow in number with the corpus, and share a direction: CLIP's cone.
    centres = rng.normal(size=(max(64, count // 400), DIM)).astype(np.float32)
    centres += 0.8 * rng.normal(size=DIM).astype(np.float32)
    for start in range(0, count, _BLOCK):
        block = vectors[start : start + _BLOCK]
        noise = rng.standard_normal(block.shape, np.float32)
        chosen = centres[rng.integers(0, len(centres), len(block))]
        block[:] = _unit(chosen + noise * rng.uniform(0.6, 1.0))
        side = _unit(rng.standard_normal((len(block) // 10, DIM), np.float32))
        cosine = rng.uniform(0.90, 0.99, (len(side), 1)).astype(np.float32)
        own = block[8::10][: len(side)]
        side = _unit(side - (side * own).sum(axis=1, keepdims=True) * own)
        block[9::10][: len(side)] = cosine * own + np.sqrt(1 - cosine**2) * side
    return vectors


def _unit(rows: Vectors) -> Vectors:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


class Workers:
    """A `curate.dedup.Map` over processes."""

    def __init__(self, count: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.count, self.pool = count, ProcessPoolExecutor(count, mp_context=context)

    def __call__(
        self, function: Callable[..., Any], calls: Iterable[tuple[Any, ...]]
    ) -> Iterator[Any]:
        """Give results as they are ready, with one call more than workers under way."""
        pending: set[Future[Any]] = set()
        for call in calls:
            if len(pending) > self.count:
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
            pending.add(self.pool.submit(function, *call))
        yield from (future.result() for future in pending)


class Memory:
    """Peak memory of this process and its children together, sampled; shared pages count once.

    The mapped file of vectors counts as long as its pages are held; the kernel may drop them.
    """

    def __init__(self) -> None:
        self._peak, self._ended = [0, 0], threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> tuple[int, int]:
        """Bytes with and without mapped files."""
        self._ended.set()
        self._thread.join()
        return self._peak[0], self._peak[1]

    def _watch(self) -> None:
        while not self._ended.wait(0.3):
            own = os.getpid()
            children = Path(f"/proc/{own}/task/{own}/children").read_text().split()
            held = [_held(pid) for pid in (str(own), *children)]
            for which in (0, 1):
                self._peak[which] = max(self._peak[which], sum(h[which] for h in held))


def _held(pid: str) -> tuple[int, int]:
    """Proportional set size of a process with and without its file pages, bytes."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:  # it has ended
        return 0, 0
    sizes = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines}
    return sizes["Pss"], sizes["Pss_Anon"] + sizes["Pss_Shmem"]


def measure(count: int, workers: int) -> dict[str, Any]:
    """One size."""
    faiss.omp_set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        vectors = made(Path(folder) / "vectors", count)
        places = _places(count)
        bounds = Bounds(COSINE, 32, 1 << 28)
        run = Workers(workers)
        memory = Memory()
        everything = np.arange(count)
        begin, cpu = time.monotonic(), _cpu()
        steps: dict[str, float] = {}
        if count <= FLAT:
            found = propose(vectors, places, everything, bounds, run)
            cells = 0
        else:
            learned = cells_of(vectors)
            steps["learn_s"] = round(time.monotonic() - begin, 1)
            index = assigned_to(learned, vectors, everything, run)
            steps["assign_s"] = round(time.monotonic() - begin, 1)
            found = propose_in_cells(vectors, places, everything, bounds, index, run)
            cells = len(learned.centres)
            first = index.assigned[:, 0]
            pairs = np.arange(9, count, 10)
            steps["planted_in_one_cell"] = round(
                float((first[pairs] == first[pairs - 1]).mean()), 4
            )
        seconds = time.monotonic() - begin
        run.pool.shutdown()
        used = _cpu() - cpu
        peak = memory.stop()
        result = {
            "vectors": count, "cells": cells, "seconds": round(seconds, 1), **steps,
            "cpu_seconds": round(used, 1), "peak_gb": round(peak[0] / 2**30, 2),
            "peak_without_mapped_gb": round(peak[1] / 2**30, 2),
            "pairs": len(found.a), **_recall(vectors, found.a, found.b),
        }  # fmt: skip
        del vectors
        return result


def _places(count: int) -> Places:
    names = pl.Series([str(i) for i in range(count)])
    table = pl.DataFrame({"video_id": names})
    return Places.of(
        table.with_columns(packets_hash=pl.lit(None, pl.String), start_s=0.0, end_s=4.0, frames=100)
    )


def _recall(
    vectors: Vectors, a: npt.NDArray[np.int64], b: npt.NDArray[np.int64]
) -> dict[str, float]:
    """Of the pairs that exhaustive search finds for a sample of the planted copies."""
    count = len(vectors)
    planted = np.arange(9, count, 10)
    drawn = np.random.default_rng(1).choice(planted, min(_SAMPLE, len(planted)), replace=False)
    queries = np.asarray(vectors[drawn])
    exact: set[tuple[int, int]] = set()
    for start in range(0, count, _BLOCK):
        i, j = np.nonzero(queries @ vectors[start : start + _BLOCK].T >= COSINE)
        others = j + start
        low, high = np.minimum(drawn[i], others), np.maximum(drawn[i], others)
        exact |= {(int(x), int(y)) for x, y in zip(low, high, strict=True) if x != y}
    got = np.sort(a * count + b)
    wanted = np.array([x * count + y for x, y in exact])
    own = np.array([(d - 1) * count + d for d in drawn])
    return {
        "recall_of_exhaustive": round(_share(got, wanted), 4),
        "recall_of_planted": round(_share(got, own), 4),
    }


def _share(held: npt.NDArray[np.int64], wanted: npt.NDArray[np.int64]) -> float:
    at = np.minimum(np.searchsorted(held, wanted), max(len(held) - 1, 0))
    return float((held[at] == wanted).mean()) if len(held) else 0.0


def _cpu() -> float:
    own, children = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def main() -> None:
    """Measure every size and fit the exponent."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one, options.workers)))
        return
    rows = []
    for size in options.sizes:
        command = [sys.executable, __file__, "--one", str(size), "--workers", str(options.workers)]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, env=os.environ)
        rows.append(json.loads(done.stdout.splitlines()[-1]))
        print(rows[-1], flush=True)
    if len(rows) > 1:
        last = rows[-2:]
        for what in ("seconds", "cpu_seconds"):
            ratio = last[1][what] / last[0][what]
            exponent = np.log(ratio) / np.log(last[1]["vectors"] / last[0]["vectors"])
            print(f"exponent of {what} between the two largest: {exponent:.2f}")
    if options.out:
        options.out.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
