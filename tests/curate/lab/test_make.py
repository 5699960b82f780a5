from pathlib import Path

import numpy as np
import polars as pl
import pytest

from curate.actions import Actions
from curate.demo.encode import read_frames
from curate.lab import Doses, FixedWorld, LabRequest, make_lab, read_actions
from manifests.corpus import Corpus
from manifests.errors import ConfigError
from manifests.storage import Folder

REQUEST = LabRequest(FixedWorld(), 2, 3.0, Doses(cuts=0.2, copies=0.34), seed=4)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lab") / "out"
    make_lab(folder, REQUEST, workers=1)
    return folder


def test_a_lab_holds_takes_actions_and_truth(lab: Path) -> None:
    files = sorted(path.name for path in (lab / "videos").iterdir())
    actions = pl.read_parquet(lab / "actions.parquet")
    truth = pl.read_parquet(lab / "truth.parquet")
    sizes = [read_frames(lab / "videos" / name, max_frames=100)[0].shape for name in files]
    copy = truth.filter(pl.col("kind") == "copies")

    assert len(files) == 3
    assert sorted(sizes) == [(36, 192, 192, 3), (36, 256, 256, 3), (36, 256, 256, 3)]
    assert actions.group_by("file").len()["len"].to_list() == [36, 36, 36]
    assert copy["file"].str.contains("copy1").all()
    assert copy["copy_of"][0] in files
    cuts = truth.filter(pl.col("kind") == "cuts")
    assert len(cuts) > 0
    for row in cuts.iter_rows(named=True):
        at = (pl.col("file") == row["file"]) & (pl.col("t_s") == row["start_s"])
        assert actions.filter(at)["action"].to_list() == [[None, None]]


def test_the_same_request_does_nothing_and_gives_the_same_files(lab: Path, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in lab.rglob("*")}
    make_lab(lab, REQUEST)
    make_lab(tmp_path / "again", REQUEST, workers=1)

    assert before == {path: path.stat().st_mtime_ns for path in lab.rglob("*")}
    for path in (lab / "videos").iterdir():
        assert path.read_bytes() == (tmp_path / "again" / "videos" / path.name).read_bytes()


def test_another_request_is_refused(lab: Path) -> None:
    with pytest.raises(ConfigError, match="another lab"):
        make_lab(lab, LabRequest(FixedWorld(), 2, 3.0, seed=5))


def test_actions_reach_the_steps_of_a_corpus(lab: Path, tmp_path: Path) -> None:
    """A step that holds a cut has no action; every other one the sum of its frames'."""
    made = pl.read_parquet(lab / "actions.parquet")
    name = made["file"][0]
    folder = Folder(str(lab))
    scanned = pl.DataFrame({"uri": [folder.url("videos", name), "else"], "video_id": ["v", "w"]})

    rows, videos = read_actions(folder, scanned)
    corpus = Corpus(str(tmp_path / "corpus"))
    corpus.upsert("actions", rows)
    steps = Actions(corpus, np.array(["v"])).at_steps("v", 0.0, 12, 0.25, "sum")

    told = made.filter(pl.col("file") == name)["action"].to_list()
    frames = np.array(told, np.float32)  # (36, 2), nan where null
    assert videos == 1
    np.testing.assert_allclose(steps, frames.reshape(12, 3, 2).sum(1), rtol=1e-5)
    assert np.isnan(steps).any()
    assert np.isfinite(steps[:, 0]).sum() >= 6


def test_a_folder_without_a_lab_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is no lab"):
        read_actions(Folder(str(tmp_path)), pl.DataFrame({"uri": [], "video_id": []}))


def test_an_interrupted_lab_goes_on_where_it_was(lab: Path, tmp_path: Path) -> None:
    def stop(made: int, wanted: int) -> None:
        raise KeyboardInterrupt

    folder = tmp_path / "cut-short"
    with pytest.raises(KeyboardInterrupt):
        make_lab(folder, REQUEST, workers=1, done=stop)
    first = folder / "videos" / REQUEST.file(0)
    filmed = first.stat().st_mtime_ns

    make_lab(folder, REQUEST, workers=1)

    assert first.stat().st_mtime_ns == filmed
    assert not (folder / ".unfinished").exists()
    assert pl.read_parquet(folder / "actions.parquet").equals(
        pl.read_parquet(lab / "actions.parquet")
    )


def test_takes_of_another_unfinished_request_are_filmed_again(tmp_path: Path) -> None:
    def stop(made: int, wanted: int) -> None:
        raise KeyboardInterrupt

    other = LabRequest(FixedWorld(seed=9), 2, 3.0, seed=4)
    for request in (other, REQUEST):
        with pytest.raises(KeyboardInterrupt):
            make_lab(tmp_path, request, workers=1, done=stop)
    held = list((tmp_path / ".unfinished").glob("*.parquet"))
    assert [path.name for path in held] == ["0.parquet"]
    assert set(pl.read_parquet(held[0])["file"]) == {REQUEST.file(0)}
