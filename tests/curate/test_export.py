import io
import json
import tarfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest

from curate.actions import Actions
from curate.config import Limits
from curate.decode import Video
from curate.export.lerobot import CAMERA, Episode, video_file, write_lerobot
from curate.export.lerobot_stats import pooled, stats_of
from curate.export.plan import ExportClip, export_clips
from curate.export.shards import as_json, npy, tar_shard
from curate.export.video import clip_mp4, episodes_mp4
from curate.lerobot import import_actions
from curate.scan import identify
from jobs.export import ExportActor, Layout, common_rate, common_size
from manifests.corpus import Corpus, rows_of
from manifests.storage import Folder
from tests.videos import TestVideo, Videos

SIZE = (160, 120)


def clip_of(
    video: TestVideo, first: int, last: int, box: tuple[int, ...] | None = None
) -> ExportClip:
    """Frames [first, last) of a test video."""
    with Video(str(video.path), Limits()) as opened:
        base = opened.time_base
        pts = [frame.pts for frame in opened]
    end = pts[last] if last < len(pts) else pts[-1] + round(Fraction(1, 25) / base)
    x, y, width, height = box or (0, 0, video.width, video.height)
    return ExportClip(
        f"{video.path.stem}{first}",
        identify(str(video.path)),
        (str(video.path),),
        pts[first],
        end,
        float(pts[first] * base),
        (video.width, video.height),
        (x, y, width, height),
        sound=True,
        facts={"fps": 25.0, "end_s": float(end * base)},
    )


def decoded(content: bytes) -> Iterator[tuple[float, np.ndarray]]:
    with av.open(io.BytesIO(content), "r") as container:
        for frame in container.decode(video=0):
            assert frame.pts is not None
            assert frame.time_base is not None
            yield float(frame.pts * frame.time_base), frame.to_ndarray(format="rgb24")


def pictures(video: TestVideo) -> list[np.ndarray]:
    with Video(str(video.path), Limits()) as opened:
        return [frame.to_array(video.width, video.height, "rgb24") for frame in opened]


def nearest(picture: np.ndarray, sources: list[np.ndarray]) -> int:
    """The frame that a picture is, encoded once more."""
    distances = [np.abs(picture.astype(np.int16) - source).mean() for source in sources]
    assert min(distances) < 4  # x264's and the colour conversion's
    return int(np.argmin(distances))


@pytest.mark.parametrize("name", ["plain", "variable_rate", "rotated", "webm"])
def test_a_clip_keeps_its_frames_and_their_times(videos: Videos, name: str) -> None:
    video = videos[name]
    found = list(decoded(clip_mp4(clip_of(video, 12, 45), Limits())))
    times = [t - video.times_s[12] for t in video.times_s[12:45]]
    assert [t for t, _ in found] == pytest.approx(times, abs=2e-3)
    sources = pictures(video)
    for number, (_, ours) in enumerate(found):
        assert nearest(ours, sources) == 12 + number


def test_only_the_content_box_is_written(videos: Videos) -> None:
    video = videos["plain"]
    found = [p for _, p in decoded(clip_mp4(clip_of(video, 0, 9, (10, 20, 101, 60)), Limits()))]
    assert found[0].shape == (60, 100, 3)
    theirs = pictures(video)[0][20:80, 10:110]
    assert np.abs(found[0].astype(int) - theirs).mean() < 4


def test_episodes_follow_each_other_at_one_rate_and_size(videos: Videos) -> None:
    slow, plain = videos["variable_rate"], videos["plain"]
    clips = [clip_of(slow, 20, 40), clip_of(plain, 0, 25, (0, 0, 160, 60))]
    content, found = episodes_mp4(clips, 10, SIZE, Limits())
    shown = list(decoded(content))
    # 10 frames of 40 ms and 10 of 80 ms are 1.2 s; 25 frames are 1 s.
    assert [(one.first, one.frames, one.error) for one in found] == [(0, 12, None), (12, 10, None)]
    assert [t for t, _ in shown] == pytest.approx([k / 10 for k in range(22)], abs=1e-4)
    sources = pictures(slow)
    times = np.array(slow.times_s)
    for k in range(12):
        frame = int(np.searchsorted(times, times[20] + k / 10 + 1e-6, side="right")) - 1
        assert nearest(shown[k][1], sources) == frame
    assert shown[12][1][:28].max() < 20  # a flat picture stands between black bars
    assert shown[12][1][32:88].mean() > 40


def test_an_unreadable_clip_is_told_and_the_others_are_whole(
    videos: Videos, tmp_path: Path
) -> None:
    plain = videos["plain"]
    gone = clip_of(plain, 0, 25)
    lost = ExportClip(
        **{n: getattr(gone, n) for n in ExportClip.__slots__} | {"uris": ("/no.mp4",)}
    )
    content, found = episodes_mp4([lost, gone], 25, SIZE, Limits())
    assert [one.error for one in found] == ["missing_file", None]
    assert (found[1].first, found[1].frames) == (0, 25)
    assert len(list(decoded(content))) == 25


def test_a_shard_is_a_tar_of_samples_with_equal_bytes_each_time() -> None:
    tokens = np.arange(12, dtype=np.float16).reshape(2, 3, 2)
    samples = [("a", {"json": as_json({"x": 1}), "tokens.npy": npy(tokens)}), ("b", {"mp4": b"m"})]
    shard = tar_shard(samples)
    assert shard == tar_shard(samples)
    with tarfile.open(fileobj=io.BytesIO(shard)) as tar:
        members = {m.name: tar.extractfile(m) for m in tar.getmembers()}
        assert list(members) == ["a.json", "a.tokens.npy", "b.mp4"]
        held = members["a.tokens.npy"]
        assert held is not None
        assert np.array_equal(np.load(io.BytesIO(held.read())), tokens)
    with pytest.raises(ValueError, match="no dot"):
        tar_shard([("a.b", {"mp4": b""})])


def test_actions_come_back_from_an_exported_data_set(tmp_path: Path) -> None:
    """At the recorded rate every action is exported once, at its own frame, and read back."""
    rng = np.random.default_rng(0)
    recorded = rng.standard_normal((3600, 3)).astype(np.float32)  # two minutes at 30 a second
    corpus = Corpus(str(tmp_path / "corpus"))
    times = (np.arange(3600, dtype=np.float32) / 30).astype(float)  # as data sets store them
    rows = [
        {"video_id": "v", "t_s": t, "action": a, "source": "s"}
        for t, a in zip(times.tolist(), recorded.tolist(), strict=True)
    ]
    corpus.append("actions", rows_of("actions", rows))
    actions = Actions(corpus, np.array(["v", "w"]))
    episodes = []
    for k, (video, start, count) in enumerate([("v", 0, 240), ("v", 3000, 240), ("w", 0, 60)]):
        clip = ExportClip(
            f"c{k}", video, (f"{video}.mp4",), 0, 1, start / 30, SIZE, (0, 0, *SIZE), True, {}
        )
        done = actions.at_steps(video, start / 30, count, 1 / 30, "first")
        episodes.append(Episode(clip, k // 2, 240 * (k % 2), done))
    folder = Folder(str(tmp_path / "set"))
    info = write_lerobot(folder, episodes, fps=30, size=SIZE, task="none")
    assert (info["total_episodes"], info["total_frames"]) == (3, 540)
    videos = [folder.url(video_file(0)), folder.url(video_file(1))]
    table, found = import_actions(
        folder, pl.DataFrame({"uri": videos, "video_id": ["first", "second"]})
    )
    back = pl.DataFrame(table)
    assert isinstance(back, pl.DataFrame)
    back = back.sort("t_s")
    assert found == 1  # nothing was recorded of the other
    expected = np.concatenate([recorded[:240], recorded[3000:3240]])
    assert np.array_equal(np.array(back["action"].to_list(), np.float32), expected)
    assert back["t_s"].to_numpy() == pytest.approx(np.arange(480) / 30, abs=1e-4)


def test_episode_rows_say_where_frames_lie(tmp_path: Path) -> None:
    clip = ExportClip("c", "v", ("v.mp4",), 0, 1, 0.0, SIZE, (0, 0, *SIZE), True, {})
    episodes = [Episode(clip, k, 5 * k, np.full((10, 1), k, np.float32)) for k in range(2)]
    folder = Folder(str(tmp_path))
    write_lerobot(folder, episodes, fps=10, size=SIZE, task="wave")
    rows = pq.read_table(tmp_path / "meta/episodes/chunk-000/file-000.parquet").to_pylist()
    assert [(r["dataset_from_index"], r["dataset_to_index"]) for r in rows] == [(0, 10), (10, 20)]
    assert rows[1][f"videos/{CAMERA}/from_timestamp"] == 0.5
    assert rows[1]["data/file_index"] == 1
    frames = pq.read_table(tmp_path / "data/chunk-000/file-001.parquet").to_pydict()
    assert frames["index"] == list(range(10, 20))
    assert frames["action"] == [1.0] * 10  # one number is a plain column
    tasks = pq.read_table(tmp_path / "meta/tasks.parquet")
    assert tasks["__index_level_0__"].to_pylist() == ["wave"]
    stats = json.loads((tmp_path / "meta/stats.json").read_text())
    assert (stats["action"]["mean"], stats["action"]["std"]) == ([0.5], [0.5])


def test_pooled_statistics_are_those_of_all_values() -> None:
    rng = np.random.default_rng(0)
    parts = [rng.normal(k, 1 + k, (50 * (k + 1), 2)) for k in range(3)]
    parts[0][3] = np.nan
    found = pooled([stats_of(part) for part in parts])
    whole = stats_of(np.concatenate(parts))
    for name in ("min", "max", "mean", "std", "count"):
        np.testing.assert_allclose(found[name], whole[name])


def make_corpus(folder: Path, video: TestVideo) -> Corpus:
    """Two clips of one video, of which the second is kept."""
    corpus = Corpus(str(folder))
    known = {"video_id": identify(str(video.path)), "measure_key": "m"}
    rows = [
        {"uri": str(video.path), "video_id": known["video_id"], "status": "ok", "measured_key": "m",
         "pts_repaired": 0}
    ]  # fmt: skip
    corpus.append("videos", rows_of("videos", rows))
    box = {"source_width": 160, "source_height": 120, "content_x": 0, "content_y": 0,
           "content_width": 160, "content_height": 120, "fps": 25.0, "frames": 25}  # fmt: skip
    clips = []
    for k in range(2):
        clip = clip_of(video, 25 * k, 25 * k + 25)
        times = {"start_s": clip.start_s, "end_s": clip.facts["end_s"]}
        pts = {"start_pts": clip.start_pts, "end_pts": clip.end_pts}
        clips.append({"clip_id": f"c{k}"} | known | box | times | pts)
    corpus.append("clips", rows_of("clips", clips))
    verdicts = [{"clip_id": f"c{k}", "policy_key": "p", "keep": k == 1} for k in range(2)]
    corpus.append("decisions", rows_of("decisions", verdicts))
    actions = [
        {"video_id": known["video_id"], "t_s": k / 25, "action": [k], "source": "s"}
        for k in range(75)
    ]
    corpus.append("actions", rows_of("actions", actions))
    return corpus


def test_a_shard_holds_the_kept_clips_and_what_is_known_of_them(
    videos: Videos, tmp_path: Path
) -> None:
    corpus = make_corpus(tmp_path / "corpus", videos["plain"])
    clips = export_clips(corpus)
    assert [clip.clip_id for clip in clips] == ["c1"]
    assert common_rate(clips) == 25
    assert common_size(clips) == SIZE
    actor = ExportActor(Limits(), Layout("webdataset"), corpus.uri, str(tmp_path / "out"))
    (told,) = actor._shard(0, clips)
    assert told == {"clip_id": "c1", "error": None}
    with tarfile.open(tmp_path / "out/clips-000000.tar") as tar:
        held = {m.name: tar.extractfile(m).read() for m in tar.getmembers()}  # type: ignore[union-attr]
    assert set(held) == {"c1.json", "c1.mp4", "c1.actions.npy"}
    facts = json.loads(held["c1.json"])
    assert (facts["start_s"], facts["uri"]) == (1.0, str(videos["plain"].path))
    assert facts["action_s"] == pytest.approx([k / 25 for k in range(25)])
    actions = np.load(io.BytesIO(held["c1.actions.npy"]))
    assert actions[:, 0].tolist() == list(range(25, 50))
    assert len(list(decoded(held["c1.mp4"]))) == 25
