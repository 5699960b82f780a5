"""Groups of copies that do not chain: a star around each kept clip, chosen by stored facts."""

from typing import Any, Final

import numpy as np
import polars as pl

from curate.dedup.places import Ints
from filters.registry import FILTERS

SCHEMA: Final[dict[str, Any]] = {
    "clip_id": pl.String,
    "group_id": pl.String,
    "nearest": pl.String,
    "similarity": pl.Float32,
    "relation": pl.String,
    "offset_s": pl.Float64,
    "speed": pl.Float64,
    "mirrored": pl.Boolean,
    "changes": pl.List(pl.String),
}
"""Columns of `duplicates` that grouping fills."""


def group_copies(clips: pl.DataFrame, nearest: pl.DataFrame, copies: pl.DataFrame) -> pl.DataFrame:
    """Keep the best clip of every group, and say how the others relate to it.

    The best clip that is not yet in a group is kept, with all its copies that are in none as its
    members. That is what splitting each connected component around its best clip, over and over,
    comes to: every member is a verified copy of the clip that is kept, and a chain a-b-c never
    drops c for the sake of an a that it was not found to copy. A clip that comes later and is
    worse than those kept changes no group but its own. The answer does not depend on the order of
    rows.

    Args:
        clips: What `ranked` reads, of every clip, one row each.
        nearest: clip_id, nearest, similarity of the clips that have one.
        copies: Rows of `copies`: each pair once.

    Returns:
        Columns of `SCHEMA`, one row per clip, by clip_id.
    """
    best_first = ranked(clips)
    place = pl.DataFrame({"clip_id": best_first, "rank": np.arange(len(best_first))})
    stars = _stars(place, copies)
    members = stars.join(_seen_from_kept(copies), on=["clip_id", "group_id"], how="left")
    return (
        clips.select("clip_id")
        .join(members, on="clip_id", how="left")
        .join(nearest, on="clip_id", how="left")
        .with_columns(pl.coalesce("group_id", "clip_id").alias("group_id"))
        .select(pl.col(name).cast(kind) for name, kind in SCHEMA.items())
        .sort("clip_id")
    )


def ranked(clips: pl.DataFrame) -> pl.Series:
    """Ids of clips, the one most worth keeping first.

    Most content pixels; then no burnt-in text or graphics; then least border around the content,
    since of equal pictures the one without borders is the likelier original, whatever its bit
    rate; then longest; then most bits per pixel; then earliest in its source; then smallest id.

    Args:
        clips: clip_id, content_width, content_height, source_width, source_height, start_s, end_s,
            bits_per_pixel and text_overlay (both null where unknown).
    """
    pixels = pl.col("content_width").cast(pl.Int64) * pl.col("content_height")
    frame = pl.col("source_width").cast(pl.Int64) * pl.col("source_height")
    marked = (pl.col("text_overlay") > (FILTERS["text_overlay"].high or 0)).fill_null(False)
    ordered = clips.sort(
        pixels,
        marked,
        frame,
        pl.col("end_s") - pl.col("start_s"),
        pl.col("bits_per_pixel").cast(pl.Float64),
        pl.col("start_s"),
        pl.col("clip_id"),
        descending=[True, False, False, True, True, False, False],
        nulls_last=True,
    )
    return ordered["clip_id"]


def _stars(place: pl.DataFrame, copies: pl.DataFrame) -> pl.DataFrame:
    """(clip_id, group_id) of every clip that is not kept."""
    ends = (
        copies.select("clip_id", "other_id")
        .join(place, on="clip_id")
        .join(place, left_on="other_id", right_on="clip_id", suffix="_other")
    )
    a, b = ends["rank"].to_numpy(), ends["rank_other"].to_numpy()
    starts, neighbours = _adjacent(np.minimum(a, b), np.maximum(a, b), len(place))
    kept = np.arange(len(place))
    for best in np.flatnonzero(np.diff(starts)):
        if kept[best] == best:
            worse = neighbours[starts[best] : starts[best + 1]]
            free = worse[kept[worse] == worse]
            kept[free] = best
    members = np.flatnonzero(kept != np.arange(len(place)))
    ids = place["clip_id"]
    return pl.DataFrame({"clip_id": ids[members], "group_id": ids[kept[members]]})


def _adjacent(better: Ints, worse: Ints, count: int) -> tuple[Ints, Ints]:
    """Where each clip's worse copies begin in one array of all, and that array."""
    order = np.lexsort((worse, better))
    starts = np.searchsorted(better[order], np.arange(count + 1))
    return starts, worse[order]


def _seen_from_kept(copies: pl.DataFrame) -> pl.DataFrame:
    """How one clip of each pair relates to the other, both ways round.

    A pair says where `other_id` lies on the clock of `clip_id`: t = offset + speed * t_other.
    """
    forth = copies.select(
        "relation",
        "offset_s",
        "speed",
        "mirrored",
        "changes",
        group_id="clip_id",
        clip_id="other_id",
    )
    back = copies.select(
        "relation",
        "mirrored",
        "changes",
        group_id="other_id",
        offset_s=-pl.col("offset_s") / pl.col("speed"),
        speed=1 / pl.col("speed"),
    ).with_columns(clip_id=copies["clip_id"])
    return pl.concat([forth, back.select(forth.columns)])
