import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from curate.lerobot import import_actions
from manifests.errors import ConfigError
from manifests.storage import Folder

FEATURES = {"action": {"dtype": "float32"}, "cam": {"dtype": "video"}}


def data_set(folder: Path, info: dict[str, Any]) -> Folder:
    (folder / "meta").mkdir(parents=True)
    (folder / "meta" / "info.json").write_text(json.dumps({"features": FEATURES} | info))
    return Folder(str(folder))


def frames(episode: int, count: int) -> pl.DataFrame:
    """Action (episode, k) at k / 10 s."""
    return pl.DataFrame(
        {
            "episode_index": [episode] * count,
            "timestamp": [k / 10 for k in range(count)],
            "action": [[float(episode), float(k)] for k in range(count)],
        }
    )


def put(table: pl.DataFrame, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    table.write_parquet(path)


def test_each_v2_episode_has_a_video_of_its_own(tmp_path: Path) -> None:
    info = {
        "codebase_version": "v2.1",
        "chunks_size": 2,
        "data_path": "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet",
        "video_path": "videos/chunk-{episode_chunk:03d}/{video_key}/e_{episode_index:06d}.mp4",
    }
    folder = data_set(tmp_path / "set", info)
    lines = "".join(json.dumps({"episode_index": k}) + "\n" for k in range(3))
    (tmp_path / "set/meta/episodes.jsonl").write_text(lines)
    put(frames(2, 3), tmp_path / "set/data/chunk-001/episode_000002.parquet")
    videos = {"uri": [folder.url("videos/chunk-001/cam/e_000002.mp4")], "video_id": ["v2"]}
    table, count = import_actions(folder, pl.DataFrame(videos))
    assert count == 1
    assert table.select(["video_id", "t_s", "action"]).to_pylist() == [
        {"video_id": "v2", "t_s": k / 10, "action": [2.0, float(k)]} for k in range(3)
    ]


def test_v3_episodes_follow_each_other_in_one_video(tmp_path: Path) -> None:
    info = {
        "codebase_version": "v3.0",
        "data_path": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
        "video_path": "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4",
    }
    folder = data_set(tmp_path / "set", info)
    places = {"data/chunk_index": 0, "data/file_index": 1}
    places |= {"videos/cam/chunk_index": 0, "videos/cam/file_index": 4}
    rows = [{"episode_index": k, "videos/cam/from_timestamp": 0.5 * k} | places for k in range(2)]
    put(pl.DataFrame(rows), tmp_path / "set/meta/episodes/chunk-000/file-000.parquet")
    both = pl.concat([frames(0, 5), frames(1, 2)])
    put(both, tmp_path / "set/data/chunk-000/file-001.parquet")
    videos = {"uri": [folder.url("videos/cam/chunk-000/file-004.mp4")], "video_id": ["v"]}
    table, _ = import_actions(folder, pl.DataFrame(videos))
    assert table["t_s"].to_pylist() == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    assert table["action"].to_pylist()[-1] == [1.0, 1.0]


def test_a_real_data_set_is_read(real_videos: Path, tmp_path: Path) -> None:
    source = real_videos / "starVLA+starVLA"  # its paths with __ in place of /
    for old, new in {
        "meta__info.json": "meta/info.json",
        "meta__episodes.jsonl": "meta/episodes.jsonl",
        "chunk-000__episode_000001.parquet": "data/chunk-000/episode_000001.parquet",
    }.items():
        (tmp_path / new).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source / old, tmp_path / new)
    folder = Folder(str(tmp_path))
    uri = folder.url("videos/chunk-000/video.ego_view/episode_000001.mp4")
    videos = pl.DataFrame({"uri": [uri], "video_id": ["v"]})
    with pytest.raises(ConfigError, match=r"does not say which .* action\.delta_joints"):
        import_actions(folder, videos)
    table, _ = import_actions(folder, videos, "action.delta_eef_position")
    assert table.num_rows == 411  # frames of the video
    assert {len(action) for action in table["action"].to_pylist()} == {3}
    assert table["t_s"].to_pylist()[-1] == pytest.approx(410 / 30, abs=1e-3)


def test_other_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no meta/info\.json"):
        import_actions(Folder(str(tmp_path)), pl.DataFrame({"uri": [], "video_id": []}))
