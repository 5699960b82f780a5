import json
import shutil
from pathlib import Path

import polars as pl
import pytest
from rich.console import Console

from curate.config import load_config, to_toml
from curate.measure import measure_video
from jobs.doctor import ends_of, run_doctor
from manifests.corpus import Corpus, rows_of
from manifests.errors import ConfigError
from tests.videos import Videos

CONSOLE = Console(quiet=True)


@pytest.fixture
def corpus(videos: Videos, tmp_path: Path) -> Corpus:
    config = load_config(None, ["clips.min_s=1.0"])
    path = tmp_path / "v.mp4"
    shutil.copy(videos["hard_cut"].path, path)
    made = Corpus(str(tmp_path / "corpus"))
    measured = measure_video(str(path), "v", "k", config)
    for name in ("shots", "clips", "scores", "evidence", "frames", "samples", "filmstrips"):
        made.append(name, measured.tables[name])
    row = {"uri": str(path), "video_id": "v", "measured_key": "k", **measured.facts}
    made.upsert("videos", rows_of("videos", [row]))
    made.folder.write(to_toml(config).encode(), "rushes.toml")
    return made


def test_both_ends_beside_a_cut_are_checked_and_pure(
    corpus: Corpus, capsys: pytest.CaptureFixture[str]
) -> None:
    ends = ends_of(corpus)
    assert ends.select("last", "shot_start").rows() == [
        (True, corpus.read("shots")["start_pts"][1]),
        (False, corpus.read("shots")["start_pts"][0]),
    ]
    assert run_doctor(corpus, 10, 0, CONSOLE, as_json=True) == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["checked"], record["impure"], record["least_margin_frames"]) == (2, [], 2)


def test_a_clip_that_reaches_into_the_next_shot_is_found(
    corpus: Corpus, capsys: pytest.CaptureFixture[str]
) -> None:
    clips = corpus.read("clips").sort("start_pts")
    step = (clips["end_pts"][0] - clips["start_pts"][0]) // clips["frames"][0]
    wrong = clips.with_columns(
        end_pts=pl.when(pl.col("start_pts") == clips["start_pts"][0])
        .then(pl.col("end_pts") + 5 * step)
        .otherwise(pl.col("end_pts"))
    )
    corpus.upsert("clips", rows_of("clips", wrong.to_dicts()))
    assert run_doctor(corpus, 10, 0, CONSOLE, as_json=True) == 3
    record = json.loads(capsys.readouterr().out)
    assert [row["side"] for row in record["impure"]] == ["end"]


def test_a_video_that_is_gone_is_told(corpus: Corpus, capsys: pytest.CaptureFixture[str]) -> None:
    Path(corpus.read("videos")["uri"][0]).unlink()
    assert run_doctor(corpus, 10, 0, CONSOLE, as_json=True) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["checked"] == 0
    assert record["unreadable"][0]["error"] == "missing_file"


def test_no_end_cannot_be_asked_for(corpus: Corpus) -> None:
    with pytest.raises(ConfigError, match="--purity"):
        run_doctor(corpus, 0, 0, CONSOLE, as_json=True)
