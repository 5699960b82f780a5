"""Thinning of the clips that a policy keeps, on their stored vectors."""

import json
import tempfile
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
import ray

from curate.decide import without_near
from curate.dedup import Index, Map, map_here, place, ranked
from curate.dedup.search import Vectors
from curate.study.spans import sources
from curate.thin import (
    Cell,
    Ints,
    Near,
    bound_of_null,
    bound_that_keeps,
    cells_by_rank,
    sources_for,
    thin,
)
from jobs.dedup import embedded_clips, load_vectors, placed_before
from jobs.interrupt import INTERRUPTS
from jobs.run import Run
from jobs.spread import spread
from manifests.errors import ConfigError
from manifests.schemas import CELLS

_ROWS_AT_ONCE: Final = 1 << 15


def thinned(run: Run, verdicts: pl.DataFrame, duplicates: pl.DataFrame) -> pl.DataFrame:
    """Drop clips that are like a kept one, under the settings of `thin`.

    Clips that the bounds drop and copies take no part: only what is kept so far is compared, and
    only what stays kept makes another go. Where each clip lies among the vectors is stored in
    `cells`, and clips that came since are added; the rest is found anew from that each time.

    Args:
        run: With `thin` on.
        verdicts: What `curate.decide.decide` gave.
        duplicates: Rows of the current dedup key.

    Raises:
        ConfigError: the share of random pairs is too small for so few sources.
    """
    settings = run.config.thin
    clips = embedded_clips(run.corpus, run.keys.embed)
    kept = clips["clip_id"].is_in(verdicts.filter("keep")["clip_id"].implode()).to_numpy()
    run.note("decide", without_vector=int(verdicts["keep"].sum()) - int(kept.sum()))
    if clips.is_empty():
        return verdicts
    anywhere = spread if ray.is_initialized() else map_here
    with tempfile.TemporaryDirectory(prefix="rushes-thin-") as spill:
        vectors = load_vectors(run.corpus, run.keys.embed, clips, Path(spill), run.config.dedup)
        cell, centre = _cells(run, clips, vectors, anywhere)
        origin = _origins(clips, duplicates)
        rank = _rank(clips, centre, settings.keep)
        compared = None if settings.within_source else origin
        cells = list(cells_by_rank(rank, cell, compared, np.flatnonzero(kept)))
        bound = _bound(run, vectors, cells, origin)
        near = thin(vectors, cells, bound, anywhere)
    run.note("decide", near=len(near.rows), near_bound=round(bound, 4))
    return without_near(verdicts, _named(clips, near), bound)


def _cells(
    run: Run, clips: pl.DataFrame, vectors: Vectors, anywhere: Map
) -> tuple[np.ndarray, Vectors]:
    """Cell of every clip and the cosine to its centre; committed where clips are new."""
    corpus, settings = run.corpus, run.config.thin
    own = pl.col("cells_key") == run.keys.cells
    stored = corpus.committed("cells").filter(own).collect()
    known = placed_before(clips, stored, "cell")
    folder = corpus.folder
    index, centres = place(folder, vectors, known, settings.cell_clips, settings.seed, anywhere)
    cell = index.assigned[:, 0]
    centre = _to_centres(vectors, index)
    rows = clips.select(
        "clip_id",
        cells_key=pl.lit(run.keys.cells),
        cell=pl.Series(cell),
        centre=pl.Series(centre),
        centres=pl.lit(centres),
    ).sort("clip_id")
    if not rows.drop("centre").equals(stored.sort("clip_id").select(rows.columns).drop("centre")):
        with INTERRUPTS.deferred():
            table = rows.to_arrow().cast(CELLS.schema)
            corpus.replace("cells", table, "cells_key", run.keys.cells)
    return cell, centre


def _to_centres(vectors: Vectors, index: Index) -> Vectors:
    """(n,) cosine of every clip to the centre of its cell."""
    cell, centres = index.assigned[:, 0], index.cells.centres
    parts = [
        np.einsum("ij,ij->i", vectors[i : i + _ROWS_AT_ONCE], centres[cell[i : i + _ROWS_AT_ONCE]])
        for i in range(0, len(vectors), _ROWS_AT_ONCE)
    ]
    return np.concatenate(parts).astype(np.float32)


def _origins(clips: pl.DataFrame, duplicates: pl.DataFrame) -> Ints:
    """(n,) number of every clip's source; videos that share copies are one."""
    known = duplicates.join(clips.select("clip_id"), on="clip_id", how="semi")
    source = sources(clips, known)
    names = clips["video_id"].replace_strict(source, return_dtype=pl.String)
    return names.rank("dense").cast(pl.Int64).to_numpy()


def _rank(clips: pl.DataFrame, centre: Vectors, keep: str) -> Ints:
    """(n,) place of every clip, 0 for the one most worth keeping; ties go by clip_id."""
    if keep == "best":
        place_of = pl.DataFrame({"clip_id": ranked(clips)}).with_row_index("place")
        ordered = clips.select("clip_id").join(place_of, on="clip_id", maintain_order="left")
        return ordered["place"].cast(pl.Int64).to_numpy()
    order = np.argsort(centre if keep == "far" else -centre, kind="stable")
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return rank


def _bound(run: Run, vectors: Vectors, cells: list[Cell], origin: Ints) -> float:
    """The least cosine at which a clip gives way."""
    settings = run.config.thin
    if settings.by == "similarity":
        return settings.bound
    if settings.by == "keep_share":
        return bound_that_keeps(vectors, cells, settings.bound, settings.seed)
    # What was read off once holds: a bound that moved with every clip would flip old verdicts.
    name = ("index", f"{run.keys.cells}.null.json")
    folder, share = run.corpus.folder, f"{settings.bound!r}"
    held = json.loads(folder.read(*name)) if folder.exists(*name) else {}
    if share not in held:
        found = bound_of_null(vectors, origin, settings.bound, settings.seed)
        if found is None:
            raise ConfigError(
                f"thin.bound = {share}, a share of random pairs, needs clips of "
                f"{sources_for(settings.bound)} sources; there are {len(np.unique(origin))}. "
                "Take a larger share, or thin.by = similarity"
            )
        held[share] = found
        folder.write(json.dumps(held).encode(), *name)
    return float(held[share])


def _named(clips: pl.DataFrame, near: Near) -> pl.DataFrame:
    ids = clips["clip_id"]
    return pl.DataFrame(
        {
            "clip_id": ids[near.rows],
            "kept_instead": ids[near.instead],
            "similarity": near.cosine,
        },
        schema={"clip_id": pl.String, "kept_instead": pl.String, "similarity": pl.Float32},
    )
