"""Duplicates as the page shows them: what the groups hold, and pairs to check by eye."""

from dataclasses import dataclass
from typing import Final

import polars as pl

from curate.report.data import Tables
from curate.report.examples import ClipView, view_clips

GROUPS: Final = 3
"""Groups shown per relation: those that hold the least similar copies, where errors would be."""
COPIES: Final = 3
"""Copies shown per group."""
RELATIONS: Final = {
    "exact": "the same span of the same encoded stream, in another file",
    "copy": "the same recording, encoded, scaled or edited again",
}
"""Relation of `duplicates` -> what it means to a reader, the surest first."""


@dataclass(frozen=True, slots=True)
class Relation:
    """How many clips stand in one relation to their group's kept clip."""

    name: str
    meaning: str
    clips: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Copy:
    """One copy in a group."""

    clip: ClipView
    relation: str
    similarity: float | None
    offset_s: float | None
    changes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """A clip and its copies, the least similar first.

    Attributes:
        best: The clip that the group is named by; relation and offset of the others refer to it.
        copies: Those that are shown.
        members: Clips in the group, `best` included.
    """

    best: ClipView
    copies: tuple[Copy, ...]
    members: int


def count_relations(tables: Tables) -> list[Relation]:
    """Copies by relation, the surest first."""
    rows = (
        _copies(tables)
        .join(tables.clips.select("clip_id", "seconds"), on="clip_id")
        .group_by("relation")
        .agg(clips=pl.len(), seconds=pl.col("seconds").sum())
    )
    order = list(RELATIONS)
    found = [Relation(name, RELATIONS.get(name, ""), n, s) for name, n, s in rows.iter_rows()]
    known = {name: place for place, name in enumerate(order)}
    return sorted(found, key=lambda relation: (known.get(relation.name, 9), relation.name))


def choose_groups(tables: Tables) -> list[Group]:
    """For every relation the groups with the least similar copies."""
    copies = _copies(tables).sort("similarity", "clip_id", nulls_last=True)
    groups = (
        copies.unique("group_id", keep="first", maintain_order=True)
        .with_columns(turn=pl.int_range(pl.len()).over("relation"))
        .filter(pl.col("turn") < GROUPS)["group_id"]
        .to_list()
    )
    chosen = copies.filter(pl.col("group_id").is_in(groups))
    clips = view_clips(tables, [*groups, *chosen["clip_id"]])
    found = []
    for group_id in groups:
        rows = chosen.filter(pl.col("group_id") == group_id)
        columns = ("clip_id", "relation", "similarity", "offset_s", "changes")
        listed = tuple(
            Copy(clips[clip_id], relation, similarity, offset_s, tuple(changes or ()))
            for clip_id, relation, similarity, offset_s, changes in (
                rows.select(columns).head(COPIES).iter_rows()
            )
            if clip_id in clips
        )
        if group_id in clips and listed:
            found.append(Group(clips[group_id], listed, rows.height + 1))
    return found


def repeated_files(tables: Tables, limit: int = 10) -> list[tuple[str, tuple[str, ...]]]:
    """Files with the same content: the URI that was measured and those that were not."""
    repeats = tables.videos.filter(pl.col("state") == "repeated")
    first = tables.measured.select("video_id", first="uri")
    groups = (
        repeats.join(first, on="video_id")
        .group_by("first", maintain_order=True)
        .agg("uri")
        .sort("first")
        .head(limit)
    )
    return [(uri, tuple(others)) for uri, others in groups.iter_rows()]


def _copies(tables: Tables) -> pl.DataFrame:
    """Members of a group other than the clip that it is named by."""
    return tables.duplicates.filter(
        (pl.col("group_id") != pl.col("clip_id")) & pl.col("relation").is_not_null()
    )
