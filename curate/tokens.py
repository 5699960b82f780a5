"""Token files: one row per span, tokens as raw bytes, found through `features`."""

import struct
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
from curate.quantised import Dtype, pack, token_bytes, unpack
from manifests.schemas import TOKEN_FILE
from manifests.storage import Folder

ROW_GROUP_BYTES: Final = 16 << 20
"""Readers through Parquet hold one in memory; size matters little to their rate in order, and the
loader reads at offsets (docs/features.md has the table)."""
_LENGTH_BYTES: Final = 4
"""Parquet's plain encoding puts a value's length before it."""
_NEEDLE_BYTES: Final = 64
"""Enough of a payload to find it; the whole of it is compared then."""


def write_tokens(
    folder: Folder,
    encode_key: str,
    encoded: Sequence[Encoded],
    spec: str,
    *,
    causal: bool,
    step_s: float,
    dtype: Dtype = "float16",
) -> list[dict[str, Any]]:
    """Write a batch's tokens to one file named by its content, and describe every span.

    Args:
        folder: The corpus.
        encode_key: Key of the encode stage.
        encoded: The batch, with and without tokens.
        spec: Spec of the encoder that made them.
        causal: Whether its causality was proved.
        step_s: Time between steps, s.
        dtype: How tokens are stored; see `curate.quantised` for int8.

    Returns:
        One row of `features` per span. Nothing is visible to readers before they are committed.
    """
    good = [(e.span, e.tokens) for e in encoded if e.tokens is not None]
    name, offsets = None, list[int | None]()
    if good:
        items = [(span.clip_id, tokens.shape, pack(tokens, dtype)) for span, tokens in good]
        content = token_file(items, step_s, row_group_bytes=ROW_GROUP_BYTES)
        offsets = payload_offsets(content, [payload for _, _, payload in items])
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
                "bytes": steps * tokens * token_bytes(channels, dtype),
                "offset": offsets[row_of[span.clip_id]],
                "dtype": dtype,
            }
        rows.append(row)
    return rows


def token_file(
    items: Sequence[tuple[str, tuple[int, ...], bytes]],
    step_s: float,
    *,
    row_group_bytes: int = ROW_GROUP_BYTES,
    compression: str = "none",
) -> bytes:
    """The content of a token file.

    Args:
        items: clip_id, (T, N, D) and payload of each span, at least one.
        step_s: Time between steps, s.
        row_group_bytes: Payload per row group; at least one row.
        compression: Of Parquet's pages. With any but none, payloads have no offset.
    """
    columns = {
        "clip_id": [clip for clip, _, _ in items],
        "tokens": [payload for _, _, payload in items],
        "shape": [list(shape) for _, shape, _ in items],
        "t_s": [[k * step_s for k in range(shape[0])] for _, shape, _ in items],
    }
    buffer = BytesIO()
    pq.write_table(
        pa.table(columns, schema=TOKEN_FILE),
        buffer,
        row_group_size=max(1, row_group_bytes // max(1, len(items[0][2]))),
        compression=compression,
        use_dictionary=False,
    )
    return buffer.getvalue()


def payload_offsets(content: bytes, payloads: Sequence[bytes]) -> list[int | None]:
    """Where each payload lies in a token file.

    Parquet's plain encoding writes a value as its length in 4 bytes and then the value itself, so
    that a reader who knows the place needs neither footer nor decoder. Every place is checked byte
    for byte.

    Args:
        content: The file.
        payloads: Of its rows, in order.

    Returns:
        Offsets; None where a payload is not found as it is.
    """
    places: list[int | None] = []
    cursor = 0
    for payload in payloads:
        head = struct.pack("<I", len(payload)) + payload[:_NEEDLE_BYTES]
        at = content.find(head, cursor) + _LENGTH_BYTES
        found = at >= _LENGTH_BYTES and content[at : at + len(payload)] == payload
        places.append(at if found else None)
        cursor = at + len(payload) if found else cursor
    return places


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
    payload = np.frombuffer(table["tokens"][row].as_buffer(), np.uint8)
    length, tokens, channels = table["shape"][row].as_py()
    dtype: Dtype = "float16" if len(payload) == 2 * length * tokens * channels else "int8"
    # A view would keep the whole row group.
    return unpack(payload.reshape(length, -1)[steps], tokens, channels, dtype).copy()
