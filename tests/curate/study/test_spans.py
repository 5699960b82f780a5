from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest

from curate import tokens as tokens_module
from curate.config import load_config
from curate.encode import Encoded, TokenSpan
from curate.study.spans import TokenLoader, Window, raw_spans, sources, windows
from curate.tokens import read_tokens, write_tokens
from manifests.ids import clip_id
from manifests.storage import Folder


def _shots(*rows: tuple[str, int, int]) -> pl.DataFrame:
    return pl.DataFrame(
        [(video, start, end, 1, 100) for video, start, end in rows],
        schema=["video_id", "start_pts", "end_pts", "time_base_num", "time_base_den"],
        orient="row",
    )


def _clips(**more: Any) -> pl.DataFrame:
    row = {"clip_id": "x", "content_width": 10, "source_width": 10}
    return pl.DataFrame([{**row, "content_height": 10, "source_height": 10, **more}])


def test_raw_spans_tile_the_timeline_across_shots() -> None:
    config = load_config(None, ["clips.max_s=8.0"])
    found = raw_spans(_shots(("v", 100, 900), ("v", 950, 2000)), _clips(), config)
    assert [(s.start_pts, s.end_pts) for s in found] == [(100, 900), (900, 1700), (1700, 2000)]
    assert all(s.box is None for s in found)


def test_a_raw_span_shares_its_id_with_an_equal_clip_unless_that_is_cropped() -> None:
    config, name = load_config(), clip_id("v", 0, 800)
    (same,) = raw_spans(_shots(("v", 0, 800)), _clips(clip_id=name), config)
    (other,) = raw_spans(_shots(("v", 0, 800)), _clips(clip_id=name, content_height=6), config)
    assert same.clip_id == name
    assert other.clip_id != name


def test_no_source_gives_more_raw_spans_than_its_cap() -> None:
    config = load_config(None, ["study.clips_per_video=8", "clips.max_s=8.0"])
    assert len(raw_spans(_shots(("v", 0, 100_000)), _clips(), config)) == 2  # 4 windows in each


def test_videos_connected_by_copies_are_one_source() -> None:
    clips = pl.DataFrame({"clip_id": list("abcdef"), "video_id": ["1", "2", "2", "3", "4", "4"]})
    duplicates = pl.DataFrame(
        {"clip_id": list("abcdef"), "group_id": ["a", "a", "c", "c", "e", "f"]}
    )
    assert sources(clips, duplicates) == {"1": "1", "2": "1", "3": "1", "4": "4"}


def test_the_loader_gives_the_windows_asked_for(tmp_path: Path) -> None:
    tokens = np.arange(2 * 20 * 3 * 5, dtype=np.float16).reshape(2, 20, 3, 5)
    spans = [TokenSpan(name, "v", 0, 1) for name in "ab"]
    encoded = [Encoded(s, t, 0.0) for s, t in zip(spans, tokens, strict=True)]
    rows = write_tokens(Folder(str(tmp_path)), "k", encoded, "e", causal=True, step_s=0.25)
    found = {name: window for name, _, window in windows(pl.DataFrame(rows), 8)}
    assert list(found) == ["a+0", "a+8", "b+0", "b+8"]
    assert found["b+8"] == Window(rows[1]["file"], 1, 8, 8)
    loaded = TokenLoader(str(tmp_path), found)(["b+8", "a+0"])
    assert np.array_equal(loaded, np.stack([tokens[1, 8:16], tokens[0, :8]]))


@pytest.fixture
def many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Folder, list[tuple[str, int]], list[np.ndarray]]:
    """Three files of five spans each, in row groups of 2, 2 and 1: places and tokens."""
    folder, rng = Folder(str(tmp_path)), np.random.default_rng(0)
    tokens = [rng.random((10, 3, 5), np.float32).astype(np.float16) for _ in range(15)]
    monkeypatch.setattr(tokens_module, "ROW_GROUP_BYTES", 2 * tokens[0].nbytes)
    rows = []
    for first in (0, 5, 10):
        part = [
            Encoded(TokenSpan(str(k), "v", 0, 1), tokens[k], 0.0) for k in range(first, first + 5)
        ]
        rows += write_tokens(folder, "k", part, "e", causal=True, step_s=0.25)
    places = [(row["file"], row["row"]) for row in rows]
    assert pq.ParquetFile(folder.path(places[0][0])).num_row_groups == 3
    return folder, places, tokens


def test_tokens_of_several_files_and_row_groups_come_in_the_order_asked_for(
    many: tuple[Folder, list[tuple[str, int]], list[np.ndarray]],
) -> None:
    folder, places, tokens = many
    order = [*np.random.default_rng(1).permutation(15), 3, 3]
    whole = read_tokens(folder, [places[k] for k in order])
    assert all(np.array_equal(found, tokens[k]) for found, k in zip(whole, order, strict=True))
    assert all(found.base is None for found in whole), "a view holds on to its file"
    where = {
        f"{k}+{at}": Window(file, row, at, 4)
        for k, (file, row) in enumerate(places)
        for at in (0, 4)
    }
    names = [str(name) for name in np.random.default_rng(2).permutation(list(where))]
    expected = []
    for name in names:
        k, at = (int(part) for part in name.split("+"))
        expected.append(tokens[k][at : at + 4])
    assert np.array_equal(TokenLoader(folder.uri, where)(names), np.stack(expected))


def test_only_the_row_groups_asked_for_are_read(
    many: tuple[Folder, list[tuple[str, int]], list[np.ndarray]],
) -> None:
    folder, places, tokens = many
    path = Path(folder.path(places[0][0]))
    column = pq.ParquetFile(path).metadata.row_group(1).column(1)
    content = bytearray(path.read_bytes())
    start = column.data_page_offset
    content[start : start + column.total_compressed_size] = b"\xff" * column.total_compressed_size
    path.write_bytes(content)
    found = read_tokens(folder, [places[4], places[0]])
    assert np.array_equal(found, [tokens[4], tokens[0]])
    with pytest.raises(OSError, match="header"):
        read_tokens(folder, [places[2]])


def test_a_row_that_is_not_there_is_an_error(
    many: tuple[Folder, list[tuple[str, int]], list[np.ndarray]],
) -> None:
    folder, places, _ = many
    with pytest.raises(IndexError, match="has no row 5"):
        read_tokens(folder, [(places[0][0], 5)])
