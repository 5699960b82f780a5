"""`rushes export` over Ray, on a corpus of one kept clip."""

import json
from pathlib import Path

import polars as pl
import pytest

from curate.config import Config, to_toml
from curate.lerobot import import_actions
from jobs.export import layout_of, run_export
from manifests.errors import ConfigError
from manifests.storage import Folder
from tests.curate.test_export import make_corpus
from tests.videos import Videos


@pytest.mark.ray
@pytest.mark.usefixtures("ray_cluster")
def test_kept_clips_become_a_data_set(videos: Videos, tmp_path: Path) -> None:
    corpus = make_corpus(tmp_path / "corpus", videos["plain"])
    corpus.folder.write(to_toml(Config()).encode(), "rushes.toml")
    out = str(tmp_path / "set")
    layout = layout_of("lerobot", "both", 0, "")
    told = run_export(corpus, out, layout, task="discs", labelled=True, address=None)
    assert told == {"clips": 1, "failed": {}, "frames": 25, "fps": 25, "size": [160, 120]}
    folder = Folder(out)
    uri = folder.url("videos/observation.images.main/chunk-000/file-000.mp4")
    rows, _ = import_actions(folder, pl.DataFrame({"uri": [uri], "video_id": ["x"]}))
    assert [action for (action,) in rows["action"].to_pylist()] == list(range(25, 50))
    with pytest.raises(ConfigError, match="is not empty"):
        run_export(corpus, out, layout, task="discs", labelled=True, address=None)
    shards = str(tmp_path / "shards")
    told = run_export(
        corpus, shards, layout_of("webdataset", "video", 0, ""), task="", labelled=False,
        address=None,
    )  # fmt: skip
    assert told == {"clips": 1, "failed": {}, "files": 1}
    assert json.loads(Folder(shards).read("index.json"))["shards"] == {"clips-000000.tar": 1}


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        pytest.param(("zip", "both", 0, ""), "--format takes", id="format"),
        pytest.param(("webdataset", "all", 0, ""), "--content takes", id="content"),
        pytest.param(("lerobot", "both", -1, ""), "--fps must be", id="fps"),
        pytest.param(("lerobot", "both", 0, "33x20"), "even and at least 16", id="odd"),
        pytest.param(("lerobot", "both", 0, "big"), "WIDTHxHEIGHT", id="size"),
    ],
)
def test_a_wrong_layout_is_refused(asked: tuple[str, str, int, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        layout_of(*asked)
