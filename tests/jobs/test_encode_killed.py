"""A run that is killed while it encodes leaves nothing half done behind."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from curate.config import Limits, load_config
from curate.decode import Video
from curate.scan import identify
from curate.tokens import read_tokens
from jobs.pipeline import OK, Request, execute
from jobs.progress import Lines
from manifests.corpus import Corpus, rows_of
from manifests.storage import Folder
from tests.videos import Videos

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_cluster")]

NAMES = ("plain", "pan", "hard_cut", "rotated")
SETTINGS = (
    "embed.spec=bundled", "encode.spec=bundled", "encode.grid=2", "encode.min_steps=2",
    "encode.step_s=0.25", "run.workers=1", "run.commit_videos=1",
)  # fmt: skip
CODE = """
import sys, jobs.encode
from curate.config import load_config
from jobs.pipeline import Request, execute
from jobs.progress import Lines
from manifests.corpus import Corpus
jobs.encode.SPANS_PER_FILE, jobs.encode.SPANS_PER_PASS = 2, 1  # a file and a commit per video
execute(Request(Corpus(sys.argv[1]), load_config(None, sys.argv[2:]), ("encode",)), Lines())
"""


def make_corpus(folder: Path, videos: Videos) -> Corpus:
    """Two clips of one second of each video, all kept."""
    corpus = Corpus(str(folder))
    rows, clips = [], []
    for name in NAMES:
        path = str(videos[name].path)
        known = {"video_id": identify(path), "measure_key": "m"}
        rows.append(
            {"uri": path, "video_id": known["video_id"], "status": "ok", "measured_key": "m",
             "pts_repaired": 0}
        )  # fmt: skip
        with Video(path, Limits()) as opened:
            second = round(1 / opened.time_base)
        size = {"source_width": videos[name].width, "source_height": videos[name].height}
        box = {"content_x": 0, "content_y": 0, "content_width": videos[name].width,
               "content_height": videos[name].height}  # fmt: skip
        clips += [
            {"clip_id": f"{name}{k}", "start_pts": k * second, "end_pts": (k + 1) * second}
            | known | size | box
            for k in range(2)
        ]  # fmt: skip
    corpus.append("videos", rows_of("videos", rows))
    corpus.append("clips", rows_of("clips", clips))
    return corpus


def encoded(corpus: Corpus) -> pl.DataFrame:
    return corpus.committed("features").collect()


def test_killed_while_encoding_then_finished(videos: Videos, tmp_path: Path) -> None:
    corpus = make_corpus(tmp_path / "corpus", videos)
    config = load_config(None, SETTINGS)
    from curate.keys import stage_keys

    policy = stage_keys(config).policy
    clips = corpus.read("clips")["clip_id"]
    verdicts = [{"clip_id": clip, "policy_key": policy, "keep": True} for clip in clips]
    corpus.append("decisions", rows_of("decisions", verdicts))
    with subprocess.Popen(
        [sys.executable, "-c", CODE, corpus.uri, *SETTINGS],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        deadline = time.monotonic() + 120
        while corpus.version("features") is None:
            assert process.poll() is None, "it ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.005)
        process.kill()
    before = encoded(corpus)
    assert 0 < len(before) < len(clips)
    check(corpus)
    time.sleep(0.1)
    request = Request(corpus, config, ("encode",))
    _, code = execute(request, Lines())
    assert code == OK
    assert sorted(encoded(corpus)["clip_id"]) == sorted(clips)  # each once
    check(corpus)
    kept = encoded(corpus).join(before, on=before.columns, how="semi", nulls_equal=True)
    assert len(kept) == len(before)  # what was committed is not made again


def check(corpus: Corpus) -> None:
    """Every row's tokens are where it says, and every token file can be read."""
    folder = Folder(corpus.uri)
    for row in encoded(corpus).iter_rows(named=True):
        assert row["error"] is None
        (tokens,) = read_tokens(folder, [(row["file"], row["row"])])
        assert tokens.shape == (row["steps"], row["tokens"], row["channels"])
        assert np.isfinite(tokens).all()
        content = folder.read(row["file"])
        assert content[row["offset"] : row["offset"] + row["bytes"]] == tokens.tobytes()
    for file in folder.files("features"):
        if file.endswith(".parquet"):  # of a killed worker, whole though nothing names it
            read_tokens(folder, [(file, 0)])
