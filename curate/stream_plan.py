"""The order of a stream of samples: blocks permuted, cut into equal parts, shuffled in a buffer."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Position:
    """How far a pass is.

    Attributes:
        epoch: Which pass.
        workers: Workers that share it.
        consumed: Samples that each worker has given.
    """

    epoch: int
    workers: int
    consumed: dict[int, int]

    def of(self, worker: int, workers: int) -> int:
        """Samples that a worker has given.

        Raises:
            ValueError: The pass was shared by another number of workers.
        """
        if workers != self.workers:
            raise ValueError(f"the state is of {self.workers} workers, there are {workers}")
        return self.consumed.get(worker, 0)

    def advanced(self, worker: int, samples: int) -> "Position":
        """So many samples further."""
        return Position(self.epoch, self.workers, {worker: self.consumed[worker] + samples})


@dataclass(frozen=True, slots=True)
class Section:
    """What is read at once.

    Attributes:
        blocks: (first sample, number of samples) of each run of neighbours in one file.
        numbers: Samples in the order in which they are given.
        block_of: Which block each of them lies in.
    """

    blocks: list[tuple[int, int]]
    numbers: Ints
    block_of: Ints


def shard_of(samples: int, rank: int, world: int) -> tuple[int, int]:
    """[low, high) of a rank in an epoch's sequence: equal for all ranks, or they would wait."""
    each = samples // world
    return rank * each, (rank + 1) * each


def worker_shards(low: int, high: int, workers: int) -> list[tuple[int, int]]:
    """[low, high) of each worker of a rank: sizes differ by at most 1, the first are larger."""
    parts = max(1, workers)
    each, more = divmod(high - low, parts)
    edges = [low + each * worker + min(worker, more) for worker in range(parts + 1)]
    return list(pairwise(edges))


class ShardPlan:
    """The order of any epoch.

    Args:
        files: (samples,) file of each sample, in the order of their bytes.
        sizes: (samples,) bytes of each.
        seed: Of the order; None for the stored one.
        block_bytes: Most bytes of a block, at least one sample.
        buffer_bytes: Most bytes of a section, at least one block.
    """

    def __init__(
        self,
        files: npt.NDArray[np.str_],
        sizes: Ints,
        seed: int | None,
        *,
        block_bytes: int,
        buffer_bytes: int,
    ) -> None:
        self._seed = seed
        self._sizes = sizes
        self._buffer_bytes = buffer_bytes
        self._starts = _block_starts(files, sizes, block_bytes)
        self._counts = np.diff([*self._starts, len(sizes)])

    def sections(self, epoch: int, low: int, high: int, skip: int = 0) -> Iterator[Section]:
        """The samples at [low, high) of an epoch's sequence, without the first `skip` of them.

        Args:
            epoch: Which permutation.
            low: First place.
            high: Place after the last.
            skip: Samples given before.
        """
        blocks = self._blocks(epoch, low, high)
        for number, members in enumerate(self._gathered(blocks)):
            numbers = np.concatenate([np.arange(first, first + n) for first, n in members])
            block_of = np.repeat(np.arange(len(members)), [n for _, n in members])
            if self._seed is not None:
                rng = np.random.default_rng([self._seed, epoch, low, number])
                order = rng.permutation(len(numbers))
                numbers, block_of = numbers[order], block_of[order]
            if skip < len(numbers):
                yield Section(members, numbers[skip:], block_of[skip:])
            skip = max(0, skip - len(numbers))

    def _blocks(self, epoch: int, low: int, high: int) -> list[tuple[int, int]]:
        """Blocks, or the parts of them, at [low, high) of the permuted sequence."""
        order = np.arange(len(self._starts))
        if self._seed is not None:
            order = np.random.default_rng([self._seed, epoch]).permutation(order)
        ends = np.cumsum(self._counts[order])
        found = []
        for block, end in zip(order, ends, strict=True):
            begin = end - self._counts[block]
            first, last = max(low, begin), min(high, end)
            if first < last:
                found.append((int(self._starts[block] + first - begin), int(last - first)))
        return found

    def _gathered(self, blocks: list[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
        """Blocks in groups of at most the buffer's bytes."""
        group: list[tuple[int, int]] = []
        held = 0
        for first, count in blocks:
            size = int(self._sizes[first : first + count].sum())
            if group and held + size > self._buffer_bytes:
                yield group
                group, held = [], 0
            group.append((first, count))
            held += size
        if group:
            yield group


def _block_starts(files: npt.NDArray[np.str_], sizes: Ints, block_bytes: int) -> Ints:
    """First sample of each block: runs of one file of at most so many bytes."""
    starts, held = [], 0
    for sample, size in enumerate(sizes.tolist()):
        if sample == 0 or files[sample] != files[sample - 1] or held + size > block_bytes:
            starts.append(sample)
            held = 0
        held += size
    return np.asarray(starts, np.int64)
