"""What is exported: the kept clips of a corpus with all that is known of them."""

import math
from dataclasses import dataclass
from typing import Any

import polars as pl

from curate.token_index import newest_key
from manifests.corpus import Corpus
from manifests.errors import ConfigError


@dataclass(frozen=True, slots=True)
class ExportClip:
    """A clip and where its pictures are.

    Attributes:
        clip_id: Its id.
        video_id: Its video's id.
        uris: Sources of the video, of equal content.
        start_pts: First pts.
        end_pts: First pts after the clip.
        start_s: `start_pts` on the stream's clock, s.
        size: Upright width and height of decoded frames, px.
        box: x, y, width, height of the content, px of those frames.
        sound: Whether the video's own pts are, so that decoding may begin near the clip.
        facts: JSON-serialisable facts: times, scores, verdict.
        tokens: (token file, row), or None.
    """

    clip_id: str
    video_id: str
    uris: tuple[str, ...]
    start_pts: int
    end_pts: int
    start_s: float
    size: tuple[int, int]
    box: tuple[int, int, int, int]
    sound: bool
    facts: dict[str, Any]
    tokens: tuple[str, int] | None = None


def export_clips(corpus: Corpus) -> list[ExportClip]:
    """The clips that the newest policy keeps, by video and time.

    Raises:
        ConfigError: Nothing was decided yet, or nothing is kept.
    """
    policy = newest_key(corpus, "policy", "decisions")
    verdicts = corpus.committed("decisions").filter(pl.col("policy_key") == policy)
    kept = verdicts.filter("keep").select("clip_id", "camera_kind")
    videos = corpus.scan("videos").sort("uri").group_by("video_id").agg("uri", "pts_repaired")
    clips = corpus.scan("clips").join(kept, on="clip_id").join(videos, on="video_id")
    clips = clips.join(_tokens(corpus), on="clip_id", how="left").sort("video_id", "start_pts")
    scores = corpus.scan("scores").drop("measure_key", "missing", strict=False)
    table = clips.collect()
    if table.is_empty():
        raise ConfigError(f"{corpus.uri} keeps no clip; there is nothing to export")
    by_clip = {row.pop("clip_id"): row for row in scores.collect().iter_rows(named=True)}
    return [_clip(row, by_clip.get(row["clip_id"], {})) for row in table.iter_rows(named=True)]


def _tokens(corpus: Corpus) -> pl.LazyFrame:
    """Columns file, row and what a reader of tokens has to know; empty where nothing is encoded."""
    columns = ("clip_id", "file", "row", "t0_s", "step_s", "encoder")
    rows = corpus.committed("features")
    if corpus.version("features") is not None:
        rows = rows.filter(pl.col("encode_key") == newest_key(corpus, "encode", "features"))
    return rows.filter(pl.col("file").is_not_null()).select(columns)


_FACTS = ("clip_id", "video_id", "start_s", "end_s", "frames", "fps", "camera_kind")


def _clip(row: dict[str, Any], scores: dict[str, Any]) -> ExportClip:
    numbers = {k: v for k, v in scores.items() if not isinstance(v, float) or math.isfinite(v)}
    facts: dict[str, Any] = {name: row[name] for name in _FACTS} | {"scores": numbers}
    facts["uri"] = row["uri"][0]
    if row["file"] is not None:
        facts["tokens"] = {
            "encoder": row["encoder"],
            "step_s": row["step_s"],
            "first_step_s": row["t0_s"] - row["start_s"],
        }
    return ExportClip(
        row["clip_id"],
        row["video_id"],
        tuple(row["uri"]),
        row["start_pts"],
        row["end_pts"],
        row["start_s"],
        (row["source_width"], row["source_height"]),
        tuple(row[f"content_{part}"] for part in ("x", "y", "width", "height")),
        not any(row["pts_repaired"]),
        facts,
        None if row["file"] is None else (row["file"], row["row"]),
    )
