"""The whole path on Ray, over small videos and every kind of damage."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from curate.config import Config, load_config
from curate.decide import missing_reasons
from jobs.pipeline import FAILED_SHARE, OK, Request, execute
from jobs.show import explain
from jobs.stages import STAGES
from manifests.corpus import Corpus
from tests.videos import DAMAGED, Videos

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_cluster")]

SETTINGS = (
    "embed.spec=bundled",
    "encode.spec=bundled",
    "encode.grid=2",
    "encode.min_steps=4",
    "clips.min_s=1.0",
    "study.window=4",
    "study.horizon=2",
    "study.steps=5",
    "study.width=16",
    "study.pca=8",
    "study.bootstrap=100",
    "run.workers=2",
    "run.commit_videos=3",
)
READABLE = ("plain", "hard_cut", "pan", "with_sound", "webm", "rotated", "broken_off", "ten_bit")


class Quiet:
    """Progress that remembers how much work each stage had."""

    def __init__(self) -> None:
        self.totals: dict[str, int] = {}

    def start(self, stage: str, total: int, unit: str) -> None:
        self.totals[stage] = total

    def advance(self, count: int, detail: str = "") -> None:
        pass

    def end(self) -> None:
        pass


def _run(
    corpus: Corpus,
    sources: Sequence[Path],
    *more: str,
    stages: Sequence[str] = STAGES,
    **options: Any,
) -> tuple[dict[str, Any], int, Quiet]:
    progress = Quiet()
    config: Config = load_config(None, [*SETTINGS, *more])
    request = Request(corpus, config, stages, [str(s) for s in sources], **options)
    record, code = execute(request, progress)
    return record, code, progress


@pytest.fixture(scope="module")
def folder(videos: Videos, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Readable videos, every kind of damage, and one byte-identical copy."""
    folder = tmp_path_factory.mktemp("sources")
    for name in (*READABLE, *DAMAGED):
        shutil.copy(videos[name].path, folder)
    shutil.copy(videos["plain"].path, folder / "plain_again.mp4")
    return folder


@pytest.fixture(scope="module")
def done(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Corpus, dict[str, Any], int]:
    """A corpus after one undisturbed run over the folder and a missing path."""
    corpus = Corpus(str(tmp_path_factory.mktemp("corpora") / "corpus"))
    record, code, _ = _run(corpus, [folder, folder / "gone.mp4"])
    return corpus, record, code


def test_every_file_is_accounted_for(
    done: tuple[Corpus, dict[str, Any], int], folder: Path
) -> None:
    corpus, record, _ = done
    videos = corpus.read("videos")
    rows = {Path(row["uri"]).stem: row for row in videos.iter_rows(named=True)}
    assert set(rows) == {*READABLE, *DAMAGED, "plain_again", "gone"}
    expected = {"truncated": "truncated", "text": "not_a_video", "empty": "empty_file"}
    expected |= {"audio_only": "no_video_stream", "gone": "missing_file"}
    failed = {n: r["error"] for n, r in rows.items() if r["status"] == "failed"}
    assert failed == expected
    assert rows["broken_off"]["status"] == "partial"
    assert rows["plain"]["video_id"] == rows["plain_again"]["video_id"]
    assert rows["plain"]["frames"] == rows["plain_again"]["frames"] == 75
    assert record["totals"]["videos"] == {"failed": 5, "ok": len(READABLE), "partial": 1}


def test_every_clip_has_scores_stills_a_vector_and_a_verdict(
    done: tuple[Corpus, dict[str, Any], int],
) -> None:
    corpus, record, code = done
    clips = set(corpus.read("clips")["clip_id"])
    assert len(clips) >= len(READABLE)
    tables = ("scores", "samples", "filmstrips", "embeddings", "duplicates", "decisions")
    for table in tables:
        assert set(corpus.read(table)["clip_id"]) == clips, table
    decisions = corpus.read("decisions")
    assert (decisions["keep"] == (decisions["reasons"].list.len() == 0)).all()
    assert code == (OK if decisions["keep"].any() else FAILED_SHARE)
    assert record["totals"]["kept"] == decisions["keep"].sum()


def test_kept_clips_have_tokens(done: tuple[Corpus, dict[str, Any], int]) -> None:
    corpus, _, _ = done
    kept = corpus.read("decisions").filter("keep")["clip_id"]
    features = corpus.read("features")
    assert set(kept) <= set(features["clip_id"])
    good = features.filter(pl.col("error").is_null())
    assert good["causal"].all()
    assert set(good["file"]) <= set(corpus.folder.files("features"))
    assert (good["bytes"] == good["steps"] * good["tokens"] * good["channels"] * 2).all()


def test_the_study_and_the_report_are_written(done: tuple[Corpus, dict[str, Any], int]) -> None:
    corpus, record, _ = done
    key = record["keys"]["study"]
    assert corpus.folder.exists("study", key, "summary.json")
    page = corpus.folder.read("report", "index.html").decode()
    assert "not_a_video" in page


def test_running_again_does_nothing_and_changes_no_table(
    done: tuple[Corpus, dict[str, Any], int], folder: Path
) -> None:
    corpus, _, _ = done
    before, runs = corpus.versions(), len(corpus.runs())
    _, _, progress = _run(corpus, [folder, folder / "gone.mp4"])
    assert corpus.versions() == before
    assert len(corpus.runs()) == runs + 1
    assert {s: progress.totals[s] for s in ("scan", "measure", "embed", "encode")} == {
        "scan": 0,
        "measure": 0,
        "embed": 0,
        "encode": 0,
    }


def test_a_changed_bound_decides_again_without_decoding(
    done: tuple[Corpus, dict[str, Any], int], folder: Path
) -> None:
    corpus, first, _ = done
    before = corpus.versions()
    strict = "policy.filters.camera_motion.high=0.0"
    record, _, progress = _run(corpus, [folder], strict, stages=STAGES[:5])
    assert progress.totals["measure"] == 0
    changed = {name for name, version in corpus.versions().items() if before[name] != version}
    assert changed == {"decisions"}
    assert record["keys"]["policy"] != first["keys"]["policy"]
    assert record["totals"]["kept"] < first["totals"]["kept"]


def test_an_added_file_is_the_only_one_measured(
    done: tuple[Corpus, dict[str, Any], int], folder: Path, videos: Videos
) -> None:
    corpus, _, _ = done
    before = corpus.read("scores").sort("clip_id")
    shutil.copy(videos["variable_rate"].path, folder)
    record, _, progress = _run(corpus, [folder], stages=STAGES[:5])
    assert (progress.totals["scan"], progress.totals["measure"]) == (1, 1)
    assert record["stages"]["measure"]["ok"] == 1
    kept = corpus.read("scores").join(before, on="clip_id", how="semi").sort("clip_id")
    assert kept.drop("missing").equals(before.drop("missing"))


def test_another_embedding_setting_needs_no_decode(
    done: tuple[Corpus, dict[str, Any], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new embed key is filled from stored stills: no source file is there any more."""
    from curate import keys as keys_module

    corpus, record, _ = done
    versions = {**keys_module.VERSIONS, "embed": 99}
    monkeypatch.setattr(keys_module, "VERSIONS", versions)
    _, _, progress = _run(corpus, [], stages=("embed",))
    clips = set(corpus.read("clips")["clip_id"])
    assert progress.totals["embed"] == len(clips)
    rows = corpus.read("embeddings")
    old = rows.filter(pl.col("embed_key") == record["keys"]["embed"]).sort("clip_id")
    new = rows.filter(pl.col("embed_key") != record["keys"]["embed"]).sort("clip_id")
    assert set(new["clip_id"]) == clips
    both = old.join(new, on="clip_id")
    assert (both["signatures"] == both["signatures_right"]).all()


def test_a_changed_file_is_measured_in_place_of_the_old_one(
    folder: Path, videos: Videos, tmp_path: Path
) -> None:
    corpus = Corpus(str(tmp_path / "corpus"))
    source = tmp_path / "video.mp4"
    shutil.copy(videos["plain"].path, source)
    _run(corpus, [source], stages=STAGES[:2])
    old = set(corpus.read("clips")["clip_id"])
    shutil.copy(videos["pan"].path, source)
    _run(corpus, [source], stages=STAGES[:2])
    new = set(corpus.read("clips")["clip_id"])
    assert len(corpus.read("videos")) == 1
    assert new
    assert not old & new


def test_only_failures_end_with_exit_code_3(videos: Videos, tmp_path: Path) -> None:
    corpus = Corpus(str(tmp_path / "corpus"))
    record, code, _ = _run(corpus, [videos["text"].path])
    assert code == FAILED_SHARE
    assert "1 of 1 videos failed" in record["why"]
    assert corpus.folder.exists("report", "index.html")


def test_failed_videos_are_tried_again_only_when_asked(videos: Videos, tmp_path: Path) -> None:
    corpus = Corpus(str(tmp_path / "corpus"))
    hasty = "limits.max_duration_s=0.5"
    record, _, _ = _run(corpus, [videos["plain"].path], hasty, stages=STAGES[:2])
    assert record["totals"]["errors"] == {"too_long": 1}
    _, _, progress = _run(corpus, [videos["plain"].path], hasty, stages=STAGES[:2])
    assert progress.totals["measure"] == 0
    _, _, progress = _run(
        corpus, [videos["plain"].path], hasty, stages=STAGES[:2], retry_failed=True
    )
    assert progress.totals["measure"] == 1


def test_a_clip_is_explained_by_the_beginning_of_its_id(
    done: tuple[Corpus, dict[str, Any], int],
) -> None:
    corpus, _, _ = done
    clip = corpus.read("clips")["clip_id"][0]
    found = explain(corpus, clip[:12])
    assert found["clip_id"] == clip
    assert found["decision"] is not None
    assert all(s["value"] is not None or s["missing"] for s in found["scores"].values())


def test_settings_that_come_back_leave_one_vector_per_clip(videos: Videos, tmp_path: Path) -> None:
    corpus = Corpus(str(tmp_path / "corpus"))
    for gap in ("0.5", "0.4", "0.5"):
        _run(
            corpus,
            [videos["hard_cut"].path],
            f"shots.pyscenedetect.merge_s={gap}",
            stages=STAGES[:4],
        )
    rows = corpus.read("embeddings")
    assert len(rows) == len(rows.unique(["clip_id", "embed_key"]))
    assert len(corpus.read("scores")) == len(corpus.read("clips")) == 2
    assert corpus.read("duplicates")["nearest"].null_count() > 0


def test_content_is_read_where_it_still_is(videos: Videos, tmp_path: Path) -> None:
    """Two names of one content: the first is deleted, and then rewritten, after the scan."""
    corpus = Corpus(str(tmp_path / "corpus"))
    first, second = tmp_path / "1.mp4", tmp_path / "2.mp4"
    for path in (first, second):
        shutil.copy(videos["plain"].path, path)
    _run(corpus, [first, second], stages=("scan",))
    shutil.copy(videos["pan"].path, first)
    record, _, _ = _run(corpus, [], stages=("measure",))
    assert record["stages"]["measure"]["ok"] == 1
    hashes = set(corpus.read("videos")["packets_hash"])
    fresh = Corpus(str(tmp_path / "fresh"))
    _run(fresh, [second], stages=STAGES[:2])
    assert hashes == set(fresh.read("videos")["packets_hash"])


def test_a_source_that_changed_since_the_scan_is_an_error(videos: Videos, tmp_path: Path) -> None:
    corpus = Corpus(str(tmp_path / "corpus"))
    source = tmp_path / "1.mp4"
    shutil.copy(videos["plain"].path, source)
    _run(corpus, [source], stages=("scan",))
    shutil.copy(videos["pan"].path, source)
    record, _, _ = _run(corpus, [], stages=("measure",))
    assert record["totals"]["errors"] == {"changed": 1}
    record, _, _ = _run(corpus, [source], stages=STAGES[:2])
    assert record["totals"]["videos"] == {"ok": 1}


def test_thresholds_of_shots_are_applied_without_the_video(videos: Videos, tmp_path: Path) -> None:
    """Scores are stored: a video that is gone is cut anew where its clips stay the same."""
    corpus, video = Corpus(str(tmp_path / "corpus")), tmp_path / "v.mp4"
    shutil.copy(videos["hard_cut"].path, video)
    _run(corpus, [video], stages=("scan", "measure"))
    before = corpus.read("scores").drop("measure_key").sort("clip_id")
    video.unlink()
    record, _, _ = _run(corpus, [], "shots.cut_threshold=0.65", stages=("decide",))
    assert record["stages"]["decide"]["recut"] == 1
    assert corpus.read("scores").drop("measure_key").sort("clip_id").equals(before)
    assert len(corpus.read("decisions")) == len(before) == 2
    assert set(corpus.read("videos")["measured_key"]) == {record["keys"]["measure"]}
    # One shot would be a clip that was never measured: what was there stays.
    record, _, _ = _run(
        corpus, [], "shots.cut_threshold=1.0", "shots.gradual_threshold=1.0", stages=("decide",)
    )
    assert record["stages"]["decide"]["recut_needs_measure"] == 1
    assert corpus.read("scores").drop("measure_key").sort("clip_id").equals(before)


def test_another_backend_measures_anew(videos: Videos, tmp_path: Path) -> None:
    corpus = Corpus(str(tmp_path / "corpus"))
    source = [videos["hard_cut"].path]
    _run(corpus, source, stages=("scan", "measure"))
    record, _, _ = _run(corpus, source, "shots.backend=pyscenedetect", stages=("scan", "measure"))
    assert record["stages"]["measure"]["ok"] == 1
    assert corpus.read("frames")["cut_score"].null_count() == 150
    assert corpus.read("frames")["content_val"].null_count() == 1
    assert any("transition_inside" in words for words in missing_reasons(corpus).values())
