"""Cutting a measured video anew from its stored scores, without decoding it."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import polars as pl
import pyarrow as pa

from curate.config import Config
from curate.cutter import Cutter, Shot, Span, shot_rows, typical_step
from curate.shots.clock import ClockBreaks
from curate.shots.spans import transitions_from_scores
from manifests.corpus import rows_of
from manifests.ids import clip_id

_SCORES = ("cut_score", "dissolve_score", "fade_score", "wipe_score")


@dataclass(frozen=True, slots=True)
class Recut:
    """A video cut anew.

    Attributes:
        tables: Rows of the measured tables under the new key.
        unmeasured: Clips that were not clips before; their scores need a decode.
    """

    tables: dict[str, pa.Table]
    unmeasured: int


def recut(stored: Mapping[str, pl.DataFrame], measure_key: str, config: Config) -> Recut:
    """Apply the thresholds of `config` to the stored scores of one video.

    Clips keep their scores where their span is the same; the others have no rows in the result.

    Args:
        stored: Rows of the video in all measured tables (jobs.measure.TABLES), under an earlier
            key that differs in nothing but how scores are cut into clips.
        measure_key: The key of the new rows.
        config: The new settings.
    """
    frames = stored["frames"].sort("frame")
    first = stored["shots"].row(0, named=True)
    time_base = Fraction(first["time_base_num"], first["time_base_den"])
    pts = frames["pts"].to_list()
    pts.append(pts[-1] + typical_step(pts, stored["shots"]["end_pts"].max() - pts[-1]))
    ids = {"video_id": first["video_id"], "measure_key": measure_key}
    shots, spans = _cut(frames.select(_SCORES), pts, time_base, config)
    wanted = pl.DataFrame(
        {
            "clip_id": [clip_id(ids["video_id"], pts[s.start], pts[s.end]) for s in spans],
            "shot_index": [s.shot_index for s in spans],
        },
        schema={"clip_id": pl.String, "shot_index": pl.Int32},
    )
    clips = stored["clips"].drop("shot_index").join(wanted, on="clip_id", maintain_order="right")
    kept = {
        name: stored[name].join(wanted.select("clip_id"), on="clip_id", how="semi")
        for name in ("scores", "evidence", "samples", "filmstrips")
    }
    rows = {"clips": clips, "frames": frames, **kept}
    tables = {
        name: _arrow(name, table.with_columns(measure_key=pl.lit(measure_key)))
        for name, table in rows.items()
    }
    tables["shots"] = rows_of("shots", shot_rows(shots, pts, time_base, ids))
    return Recut(tables, len(spans) - len(clips))


def _cut(
    scores: pl.DataFrame, pts: list[int], time_base: Fraction, config: Config
) -> tuple[list[Shot], list[Span]]:
    """Shots and spans of clips, as the pass over the video would have made them."""
    seconds = [float(p * time_base) for p in pts]
    clock = ClockBreaks()
    breaks = [clock.update(t_s) for t_s in seconds[:-1]]
    found = transitions_from_scores(seconds[:-1], scores.rows(), breaks, config.shots)
    cutter = Cutter(config.clips, config.shots)
    for t_s in seconds[:-1]:
        cutter.push(t_s)
    spans = [span for transition in found for span in cutter.cut(transition)]
    return cutter.shots, spans + cutter.finish(seconds[-1])


def _arrow(name: str, table: pl.DataFrame) -> pa.Table:
    """Rows as the stage writes them."""
    if name == "scores":
        return table.to_arrow(compat_level=pl.CompatLevel.oldest())
    return rows_of(name, table.to_dicts())
