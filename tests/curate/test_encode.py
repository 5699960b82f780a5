from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from curate.config import Limits
from curate.decode import Video
from curate.encode import (
    Encoded,
    Pass,
    SpanFrames,
    StepRule,
    TokenSpan,
    encode_frames,
    encode_passes,
    encode_together,
    passes_of,
    read_spans,
    unreadable,
)
from curate.encoders import Encoder, NotFiniteError, load_encoder
from curate.tokens import read_tokens, write_tokens
from manifests.errors import BadVideoError
from manifests.storage import Folder
from tests.videos import Videos, scene, write

RULE = StepRule(step_s=0.25, least=4, most=64)


def _span(path: Path, start_s: float, end_s: float, **more: object) -> TokenSpan:
    with Video(str(path), Limits()) as video:
        ticks = [
            round(Fraction(t).limit_denominator(1000) / video.time_base) for t in (start_s, end_s)
        ]
    return TokenSpan(f"{start_s}-{end_s}", "v", *ticks, **more)  # type: ignore[arg-type]


def _shown_at(path: Path, times_s: list[float]) -> list[np.ndarray]:
    """The slow twin: decode all, then take the last frame at or before each time."""
    with Video(str(path), Limits()) as video:
        base = video.time_base
        frames = [(float(f.pts * base), f.to_array(*f.size, "rgb24")) for f in video]
    return [[p for t, p in frames if t <= wanted + 1e-9][-1] for wanted in times_s]


@pytest.mark.parametrize("name", ["plain", "variable_rate", "mpeg_ts", "webm"])
def test_each_step_is_the_frame_that_is_shown_then(videos: Videos, name: str) -> None:
    path, first = videos[name].path, videos[name].times_s[0]
    span = _span(path, first + 0.1, first + 1.5)
    (found,) = read_spans(str(path), [span], RULE, Limits())
    assert found is not None
    times = [first + 0.1 + k * 0.25 for k in range(6)]
    expected = np.stack(_shown_at(path, times))
    assert np.array_equal(found.frames, expected)
    assert found.t0_s == pytest.approx(times[0], abs=1e-3)


def test_starting_near_the_span_gives_the_same_frames(videos: Videos) -> None:
    path = videos["plain"].path
    spans = [_span(path, 1.6, 2.8), _span(path, 1.8, 3.0)]
    plain = read_spans(str(path), spans, RULE, Limits())
    sought = read_spans(str(path), spans, RULE, Limits(), seekable=True)
    for a, b in zip(plain, sought, strict=True):
        assert a is not None
        assert b is not None
        assert np.array_equal(a.frames, b.frames)


@pytest.mark.parametrize(
    ("suffix", "codec", "options"),
    [
        pytest.param(".ts", "mpeg4", {"g": "250"}, id="mpeg4-in-ts"),
        pytest.param(".mpg", "mpeg2video", {"g": "15"}, id="mpeg2-in-ps"),
        pytest.param(
            ".mp4", "libx264", {"x264-params": "intra-refresh=1:keyint=60"}, id="intra-refresh"
        ),
        pytest.param(".mp4", "libx264", {"g": "50", "bf": "2"}, id="h264-in-mp4"),
        pytest.param(".mkv", "libx264", {"g": "50"}, id="h264-in-mkv"),
    ],
)
def test_seeking_never_changes_a_picture(
    suffix: str, codec: str, options: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / f"video{suffix}"
    write(path, scene(200, seed=21), codec=codec, options=options)
    with Video(str(path), Limits()) as video:
        first = next(iter(video)).pts * float(video.time_base)
    spans = [_span(path, first + at, first + at + 1.2) for at in (3.9, 5.1, 6.4)]
    plain = read_spans(str(path), spans, RULE, Limits())
    sought = read_spans(str(path), spans, RULE, Limits(), seekable=True)
    for a, b in zip(plain, sought, strict=True):
        assert a is not None
        assert b is not None
        assert np.array_equal(a.frames, b.frames)


def test_overlapping_spans_share_one_decode_and_short_ones_are_none(videos: Videos) -> None:
    path = videos["plain"].path
    spans = [_span(path, 0, 2), _span(path, 0.5, 1.2), _span(path, 0.5, 2.5)]
    lengths = [
        None if f is None else len(f.frames) for f in read_spans(str(path), spans, RULE, Limits())
    ]
    assert lengths == [8, None, 8]


def test_only_the_content_box_is_encoded(videos: Videos) -> None:
    path = videos["hard_cut"].path
    span = _span(path, 0, 2, box=(0.25, 0.0, 0.5, 1.0))
    whole, cropped = read_spans(str(path), [_span(path, 0, 2), span], RULE, Limits())
    assert whole is not None
    assert cropped is not None
    assert np.array_equal(cropped.frames, whole.frames[:, :, 80:240])


@pytest.fixture(scope="module")
def bundled() -> Encoder:
    return load_encoder("bundled", grid=2, device="cpu")


def test_tokens_come_back_as_they_were_written(
    videos: Videos, bundled: Encoder, tmp_path: Path
) -> None:
    path, folder = videos["plain"].path, Folder(str(tmp_path))
    spans = [_span(path, 0, 1.5), _span(path, 0.5, 1.0), _span(path, 1, 2.5)]
    frames = read_spans(str(path), spans, RULE, Limits())
    encoded = [encode_frames(s, f, bundled) for s, f in zip(spans, frames, strict=True)]
    rows = write_tokens(folder, "k", encoded, bundled.spec, causal=True, step_s=0.25)
    assert [row["error"] for row in rows] == [None, "too_short", None]
    good = [(row["file"], row["row"]) for row in rows if row["error"] is None]
    tokens = read_tokens(folder, list(reversed(good)))
    assert [t.shape for t in tokens] == [(6, 4, 1280)] * 2
    assert encoded[2].tokens is not None
    assert np.array_equal(tokens[0], encoded[2].tokens)
    again = write_tokens(folder, "k", encoded, bundled.spec, causal=True, step_s=0.25)
    assert again == rows
    assert len(folder.files("features")) == 1


def test_passes_encode_what_each_span_gives_by_itself(videos: Videos, bundled: Encoder) -> None:
    plain, other = videos["plain"].path, videos["hard_cut"].path
    spans = [_span(plain, 0.1 * k, 0.1 * k + 1.1) for k in range(10)]
    boxed = [_span(other, 0, 2, box=(0.25, 0.0, 0.5, 1.0)), _span(other, 0, 0.5)]
    passes = [
        *passes_of([str(plain)], spans, sound=True),
        Pass(("nowhere.mp4",), (spans[0],), seekable=False),
        *passes_of([str(other)], boxed, sound=True),
    ]
    assert [len(part.spans) for part in passes] == [8, 2, 1, 2]

    def read(part: Pass) -> list[SpanFrames | None]:
        return read_spans(part.uris[0], part.spans, RULE, Limits(), seekable=part.seekable)

    found = [encoded for part in encode_passes(passes, read, bundled) for encoded in part]
    assert [e.error for e in found] == [None] * 10 + ["unreadable", None, "too_short"]
    for encoded in found:
        if encoded.tokens is None:
            continue
        path = other if encoded.span in boxed else plain
        start = float(encoded.t0_s or 0)
        steps = len(encoded.tokens)
        # The slow twin: one frame at a time out of a whole decode, cropped, encoded alone.
        for k, picture in enumerate(_shown_at(path, [start + 0.25 * k for k in range(steps)])):
            cut = picture[:, 80:240] if encoded.span in boxed else picture
            alone = bundled.encode(cut[None])[0].astype(np.float32)
            ours = encoded.tokens[k].astype(np.float32)
            assert np.abs(ours - alone).max() <= 2e-3 * np.abs(alone).max()


def test_one_span_of_undefined_tokens_does_not_spoil_the_others() -> None:
    class Choosy:
        def encode(self, frames: Sequence[np.ndarray]) -> np.ndarray:
            if any(frame.max() == 0 for frame in frames):
                raise NotFiniteError("black")
            return np.ones((len(frames), 1, 1), np.float16)

    spans = [TokenSpan(name, "v", 0, 1) for name in "abc"]
    frames = [SpanFrames(np.full((2, 4, 4, 3), value, np.uint8), 0.0) for value in (9, 0, 9)]
    found = encode_together(spans, frames, Choosy())  # type: ignore[arg-type]
    assert [e.error for e in found] == [None, "not_finite", None]


def test_undefined_tokens_are_an_error_word(videos: Videos) -> None:
    class Overflowing:
        spec, causal = "broken", True

        def encode(self, frames: np.ndarray) -> np.ndarray:
            raise NotFiniteError("infinite")

    path = videos["plain"].path
    (frames,) = read_spans(str(path), [_span(path, 0, 2)], RULE, Limits())
    found = encode_frames(_span(path, 0, 2), frames, Overflowing())  # type: ignore[arg-type]
    assert (found.tokens, found.error) == (None, "not_finite")


def test_a_video_that_cannot_be_read_again_gives_rows_with_a_word(videos: Videos) -> None:
    span = _span(videos["plain"].path, 0, 2)
    assert unreadable([span], BadVideoError("missing_file")) == [Encoded(span, error="unreadable")]
