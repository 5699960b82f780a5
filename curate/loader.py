"""Tokens for a PyTorch trainer: `TokenDataset` by index, `TokenStream` shuffled and resumable."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, TypeAlias

import numpy as np
import polars as pl
import torch
from torch.utils.data import Dataset, IterableDataset

from curate.actions import Actions, Reduction
from curate.quantised import Dtype, unpack
from curate.reference import load_reference
from curate.stream_plan import Ints, Position, Section, ShardPlan, shard_of, worker_shards
from curate.token_index import build_index, newest_key, span_table
from curate.token_reader import Bytes, TokenReader
from curate.tokens import ROW_GROUP_BYTES
from manifests.corpus import Corpus

Sample: TypeAlias = dict[str, Any]
"""tokens (T, N, D) float16, clip_id, video_id, t_s (time of the first step on the stream's clock),
step_s, and with labels: actions (T, K) float32, nan where none was recorded."""


_SHAPE_COLUMNS = ("tokens", "channels", "dtype")


class TokenDataset(Dataset[Sample]):
    """The tokens of a corpus by index.

    Samples lie in the order of their bytes. On a local corpus their tensors are views of mapped
    files (a copy where the payload begins at an odd byte, and of int8); elsewhere one ranged read
    each.

    Args:
        corpus: Folder or URI of the corpus.
        window: Steps per sample; None for whole spans, whose lengths differ.
        stride: Steps from one window of a span to the next; None for `window`.
        where: Which spans, an expression over `curate.token_index.span_table`.
        kept: Only clips that the newest policy keeps. Give False for all spans.
        labels: Add `actions` from the corpus' table, reduced so per step; None for none.
        encode_key: Whose tokens; None for those of the newest run.
        normalise: Map tokens to so many channels of the corpus' frozen reference space
            (`curate.reference`), float32 of mean 0 and mean variance 1; None gives them as stored.

    Raises:
        ConfigError: The corpus has no tokens, or no reference space of so many channels.
    """

    def __init__(
        self,
        corpus: str,
        *,
        window: int | None = None,
        stride: int | None = None,
        where: pl.Expr | None = None,
        kept: bool = True,
        labels: Reduction | None = None,
        encode_key: str | None = None,
        normalise: int | None = None,
    ) -> None:
        opened = Corpus(corpus)
        encode_key = encode_key or newest_key(opened, "encode", "features")
        space = None if normalise is None else load_reference(opened, encode_key)
        self.normaliser = None if space is None else space.reduced(normalise or 0)
        spans = span_table(opened, encode_key)
        if kept:
            where = pl.col("keep") if where is None else pl.col("keep") & where
        self.index = build_index(spans, where, window, stride)
        self._labels = labels
        self._actions = labels and Actions(opened, self.index.spans["video_id"])
        self._step_bytes = self.index.step_bytes()
        kinds: dict[tuple[Any, ...], int] = {}
        shapes = zip(*(self.index.spans[name].tolist() for name in _SHAPE_COLUMNS), strict=True)
        self._shape_of = np.array([kinds.setdefault(s, len(kinds)) for s in shapes], np.int64)
        self.reader = TokenReader(opened.uri)

    def __len__(self) -> int:
        """Samples."""
        return len(self.index)

    def __getitem__(self, sample: int) -> Sample:
        """One sample."""
        if not -len(self) <= sample < len(self):
            raise IndexError(f"sample {sample} of {len(self)}")
        return self.sample(sample % len(self), self.read(sample % len(self), 1))

    def stream(
        self,
        *,
        seed: int = 0,
        shuffle: bool = True,
        rank: int | None = None,
        world: int | None = None,
        buffer_bytes: int = 256 << 20,
        batch_size: int | None = None,
    ) -> "TokenStream":
        """The same samples as an iterable data set; see `TokenStream`."""
        return TokenStream(
            self, seed, rank, world, buffer_bytes, shuffle=shuffle, batch_size=batch_size
        )

    def extent(self, first: int, count: int) -> tuple[str, int, int] | None:
        """(file, start, length) in bytes of neighbouring samples of one file; None if unknown."""
        index, last = self.index, first + count - 1
        spans = index.span_of[[first, last]]
        if (index.spans["offset"][spans[0] : spans[1] + 1] < 0).any():
            return None
        start = self._place(first)
        end = self._place(last) + int(index.length[last] * self._step_bytes[spans[1]])
        return str(index.spans["file"][spans[0]]), start, end - start

    def read(self, first: int, count: int) -> tuple[int, Bytes] | None:
        """The bytes of neighbouring samples of one file, and where in it they begin."""
        extent = self.extent(first, count)
        return extent and (extent[1], self.reader.region(*extent))

    def sample(self, number: int, block: tuple[int, Bytes] | None) -> Sample:
        """One sample out of bytes that were read; None reads its row."""
        index, span = self.index, int(self.index.span_of[number])
        spans, first, length = index.spans, int(index.first_step[number]), int(index.length[number])
        if block is None:
            steps = self.reader.row(str(spans["file"][span]), int(spans["row"][span]))
            steps = steps[first : first + length]
        else:
            at, size = self._place(number) - block[0], length * int(self._step_bytes[span])
            steps = block[1][at : at + size].reshape(length, -1)
        t_s = float(spans["t0_s"][span] + first * spans["step_s"][span])
        step_s = float(spans["step_s"][span])
        sample: Sample = {
            "tokens": self._tensor(steps, span),
            "clip_id": str(spans["clip_id"][span]),
            "video_id": str(spans["video_id"][span]),
            "t_s": t_s,
            "step_s": step_s,
        }
        if self._actions and self._labels:
            sample["actions"] = torch.from_numpy(
                self._actions.at_steps(sample["video_id"], t_s, length, step_s, self._labels)
            )
        return sample

    def batch(
        self, numbers: Sequence[int] | Ints, blocks: Sequence[tuple[int, Bytes] | None] | None
    ) -> Sample:
        """Samples of equal shape as one: tensors stacked, ids in arrays, times as float64.

        Args:
            numbers: Which samples.
            blocks: Bytes that were read with each; None, of one or of all, reads them.

        Raises:
            ValueError: Their shapes differ.
        """
        index, spans = self.index, self.index.spans
        which = np.asarray(numbers)
        span_of, lengths = index.span_of[which], index.length[which]
        kinds = self._shape_of[span_of]
        if (lengths != lengths[0]).any() or (kinds != kinds[0]).any():
            shapes = {name: set(spans[name][span_of].tolist()) for name in _SHAPE_COLUMNS}
            shapes["steps"] = set(lengths.tolist())
            raise ValueError(f"samples of unequal shape make no batch: {shapes}; set window")
        length, span = int(lengths[0]), int(span_of[0])
        stored = np.empty((len(which), length * int(self._step_bytes[span])), np.uint8)
        places = spans["offset"][span_of] + index.first_step[which] * self._step_bytes[span_of]
        if blocks is None and (spans["offset"][span_of] >= 0).all():
            self.reader.read_rows(spans["file"][span_of].tolist(), places.tolist(), stored)
        else:
            for i, number in enumerate(which.tolist()):
                self._fill(stored[i], number, int(places[i]), None if blocks is None else blocks[i])
        tokens = self._tensor(stored.reshape(len(which) * length, -1), span)
        t_s = spans["t0_s"][span_of] + index.first_step[which] * spans["step_s"][span_of]
        batch: Sample = {
            "tokens": tokens.view(len(which), length, *tokens.shape[1:]),
            "clip_id": spans["clip_id"][span_of],
            "video_id": spans["video_id"][span_of],
            "t_s": torch.from_numpy(t_s),
            "step_s": torch.from_numpy(spans["step_s"][span_of]),
        }
        if self._actions and self._labels:
            rows = zip(batch["video_id"], t_s.tolist(), batch["step_s"].tolist(), strict=True)
            actions = [self._actions.at_steps(v, t, length, s, self._labels) for v, t, s in rows]
            batch["actions"] = torch.from_numpy(np.stack(actions))
        return batch

    def _fill(
        self, target: Bytes, number: int, place: int, block: tuple[int, Bytes] | None
    ) -> None:
        """Put a sample's bytes into a batch, from its block or its row of the table."""
        index, span = self.index, int(self.index.span_of[number])
        if block is not None:
            target[:] = block[1][place - block[0] : place - block[0] + len(target)]
        else:
            steps = self.reader.row(str(index.spans["file"][span]), int(index.spans["row"][span]))
            first = int(index.first_step[number])
            target[:] = steps[first : first + int(index.length[number])].reshape(-1)

    def _place(self, number: int) -> int:
        span = self.index.span_of[number]
        start = self.index.spans["offset"][span]
        return int(start + self.index.first_step[number] * self._step_bytes[span])

    def _tensor(self, steps: Bytes, span: int) -> torch.Tensor:
        spans = self.index.spans
        dtype: Dtype = "int8" if spans["dtype"][span] == "int8" else "float16"
        if dtype == "float16" and steps.ctypes.data % 2:
            steps = steps.copy()
        tokens = unpack(steps, int(spans["tokens"][span]), int(spans["channels"][span]), dtype)
        if self.normaliser is not None:
            return torch.from_numpy(self.normaliser.apply(tokens[None])[0])
        return torch.from_numpy(tokens)


class TokenStream(IterableDataset[Sample]):
    """The tokens of a corpus in a seeded random order, split over ranks and workers.

    Files are read in blocks of neighbouring samples. An epoch permutes the blocks, cuts the
    sequence into equal parts (one per rank, leaving out at most world - 1 samples of an epoch; of
    that one per DataLoader worker), and shuffles the samples of as many blocks as fit
    `buffer_bytes`. That is also the memory bound of each worker on an object store; local files
    are mapped and hold none of their own. Call `set_epoch` before each epoch, as for
    DistributedSampler.

    Args:
        dataset: Where samples come from.
        seed: Of the order; equal seeds and epochs give equal orders.
        rank: Which part; None asks torch.distributed, 0 where it is not in use.
        world: Number of parts; None likewise.
        buffer_bytes: Most bytes whose samples are shuffled with each other.
        shuffle: False gives the samples in stored order.
        batch_size: Give batches, read straight into one tensor each, the last of a worker smaller;
            for `DataLoader(stream, batch_size=None)`. None gives single samples.
    """

    def __init__(
        self,
        dataset: TokenDataset,
        seed: int,
        rank: int | None,
        world: int | None,
        buffer_bytes: int,
        *,
        shuffle: bool,
        batch_size: int | None,
    ) -> None:
        own_rank, own_world = _distributed()
        self.dataset = dataset
        self.rank = own_rank if rank is None else rank
        self.world = own_world if world is None else world
        if not 0 <= self.rank < self.world:
            raise ValueError(f"rank must be in [0, {self.world}), not {self.rank}")
        if batch_size is not None and batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, not {batch_size}")
        self.batch_size = batch_size
        sizes = dataset.index.length * dataset.index.step_bytes()[dataset.index.span_of]
        self._plan = ShardPlan(
            dataset.index.spans["file"][dataset.index.span_of],
            sizes,
            seed if shuffle else None,
            block_bytes=min(ROW_GROUP_BYTES, buffer_bytes),
            buffer_bytes=buffer_bytes,
        )
        space = f"-{dataset.normaliser.hash}" if dataset.normaliser else ""
        self._digest = f"{dataset.index.digest}-{seed}-{shuffle}-{buffer_bytes}{space}"
        # Shared memory: persistent workers see the epoch that the trainer sets.
        self._epoch = torch.zeros(1, dtype=torch.int64)
        self._epoch.share_memory_()  # type: ignore[no-untyped-call]
        self._resume: Position | None = None
        self._now = Position(0, 1, {})

    def __len__(self) -> int:
        """Samples of this rank; batches of them where it gives batches, as of one worker."""
        return -(-(len(self.dataset) // self.world) // (self.batch_size or 1))

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of the next pass."""
        self._epoch[0] = epoch

    def __iter__(self) -> Iterator[Sample]:
        """The samples of this rank and worker, from where `load_state_dict` said."""
        info = torch.utils.data.get_worker_info()
        worker, workers = (info.id, info.num_workers) if info else (0, 1)
        epoch = int(self._epoch[0])
        done = 0
        if self._resume is not None and self._resume.epoch == epoch:
            done = self._resume.of(worker, workers)
        self._resume = None
        self._now = Position(epoch, workers, {worker: done})
        low, high = worker_shards(*shard_of(len(self.dataset), self.rank, self.world), workers)[
            worker
        ]
        sections = self._plan.sections(epoch, low, high, skip=done)
        if self.batch_size is None:
            for number, block in self._samples(sections):
                self._now = self._now.advanced(worker, 1)
                yield self.dataset.sample(number, block)
            return
        remote = self.dataset.reader.remote
        for numbers, blocks in self._fetched(sections) if remote else self._planned(sections):
            self._now = self._now.advanced(worker, len(numbers))
            yield self.dataset.batch(numbers, blocks)

    def _samples(
        self, sections: Iterator[Section]
    ) -> Iterator[tuple[int, tuple[int, Bytes] | None]]:
        """Samples in order, with their bytes."""
        for section in sections:
            blocks = [self.dataset.read(first, count) for first, count in section.blocks]
            for number, block in zip(
                section.numbers.tolist(), section.block_of.tolist(), strict=True
            ):
                yield number, blocks[block]

    def _fetched(
        self, sections: Iterator[Section]
    ) -> Iterator[tuple[Sequence[int], list[tuple[int, Bytes] | None]]]:
        """Batches with their bytes."""
        samples = self._samples(sections)
        while members := list(islice(samples, self.batch_size)):
            yield [number for number, _ in members], [block for _, block in members]

    def _planned(self, sections: Iterator[Section]) -> Iterator[tuple[Ints, None]]:
        """Batches that are to read their bytes themselves, from a local file."""
        size, held = self.batch_size or 1, np.zeros(0, np.int64)
        for section in sections:
            self._announce(section.blocks)
            held = np.concatenate([held, section.numbers])
            whole = len(held) // size * size
            for start in range(0, whole, size):
                yield held[start : start + size], None
            held = held[whole:]
        if len(held):
            yield held, None

    def _announce(self, blocks: list[tuple[int, int]]) -> None:
        """Tell the system what will be read, so that a disk reads it in one go."""
        for first, count in blocks:
            if extent := self.dataset.extent(first, count):
                self.dataset.reader.announce(*extent)

    def state_dict(self) -> dict[str, Any]:
        """Where this pass is, of this process: for num_workers = 0 and for StatefulDataLoader."""
        return self._state(self._now if self._resume is None else self._resume)

    def state_after(
        self, batches: int, batch_size: int, workers: int, *, drop_last: bool = False
    ) -> dict[str, Any]:
        """Where this pass is after a DataLoader with workers gave so many batches.

        A DataLoader takes a batch of each worker in turn, so what each has given is known.
        """
        shards = worker_shards(*shard_of(len(self.dataset), self.rank, self.world), workers)
        consumed = {}
        for worker, (low, high) in enumerate(shards):
            turns = max(0, -(-(batches - worker) // max(1, workers)))
            size = (high - low) // batch_size * batch_size if drop_last else high - low
            consumed[worker] = min(turns * batch_size, size)
        return self._state(Position(int(self._epoch[0]), max(1, workers), consumed))

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where a state was taken: the next pass gives exactly the remaining samples.

        Raises:
            ValueError: The state is of other samples, another order, rank or world.
        """
        expected = self._state(Position(0, 1, {}))
        for name in ("samples", "rank", "world"):
            if state[name] != expected[name]:
                raise ValueError(
                    f"the state has {name} = {state[name]}, this stream {expected[name]}: "
                    "its remaining samples are not known"
                )
        self.set_epoch(state["epoch"])
        consumed = {int(worker): count for worker, count in state["consumed"].items()}
        self._resume = Position(state["epoch"], state["workers"], consumed)

    def _state(self, position: Position) -> dict[str, Any]:
        return {
            "samples": self._digest,
            "rank": self.rank,
            "world": self.world,
            "epoch": position.epoch,
            "workers": position.workers,
            "consumed": {str(worker): count for worker, count in position.consumed.items()},
        }


def _distributed() -> tuple[int, int]:
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    return 0, 1
