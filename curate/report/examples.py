"""Clips to look at: of every verdict the clearest and the most doubtful ones, with stills."""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import polars as pl

from curate.decide import DUPLICATE, NEAR
from curate.keys import StageKeys
from curate.report.data import Tables
from manifests.corpus import Corpus

PER_SIDE: Final = 3
"""Clips shown at each end of a verdict: the clearest, and those next to the bound."""
STILLS: Final = 4
"""Stills shown of a clip."""
_BOX_PX: Final = (160, 120)
"""Stills fit into this width and height: a page with 150 clips stays below 5 MB."""
_QUALITY: Final = 72
"""JPEG quality of a still; artefacts are not visible at this size."""


@dataclass(frozen=True, slots=True)
class Still:
    """One still of a clip.

    Attributes:
        uri: The picture as a data URI.
        t_s: Seconds after the clip's start.
    """

    uri: str
    t_s: float


@dataclass(frozen=True, slots=True)
class ClipView:
    """One clip as the page names it."""

    clip_id: str
    name: str
    uri: str
    start_s: float
    end_s: float
    keep: bool | None
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Example:
    """A clip and the number that its verdict hung on.

    Attributes:
        clip: The clip.
        score: Name of the score (or `duplicate`, `near`).
        value: Its value; None if it could not be measured.
        low: Least value kept.
        high: Greatest value kept.
        word: Why there is no value.
        copy_of: The clip that a copy copies, or that a near clip is like.
    """

    clip: ClipView
    score: str
    value: float | None
    low: float | None
    high: float | None
    word: str | None = None
    copy_of: ClipView | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """Examples under one caption."""

    caption: str
    examples: tuple[Example, ...]


_ALIKE: Final = (DUPLICATE, NEAR)
"""Reasons whose value is a likeness to another clip."""


def view_clips(tables: Tables, clip_ids: Iterable[str]) -> dict[str, ClipView]:
    """Look up clips by id; ids that are not in the corpus are left out."""
    wanted = pl.DataFrame({"clip_id": list(clip_ids)}, schema={"clip_id": pl.String}).unique()
    found = tables.reasons.join(wanted, on="clip_id", how="semi")
    reasons: dict[str, list[str]] = {}
    for clip_id, name in found.select("clip_id", "filter").iter_rows():
        reasons.setdefault(clip_id, []).append(name)
    columns = ("clip_id", "name", "uri", "start_s", "end_s", "keep")
    rows = tables.clips.join(wanted, on="clip_id", how="semi").select(columns)
    return {
        row["clip_id"]: ClipView(**row, reasons=tuple(reasons.get(row["clip_id"], ())))
        for row in rows.iter_rows(named=True)
    }


def dropped_examples(tables: Tables, name: str) -> list[Row]:
    """The clips that a filter dropped: farthest beyond its bound, and just beyond it."""
    value = pl.col("value")
    excess = pl.max_horizontal(pl.col("low") - value, value - pl.col("high"))
    rows = tables.reasons.filter(pl.col("filter") == name).with_columns(
        order=value if name in _ALIKE else excess
    )
    measured = rows.filter(pl.col("value").is_not_null())
    clearest, nearest = _ends(measured)
    captions = ("most alike", "least alike") if name in _ALIKE else ("far beyond", "just beyond")
    if nearest.is_empty():
        captions = ("all of them", "")
    unmeasured = _spread(rows.filter(pl.col("value").is_null()), PER_SIDE)
    parts = ((captions[0], clearest), (captions[1], nearest), ("could not be measured", unmeasured))
    return [Row(c, _examples(tables, part)) for c, part in parts if part.height]


def kept_examples(tables: Tables) -> list[Row]:
    """The kept clips with the widest and with the narrowest margin to any bound.

    Margins of different scores are made comparable by dividing by the score's spread (standard
    deviation over all clips).
    """
    kept = tables.kept.select("clip_id", "video_id").join(tables.scores, on="clip_id", how="left")
    margins = []
    for name, low, high in tables.bounds.select("filter", "low", "high").iter_rows():
        if name not in tables.scores.columns:
            continue
        spread = tables.scores[name].cast(pl.Float64).std()
        if not isinstance(spread, float) or not spread > 0:
            continue
        value = pl.col(name).cast(pl.Float64)
        sides = [value - low] if low is not None else []
        sides += [high - value] if high is not None else []
        margins.append(
            kept.select(
                "clip_id",
                "video_id",
                filter=pl.lit(name),
                value=value,
                low=pl.lit(low, pl.Float64),
                high=pl.lit(high, pl.Float64),
                order=pl.min_horizontal(sides) / spread,
            ).drop_nulls("order")
        )
    if not margins:
        rows = kept.select(
            "clip_id", "video_id", filter=pl.lit(""), value=None, low=None, high=None, order=0.0
        )
        return [Row("some of them", _examples(tables, _spread(rows, 2 * PER_SIDE)))]
    tightest = pl.concat(margins).sort("order", "clip_id").unique("clip_id", keep="first")
    clearest, nearest = _ends(tightest)
    captions = ("well within every bound", "closest to a bound")
    if nearest.is_empty():
        captions = ("all of them", "")
    parts = zip(captions, (clearest, nearest), strict=True)
    return [Row(c, _examples(tables, part)) for c, part in parts if part.height]


def _ends(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows of greatest and of least `order`; everything in the first if there are few."""
    rows = rows.sort("order", "clip_id", descending=[True, False])
    if rows.height <= 2 * PER_SIDE:
        return rows, rows.clear()
    first = _spread(rows, PER_SIDE)
    rest = rows.join(first, on="clip_id", how="anti").sort("order", "clip_id")
    return first, _spread(rest, PER_SIDE)


def _spread(rows: pl.DataFrame, count: int) -> pl.DataFrame:
    """The first `count` rows, a second one of the same video only when no other is left."""
    turn = pl.int_range(pl.len()).over("video_id").alias("turn")
    chosen = rows.with_columns(turn).sort("turn", maintain_order=True).head(count)
    return chosen.drop("turn")


def _examples(tables: Tables, rows: pl.DataFrame) -> tuple[Example, ...]:
    instead = dict(
        tables.clips.join(rows, on="clip_id", how="semi")
        .drop_nulls("kept_instead")
        .select("clip_id", "kept_instead")
        .iter_rows()
    )
    # What is kept for a copy is not what it copies where that gave way to a near clip.
    copied = dict(tables.duplicates.select("clip_id", "group_id").iter_rows())
    is_copy = rows.filter(pl.col("filter") == DUPLICATE)["clip_id"]
    instead |= {clip: copied[clip] for clip in is_copy if clip in copied}
    clips = view_clips(tables, [*rows["clip_id"], *instead.values()])
    return tuple(
        Example(
            clip=clips[row["clip_id"]],
            score=row["filter"],
            value=row["value"],
            low=row["low"],
            high=row["high"],
            word=row.get("word"),
            copy_of=clips.get(instead.get(row["clip_id"], "")),
        )
        for row in rows.iter_rows(named=True)
    )


def load_stills(
    corpus: Corpus, keys: StageKeys, clip_ids: Sequence[str]
) -> dict[str, tuple[Still, ...]]:
    """Small stills of clips; a clip without stills has no entry."""
    rows = (
        corpus.committed("samples")
        .filter(pl.col("measure_key") == keys.measure, pl.col("clip_id").is_in(list(clip_ids)))
        .select("clip_id", "sample", "t_s", "jpeg")
        .collect()
        .sort("clip_id", "sample")
    )
    stills = {}
    for (clip_id,), group in rows.group_by("clip_id", maintain_order=True):
        chosen = np.linspace(0, group.height - 1, min(STILLS, group.height)).round().astype(int)
        small = ((_small(group["jpeg"][int(i)]), group["t_s"][int(i)]) for i in chosen)
        stills[str(clip_id)] = tuple(Still(uri, t_s) for uri, t_s in small if uri is not None)
    return stills


def _small(jpeg: bytes) -> str | None:
    """A JPEG scaled down as a data URI; None if it is not an image."""
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR) if jpeg else None
    if image is None:
        return None
    height, width = image.shape[:2]
    scale = min(_BOX_PX[0] / width, _BOX_PX[1] / height, 1.0)
    if scale < 1:
        target = (max(1, round(width * scale)), max(1, round(height * scale)))
        image = cv2.resize(image, target, interpolation=cv2.INTER_AREA)
    ok, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not ok:
        raise RuntimeError(f"a still of shape {image.shape} cannot be encoded")
    return "data:image/jpeg;base64," + base64.b64encode(encoded.tobytes()).decode("ascii")
