"""The tables of a corpus: every column with its meaning, unit, range and null rule."""

from collections.abc import Sequence
from typing import Final

import pyarrow as pa

from manifests.table import Column, Table

_text, _i32, _i64 = pa.string(), pa.int32(), pa.int64()
_f32, _f64, _flag = pa.float32(), pa.float64(), pa.bool_()

_VIDEO_ID = Column("video_id", _text, "content id (manifests.ids.video_id)")
_CLIP_ID = Column("clip_id", _text, "content id of a span (manifests.ids.clip_id)")
_MEASURE_KEY = Column("measure_key", _text, "key of the measure stage that wrote the row")
_TIME_BASE = (
    Column("time_base_num", _i32, "seconds per pts tick, numerator"),
    Column("time_base_den", _i32, "seconds per pts tick, denominator"),
)

VIDEOS: Final = Table(
    "videos",
    "One source (URI). Sources with equal content share a video_id and are measured once.",
    ("uri",),
    (
        Column("uri", _text, "absolute path or URI as given"),
        Column("video_id", _text, "content id; null where the bytes could not be read"),
        Column("scan_key", _text, "key of the scan stage that wrote the row"),
        Column("bytes", _i64, "file size; null where the file is missing"),
        Column("mtime_ns", _i64, "modification time of the file, ns since 1970; null where absent"),
        Column("etag", _text, "object store's entity tag; null elsewhere"),
        Column("container", _text, "libav demuxer name"),
        Column("codec", _text, "libav codec name of the video stream"),
        Column("pixel_format", _text, "libav pixel format, e.g. yuv420p10le"),
        Column("bit_depth", _i32, "bits per luma sample"),
        Column("width", _i32, "px; header value at scan, of decoded frames after measure"),
        Column("height", _i32, "px; header value at scan, of decoded frames after measure"),
        Column("fps_num", _i32, "frames per second, numerator; measured from pts after measure"),
        Column("fps_den", _i32, "frames per second, denominator"),
        Column("frames", _i64, "decoded frames; null before measure"),
        Column("start_s", _f64, "presentation time of the first frame, s; null before measure"),
        Column("duration_s", _f64, "header value at scan, of decoded frames after measure, s"),
        Column("rotation_deg", _i32, "display rotation flag in degrees, multiples of 90"),
        Column("interlaced", _flag, "whether a decoded frame said so; null before measure"),
        Column("audio", _flag, "whether an audio stream exists"),
        Column("status", _text, "pending (scanned, not measured), ok, partial or failed"),
        Column("error", _text, "word of manifests.errors.VIDEO_ERRORS; null when none"),
        Column("error_detail", _text, "what the library said; null when none"),
        Column("decode_failures", _i32, "packets that failed to decode; null before measure"),
        Column("pts_repaired", _i32, "frames whose pts was absent or not increasing"),
        Column("packets_hash", _text, "hash of the video packets' payloads; null before measure"),
        Column("measured_key", _text, "measure_key under which the rows of the other tables hold"),
        Column("signals_key", _text, "key of what measuring read off the frames, cuts left out"),
    ),
)

SHOTS: Final = Table(
    "shots",
    "One shot, frames [start_frame, end_frame); frames of a transition belong to no shot.",
    ("video_id", "measure_key", "shot_index"),
    (
        _VIDEO_ID,
        _MEASURE_KEY,
        Column("shot_index", _i32, "0 for the first shot"),
        Column("start_pts", _i64, "pts of the first frame"),
        Column("end_pts", _i64, "first pts after the shot"),
        *_TIME_BASE,
        Column("start_frame", _i64, "decode-order-independent index of the first frame"),
        Column("end_frame", _i64, "index after the last frame"),
        Column("transition_in", _text, "start, cut, dissolve, fade or wipe"),
        Column("confidence", _f32, "of the transition in, 0 to 1; null for start"),
    ),
)

CLIPS: Final = Table(
    "clips",
    "One clip: a span of a shot in presentation time, [start_s, end_s).",
    ("clip_id",),
    (
        _CLIP_ID,
        _VIDEO_ID,
        _MEASURE_KEY,
        Column("shot_index", _i32, "shot that holds the clip"),
        Column("start_pts", _i64, "pts of the first frame"),
        Column("end_pts", _i64, "first pts after the clip"),
        *_TIME_BASE,
        Column("start_s", _f64, "start_pts in seconds on the stream's clock"),
        Column("end_s", _f64, "end_pts in seconds on the stream's clock"),
        Column("frames", _i64, "decoded frames in the span"),
        Column("fps", _f64, "frames divided by duration"),
        Column("source_width", _i32, "px of decoded frames"),
        Column("source_height", _i32, "px of decoded frames"),
        Column("content_x", _i32, "left edge of the picture without borders, px"),
        Column("content_y", _i32, "top edge of the picture without borders, px"),
        Column("content_width", _i32, "px"),
        Column("content_height", _i32, "px"),
    ),
)

EVIDENCE: Final = Table(
    "evidence",
    "One place in a clip that a score comes from: a span, a box, or both.",
    ("clip_id", "measure_key", "filter", "item"),
    (
        _CLIP_ID,
        _MEASURE_KEY,
        Column("filter", _text, "name of the score"),
        Column("item", _i32, "0 for the first of the score, in order of time"),
        Column("start_s", _f64, "seconds after the clip's start"),
        Column("end_s", _f64, "seconds after the clip's start"),
        Column("x", _f32, "left edge of the box, share of the frame; null for all of the frame"),
        Column("y", _f32, "top edge of the box, share of the frame; null likewise"),
        Column("width", _f32, "of the box, share of the frame; null likewise"),
        Column("height", _f32, "of the box, share of the frame; null likewise"),
        Column("value", _f32, "strength in the score's unit or 0 to 1; null where it says nothing"),
        Column("note", _text, "what was found, one word; null where the score's name says it"),
    ),
)

FRAMES: Final = Table(
    "frames",
    "One decoded frame: the cheap signals, so that thresholds can be set again without decoding.",
    ("video_id", "measure_key", "frame"),
    (
        _VIDEO_ID,
        _MEASURE_KEY,
        Column("frame", _i64, "index in presentation order"),
        Column("pts", _i64, "presentation timestamp (repaired where absent or not increasing)"),
        Column("luma_mean", _f32, "0 to 255"),
        Column("luma_std", _f32, "0 to 127.5"),
        Column(
            "diff", _f32, "mean absolute luma difference to the frame before at 64x36; null first"
        ),
        Column("cut_score", _f32, "that this is the first frame after a cut, 0 to 1"),
        Column("dissolve_score", _f32, "that this frame is in a dissolve, 0 to 1"),
        Column("fade_score", _f32, "that this frame is in a fade, 0 to 1"),
        Column("wipe_score", _f32, "that this frame is in a wipe, slide or zoom, 0 to 1"),
        Column("shot_signals", pa.binary(), "one byte per name in curate.shots.signals.NAMES"),
        Column("content_val", _f32, "PySceneDetect's change in HSV; other backends: null"),
        Column("hist_corr", _f32, "PySceneDetect's histogram correlation; others: null"),
        Column("tx", _f32, "content motion since the analysed frame before, frame widths, + right"),
        Column("ty", _f32, "content motion, frame heights, + down"),
        Column("log_scale", _f32, "natural log of content scale, + expanding"),
        Column("roll_deg", _f32, "content rotation, degrees, + counter-clockwise"),
        Column("inlier_ratio", _f32, "share of tracks that the similarity explains, 0 to 1"),
        Column("residual", _f32, "median track distance to the model, frame widths"),
    ),
)
"""Motion columns are null on frames that are not analysed and where no motion could be fitted;
columns of shot scores are null where the chosen backend does not give them."""

SAMPLES: Final = Table(
    "samples",
    "One still of a clip, kept so that another embedder or the report needs no decode.",
    ("clip_id", "measure_key", "sample"),
    (
        _CLIP_ID,
        _MEASURE_KEY,
        Column("sample", _i32, "0 for the earliest"),
        Column("t_s", _f64, "seconds after the clip's start"),
        Column("jpeg", pa.binary(), "content box, RGB, JPEG quality 95, side as configured"),
    ),
)

FILMSTRIPS: Final = Table(
    "filmstrips",
    "One clip as a row of tiny pictures, which decide whether two clips are copies.",
    ("clip_id", "measure_key"),
    (
        _CLIP_ID,
        _MEASURE_KEY,
        Column("t_s", pa.list_(_f32), "(K,) seconds after the clip's start, about 1/8 s apart"),
        Column("luma", pa.binary(), "(K, 32, 32) uint8 luma of the content box, made square"),
    ),
)

EMBEDDINGS: Final = Table(
    "embeddings",
    "One clip's vectors by one embedder.",
    ("clip_id", "embed_key"),
    (
        _CLIP_ID,
        Column("embed_key", _text, "key of the embed stage that wrote the row"),
        Column("vector", pa.list_(_f32), "(D,) unit mean of the unit frame vectors"),
        Column("frame_vectors", pa.binary(), "(K, D) float16, little endian, unit rows"),
        Column("frame_t_s", pa.list_(_f64), "(K,) seconds after the clip's start"),
        Column("signatures", pa.binary(), "(K, 32) uint8: PDQ hash of each sampled frame"),
        Column("qualities", pa.list_(_i32), "(K,) PDQ quality, 0 to 100"),
    ),
)

DUPLICATES: Final = Table(
    "duplicates",
    "One clip's place among the others: its nearest clip and its group of copies.",
    ("clip_id", "dedup_key"),
    (
        _CLIP_ID,
        Column("dedup_key", _text, "key of the dedup stage that wrote the row"),
        Column("group_id", _text, "clip_id of the group's kept clip; the clip's own when single"),
        Column(
            "nearest", _text, "most similar clip that may be its copy; null when none was found"
        ),
        Column("similarity", _f32, "cosine to `nearest`, -1 to 1; null when none was found"),
        Column("relation", _text, "to the kept clip: exact or copy; null if single"),
        Column(
            "offset_s", _f64, "time of this clip's start on the kept clip's clock; null if single"
        ),
        Column("speed", _f64, "seconds of the kept clip in one of this clip; null if single"),
        Column("mirrored", _flag, "left and right exchanged against the kept clip; null if single"),
        Column(
            "changes", pa.list_(_text), "between it and the kept clip (`copies`); null if single"
        ),
        Column("cells", pa.list_(_i32), "cells searched for copies; null where all clips were"),
        Column("centres", _text, "id of the file of their centres; null likewise"),
    ),
)

CELLS: Final = Table(
    "cells",
    "One clip's place among the vectors, which thinning compares cell by cell.",
    ("clip_id", "cells_key"),
    (
        _CLIP_ID,
        Column("cells_key", _text, "key of the cells: embedder, their size and seed"),
        Column("cell", _i32, "number of the cell whose centre is nearest"),
        Column("centre", _f32, "cosine to that centre, -1 to 1"),
        Column("centres", _text, "id of the file of the centres"),
    ),
)

COPIES: Final = Table(
    "copies",
    "Two clips that show the same footage, and how: a time t of other_id is "
    "offset_s + speed * t on the clock of clip_id.",
    ("clip_id", "other_id", "dedup_key"),
    (
        _CLIP_ID,
        Column("other_id", _text, "the other clip_id, the larger of the two"),
        Column("dedup_key", _text, "key of the dedup stage that wrote the row"),
        Column("relation", _text, "exact (same packets) or copy (verified by pictures)"),
        Column("similarity", _f32, "cosine of the clips' vectors, -1 to 1; null for exact"),
        Column("likeness", _f32, "mean correlation of aligned pictures, -1 to 1; null for exact"),
        Column("motion", _f32, "correlation of what changes in them, -1 to 1; null for exact"),
        Column("offset_s", _f64, "where other_id starts on the clock of clip_id, s"),
        Column("speed", _f64, "seconds of clip_id in one of other_id"),
        Column("mirrored", _flag, "whether left and right are exchanged"),
        Column("overlap_s", _f64, "time that both show, on the shorter clip's clock, s"),
        Column("share", _f32, "that time as a share of the shorter clip, 0 to 1"),
        Column("part_of", _text, "clip or other: whose picture holds all of the other's"),
        Column("part_x", _f32, "left edge of that part, share of the content box"),
        Column("part_y", _f32, "top edge of that part, share of the content box"),
        Column("part_width", _f32, "share of the content box"),
        Column("part_height", _f32, "share of the content box"),
        Column("changes", pa.list_(_text), "what was done, words of curate.dedup.changes.CHANGES"),
    ),
)

REASON: Final = pa.struct(
    [
        pa.field("filter", _text),
        pa.field("value", _f64),
        pa.field("low", _f64),
        pa.field("high", _f64),
        pa.field("word", _text),
    ]
)
"""Why a clip was dropped: the filter, the value that decided, its bounds; `word` if null."""

DECISIONS: Final = Table(
    "decisions",
    "One clip's verdict under one policy.",
    ("clip_id", "policy_key"),
    (
        _CLIP_ID,
        Column("policy_key", _text, "key of the policy"),
        Column("keep", _flag, "verdict"),
        Column("reasons", pa.list_(REASON), "every bound that the clip broke; empty when kept"),
        Column("kept_instead", _text, "clip_id of the clip kept for it; of copies and near clips"),
        Column("camera_kind", _text, "what the camera did (filters.camera_kind), from the scores"),
    ),
)

TEXT_SIMILARITIES: Final = Table(
    "text_similarities",
    "How much one clip is like one text of a policy's prompts.",
    ("clip_id", "embed_key", "text"),
    (
        _CLIP_ID,
        Column("embed_key", _text, "key of the embed stage whose vectors were compared"),
        Column("text", _text, "the text"),
        Column("similarity", _f32, "cosine of the clip's vector and the text's, -1 to 1"),
    ),
)

FEATURES: Final = Table(
    "features",
    "One span's tokens in a token file, or why it has none.",
    ("clip_id", "encode_key"),
    (
        _CLIP_ID,
        _VIDEO_ID,
        Column("encode_key", _text, "key of the encode stage that wrote the row"),
        Column("start_pts", _i64, "pts at which the span starts"),
        Column("end_pts", _i64, "first pts after the span"),
        Column("file", _text, "token file relative to the corpus; null when `error` is set"),
        Column("row", _i64, "row in the token file"),
        Column("steps", _i32, "T"),
        Column("tokens", _i32, "N tokens per step"),
        Column("channels", _i32, "D"),
        Column("step_s", _f64, "seconds between steps"),
        Column("t0_s", _f64, "time of the first step on the stream's clock"),
        Column("encoder", _text, "spec of the encoder"),
        Column("causal", _flag, "whether causality was proved at load"),
        Column("bytes", _i64, "payload bytes"),
        Column("error", _text, "word of manifests.errors.FEATURE_ERRORS; null when none"),
        Column("offset", _i64, "byte of the file at which the payload begins; null in old files"),
        Column("dtype", _text, "float16 or int8 (curate.quantised); null means float16"),
    ),
)

ACTIONS: Final = Table(
    "actions",
    "One recorded action of a labelled video.",
    ("video_id", "t_s"),
    (
        _VIDEO_ID,
        Column("t_s", _f64, "time of the frame that it was recorded with, on the stream's clock"),
        Column("action", pa.list_(_f32), "(K,) in the data set's own units and order"),
        Column("source", _text, "what was imported, and which episode of it"),
    ),
)


def scores_table(score_names: Sequence[str]) -> Table:
    """Schema of `scores` for the filters in use: one nullable float32 column per score.

    Args:
        score_names: Registered score names, without repetition.
    """
    return Table(
        "scores",
        "One clip's scores; a null has its reason in `missing`.",
        ("clip_id", "measure_key"),
        (
            _CLIP_ID,
            _MEASURE_KEY,
            *(Column(name, _f32, "see filters/registry.py") for name in score_names),
            Column(
                "missing", pa.map_(_text, _text), "score -> word of filters.base.MISSING_SCORES"
            ),
        ),
    )


TABLES: Final = {
    table.name: table
    for table in (
        VIDEOS, SHOTS, CLIPS, EVIDENCE, FRAMES, SAMPLES, FILMSTRIPS, EMBEDDINGS, DUPLICATES, COPIES,
        CELLS, DECISIONS, TEXT_SIMILARITIES, FEATURES, ACTIONS,
    )
}  # fmt: skip
"""Tables with fixed columns, by name; `scores` depends on the registry (`scores_table`)."""

TOKEN_FILE: Final = pa.schema(
    [
        pa.field("clip_id", _text, nullable=False),
        pa.field("tokens", pa.large_binary(), nullable=False),
        pa.field("shape", pa.list_(_i32, 3), nullable=False),
        pa.field("t_s", pa.list_(_f64), nullable=False),
    ]
)
"""Columns of a token file: tokens (T, N, D) in C order, and the time of each step after t0_s.

Tokens are float16, or, where `features.dtype` says int8, D signed bytes and a float32 scale per
token. Payloads lie in the file as they are, uncompressed, at `features.offset`.
"""
