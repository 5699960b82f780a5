from pathlib import Path

import numpy as np
import pytest

from curate.config import Limits
from curate.decode import Video
from curate.scan import scan_source
from curate.sources import Source, list_sources
from manifests.errors import VIDEO_ERRORS, BadVideoError
from tests.videos import DAMAGED, MAKERS, Videos

READABLE = [name for name in MAKERS if name not in DAMAGED]


@pytest.mark.parametrize("name", READABLE)
def test_every_frame_is_decoded_at_its_time(videos: Videos, name: str) -> None:
    truth = videos[name]
    with Video(str(truth.path), Limits()) as video:
        base = video.time_base
        frames = [(float(f.pts * base), f.size, f.index) for f in video]
    assert len(frames) == truth.frames
    np.testing.assert_allclose([t_s for t_s, _, _ in frames], truth.times_s, atol=1e-3)
    turned = truth.rotation_deg % 180 != 0
    size = (truth.height, truth.width) if turned else (truth.width, truth.height)
    assert {size} == {s for _, s, _ in frames}
    assert [i for _, _, i in frames] == list(range(truth.frames))


@pytest.mark.parametrize("name", DAMAGED)
def test_what_cannot_be_read_has_its_own_word(videos: Videos, name: str) -> None:
    truth = videos[name]
    with pytest.raises(BadVideoError) as caught, Video(str(truth.path), Limits()) as video:
        list(video)
    assert caught.value.word == truth.error
    assert caught.value.word in VIDEO_ERRORS


def test_a_missing_file_and_a_folder_have_words(tmp_path: Path) -> None:
    for path, word in ((tmp_path / "gone.mp4", "missing_file"), (tmp_path, "unreadable")):
        with pytest.raises(BadVideoError) as caught:
            Video(str(path), Limits()).__enter__()
        assert caught.value.word == word


def test_a_playlist_that_names_a_local_file_is_not_opened(videos: Videos, tmp_path: Path) -> None:
    playlist = tmp_path / "list.m3u8"
    lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:3", "#EXTINF:3,", str(videos["mpeg_ts"].path)]
    playlist.write_text("\n".join([*lines, "#EXT-X-ENDLIST", ""]))
    concat = tmp_path / "list.ffconcat"
    concat.write_text(f"ffconcat version 1.0\nfile '{videos['plain'].path}'\n")
    for path in (playlist, concat):
        with pytest.raises(BadVideoError) as caught:
            Video(str(path), Limits()).__enter__()
        assert caught.value.word == "not_a_video"


def test_limits_on_duration_and_size_are_words(videos: Videos) -> None:
    path = str(videos["plain"].path)
    with pytest.raises(BadVideoError) as caught, Video(path, Limits(max_duration_s=1)) as video:
        list(video)
    assert caught.value.word == "too_long"
    with pytest.raises(BadVideoError) as caught:
        Video(path, Limits(max_frame_pixels=100)).__enter__()
    assert caught.value.word == "too_large"


def test_a_file_that_breaks_off_is_told_by_its_index(videos: Videos) -> None:
    with Video(str(videos["broken_off"].path), Limits()) as video:
        list(video)
        assert (video.tally.packets, video.tally.promised) == (30, 50)


def test_pixels_do_not_depend_on_how_the_picture_is_stored(videos: Videos) -> None:
    """A turned picture is shown upright; the twin is the plain array turned by numpy."""
    with Video(str(videos["rotated"].path), Limits()) as video:
        frame = next(iter(video))
        upright = frame.to_array(60, 80, "gray")
        stored = frame.image.reformat(width=80, height=60, format="gray").to_ndarray()
    assert upright.shape == (80, 60)
    turned = min(float(np.abs(np.rot90(stored, k).astype(int) - upright).mean()) for k in (1, 3))
    assert turned < 4  # another interpolation, nothing else


def test_the_packets_hash_survives_a_change_of_container(videos: Videos, tmp_path: Path) -> None:
    import av

    remuxed = tmp_path / "remuxed.mkv"
    with av.open(videos["plain"].path) as source, av.open(remuxed, "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    hashes = []
    for path in (videos["plain"].path, remuxed, videos["gray"].path):
        with Video(str(path), Limits()) as video:
            list(video)
            hashes.append(video.tally.packets_hash)
    assert hashes[0] == hashes[1] != hashes[2]


def test_scan_describes_without_decoding(videos: Videos) -> None:
    truth = videos["webm"]
    (source,) = list_sources([str(truth.path)])
    row = scan_source(source, "k", Limits())
    assert (row["codec"], row["width"], row["height"]) == ("vp9", truth.width, truth.height)
    assert row["status"] == "pending"
    assert len(row["video_id"]) == 32
    assert row["audio"] is False


def test_scan_of_what_cannot_be_opened_is_a_row(videos: Videos, tmp_path: Path) -> None:
    gone = scan_source(Source(str(tmp_path / "gone.mp4"), None, None), "k", Limits())
    assert (gone["status"], gone["error"]) == ("failed", "missing_file")
    assert "video_id" not in gone
    (text,) = list_sources([str(videos["text"].path)])
    assert scan_source(text, "k", Limits())["error"] == "not_a_video"


@pytest.mark.real
def test_every_real_file_decodes_or_has_a_word(real_videos: Path) -> None:
    words: dict[str, int] = {}
    for source in list_sources([str(real_videos)]):
        row = scan_source(source, "k", Limits())
        if row["status"] == "failed":
            words[row["error"]] = words.get(row["error"], 0) + 1
    assert words == {"no_video_stream": 2, "not_a_video": 1, "truncated": 1, "empty_file": 1}
