"""LeRobot data sets (v2.0, v2.1 and v3.0 folders): their actions, matched to scanned videos."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from manifests.corpus import rows_of
from manifests.errors import ConfigError
from manifests.storage import Folder


@dataclass(frozen=True, slots=True)
class Episode:
    """Where an episode lies.

    Attributes:
        number: Its episode_index.
        data: Parquet file of its frames, relative to the data set.
        videos: Video file, relative likewise, and the second in it at which the episode begins.
    """

    number: int
    data: str
    videos: tuple[tuple[str, float], ...]


def read_info(folder: Folder) -> dict[str, Any]:
    """meta/info.json of a data set.

    Raises:
        ConfigError: The folder is no LeRobot data set of a known version.
    """
    if not folder.exists("meta", "info.json"):
        raise ConfigError(f"{folder.uri} is no LeRobot data set: it has no meta/info.json")
    info: dict[str, Any] = json.loads(folder.read("meta", "info.json"))
    version = str(info.get("codebase_version"))
    if not version.startswith(("v2.", "v3.")):
        raise ConfigError(f"{folder.uri} has LeRobot version {version}; v2.x and v3.x are read")
    return info


def episodes(folder: Folder, info: Mapping[str, Any]) -> Iterator[Episode]:
    """The episodes of a data set, in the order of its metadata."""
    keys = [name for name, field in info["features"].items() if field["dtype"] == "video"]
    if str(info["codebase_version"]).startswith("v2."):
        for line in folder.read("meta", "episodes.jsonl").decode().splitlines():
            if line.strip():
                yield _own_files(int(json.loads(line)["episode_index"]), info, keys)
        return
    for file in folder.files("meta", "episodes"):
        with pq.ParquetFile(folder.path(file), filesystem=folder.fs) as source:
            for row in source.read().to_pylist():
                yield _shared_files(row, info, keys)


def _own_files(number: int, info: Mapping[str, Any], keys: list[str]) -> Episode:
    """v2: each episode has files of its own."""
    place = {"episode_chunk": number // int(info["chunks_size"]), "episode_index": number}
    videos = [(info["video_path"].format(video_key=key, **place), 0.0) for key in keys]
    return Episode(number, info["data_path"].format(**place), tuple(videos))


def _shared_files(row: Mapping[str, Any], info: Mapping[str, Any], keys: list[str]) -> Episode:
    """v3: files hold many episodes, one after the other."""

    def place(prefix: str) -> dict[str, int]:
        return {name: int(row[f"{prefix}/{name}"]) for name in ("chunk_index", "file_index")}

    videos = [
        (
            info["video_path"].format(video_key=key, **place(f"videos/{key}")),
            float(row[f"videos/{key}/from_timestamp"]),
        )
        for key in keys
    ]
    data = info["data_path"].format(**place("data"))
    return Episode(int(row["episode_index"]), data, tuple(videos))


def action_column(info: Mapping[str, Any], asked: str | None) -> str:
    """Which column is the action.

    Raises:
        ConfigError: There is no such column, or several and none was asked for.
    """
    names = [n for n in info["features"] if n == "action" or n.startswith("action.")]
    chosen = asked or ("action" if "action" in names else names[0] if len(names) == 1 else None)
    if chosen is None or chosen not in info["features"]:
        problem = f"has no column {asked!r}" if asked else "does not say which column is the action"
        raise ConfigError(f"the data set {problem}; take one of {', '.join(names) or 'none'}")
    return chosen


def import_actions(
    folder: Folder, videos: pl.DataFrame, asked: str | None = None
) -> tuple[pa.Table, int]:
    """The actions of every episode whose video was scanned.

    An action's time is its frame's `timestamp` after the episode's beginning in the video. With
    several cameras each video gets the actions. Undefined numbers at the end of an action are no
    part of it (`rushes export` fills shorter ones up); rows with others are left out.

    Args:
        folder: The data set.
        videos: uri and video_id of scanned sources.
        asked: Name of the action column; None for the only one there is.

    Returns:
        Rows of `actions` without repetition, and the number of videos that have some.

    Raises:
        ConfigError: The folder is no data set, or its action is not known.
    """
    info = read_info(folder)
    column = action_column(info, asked)
    known = dict(videos.drop_nulls("video_id").select("uri", "video_id").iter_rows())
    rows: dict[tuple[str, float], dict[str, Any]] = {}
    for episode in episodes(folder, info):
        found = [(known.get(folder.url(file)), start) for file, start in episode.videos]
        if all(video is None for video, _ in found):
            continue
        table = _frames(folder, episode, column)
        source = f"{folder.uri}#{episode.number}"
        for video, start in found:
            for t_s, action in table if video is not None else ():
                key = (str(video), start + t_s)
                values = _recorded(action if isinstance(action, list) else [action])
                if values is None:
                    continue
                rows[key] = {"video_id": key[0], "t_s": key[1], "action": values, "source": source}
    return rows_of("actions", rows.values()), len({video for video, _ in rows})


def _recorded(values: list[float | None]) -> list[float] | None:
    known = [math.nan if value is None else value for value in values]
    while known and not math.isfinite(known[-1]):
        known.pop()
    return known if known and all(map(math.isfinite, known)) else None


def _frames(folder: Folder, episode: Episode, column: str) -> list[tuple[float, Any]]:
    """(timestamp, action) of each frame of an episode."""
    with pq.ParquetFile(folder.path(episode.data), filesystem=folder.fs) as source:
        table = source.read(columns=["episode_index", "timestamp", column])
    frames = [
        (float(row["timestamp"]), row[column])
        for row in table.to_pylist()
        if row["episode_index"] == episode.number
    ]
    return sorted(frames, key=lambda frame: frame[0])
