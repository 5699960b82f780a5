"""Copies among clips: cosines propose pairs, stills verify them, the best of a group is kept."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Final

import faiss
import numpy as np
import numpy.typing as npt
import polars as pl

from curate.config import Dedup
from curate.stills import Stills, best_offset, pad_stills, verified

_RESULTS_PER_BLOCK: Final = 1 << 24
"""Most pairs that one block of queries can return: about 600 MB where all clips are alike."""

_Ints = npt.NDArray[np.int64]
_Flags = npt.NDArray[np.bool_]


def find_duplicates(
    clips: pl.DataFrame,
    embeddings: pl.DataFrame,
    settings: Dedup,
    *,
    candidate_similarity: float,
    copy_similarity: float,
) -> pl.DataFrame:
    """Group the copies among embedded clips.

    A pair of clips is looked at from `candidate_similarity` on. It is a copy when its cosine
    reaches `copy_similarity` or when its stills verify it (`curate.stills.verified`). Different
    moments of one source are wanted and never copies of each other. In each group of copies the
    best clip is kept: most content pixels, then least border around them, then longest, then most
    bits per pixel, then smallest clip_id. Every other member is itself a copy of the kept clip;
    what is a copy of another member only is grouped again without them. The answer does not
    depend on the order of the rows.

    Args:
        clips: clip_id, video_id, start_s, end_s, frames, content_width, content_height,
            source_width, source_height, bits_per_pixel and packets_hash (both of the video, null
            where unknown) of at least the embedded clips.
        embeddings: Rows of one embed_key: clip_id, vector, frame_vectors, frame_t_s, signatures,
            qualities.
        settings: How stills are compared.
        candidate_similarity: As resolved from the settings and the embedder, -1 to 1.
        copy_similarity: Likewise.

    Returns:
        The columns of `duplicates` without dedup_key: one row per embedded clip, by clip_id.

    Raises:
        ValueError: An embedded clip is not among the clips.
    """
    table = _joined(clips, embeddings)
    places = _Places.of(table)
    stills = pad_stills(table, settings.min_quality)
    pairs = _find_pairs(
        _vectors(table), places, stills, settings.max_hamming, candidate_similarity, copy_similarity
    )
    kept, relations = _group(_ranked(table), pairs.copies)
    ids = table["clip_id"].to_list()
    offsets = [
        None
        if relation is None
        else 0.0
        if relation == "exact"
        else best_offset(stills, clip, best)
        for clip, (best, relation) in enumerate(zip(kept, relations, strict=True))
    ]
    found = pairs.nearest >= 0
    return pl.DataFrame(
        {
            "clip_id": ids,
            "group_id": [ids[best] for best in kept],
            "nearest": [ids[i] if i >= 0 else None for i in pairs.nearest],
            "similarity": [s if f else None for s, f in zip(pairs.similarity, found, strict=True)],
            "relation": relations,
            "offset_s": offsets,
        },
        schema=_SCHEMA,
    )


_SCHEMA: Final = {
    "clip_id": pl.String,
    "group_id": pl.String,
    "nearest": pl.String,
    "similarity": pl.Float32,
    "relation": pl.String,
    "offset_s": pl.Float64,
}


def _joined(clips: pl.DataFrame, embeddings: pl.DataFrame) -> pl.DataFrame:
    """Embedded clips by clip_id, with their source and their time on the source's own clock."""
    # A container may shift the clock, so times count from the first clip of each video.
    source = pl.coalesce("packets_hash", "video_id").alias("source")
    first = pl.col("start_s").min().over("video_id")
    times = [(pl.col(name) - first).alias(name) for name in ("start_s", "end_s")]
    placed = clips.with_columns(source, *times)
    table = embeddings.join(placed, on="clip_id", how="left").sort("clip_id")
    unknown = table.filter(pl.col("video_id").is_null())["clip_id"]
    if len(unknown):
        raise ValueError(f"{len(unknown)} embedded clips are not among the clips: {unknown[0]}")
    return table


def _vectors(table: pl.DataFrame) -> npt.NDArray[np.float32]:
    """(n, D)."""
    flat = table["vector"].explode(empty_as_null=False).to_numpy().astype(np.float32)
    return np.ascontiguousarray(flat.reshape(len(table), -1 if len(table) else 1))


@dataclass(frozen=True, slots=True)
class _Places:
    """Where clips come from: per clip, a number for its source, its span and half a frame, s."""

    source: _Ints
    start_s: npt.NDArray[np.float64]
    end_s: npt.NDArray[np.float64]
    tolerance_s: npt.NDArray[np.float64]

    @classmethod
    def of(cls, table: pl.DataFrame) -> "_Places":
        span = pl.col("end_s") - pl.col("start_s")
        half_frame = table.select(span / pl.col("frames").clip(1) / 2).to_series()
        source = table["source"].rank("dense").cast(pl.Int64)
        return cls(
            source.to_numpy(),
            table["start_s"].to_numpy(),
            table["end_s"].to_numpy(),
            half_frame.to_numpy(),
        )

    def apart(self, a: _Ints, b: _Ints) -> _Flags:
        """Whether pairs show different moments of one source."""
        latest = np.maximum(self.start_s[a], self.start_s[b])
        overlap = np.minimum(self.end_s[a], self.end_s[b]) - latest
        slack = np.minimum(self.tolerance_s[a], self.tolerance_s[b])
        return np.asarray((self.source[a] == self.source[b]) & (overlap <= slack), np.bool_)

    def same(self, a: _Ints, b: _Ints) -> _Flags:
        """Whether pairs show the same moment of one source, to half a frame."""
        slack = np.minimum(self.tolerance_s[a], self.tolerance_s[b])
        starts = np.abs(self.start_s[a] - self.start_s[b]) <= slack
        ends = np.abs(self.end_s[a] - self.end_s[b]) <= slack
        return np.asarray((self.source[a] == self.source[b]) & starts & ends, np.bool_)


@dataclass(frozen=True, slots=True)
class _Pairs:
    """What the search found: the nearest clip of each (-1: none) and the copies with relation."""

    nearest: _Ints
    similarity: npt.NDArray[np.float32]
    copies: list[tuple[int, int, str]]


def _find_pairs(
    vectors: npt.NDArray[np.float32],
    places: _Places,
    stills: Stills,
    max_hamming: int,
    candidate_similarity: float,
    copy_similarity: float,
) -> _Pairs:
    """Search all clips against all, in blocks of queries that bound the memory."""
    count, dim = vectors.shape
    result = _Pairs(np.full(count, -1), np.full(count, -np.inf, np.float32), [])
    index = faiss.IndexFlatIP(dim)
    index.add(vectors)
    # The search is exclusive; rounding may put a product of equal unit vectors just below 1.
    radius = candidate_similarity - 1e-6
    block = max(1, _RESULTS_PER_BLOCK // max(1, count))
    for start in range(0, count, block):
        limits, cosines, found = index.range_search(vectors[start : start + block], radius)
        sizes = np.asarray(limits[1:] - limits[:-1], np.int64)
        a = start + np.repeat(np.arange(len(limits) - 1), sizes)
        allowed = (a != found) & ~places.apart(a, found)
        a, b, cosine = a[allowed], found[allowed], np.minimum(cosines[allowed], 1)
        _keep_nearest(result, a, b, cosine)
        once = a < b
        a, b, cosine = a[once], b[once], cosine[once]
        copy = cosine >= copy_similarity - 1e-6
        unsure = np.flatnonzero(~copy)
        copy[unsure] = verified(stills, a[unsure], b[unsure], max_hamming)
        exact = places.same(a, b)
        for i in np.flatnonzero(copy | exact):
            relation = "exact" if exact[i] else "copy"
            result.copies.append((int(a[i]), int(b[i]), relation))
    return result


def _keep_nearest(result: _Pairs, a: _Ints, b: _Ints, cosine: npt.NDArray[np.float32]) -> None:
    """Note each query's best match; clips stand by clip_id, so ties go to the smallest."""
    order = np.lexsort((b, -cosine, a))
    queries, first = np.unique(a[order], return_index=True)
    result.nearest[queries] = b[order][first]
    result.similarity[queries] = cosine[order][first]


def _ranked(table: pl.DataFrame) -> list[int]:
    """Rows of the table, the clip most worth keeping first.

    Of equal pictures the one without borders is the likelier original, whatever its bit rate: a
    copy is often encoded at a higher one.
    """
    pixels = pl.col("content_width").cast(pl.Int64) * pl.col("content_height")
    frame = pl.col("source_width").cast(pl.Int64) * pl.col("source_height")
    ranked = table.with_row_index("row").sort(
        pixels,
        frame,
        pl.col("end_s") - pl.col("start_s"),
        pl.col("bits_per_pixel").cast(pl.Float64),
        pl.col("clip_id"),
        descending=[True, False, True, True, False],
        nulls_last=True,
    )
    return ranked["row"].to_list()


def _group(
    ranked: list[int], copies: list[tuple[int, int, str]]
) -> tuple[list[int], list[str | None]]:
    """Assign every clip to a kept clip, and say how it relates to it.

    The best clip that is not yet assigned is kept, with all its unassigned copies as members. That
    is what splitting each connected component around its best clip, over and over, comes to; so a
    chain a-b-c never drops c for the sake of an a that it does not resemble.
    """
    relations_of: defaultdict[int, dict[int, str]] = defaultdict(dict)
    for a, b, relation in copies:
        relations_of[a][b] = relations_of[b][a] = relation
    kept = [-1] * len(ranked)
    relations: list[str | None] = [None] * len(ranked)
    for best in ranked:
        if kept[best] >= 0:
            continue
        kept[best] = best
        for member, relation in relations_of[best].items():
            if kept[member] < 0:
                kept[member], relations[member] = best, relation
    return kept, relations
