"""Where in a clip its scores come from, as boxes over the stills and as named spans."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from curate.keys import StageKeys
from manifests.corpus import Corpus

MOST: Final = 8
"""Places shown of one score of one clip: the first in time."""


@dataclass(frozen=True, slots=True)
class Place:
    """One place that a score comes from.

    Attributes:
        start_s: Seconds after the clip's start.
        end_s: Likewise.
        note: What was found there; None where the score's name says it.
        value: How strong it is; None where that says nothing.
        box: Left, top, width and height in % of the still, which shows the content box; None for
            all of the frame, and for what lies outside of the still.
    """

    start_s: float
    end_s: float
    note: str | None
    value: float | None
    box: tuple[float, float, float, float] | None

    def at(self, t_s: float | None) -> bool:
        """Whether the place is to be seen in a still of that time; the first analysed at least."""
        return t_s is None or self.start_s - 0.2 <= t_s <= self.end_s + 0.2


def load_evidence(
    corpus: Corpus, keys: StageKeys, clip_ids: Sequence[str]
) -> dict[tuple[str, str], tuple[Place, ...]]:
    """Places by clip and score; a score that tells none has no entry."""
    wanted = pl.col("clip_id").is_in(list(clip_ids)) & (pl.col("measure_key") == keys.measure)
    rows = corpus.committed("evidence").filter(wanted).collect()
    sizes = corpus.committed("clips").filter(wanted).collect()
    found: dict[tuple[str, str], list[Place]] = {}
    rows = rows.join(sizes.select(_SIZES), on="clip_id", how="inner").sort("filter", "item")
    for row in rows.iter_rows(named=True):
        places = found.setdefault((row["clip_id"], row["filter"]), [])
        if len(places) < MOST:
            places.append(
                Place(row["start_s"], row["end_s"], row["note"], row["value"], _on_still(row))
            )
    return {key: tuple(places) for key, places in found.items()}


_SIZES: Final = (
    "clip_id", "source_width", "source_height",
    "content_x", "content_y", "content_width", "content_height",
)  # fmt: skip


def _on_still(row: dict[str, Any]) -> tuple[float, float, float, float] | None:
    """The box in % of the content box, cut off at its edges."""
    if row["x"] is None:
        return None
    ends = []
    for start, side, name in (("x", "width", "width"), ("y", "height", "height")):
        size = row[f"source_{name}"]
        origin, length = row[f"content_{start}"], row[f"content_{name}"]
        first = (row[start] * size - origin) / length
        last = ((row[start] + row[side]) * size - origin) / length
        ends.append((100 * max(0.0, first), 100 * min(1.0, last)))
    (left, right), (top, bottom) = ends
    if right - left < 0.5 or bottom - top < 0.5:
        return None
    return left, top, right - left, bottom - top
