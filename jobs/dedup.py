"""Dedup: copies among the embedded clips of the corpus; clips that are new meet all the others."""

import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from curate.config import Config, Dedup
from curate.dedup import (
    CELL_CLIPS,
    Bounds,
    Index,
    Pairs,
    Placed,
    Places,
    calibrate,
    copies_frame,
    exact_copies,
    group_copies,
    joined_copies,
    place,
    propose,
    propose_in_cells,
    verify,
    words,
)
from curate.dedup.search import Vectors
from curate.embedders import candidate_similarity
from curate.specs import parse_spec
from jobs.facts import facts_of
from jobs.interrupt import INTERRUPTS
from jobs.run import Run
from jobs.spread import spread
from manifests.corpus import Corpus
from manifests.schemas import COPIES, DUPLICATES

_PAIRS_PER_TASK: Final = 128
"""Pairs that one task verifies: their filmstrips, 64 kB a clip at most, are 16 MB."""
_PAIRS_PER_READ: Final = 4096


@dataclass(frozen=True, slots=True)
class _Stored:
    """What earlier passes under the same key found."""

    duplicates: pl.DataFrame
    copies: pl.DataFrame

    @classmethod
    def of(cls, corpus: Corpus, key: str) -> "_Stored":
        own = pl.col("dedup_key") == key
        return cls(
            corpus.committed("duplicates").filter(own).collect(),
            corpus.committed("copies").filter(own).drop("dedup_key").collect(),
        )


def run_dedup(run: Run) -> None:
    """Write `copies` and `duplicates` for the clips embedded under the current key.

    Clips that were searched under the current key are not compared with each other again: what
    makes a pair a copy is in the pair alone, and groups are made anew from all pairs.
    """
    run.progress.start("dedup", 1, "passes")
    clips = embedded_clips(run.corpus, run.keys.embed)
    stored = _Stored.of(run.corpus, run.keys.dedup)
    before = set(stored.duplicates["clip_id"])
    if not before <= set(clips["clip_id"]):  # what is nearest may be gone: begin again
        stored = _Stored(stored.duplicates.clear(), stored.copies.clear())
        before = set()
    new = np.flatnonzero(~clips["clip_id"].is_in(list(before)).to_numpy())
    run.note("dedup", clips=len(clips), new=len(new), changed=bool(len(new)))
    if not len(new):
        return
    with tempfile.TemporaryDirectory(prefix="rushes-dedup-") as spill:
        vectors = load_vectors(run.corpus, run.keys.embed, clips, Path(spill), run.config.dedup)
        pairs, index, centres = _propose(run, clips, vectors, new, stored)
    run.note("dedup", candidates=len(pairs.a))
    pictures = partial(pictures_of, run.corpus, run.keys.embed)
    facts = partial(facts_of, run.corpus, clips)
    found = verified(pictures, facts, clips["clip_id"], pairs, run.config.dedup)
    exact = exact_copies(clips, Places.of(clips))
    copies = joined_copies(exact, found, stored.copies)
    nearest = _nearest(clips, pairs, stored)
    _commit(run, copies, group_copies(clips, nearest, copies), index, centres)


def embedded_clips(corpus: Corpus, embed_key: str) -> pl.DataFrame:
    """Clips with a vector, by clip_id, with the facts that place and rank them."""
    videos = (
        corpus.scan("videos")
        .filter(pl.col("measured_key").is_not_null())
        .unique("video_id")
        .select(
            "video_id",
            "packets_hash",
            bits_per_pixel=pl.col("bytes")
            * 8
            / (pl.col("width").cast(pl.Int64) * pl.col("height") * pl.col("frames")),
        )
    )
    scores = corpus.scan("scores")
    if "text_overlay" not in scores.collect_schema():
        scores = scores.with_columns(text_overlay=pl.lit(None, pl.Float32))
    embedded = corpus.scan("embeddings").filter(pl.col("embed_key") == embed_key)
    return (
        corpus.scan("clips")
        .join(embedded.select("clip_id"), on="clip_id", how="semi")
        .join(videos, on="video_id", how="left")
        .join(scores.select("clip_id", "text_overlay"), on="clip_id", how="left")
        .unique("clip_id")
        .sort("clip_id")
        .collect()
    )


def load_vectors(
    corpus: Corpus, embed_key: str, clips: pl.DataFrame, spill: Path, settings: Dedup
) -> Vectors:
    """(n, D) vectors of the clips, in their order; on disk where they need more than the memory.

    A vector that holds an infinite or undefined number becomes zeros, which are like nothing.
    """
    rows = clips.select("clip_id").with_row_index("row")
    read = (
        corpus.scan("embeddings")
        .filter(pl.col("embed_key") == embed_key)
        .select("clip_id", "vector")
        .join(rows.lazy(), on="clip_id")
    )
    vectors: Vectors | None = None
    for batch in read.collect_batches(chunk_size=1 << 14):
        if not len(batch):
            continue
        flat = batch["vector"].explode(empty_as_null=False).to_numpy().astype(np.float32)
        part = flat.reshape(len(batch), -1)
        if vectors is None:
            vectors = room_for(len(clips), part.shape[1], spill, settings.memory_bytes)
        vectors[batch["row"].to_numpy()] = np.where(
            np.isfinite(part).all(1, keepdims=True), part, 0
        )
    return np.zeros((0, 1), np.float32) if vectors is None else vectors


def room_for(count: int, dim: int, spill: Path, memory_bytes: int) -> Vectors:
    """(count, dim) zeros, in a mapped file where they need more than the memory."""
    if count * dim * 4 <= memory_bytes:
        return np.zeros((count, dim), np.float32)
    return np.memmap(spill / "vectors", np.float32, "w+", shape=(count, dim))


def _propose(
    run: Run, clips: pl.DataFrame, vectors: Vectors, new: np.ndarray, stored: _Stored
) -> tuple[Pairs, Index | None, str | None]:
    """Pairs to look at; the cells that were searched and the id of their centres, if any were."""
    settings, places = run.config.dedup, Places.of(clips)
    cosine = _bound(run, vectors, places)
    bounds = Bounds(cosine, settings.max_candidates, settings.memory_bytes)
    if len(clips) <= settings.flat_clips:
        return propose(vectors, places, new, bounds, spread), None, None
    known = placed_before(clips, stored.duplicates, "cells")
    index, centres = place(run.corpus.folder, vectors, known, CELL_CLIPS, 0, spread)
    return propose_in_cells(vectors, places, new, bounds, index, spread), index, centres


def placed_before(clips: pl.DataFrame, stored: pl.DataFrame, column: str) -> Placed:
    """Where clips were found to lie by an earlier pass.

    Args:
        clips: clip_id, in order.
        stored: clip_id, centres and cells: a list of two, or the nearest alone.
        column: Name of the cells' column.
    """
    placed = Placed.nowhere(len(clips))
    known = stored.drop_nulls("centres").select("clip_id", "centres", column)
    ids = known["centres"].unique()
    if len(ids) != 1:  # none, or rows of two releases
        return placed
    rows = clips.select("clip_id").with_row_index("row").join(known, on="clip_id")
    cells = np.array(rows[column].to_list(), np.int32).reshape(len(rows), -1)
    placed.assigned[rows["row"].to_numpy(), : cells.shape[1]] = cells
    return Placed(ids[0], placed.assigned)


def _bound(run: Run, vectors: Vectors, places: Places) -> float:
    """The least cosine of `least_cosine`; what this corpus says of its embedder is stored."""
    found, read = least_cosine(run.corpus, run.config, run.keys.dedup, vectors, places)
    if read:  # too few sources are not stored, so that a larger corpus is asked again
        content = json.dumps({"candidate_similarity": found}).encode()
        run.corpus.folder.write(content, *_bound_file(run.keys.dedup))
    return found


def least_cosine(
    corpus: Corpus, config: Config, dedup_key: str, vectors: Vectors, places: Places
) -> tuple[float, bool]:
    """From which cosine on pairs are looked at, and whether it was read off these vectors.

    As set; as measured for the embedder; as this corpus said before; as these clips say; or, where
    they are of too few sources, what stands in for models that nobody has measured.
    """
    spec = config.embed.spec
    if config.dedup.candidate_similarity is not None:
        return config.dedup.candidate_similarity, False
    if parse_spec(spec).family == "bundled":
        return candidate_similarity(spec), False
    if corpus.folder.exists(*_bound_file(dedup_key)):
        stored = json.loads(corpus.folder.read(*_bound_file(dedup_key)))
        return float(stored["candidate_similarity"]), False
    found = calibrate(vectors, places)
    return (candidate_similarity(spec), False) if found is None else (found, True)


def _bound_file(dedup_key: str) -> tuple[str, str]:
    return "index", f"{dedup_key}.json"


Pictures = Callable[[set[str]], dict[str, Any]]
"""What `curate.dedup.verify` reads of clips, by clip_id."""


Facts = Callable[[set[str]], pl.DataFrame]
"""What `curate.dedup.words` reads of clips."""


def verified(
    pictures: Pictures, facts: Facts, ids: pl.Series, pairs: Pairs, settings: Dedup
) -> pl.DataFrame:
    """Rows of `copies` (without key) of the candidate pairs whose pictures say so.

    Args:
        pictures: Reads what verification needs.
        facts: Reads what tells what was done to a copy.
        ids: clip_id of every row.
        pairs: Of rows.
        settings: Of dedup.
    """
    rows: list[dict[str, Any]] = []
    for start in range(0, len(pairs.a), _PAIRS_PER_READ):
        part = slice(start, start + _PAIRS_PER_READ)
        named = list(
            zip(ids[pairs.a[part]], ids[pairs.b[part]], pairs.cosine[part].tolist(), strict=True)
        )
        held = pictures({name for pair in named for name in pair[:2]})
        for found in spread(verify, _shares(named, held, settings)):
            rows += found
    copies = copies_frame(rows)
    if not rows:
        return copies
    told = words(pl.DataFrame(rows), facts({*copies["clip_id"], *copies["other_id"]}))
    return copies.with_columns(told)


def _shares(
    named: list[tuple[str, str, float]], pictures: dict[str, Any], settings: Dedup
) -> Iterator[tuple[Any, ...]]:
    for start in range(0, len(named), _PAIRS_PER_TASK):
        pairs = named[start : start + _PAIRS_PER_TASK]
        wanted = {name for pair in pairs for name in pair[:2]} & pictures.keys()
        yield pairs, {name: pictures[name] for name in sorted(wanted)}, settings


def pictures_of(corpus: Corpus, embed_key: str, ids: set[str]) -> dict[str, Any]:
    """Filmstrips and signatures of clips, by clip_id."""
    wanted = pl.col("clip_id").is_in(sorted(ids))
    own = pl.col("embed_key") == embed_key
    signatures = corpus.scan("embeddings").filter(own & wanted)
    strips = corpus.scan("filmstrips").filter(wanted).select("clip_id", "t_s", "luma")
    table = strips.join(
        signatures.select("clip_id", "signatures", "qualities").unique("clip_id"), on="clip_id"
    )
    return {row["clip_id"]: row for row in table.collect().iter_rows(named=True)}


def _nearest(clips: pl.DataFrame, pairs: Pairs, stored: _Stored) -> pl.DataFrame:
    """The most similar clip of each, of the pairs found now and before; ties to the smallest id."""
    ids = clips["clip_id"]
    a, b = ids[pairs.a], ids[pairs.b]
    columns = ["clip_id", "nearest", "similarity"]
    forth = pl.DataFrame({"clip_id": a, "nearest": b, "similarity": pairs.cosine})
    back = pl.DataFrame({"clip_id": b, "nearest": a, "similarity": pairs.cosine})
    known = stored.duplicates.select(columns).drop_nulls()
    together = pl.concat([forth, back, known], how="vertical_relaxed")
    ordered = together.sort(columns[0], columns[2], columns[1], descending=[False, True, False])
    return ordered.unique("clip_id", keep="first", maintain_order=True)


def _commit(
    run: Run,
    copies: pl.DataFrame,
    groups: pl.DataFrame,
    index: Index | None,
    centres: str | None,
) -> None:
    key = pl.lit(run.keys.dedup).alias("dedup_key")
    cells = None if index is None else index.assigned.tolist()
    column = pl.Series("cells", cells or [None] * len(groups), pl.List(pl.Int32))
    named = pl.lit(centres, pl.String).alias("centres")
    rows = groups.with_columns(key, column, named).select(DUPLICATES.schema.names)
    run.note("dedup", copies=int((rows["group_id"] != rows["clip_id"]).sum()), pairs=len(copies))
    with INTERRUPTS.deferred():
        # Pairs first: clips count as searched when they are in `duplicates`.
        pairs = copies.with_columns(key).select(COPIES.schema.names)
        run.corpus.replace(
            "copies", pairs.to_arrow().cast(COPIES.schema), "dedup_key", run.keys.dedup
        )
        table = rows.to_arrow().cast(DUPLICATES.schema)
        run.corpus.replace("duplicates", table, "dedup_key", run.keys.dedup)
