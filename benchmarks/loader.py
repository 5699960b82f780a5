"""Loader: how fast a shuffled stream feeds one process, against reading the same files as bytes.

    python benchmarks/loader.py [--mb 1024] [--rounds 5] [--wall]

Writes token files to a temporary folder, then in turn reads every file with pyarrow as raw bytes
and takes one shuffled epoch through a DataLoader in this process, batches stacked. Files are in
the page cache both times. Prints medians.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.fs as pafs
from torch.utils.data import DataLoader

from curate import TokenDataset
from curate.encode import Encoded, TokenSpan
from curate.tokens import write_tokens
from manifests.corpus import Corpus, rows_of

SHAPE = (32, 16, 384)
"""8 s at 4 steps a second, 4 x 4 cells, DINOv2-S: 393 kB a clip."""
CLIPS_PER_FILE = 128


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mb", type=int, default=1024, help="tokens, MB")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--wall", action="store_true", help="rates by wall clock, not CPU time")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        uri = make_corpus(Path(folder), options.mb << 20)
        files = sorted(Path(folder, "features").rglob("*.parquet"))
        size = sum(file.stat().st_size for file in files)
        clips, windows = opened(uri, window=None), opened(uri, window=8)
        clock = time.perf_counter if options.wall else time.process_time
        raw, whole, cut = [], [], []
        for _ in range(options.rounds):
            raw.append(rate(size, clock, lambda: read_raw(files)))
            whole.append(rate(size, clock, lambda: feed(clips, 16)))
            cut.append(rate(size, clock, lambda: feed(windows, 64)))
        print(f"{size / 1e6:.0f} MB in {len(files)} files, medians of {options.rounds} rounds")
        median = statistics.median
        unit = "MB/s" if options.wall else "MB/s of CPU"
        print(f"pyarrow, raw bytes    {median(raw):7.0f} {unit}")
        for name, rates in (("whole clips", whole), ("windows of 8", cut)):
            share = median(a / b for a, b in zip(rates, raw, strict=True))
            print(f"stream, {name:13} {median(rates):7.0f} {unit}, {share:.2f} of raw")


def make_corpus(folder: Path, size: int) -> str:
    """A corpus of random tokens."""
    corpus = Corpus(str(folder))
    rng = np.random.default_rng(0)
    clips = max(1, size // (2 * int(np.prod(SHAPE))))
    for start in range(0, clips, CLIPS_PER_FILE):
        encoded = [
            Encoded(
                TokenSpan(f"{k:032}", "v", 0, 1),
                rng.standard_normal(SHAPE, dtype=np.float32).astype(np.float16),
                0.0,
            )
            for k in range(start, min(clips, start + CLIPS_PER_FILE))
        ]
        rows = write_tokens(corpus.folder, "k", encoded, "spec", causal=True, step_s=0.25)
        corpus.append("features", rows_of("features", rows))
    return corpus.uri


def read_raw(files: list[Path]) -> None:
    """Every file as bytes."""
    fs = pafs.LocalFileSystem()
    for file in files:
        with fs.open_input_file(str(file)) as source:
            source.read()


def opened(uri: str, window: int | None) -> TokenDataset:
    """The data set; reading the tables takes a moment once, however many epochs follow."""
    return TokenDataset(uri, window=window, kept=False)


def feed(dataset: TokenDataset, batch: int) -> None:
    """One shuffled epoch, in batches of about 6 MB."""
    for _ in DataLoader(dataset.stream(seed=0, batch_size=batch), batch_size=None):
        pass


def rate(size: int, clock: Callable[[], float], run: Callable[[], None]) -> float:
    """MB per second of a clock."""
    begin = clock()
    run()
    return size / 1e6 / (clock() - begin)


if __name__ == "__main__":
    main()
