"""Actions beside videos: .npz, .csv or .parquet files, one row per frame or with a time each."""

import csv
import io
import re
from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from manifests.corpus import Corpus, rows_of
from manifests.errors import ConfigError, StorageError
from manifests.storage import Folder

Floats = npt.NDArray[np.float64]

_TIMES: Final = ("timestamp", "t_s")
"""Columns that hold seconds after the video's first frame."""


def read_list(path: str) -> list[tuple[str, str]]:
    """(video, actions file) of each row of a .csv with these two columns; relative to the list.

    Raises:
        ConfigError: It cannot be read or has other columns.
    """
    parent, _, name = path.rpartition("/")
    folder = Folder(parent or ("/" if path.startswith("/") else "."))
    try:
        rows = list(csv.DictReader(io.StringIO(folder.read(name).decode("utf-8-sig"))))
    except (StorageError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the list {path}: {error}") from error
    if not rows or not {"video", "actions"} <= set(rows[0]):
        raise ConfigError(f"{path} must have the columns video and actions, and rows")
    return [(_beside(folder, row["video"]), _beside(folder, row["actions"])) for row in rows]


def _beside(folder: Folder, place: str) -> str:
    return place if place.startswith("/") or "://" in place else folder.url(place)


def import_sidecars(
    corpus: Corpus, pairs: Iterable[tuple[str, str]], column: str = "action"
) -> tuple[pa.Table, int]:
    """The actions of videos that were measured.

    A file with a column `timestamp` or `t_s` says itself when its rows were recorded, in seconds
    after the video's first frame. Otherwise row k is that of frame k, at the pts that was
    measured; one row less than frames is taken for the steps between them.

    Args:
        corpus: The corpus.
        pairs: (video, actions file) paths or URIs; videos that are not in the corpus are left out.
        column: The array of an .npz, the column of a table that holds lists, or what the names of
            its columns begin with (action_0, action.x, ...).

    Returns:
        Rows of `actions`, and the number of videos that have some.

    Raises:
        ConfigError: A file cannot be read, or its rows do not fit the frames.
    """
    videos = corpus.read("videos").drop_nulls("video_id")
    known = dict(videos.select("uri", "video_id").iter_rows())
    rows: dict[tuple[str, float], dict[str, Any]] = {}
    for uri, file in pairs:
        video = known.get(uri)
        if video is None:
            continue
        times, actions = read_actions(file, column)
        shown = frame_times(corpus, video)
        if times is None:
            if not len(shown) or len(actions) not in (len(shown), len(shown) - 1):
                raise ConfigError(
                    f"{file} has {len(actions)} rows and no times, {uri} {len(shown)} measured "
                    "frames: which row belongs to which frame is not known"
                )
            times = shown[: len(actions)]
        else:
            times = times + (shown[0] if len(shown) else 0.0)
        for t_s, action in zip(times.tolist(), actions.tolist(), strict=True):
            rows[video, t_s] = {"video_id": video, "t_s": t_s, "action": action, "source": file}
    return rows_of("actions", rows.values()), len({video for video, _ in rows})


def frame_times(corpus: Corpus, video: str) -> Floats:
    """When each measured frame of a video is shown, s on the stream's clock, in order."""
    frames = corpus.scan("frames").filter(pl.col("video_id") == video).select("pts")
    pts = frames.collect()["pts"].sort().to_numpy()
    base = corpus.scan("shots").filter(pl.col("video_id") == video)
    base = base.select(pl.col("time_base_num") / pl.col("time_base_den")).head(1)
    found = base.collect()
    return np.asarray(pts * (found.item() if len(found) else np.nan), np.float64)


def read_actions(file: str, column: str) -> tuple[Floats | None, Floats]:
    """Times (n,), or None, and actions (n, K) of a file; rows with an undefined number left out.

    Raises:
        ConfigError: The file is of another kind or has no such column.
    """
    parent, _, name = file.rpartition("/")
    suffix = name.rpartition(".")[2].lower()
    if suffix not in ("npz", "csv", "parquet"):
        extra = "; a pickle can run code: convert it to .npz" if suffix in ("pkl", "pickle") else ""
        raise ConfigError(f"{file}: actions are read from .npz, .csv and .parquet{extra}")
    try:
        content = Folder(parent).read(name)
        read = _npz if suffix == "npz" else _table
        times, actions = read(content, suffix, column)
        actions = np.asarray(actions, np.float64)
    except (StorageError, ValueError, OSError, LookupError, pl.exceptions.PolarsError) as error:
        raise ConfigError(f"{file}: cannot read actions {column!r}: {error}") from error
    actions = actions.reshape(len(actions), -1)
    if times is None:
        if not np.isfinite(actions).all():
            raise ConfigError(f"{file}: a number is undefined")
        return None, actions
    whole = np.isfinite(actions).all(axis=1) & np.isfinite(times)
    return times[whole], actions[whole]


def _npz(content: bytes, suffix: str, column: str) -> tuple[Floats | None, Floats]:
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        if column not in arrays.files:
            raise LookupError(f"it has {', '.join(arrays.files)}")
        named = [name for name in _TIMES if name in arrays.files]
        times = np.asarray(arrays[named[0]], np.float64) if named else None
        return times, np.asarray(arrays[column], np.float64)


def _table(content: bytes, suffix: str, column: str) -> tuple[Floats | None, Floats]:
    read = pl.read_csv if suffix == "csv" else pl.read_parquet
    table = read(io.BytesIO(content))
    assert isinstance(table, pl.DataFrame)
    named = [name for name in _TIMES if name in table.columns]
    times = table[named[0]].cast(pl.Float64).to_numpy() if named else None
    if column in table.columns:
        values = np.array(table[column].to_list(), np.float64)
    else:
        begins = re.compile(re.escape(column) + r"[._]")
        parts = [name for name in table.columns if begins.match(name)]
        if not parts:
            raise LookupError(f"it has {', '.join(table.columns)}")
        values = table.select(pl.col(parts).cast(pl.Float64)).to_numpy()
    return times, values
