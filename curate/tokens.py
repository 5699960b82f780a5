"""Token files: one row per span, tokens as raw float16 bytes, found through `features`."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from io import BytesIO
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from curate.encode import Encoded
from manifests.schemas import TOKEN_FILE
from manifests.storage import Folder

_ROW_GROUP_BYTES: Final = 16 << 20
"""Within the 8 to 32 MB that reads at full speed (measured, DESIGN section 3)."""


def write_tokens(
    folder: Folder,
    encode_key: str,
    encoded: Sequence[Encoded],
    spec: str,
    *,
    causal: bool,
    step_s: float,
) -> list[dict[str, Any]]:
    """Write a batch's tokens to one file named by its content, and describe every span.

    Args:
        folder: The corpus.
        encode_key: Key of the encode stage.
        encoded: The batch, with and without tokens.
        spec: Spec of the encoder that made them.
        causal: Whether its causality was proved.
        step_s: Time between steps, s.

    Returns:
        One row of `features` per span. Nothing is visible to readers before they are committed.
    """
    good = [(e.span, e.tokens) for e in encoded if e.tokens is not None]
    name = None
    if good:
        content = _parquet([(span.clip_id, tokens) for span, tokens in good], step_s)
        digest = blake2b(content, digest_size=16).hexdigest()
        name = f"features/{encode_key}/{digest}.parquet"
        folder.write(content, name)
    row_of = {span.clip_id: row for row, (span, _) in enumerate(good)}
    rows = []
    for item in encoded:
        span = item.span
        row: dict[str, Any] = {
            "clip_id": span.clip_id,
            "video_id": span.video_id,
            "encode_key": encode_key,
            "start_pts": span.start_pts,
            "end_pts": span.end_pts,
            "encoder": spec,
            "causal": causal,
            "step_s": step_s,
            "error": item.error,
        }
        if item.tokens is not None:
            steps, tokens, channels = item.tokens.shape
            row |= {
                "file": name,
                "row": row_of[span.clip_id],
                "steps": steps,
                "tokens": tokens,
                "channels": channels,
                "t0_s": item.t0_s,
                "bytes": item.tokens.nbytes,
            }
        rows.append(row)
    return rows


def _parquet(items: list[tuple[str, npt.NDArray[np.float16]]], step_s: float) -> bytes:
    columns = {
        "clip_id": [clip for clip, _ in items],
        "tokens": [np.ascontiguousarray(t, dtype="<f2").tobytes() for _, t in items],
        "shape": [list(t.shape) for _, t in items],
        "t_s": [[k * step_s for k in range(len(t))] for _, t in items],
    }
    buffer = BytesIO()
    per_group = max(1, _ROW_GROUP_BYTES // max(1, items[0][1].nbytes))
    pq.write_table(
        pa.table(columns, schema=TOKEN_FILE),
        buffer,
        row_group_size=per_group,
        compression="none",
        use_dictionary=False,
    )
    return buffer.getvalue()


def read_tokens(folder: Folder, rows: Sequence[tuple[str, int]]) -> list[npt.NDArray[np.float16]]:
    """Read the tokens of spans.

    Args:
        folder: The corpus.
        rows: (file, row) of each span, from `features`.

    Returns:
        (T, N, D) float16 per span, in the order asked for.
    """
    return read_steps(folder, [(file, row, slice(None)) for file, row in rows])


def read_steps(
    folder: Folder, parts: Sequence[tuple[str, int, slice]]
) -> list[npt.NDArray[np.float16]]:
    """Read some steps of spans, one row group of one file in memory at a time.

    Args:
        folder: The corpus.
        parts: (file, row, steps) of each part, in any order.

    Returns:
        (steps, N, D) float16 per part, in the order asked for.
    """
    of_file: defaultdict[str, list[int]] = defaultdict(list)
    for place, (file, _, _) in enumerate(parts):
        of_file[file].append(place)
    found: dict[int, npt.NDArray[np.float16]] = {}
    for file, places in sorted(of_file.items()):
        wanted = [(place, parts[place][1], parts[place][2]) for place in places]
        found.update(_read_file(folder, file, wanted))
    return [found[place] for place in range(len(parts))]


def _read_file(
    folder: Folder, file: str, wanted: Sequence[tuple[int, int, slice]]
) -> Iterator[tuple[int, npt.NDArray[np.float16]]]:
    """Place and steps of each (place, row, steps) of a file; reads no other row group."""
    with pq.ParquetFile(folder.path(file), filesystem=folder.fs) as source:
        groups = source.metadata.num_row_groups
        sizes = [source.metadata.row_group(group).num_rows for group in range(groups)]
        ends = np.cumsum(sizes)
        of_group: defaultdict[int, list[tuple[int, int, slice]]] = defaultdict(list)
        for place, row, steps in wanted:
            group = int(np.searchsorted(ends, row, side="right"))
            if row < 0 or group == groups:
                raise IndexError(f"{file} has no row {row}")
            of_group[group].append((place, row - int(ends[group]) + sizes[group], steps))
        for group, members in sorted(of_group.items()):
            table = source.read_row_group(group, columns=["tokens", "shape"])
            for place, row, steps in members:
                yield place, _steps(table, row, steps)
            del table  # before the next one is read


def _steps(table: pa.Table, row: int, steps: slice) -> npt.NDArray[np.float16]:
    payload = table["tokens"][row].as_buffer()
    tokens = np.frombuffer(payload, dtype="<f2").reshape(table["shape"][row].as_py())
    return tokens[steps].copy()  # a view would keep the whole row group
