"""Token files against other layouts: bytes, and rates of writing, reading in order and at random.

    python benchmarks/tokens.py CORPUS [--mb 128] [--rounds 3]

Takes the tokens of a corpus in windows of 8 steps and, to fill up, the same ones with channels
permuted, so that nothing repeats. Files hold 64 windows. Rates are of tokens as float16 arrays by
CPU time of this process, files in the page cache, medians. `safetensors`, `lance` (package
pylance) and `webdataset` are measured where they are installed.
"""

import argparse
import importlib.util
import io
import shutil
import statistics
import tarfile
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from curate import TokenDataset
from curate.export.shards import npy, tar_shard
from curate.quantised import Dtype, pack, unpack
from curate.tokens import payload_offsets, token_file

Tokens: TypeAlias = Any
"""(n, T, N, D) float16."""

PER_FILE = 64
RANDOM_READS = 64


@dataclass(frozen=True)
class Layout:
    """A way to store windows.

    Attributes:
        name: For the table.
        write: Puts PER_FILE windows into a file.
        read: All windows of a file, each touched.
        pick: One window of a file, or None where that is not possible.
    """

    name: str
    write: Callable[[Path, Tokens], None]
    read: Callable[[Path], list[Tokens]]
    pick: Callable[[Path, int], Tokens] | None


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus")
    parser.add_argument("--mb", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    real = real_tokens(options.corpus)
    tokens = filled(real, options.mb << 20)
    print(f"{len(real)} real windows of {real.shape[1:]}, filled up to {len(tokens)}")
    print(f"{'layout':34} {'kB/window':>9} {'write':>7} {'read':>7} {'random':>7}  MB/s of CPU")
    for layout in layouts(real.shape[1:]):
        rounds = [measured(layout, tokens) for _ in range(options.rounds)]
        size, *rates = (statistics.median(column) for column in zip(*rounds, strict=True))
        cells = " ".join(f"{rate:7.0f}" if rate else "      -" for rate in rates)
        print(f"{layout.name:34} {size / 1e3:9.1f} {cells}", flush=True)


def real_tokens(corpus: str) -> Tokens:
    """Every window of 8 steps of a corpus."""
    dataset = TokenDataset(corpus, window=8, kept=False)
    return np.stack([dataset[k]["tokens"].numpy() for k in range(len(dataset))])


def filled(real: Tokens, size: int) -> Tokens:
    """The windows, again and again with other channels in other places."""
    rng = np.random.default_rng(0)
    parts = [real]
    while sum(part.nbytes for part in parts) < size:
        parts.append(real[..., rng.permutation(real.shape[-1])])
    whole = np.concatenate(parts)
    return whole[: max(PER_FILE, len(whole) // PER_FILE * PER_FILE)]


def measured(layout: Layout, tokens: Tokens) -> tuple[float, float, float, float]:
    """Bytes of a window, and MB/s of writing, reading in order and at random (0: not possible)."""
    folder = Path(tempfile.mkdtemp())
    try:
        groups = [tokens[at : at + PER_FILE] for at in range(0, len(tokens), PER_FILE)]
        files = [folder / f"{number}" for number in range(len(groups))]
        each = tokens[0].nbytes

        def write() -> None:
            for file, group in zip(files, groups, strict=True):
                layout.write(file, group)

        def read() -> None:
            for file in files:
                for window in layout.read(file):
                    touch(window)

        wrote = seconds(write)
        size = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
        took = seconds(read)
        rng = np.random.default_rng(1)
        places = rng.permutation(len(tokens))[:RANDOM_READS].tolist()
        random = 0.0
        if (pick := layout.pick) is not None:
            at = [divmod(place, PER_FILE) for place in places]
            once = seconds(lambda: [np.array(pick(files[f], k)) for f, k in at])
            random = len(places) * each / 1e6 / once
        return size / len(tokens), tokens.nbytes / 1e6 / wrote, tokens.nbytes / 1e6 / took, random
    finally:
        shutil.rmtree(folder)


def touch(window: Tokens) -> None:
    """Copy, as a batch would: a view of a map has read nothing."""
    np.array(window)


def seconds(run: Callable[[], Any]) -> float:
    """CPU time."""
    begin = time.process_time()
    run()
    return max(1e-9, time.process_time() - begin)


def layouts(shape: tuple[int, ...]) -> list[Layout]:
    """All that can be measured here."""
    found = [ours(shape, "none", mb, "float16") for mb in (1, 4, 16, 64)]
    found += [ours(shape, "none", 16, "int8"), with_offsets(shape)]
    found += [ours(shape, kind, 16, "float16") for kind in ("lz4", "zstd")]
    found += [lists(shape, "none", split=False), lists(shape, "zstd", split=True)]
    found.append(Layout("tar of .npy (WebDataset)", write_tar, read_tar, None))
    if importlib.util.find_spec("webdataset"):
        found.append(Layout("the same, read by webdataset", write_tar, read_webdataset, None))
    if importlib.util.find_spec("safetensors"):
        found.append(Layout("safetensors", write_safe, read_safe, pick_safe))
    if importlib.util.find_spec("lance"):
        found += [lance(shape, binary=True), lance(shape, binary=False)]
    return found


def ours(shape: tuple[int, ...], compression: str, mb: int, dtype: Dtype) -> Layout:
    """`curate.tokens.token_file`, read row group by row group."""

    def write(file: Path, windows: Tokens) -> None:
        items = [(f"{k}", shape, pack(window, dtype)) for k, window in enumerate(windows)]
        content = token_file(items, 0.25, row_group_bytes=mb << 20, compression=compression)
        file.write_bytes(content)

    def cells(table: pa.Table) -> list[Tokens]:
        column = table["tokens"]
        raw = [np.frombuffer(column[k].as_buffer(), np.uint8) for k in range(len(column))]
        return [unpack(one.reshape(shape[0], -1), shape[1], shape[2], dtype) for one in raw]

    def read(file: Path) -> list[Tokens]:
        with pq.ParquetFile(file) as source:
            groups = range(source.metadata.num_row_groups)
            return [cell for g in groups for cell in cells(source.read_row_group(g, ["tokens"]))]

    def pick(file: Path, row: int) -> Tokens:
        with pq.ParquetFile(file) as source:
            group = 0
            while row >= source.metadata.row_group(group).num_rows:
                row -= source.metadata.row_group(group).num_rows
                group += 1
            return cells(source.read_row_group(group, ["tokens"]))[row]

    return Layout(f"parquet binary {dtype} {compression}, {mb} MB", write, read, pick)


def with_offsets(shape: tuple[int, ...]) -> Layout:
    """The same file, read at the offsets that `features` holds."""
    base, known = ours(shape, "none", 16, "float16"), dict[Path, Sequence[int | None]]()

    def write(file: Path, windows: Tokens) -> None:
        base.write(file, windows)
        known[file] = payload_offsets(file.read_bytes(), [w.tobytes() for w in windows])

    def pick(file: Path, row: int) -> Tokens:
        size = 2 * int(np.prod(shape))
        return np.fromfile(file, np.float16, size // 2, offset=known[file][row] or 0)

    def read(file: Path) -> list[Tokens]:
        return [pick(file, row) for row in range(len(known[file]))]

    return Layout("the same at offsets (the loader)", write, read, pick)


def lists(shape: tuple[int, ...], compression: str, *, split: bool) -> Layout:
    """Parquet with one typed list of halves per window."""
    size = int(np.prod(shape))

    def write(file: Path, windows: Tokens) -> None:
        halves = pa.array(np.ascontiguousarray(windows).reshape(-1), pa.float16())
        table = pa.table({"tokens": pa.FixedSizeListArray.from_arrays(halves, size)})
        more = {"column_encoding": "BYTE_STREAM_SPLIT"} if split else {}
        rows = max(1, (16 << 20) // (2 * size))
        pq.write_table(
            table, file, compression=compression, use_dictionary=False, row_group_size=rows, **more
        )

    def cells(table: pa.Table) -> list[Tokens]:
        chunk = table["tokens"].combine_chunks()
        return list(np.asarray(chunk.flatten().to_numpy(zero_copy_only=False)).reshape(-1, size))

    def read(file: Path) -> list[Tokens]:
        return cells(pq.read_table(file))

    def pick(file: Path, row: int) -> Tokens:
        with pq.ParquetFile(file) as source:
            first = source.metadata.row_group(0).num_rows
            return cells(source.read_row_group(row // first))[row % first]

    name = f"parquet list<half> {compression}" + (" split" if split else "")
    return Layout(f"{name}, 16 MB", write, read, pick)


def write_tar(file: Path, windows: Tokens) -> None:
    """A WebDataset shard."""
    file.write_bytes(tar_shard((f"{k}", {"npy": npy(w)}) for k, w in enumerate(windows)))


def read_tar(file: Path) -> list[Tokens]:
    """Its members, by the standard library."""
    with tarfile.open(file) as tar:
        held = (tar.extractfile(member) for member in tar)
        return [np.load(io.BytesIO(one.read())) for one in held if one is not None]


def read_webdataset(file: Path) -> list[Tokens]:
    """Its members, by the package."""
    import webdataset

    stream = webdataset.WebDataset(str(file), shardshuffle=False).decode()
    return [sample["npy"] for sample in stream]


def write_safe(file: Path, windows: Tokens) -> None:
    """One safetensors file."""
    from safetensors.numpy import save_file

    save_file({f"{k}": np.ascontiguousarray(w) for k, w in enumerate(windows)}, str(file))


def read_safe(file: Path) -> list[Tokens]:
    """All its tensors."""
    from safetensors import safe_open

    with safe_open(str(file), "np") as source:
        return [source.get_tensor(name) for name in source.keys()]  # noqa: SIM118 -- no mapping


def pick_safe(file: Path, row: int) -> Tokens:
    """One of them."""
    from safetensors import safe_open

    with safe_open(str(file), "np") as source:
        return source.get_tensor(f"{row}")


def lance(shape: tuple[int, ...], *, binary: bool) -> Layout:
    """A Lance data set per file."""
    import lance

    size = int(np.prod(shape))

    def write(file: Path, windows: Tokens) -> None:
        if binary:
            column: Any = pa.array([w.tobytes() for w in windows], pa.large_binary())
        else:
            halves = pa.array(np.ascontiguousarray(windows).reshape(-1), pa.float16())
            column = pa.FixedSizeListArray.from_arrays(halves, size)
        lance.write_dataset(pa.table({"tokens": column}), str(file))

    def cells(table: pa.Table) -> list[Tokens]:
        column = table["tokens"]
        if binary:
            return [np.frombuffer(column[k].as_buffer(), np.float16) for k in range(len(column))]
        flat = [column[k].values.to_numpy(zero_copy_only=False) for k in range(len(column))]
        return [np.asarray(one) for one in flat]

    def read(file: Path) -> list[Tokens]:
        return cells(lance.dataset(str(file)).to_table())

    def pick(file: Path, row: int) -> Tokens:
        return cells(lance.dataset(str(file)).take([row]))[0]

    return Layout(f"lance {'binary' if binary else 'list<half>'}", write, read, pick)


if __name__ == "__main__":
    main()
