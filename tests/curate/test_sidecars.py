from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from curate.sidecars import import_sidecars, read_list
from manifests.corpus import Corpus, rows_of
from manifests.errors import ConfigError

PTS = [100, 140, 220, 300]  # of a variable rate, in ms
ACTIONS = np.arange(8, dtype=np.float32).reshape(4, 2)


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    """One measured video of four frames."""
    found = Corpus(str(tmp_path / "corpus"))
    video = {"uri": "/a.mp4", "video_id": "v", "status": "ok", "measured_key": "m"}
    found.append("videos", rows_of("videos", [video]))
    known = {"video_id": "v", "measure_key": "m"}
    frames = [known | {"frame": k, "pts": pts} for k, pts in enumerate(PTS)]
    found.append("frames", rows_of("frames", frames))
    shot = known | {"shot_index": 0, "time_base_num": 1, "time_base_den": 1000}
    found.append("shots", rows_of("shots", [shot]))
    return found


def put(path: Path, columns: dict[str, Any]) -> str:
    if path.suffix == ".npz":
        np.savez(path, **columns)
    elif path.suffix == ".csv":
        pl.DataFrame(columns).write_csv(path)
    else:
        pl.DataFrame(columns).write_parquet(path)
    return str(path)


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        pytest.param("a.npz", {"action": ACTIONS, "state": ACTIONS}, id="npz"),
        pytest.param("a.csv", {"action_x": [0, 2, 4, 6], "action_y": [1, 3, 5, 7]}, id="csv"),
        pytest.param("a.parquet", {"action": ACTIONS.tolist(), "speed": [0] * 4}, id="parquet"),
    ],
)
def test_rows_without_times_are_those_of_frames(
    corpus: Corpus, tmp_path: Path, name: str, columns: dict[str, Any]
) -> None:
    file = put(tmp_path / name, columns)
    rows, videos = import_sidecars(corpus, [("/a.mp4", file), ("/other.mp4", "/gone.npz")])
    assert videos == 1
    assert rows["t_s"].to_pylist() == pytest.approx([0.1, 0.14, 0.22, 0.3])
    assert rows["action"].to_pylist() == ACTIONS.tolist()


def test_times_count_from_the_first_frame_and_undefined_rows_are_left_out(
    corpus: Corpus, tmp_path: Path
) -> None:
    file = put(tmp_path / "a.npz", {"action": [1.0, np.nan, 3.0], "timestamp": [0.0, 0.5, 1.0]})
    rows, _ = import_sidecars(corpus, [("/a.mp4", file)])
    assert rows["t_s"].to_pylist() == pytest.approx([0.1, 1.1])
    assert rows["action"].to_pylist() == [[1.0], [3.0]]


@pytest.mark.parametrize(
    ("name", "columns", "message"),
    [
        pytest.param("a.npz", {"action": ACTIONS[:2]}, "2 rows and no times", id="rows"),
        pytest.param("a.npz", {"state": ACTIONS}, "it has state", id="column"),
        pytest.param("a.npz", {"action": np.array([{}])}, "pickle", id="objects"),
        pytest.param("a.pkl", None, "a pickle can run code", id="pickle"),
    ],
)
def test_what_does_not_fit_is_refused(
    corpus: Corpus, tmp_path: Path, name: str, columns: dict[str, Any] | None, message: str
) -> None:
    file = str(tmp_path / name) if columns is None else put(tmp_path / name, columns)
    with pytest.raises(ConfigError, match=message):
        import_sidecars(corpus, [("/a.mp4", file)])


def test_lists_are_relative_to_themselves(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text("video,actions\na.mp4,x/a.npz\n/b.mp4,s3://b/a.csv\n")
    found = read_list(str(tmp_path / "l.csv"))
    assert found == [
        (f"{tmp_path}/a.mp4", f"{tmp_path}/x/a.npz"),
        ("/b.mp4", "s3://b/a.csv"),
    ]
    (tmp_path / "bad.csv").write_text("video\na.mp4\n")
    with pytest.raises(ConfigError, match="columns video and actions"):
        read_list(str(tmp_path / "bad.csv"))


def test_recorded_robot_actions_are_read(real_videos: Path) -> None:
    from curate.sidecars import read_actions

    bridge = real_videos / "octo-models+octo" / "bridge_train0_actions.npz"
    times, actions = read_actions(str(bridge), "action")
    assert times is None
    assert actions.shape == (10, 7)
    pusht = next((real_videos / "huggingface+lerobot").glob("pusht_episode0_data_*.npz"))
    times, actions = read_actions(str(pusht), "action")
    assert times is not None
    assert times == pytest.approx(np.arange(161) / 10, abs=1e-5)
    assert actions.shape == (161, 2)
