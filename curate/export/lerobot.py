"""A LeRobot data set, v3.0: metadata and frames of episodes whose videos are written.

Layout: github.com/huggingface/lerobot, src/lerobot/datasets (Apache-2.0), read for its rules.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from curate.export.lerobot_stats import Stats, colour_stats, pooled, stats_of
from curate.export.plan import ExportClip
from manifests.storage import Folder

CAMERA: Final = "observation.images.main"
_CHUNK_FILES: Final = 1000
_DATA_PATH: Final = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
_VIDEO_PATH: Final = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
_EPISODES_FILE: Final = "meta/episodes/chunk-000/file-000.parquet"


@dataclass(frozen=True, slots=True)
class Episode:
    """A clip as an episode.

    Attributes:
        clip: The clip.
        file: Number of the data and video file that hold it.
        first: Frame of the video file at which it begins.
        actions: (T, K) float32, nan where none was recorded; K may be 0.
        colours: Statistics of its pictures.
    """

    clip: ExportClip
    file: int
    first: int
    actions: npt.NDArray[np.float32]
    colours: Stats = field(default_factory=lambda: colour_stats(np.zeros((0, 3), np.uint8)))

    def __len__(self) -> int:
        """Frames."""
        return len(self.actions)


def video_file(number: int) -> str:
    """Where a video file lies."""
    return _VIDEO_PATH.format(video_key=CAMERA, **_place(number))


def write_lerobot(
    folder: Folder, episodes: Sequence[Episode], *, fps: int, size: tuple[int, int], task: str
) -> dict[str, Any]:
    """Write everything but the videos; meta/info.json comes last and says that it is whole.

    The column `action` exists if K > 0. Its undefined rows are left out of the statistics.

    Args:
        folder: The data set.
        episodes: By file and place in it, at least one, all of the same K.
        fps: Frames per second.
        size: Width and height of the videos, px.
        task: What all episodes show, in words.

    Returns:
        meta/info.json.
    """
    features = _features(episodes[0].actions.shape[1], fps, size)
    rows, all_stats, index = [], [], 0
    files: dict[int, list[pa.Table]] = {}
    for number, episode in enumerate(episodes):
        table, stats = _frames(number, episode, index, fps, features)
        files.setdefault(episode.file, []).append(table)
        rows.append(_episode_row(number, episode, index, fps, task, stats))
        all_stats.append(stats)
        index += len(episode)
    for number, tables in files.items():
        _put(folder, pa.concat_tables(tables), _DATA_PATH.format(**_place(number)))
    _put(folder, pa.Table.from_pylist(rows), _EPISODES_FILE)
    _put(folder, _tasks(task), "meta/tasks.parquet")
    pool = {name: pooled([stats[name] for stats in all_stats]) for name in all_stats[0]}
    listed = {name: {k: v.tolist() for k, v in stats.items()} for name, stats in pool.items()}
    folder.write(_json(listed), "meta", "stats.json")
    info = {
        "codebase_version": "v3.0",
        "robot_type": None,
        "total_episodes": len(episodes),
        "total_frames": index,
        "total_tasks": 1,
        "chunks_size": _CHUNK_FILES,
        "data_files_size_in_mb": 100,
        "video_files_size_in_mb": 200,
        "fps": fps,
        "splits": {"train": f"0:{len(episodes)}"},
        "data_path": _DATA_PATH,
        "video_path": _VIDEO_PATH,
        "features": features,
    }
    folder.write(_json(info), "meta", "info.json")
    return info


def _place(number: int) -> dict[str, int]:
    return {"chunk_index": number // _CHUNK_FILES, "file_index": number % _CHUNK_FILES}


def _features(actions: int, fps: int, size: tuple[int, int]) -> dict[str, Any]:
    width, height = size
    video = {
        "video.height": height,
        "video.width": width,
        "video.codec": "h264",
        "video.pix_fmt": "yuv420p",
        "video.is_depth_map": False,
        "video.fps": fps,
        "video.channels": 3,
        "has_audio": False,
    }
    axes = ["height", "width", "channels"]
    found: dict[str, Any] = {
        CAMERA: {"dtype": "video", "shape": [height, width, 3], "names": axes, "info": video}
    }
    if actions:
        names = [f"action_{k}" for k in range(actions)]
        found["action"] = {"dtype": "float32", "shape": [actions], "names": names}
    found["timestamp"] = {"dtype": "float32", "shape": [1], "names": None}
    for name in ("frame_index", "episode_index", "index", "task_index"):
        found[name] = {"dtype": "int64", "shape": [1], "names": None}
    return found


def _frames(
    number: int, episode: Episode, index: int, fps: int, features: dict[str, Any]
) -> tuple[pa.Table, dict[str, Stats]]:
    """An episode's rows of the data file, and the statistics of all features."""
    steps = np.arange(len(episode))
    columns: dict[str, npt.NDArray[Any]] = {
        "timestamp": (steps / fps).astype(np.float32),
        "frame_index": steps,
        "episode_index": np.full(len(episode), number),
        "index": index + steps,
        "task_index": np.zeros(len(episode), np.int64),
    }
    stats = {CAMERA: episode.colours}
    stats |= {name: stats_of(values[:, None]) for name, values in columns.items()}
    arrays = {name: pa.array(values) for name, values in columns.items()}
    if "action" in features:
        flat = pa.array(np.ascontiguousarray(episode.actions).reshape(-1))
        size = episode.actions.shape[1]
        # LeRobot has a vector of one number as a plain column.
        arrays["action"] = flat if size == 1 else pa.FixedSizeListArray.from_arrays(flat, size)
        stats["action"] = stats_of(episode.actions)
    order = [name for name in features if name in arrays]
    return pa.table({name: arrays[name] for name in order}), stats


def _episode_row(
    number: int, episode: Episode, index: int, fps: int, task: str, stats: dict[str, Stats]
) -> dict[str, Any]:
    """A row of meta/episodes, with our own columns clip_id, uri and start_s."""
    row: dict[str, Any] = {
        "episode_index": number,
        "tasks": [task],
        "length": len(episode),
        "dataset_from_index": index,
        "dataset_to_index": index + len(episode),
        "meta/episodes/chunk_index": 0,
        "meta/episodes/file_index": 0,
        "clip_id": episode.clip.clip_id,
        "uri": episode.clip.uris[0],
        "start_s": episode.clip.start_s,
    }
    row |= {f"data/{name}": value for name, value in _place(episode.file).items()}
    row |= {f"videos/{CAMERA}/{name}": value for name, value in _place(episode.file).items()}
    row[f"videos/{CAMERA}/from_timestamp"] = episode.first / fps
    row[f"videos/{CAMERA}/to_timestamp"] = (episode.first + len(episode)) / fps
    for feature, found in stats.items():
        row |= {f"stats/{feature}/{name}": value.tolist() for name, value in found.items()}
    return row


def _tasks(task: str) -> pa.Table:
    """task_index by task: a pandas frame whose index is the text, as LeRobot reads it."""
    index = "__index_level_0__"
    column = {"field_name": "task_index", "name": "task_index", "metadata": None}
    level = {"field_name": index, "name": None, "metadata": None}
    pandas = {
        "index_columns": [index],
        "column_indexes": [],
        "columns": [
            column | {"pandas_type": "int64", "numpy_type": "int64"},
            level | {"pandas_type": "unicode", "numpy_type": "object"},
        ],
        "pandas_version": "2.0.0",
    }
    table = pa.table({"task_index": pa.array([0], pa.int64()), index: [task]})
    return table.replace_schema_metadata({"pandas": json.dumps(pandas)})


def _put(folder: Folder, table: pa.Table, path: str) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    folder.write(sink.getvalue().to_pybytes(), path)


def _json(document: dict[str, Any]) -> bytes:
    return (json.dumps(document, indent=4, allow_nan=False) + "\n").encode()
