"""The one decode of a video: shots, clips, scores, per-frame signals and stills, in one pass.

Memory is bounded by one clip's frames whatever the video's length; per frame of the video only
the signals of the `frames` table are kept.
"""

import math
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.config import Config
from curate.cutter import Cutter, Span, shot_rows, typical_step
from curate.decode import Frame, Tally, Video
from curate.evidence import evidence_row
from curate.filmstrip import filmstrip, pack
from curate.ocr import text_share
from curate.over_shots import SourceScores
from curate.scan import require_content
from curate.shots import make_backend
from curate.shots.signals import HEIGHT, WIDTH
from curate.window import ClipWindow
from filters.base import Clip, GlobalMotion, Unmeasurable
from filters.letterbox import borders
from filters.registry import FILTERS
from manifests.corpus import rows_of
from manifests.ids import clip_id
from manifests.schemas import FRAMES, scores_table

Picture = npt.NDArray[np.uint8]

_SMALL = (WIDTH, HEIGHT, "yuvj444p")
"""The picture of which every frame gives signals."""
_SIGNALS = (
    "luma_mean", "luma_std", "diff",
    "tx", "ty", "log_scale", "roll_deg", "inlier_ratio", "residual",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Measured:
    """What the pass found: facts for the `videos` row, and rows of the other tables."""

    facts: dict[str, Any]
    tables: dict[str, pa.Table]


def measure_source(uri: str, video_id: str, measure_key: str, config: Config) -> Measured:
    """`measure_video` of a source that is what was scanned, before and after.

    Raises:
        BadVideoError: As `measure_video`, or changed.
    """
    require_content(uri, video_id)
    measured = measure_video(uri, video_id, measure_key, config)
    require_content(uri, video_id)
    return measured


def measure_video(uri: str, video_id: str, measure_key: str, config: Config) -> Measured:
    """Decode a video once and measure everything that is stored about it.

    Args:
        uri: Path or URI.
        video_id: Its content id.
        measure_key: Key under which the rows are stored.
        config: The resolved configuration.

    Raises:
        BadVideoError: The video cannot be read; see manifests.errors.VIDEO_ERRORS.
    """
    with Video(uri, config.limits, vectors=config.measure.motion_source == "codec") as video:
        run = _Pass(video, video_id, measure_key, config)
        for frame in video:
            run.take(frame)
        return run.finish()


class _Pass:
    """State of one pass over one video."""

    def __init__(self, video: Video, video_id: str, measure_key: str, config: Config) -> None:
        self._video, self._settings = video, config.measure
        self._ids = {"video_id": video_id, "measure_key": measure_key}
        self._detector = make_backend(config.shots)
        self._cutter = Cutter(config.clips, config.shots)
        still_fps = config.measure.samples_per_clip / config.clips.min_s
        self._window = ClipWindow(config.measure, still_fps)
        # Arrays of numbers, because hours of video give millions of them; nan is null.
        self._pts = array("q")
        self._signals = {name: array("f") for name in _SIGNALS}
        self._previous: Picture | None = None
        self._rows: dict[str, list[dict[str, Any]]] = {"clips": [], "scores": [], "evidence": []}
        self._stills = [rows_of("samples", [])]
        self._source = SourceScores()
        self._strips = [rows_of("filmstrips", [])]
        self._size = (0, 0)
        # Fractions are exact and slow; this division rounds once, to the same float.
        self._numerator, self._denominator = video.time_base.as_integer_ratio()

    def take(self, frame: Frame) -> None:
        """Take the next frame."""
        if frame.index == 0:
            self._size = frame.size
        self._pts.append(frame.pts)
        t_s = frame.pts * self._numerator / self._denominator
        small = frame.to_array(*_SMALL)
        wanted = (*self._detector.size, self._detector.pixels)
        shown = small if wanted == _SMALL else frame.to_array(*wanted)
        self._detector.update(frame.index, t_s, shown)
        luma = small[0]
        motion = self._window.add(frame, t_s, luma)
        self._record(luma, motion)
        self._previous = luma
        self._cutter.push(t_s)
        self._advance(frame.index, final=False)

    def finish(self) -> Measured:
        """Close the last shot and build the tables."""
        count = len(self._pts)
        self._advance(count - 1, final=True)
        self._pts.append(self._pts[-1] + typical_step(self._pts, self._video.tick))
        for span in self._cutter.finish(float(self._pts[-1] * self._video.time_base)):
            self._close(span)
        self._rows["evidence"] += self._source.settle()
        return Measured(self._facts(count), self._tables(count))

    def _advance(self, index: int, *, final: bool) -> None:
        for transition in self._detector.transitions(index, final=final):
            for span in self._cutter.cut(transition):
                self._close(span)
        if not final:
            for span in self._cutter.settle(self._detector.settled(index)):
                self._close(span)
        self._window.forget(self._cutter.first_needed)

    def _record(self, luma: Picture, motion: GlobalMotion | None) -> None:
        """Append one frame's signals."""
        before = self._previous
        mean, spread = (float(value[0, 0]) for value in cv2.meanStdDev(luma))
        values: dict[str, float | None] = {
            "luma_mean": mean,
            "luma_std": spread,
            "diff": None if before is None else cv2.norm(luma, before, cv2.NORM_L1) / luma.size,
        }
        for name, column in self._signals.items():
            value = values[name] if name in values else getattr(motion, name, None)
            column.append(math.nan if value is None else value)

    def _close(self, span: Span) -> None:
        """Measure a clip whose frames have all passed."""
        start, end = self._pts[span.start], self._pts[span.end]
        base, (width, height) = self._video.time_base, self._size
        highest = self._detector.highest(span.start, span.end)
        clip = self._window.clip(span.start, span.end, float(start * base), highest)
        box = (0, 0, width, height) if clip is None else _content(clip, width, height)
        keys = {
            "clip_id": clip_id(self._ids["video_id"], start, end),
            "measure_key": self._ids["measure_key"],
        }
        shares = tuple(v / s for v, s in zip(box, (width, height) * 2, strict=True))
        if clip is not None and self._settings.ocr:
            middle = self._window.middle(span.start, span.end, shares)
            if middle is not None:
                clip = replace(clip, text_share=text_share(middle))
        scores = {**keys, **_scores(clip)}
        self._rows["scores"].append(scores)
        if clip is not None:
            self._source.take(clip, span.shot_index, scores)
            self._rows["evidence"] += [{**keys, **row} for row in _evidence(clip, scores)]
        stills = []
        for number, (index, jpeg) in enumerate(self._window.stills(span.start, span.end, shares)):
            t_s = float((self._pts[index] - start) * base)
            stills.append({**keys, "sample": number, "t_s": t_s, "jpeg": jpeg})
        self._stills.append(rows_of("samples", stills))
        if clip is not None:
            luma, at_s = filmstrip(clip.tiny, clip.tiny_t_s, shares)
            strip = {**keys, "t_s": at_s.tolist(), "luma": pack(luma)}
            self._strips.append(rows_of("filmstrips", [strip]))
        self._rows["clips"].append(
            {
                **keys,
                **self._ids,
                "shot_index": span.shot_index,
                "start_pts": start,
                "end_pts": end,
                "time_base_num": base.numerator,
                "time_base_den": base.denominator,
                "start_s": float(start * base),
                "end_s": float(end * base),
                "frames": span.end - span.start,
                "fps": (span.end - span.start) / float((end - start) * base),
                "source_width": width,
                "source_height": height,
                **dict(zip(_BOX, box, strict=True)),
            }
        )

    def _facts(self, count: int) -> dict[str, Any]:
        tally, base = self._video.tally, self._video.time_base
        ticks = self._pts[count] - self._pts[0]
        rate = Fraction(count, 1) / (ticks * base)
        rate = rate.limit_denominator(1001)
        storable = 0 < rate.numerator < 2**31  # damaged clocks give any number
        error, detail = _damage(tally)
        return {
            "width": self._size[0],
            "height": self._size[1],
            "fps_num": rate.numerator if storable else None,
            "fps_den": rate.denominator if storable else None,
            "frames": count,
            "start_s": float(self._pts[0] * base),
            "duration_s": float(ticks * base),
            "rotation_deg": tally.rotation_deg,
            "interlaced": tally.interlaced,
            "status": "ok" if error is None else "partial",
            "error": error,
            "error_detail": detail,
            "decode_failures": tally.failures,
            "pts_repaired": tally.repaired,
            "packets_hash": tally.packets_hash,
        }

    def _tables(self, count: int) -> dict[str, pa.Table]:
        shots = shot_rows(self._cutter.shots, self._pts, self._video.time_base, self._ids)
        frames = {
            "video_id": [self._ids["video_id"]] * count,
            "measure_key": [self._ids["measure_key"]] * count,
            "frame": np.arange(count),
            "pts": np.asarray(self._pts[:count]),
            **{
                name: pa.array(np.asarray(v), from_pandas=True) for name, v in self._signals.items()
            },
            **self._detector.scores(),
        }
        absent = {c.name: [None] * count for c in FRAMES.columns if c.name not in frames}
        schema = scores_table(list(FILTERS)).schema
        return {
            "shots": rows_of("shots", shots),
            "clips": rows_of("clips", self._rows["clips"]),
            "evidence": rows_of("evidence", self._rows["evidence"]),
            "scores": pa.Table.from_pylist(self._rows["scores"], schema=schema),
            "frames": pa.table({**frames, **absent}, schema=FRAMES.schema),
            "samples": pa.concat_tables(self._stills),
            "filmstrips": pa.concat_tables(self._strips),
        }


_BOX = ("content_x", "content_y", "content_width", "content_height")


def _damage(tally: Tally) -> tuple[str | None, str | None]:
    """Error word and detail of a video of which only a part decoded."""
    if tally.failures:
        return "damaged", f"{tally.failures} of {tally.packets} packets failed to decode"
    if tally.promised is not None and tally.packets < tally.promised:
        return "truncated", f"{tally.packets} of {tally.promised} packets are in the file"
    return None, None


def _scores(clip: Clip | None) -> dict[str, Any]:
    """Every registered score, and why those that are absent are."""
    values: dict[str, Any] = {}
    missing: dict[str, str] = {}
    for name, chosen in FILTERS.items():
        try:
            if clip is None:  # no frame of the span was analysed
                raise Unmeasurable("too_few_frames")
            values[name] = chosen.score(clip)
        except Unmeasurable as reason:
            missing[name] = reason.word
    return {**values, "missing": list(missing.items())}


def _evidence(clip: Clip, scores: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Where the clip's scores come from, of the filters that can tell."""
    for name, chosen in FILTERS.items():
        if chosen.evidence is None or scores.get(name) is None:
            continue
        found = sorted(chosen.evidence(clip), key=lambda e: (e.start_s, e.end_s))
        for item, at in enumerate(found):
            yield evidence_row(name, item, at)


def _content(clip: Clip, width: int, height: int) -> tuple[int, int, int, int]:
    """The content box in pixels of the video; all of the picture where none can be told."""
    rows, columns = clip.gray.shape[1:]
    try:
        x, y, w, h = borders(clip.gray).box
    except Unmeasurable:
        return 0, 0, width, height

    def inwards(start: float, end: float, scale: float) -> tuple[int, int]:
        # Lines that are a quarter border or more are border.
        first, last = math.ceil(start * scale - 0.25), math.floor(end * scale + 0.25)
        return first, max(1, last - first)

    left, content_width = inwards(x, x + w, width / columns)
    top, content_height = inwards(y, y + h, height / rows)
    return left, top, content_width, content_height
