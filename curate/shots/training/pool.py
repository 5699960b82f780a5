"""Composed sequences by the thousand, from several processes."""

import logging
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from curate.shots.training.footage import read_takes
from curate.shots.training.synthesis import Composer, Sample

LENGTH = 256
Arrays = tuple[npt.NDArray[np.uint8], npt.NDArray[np.int8], npt.NDArray[np.int8]]


def sequences(job: tuple[Path, int, int]) -> Arrays:
    """Signals and labels of sequences composed from a folder: (folder, seed, number)."""
    folder, seed, number = job
    cv2.setNumThreads(1)
    logging.info("composing from seed %d", seed)
    composer = Composer(read_takes(folder), np.random.default_rng(seed))
    made: list[Sample] = []
    while len(made) < number:
        sample = composer.compose(LENGTH)
        if len(sample.cut) == LENGTH:
            made.append(sample)
    return (
        np.stack([s.signals for s in made]),
        np.stack([s.cut for s in made]),
        np.stack([s.kind for s in made]),
    )


def compose(folder: Path, number: int, seed: int, workers: int) -> Arrays:
    """Sequences from several processes; the same for any number of workers."""
    jobs = [(folder, seed * 100_000 + i, 100) for i in range(number // 100)]
    # Forked, workers would hang on locks of threads that PyTorch and OpenCV have started.
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        parts = list(pool.map(sequences, jobs))
    signals, cut, kind = (np.concatenate(column) for column in zip(*parts, strict=True))
    return signals, cut, kind
