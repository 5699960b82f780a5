"""Dedup over stored tables: nothing is decoded, what is in them is drawn."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from typer.testing import CliRunner

from curate.config import Config, load_config, to_toml
from curate.filmstrip import pack
from curate.keys import stage_keys
from jobs.cli import app
from jobs.pipeline import Request, execute
from manifests.corpus import Corpus, rows_of
from tests.jobs.test_pipeline import Quiet

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_cluster")]

DIM = 16
SETTINGS = ("embed.spec=bundled", "encode.spec=bundled", "run.workers=2")


def pictures(scene: int, start: int, count: int) -> npt.NDArray[np.uint8]:
    """(count, 32, 32): a soft texture that drifts on a path of its own, from a moment on."""
    rng = np.random.default_rng(scene)
    ground = cv2.GaussianBlur(rng.uniform(0, 255, (192, 192)).astype(np.float32), (0, 0), 3)
    ground = (ground - ground.min()) / np.ptp(ground) * 255
    path = np.cumsum(rng.uniform(-6, 6, (64, 2)), axis=0)
    at = np.clip(80 + path, 0, 159).astype(int)
    return np.stack([ground[y : y + 32, x : x + 32] for x, y in at[start : start + count]]).astype(
        np.uint8
    )


def rows(scene: int, copy: int) -> dict[str, dict[str, Any]]:
    """A clip of 4 s: copy 0 is the original, 1 begins 1 s later, 2 is mirrored and smaller."""
    name = f"{scene:02}{copy}"
    config = _config()
    keys = stage_keys(config)
    strip = pictures(scene, 8 if copy == 1 else 0, 24 if copy == 1 else 32)
    if copy == 2:
        strip = strip[:, :, ::-1]
    rng = np.random.default_rng(scene)
    vector = rng.normal(size=DIM) + 0.2 * np.random.default_rng(1000 * scene + copy).normal(
        size=DIM
    )
    vector /= np.linalg.norm(vector)
    width = 320 if copy == 2 else 640
    size = {"source_width": width, "source_height": 360, "content_x": 0, "content_y": 0}
    size |= {"content_width": width, "content_height": 360}
    seconds = len(strip) / 8
    return {
        "videos": {
            "uri": f"/videos/{name}.mp4", "video_id": f"v{name}", "scan_key": keys.scan,
            "bytes": 1000, "width": width, "height": 360, "frames": len(strip), "status": "ok",
            "packets_hash": f"p{name}", "measured_key": keys.measure,
        },
        "clips": {
            "clip_id": name, "video_id": f"v{name}", "measure_key": keys.measure, "shot_index": 0,
            "start_pts": 0, "end_pts": 1, "start_s": 0.0, "end_s": seconds,
            "frames": len(strip), **size,
        },
        "filmstrips": {
            "clip_id": name, "measure_key": keys.measure,
            "t_s": (np.arange(len(strip)) / 8).tolist(), "luma": pack(np.ascontiguousarray(strip)),
        },
        "embeddings": {
            "clip_id": name, "embed_key": keys.embed, "vector": vector.tolist(),
            "signatures": bytes(32), "qualities": [0],
        },
    }  # fmt: skip


def _config(*more: str) -> Config:
    return load_config(None, [*SETTINGS, *more])


def arrive(corpus: Corpus, clips: Sequence[tuple[int, int]]) -> None:
    made = [rows(*clip) for clip in clips]
    for table in ("clips", "filmstrips", "embeddings"):
        corpus.append(table, rows_of(table, [m[table] for m in made]))
    corpus.upsert("videos", rows_of("videos", [m["videos"] for m in made]))


def dedup(corpus: Corpus, *more: str) -> dict[str, Any]:
    config = _config("dedup.candidate_similarity=0.6", *more)
    record, code = execute(Request(corpus, config, ("dedup",)), Quiet())
    assert code == 0
    return dict(record["stages"]["dedup"])


CLIPS = [(scene, copy) for scene in range(20) for copy in range(1 + scene % 3)]


def answers(corpus: Corpus) -> tuple[pl.DataFrame, pl.DataFrame]:
    duplicates = corpus.read("duplicates").drop("cells", "centres").sort("clip_id")
    return duplicates, corpus.read("copies").sort("clip_id", "other_id")


@pytest.mark.parametrize("index", ["flat", "cells"])
def test_a_corpus_in_ten_parts_gives_what_it_gives_at_once(tmp_path: Path, index: str) -> None:
    more = ("dedup.flat_clips=0",) if index == "cells" else ()
    whole, parts = Corpus(str(tmp_path / "whole")), Corpus(str(tmp_path / "parts"))
    arrive(whole, CLIPS)
    assert dedup(whole, *more)["new"] == len(CLIPS)
    shuffled = [CLIPS[i] for i in np.random.default_rng(0).permutation(len(CLIPS))]
    for start in range(0, 10):
        part = shuffled[start::10]
        arrive(parts, part)
        assert dedup(parts, *more)["new"] == len(part)
    expected, found = answers(whole), answers(parts)
    assert found[0].drop("similarity").equals(expected[0].drop("similarity"))
    assert np.allclose(
        found[0]["similarity"].fill_null(0), expected[0]["similarity"].fill_null(0), atol=1e-6
    )
    assert found[1].select("clip_id", "other_id").equals(expected[1].select("clip_id", "other_id"))
    groups = dict(found[0].select("clip_id", "group_id").iter_rows())
    assert groups == {f"{s:02}{c}": f"{s:02}0" for s, c in CLIPS}


def test_relations_are_stored(tmp_path: Path) -> None:
    corpus = Corpus(str(tmp_path / "corpus"))
    arrive(corpus, [(2, 0), (2, 1), (2, 2)])
    assert dedup(corpus)["copies"] == 2
    assert dedup(corpus)["changed"] is False
    found = {row["clip_id"]: row for row in corpus.read("duplicates").iter_rows(named=True)}
    assert found["021"]["group_id"] == found["022"]["group_id"] == "020"
    assert found["021"]["offset_s"] == pytest.approx(1.0, abs=0.06)
    assert found["021"]["mirrored"] is False
    assert found["022"]["mirrored"] is True
    assert found["022"]["offset_s"] == pytest.approx(0.0, abs=0.06)
    pair = corpus.read("copies").filter(other_id="021").row(0, named=True)
    assert pair["overlap_s"] == pytest.approx(3, abs=0.2)
    assert pair["share"] == pytest.approx(1, abs=0.05)
    assert found["020"]["changes"] is None
    assert found["021"]["changes"] == pair["changes"] == ["trimmed"]
    assert found["022"]["changes"] == ["mirrored", "squeezed", "rescaled"]


def test_clips_that_are_gone_are_forgotten(tmp_path: Path) -> None:
    corpus = Corpus(str(tmp_path / "corpus"))
    arrive(corpus, [(2, 0), (2, 1), (1, 0)])
    dedup(corpus)
    gone = rows(2, 0)["videos"] | {"status": "failed"}
    corpus.upsert("videos", rows_of("videos", [gone]))
    dedup(corpus)
    left = corpus.read("duplicates")
    assert dict(left.select("clip_id", "group_id").iter_rows()) == {"021": "021", "010": "010"}
    assert corpus.read("copies").is_empty()


def test_leaks_into_another_corpus_are_listed(tmp_path: Path) -> None:
    train, test = Corpus(str(tmp_path / "train")), Corpus(str(tmp_path / "test"))
    arrive(train, [(1, 0), (2, 0), (3, 0)])
    arrive(test, [(2, 2), (4, 0)])
    for corpus in (train, test):
        corpus.folder.write(
            to_toml(_config("dedup.candidate_similarity=0.6")).encode(), "rushes.toml"
        )
    result = CliRunner().invoke(app, ["dedup", train.uri, "--against", test.uri, "--json"])
    told = json.loads(result.stdout)
    assert result.exit_code == 3
    assert [(leak["clip_id"], leak["other_id"]) for leak in told["leaks"]] == [("020", "022")]
    assert told["leaks"][0]["mirrored"] is True
    assert told["clips"] == 3
    assert told["against"] == 2
    assert corpus.read("duplicates").is_empty()


def test_corpora_without_common_footage_have_no_leaks(tmp_path: Path) -> None:
    train, test = Corpus(str(tmp_path / "train")), Corpus(str(tmp_path / "test"))
    arrive(train, [(1, 0)])
    arrive(test, [(4, 0)])
    for corpus in (train, test):
        corpus.folder.write(to_toml(_config()).encode(), "rushes.toml")
    result = CliRunner().invoke(app, ["dedup", train.uri, "--against", test.uri])
    assert result.exit_code == 0
