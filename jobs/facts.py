"""What the stored tables say of clips that turned out to be copies."""

from typing import Final

import polars as pl

from curate.dedup import chroma
from manifests.corpus import Corpus

_CLIPS_AT_ONCE: Final = 1024
"""Clips whose stills are read at once: some 60 MB."""


def facts_of(corpus: Corpus, clips: pl.DataFrame, ids: set[str]) -> pl.DataFrame:
    """What `curate.dedup.words` reads of clips.

    Args:
        corpus: That holds their stills.
        clips: Rows of `clips`.
        ids: Of the clips asked for.

    Returns:
        The rows of these clips, with chroma: how far their colours are from grey.
    """
    wanted = clips.filter(pl.col("clip_id").is_in(sorted(ids)))
    names = wanted["clip_id"].to_list()
    parts = [_chroma(corpus, names[i : i + _CLIPS_AT_ONCE]) for i in _starts(len(names))]
    found = pl.concat(parts) if parts else pl.DataFrame(schema=_SCHEMA)
    return wanted.join(found, on="clip_id", how="left")


_SCHEMA: Final = {"clip_id": pl.String, "chroma": pl.Float64}


def _starts(count: int) -> range:
    return range(0, count, _CLIPS_AT_ONCE)


def _chroma(corpus: Corpus, ids: list[str]) -> pl.DataFrame:
    """clip_id and chroma, mean over the first two stills: a copy may be trimmed at its start."""
    stills = (
        corpus.scan("samples")
        .filter(pl.col("clip_id").is_in(ids) & (pl.col("sample") < 2))
        .select("clip_id", "jpeg")
        .collect()
    )
    values = [(name, chroma(jpeg)) for name, jpeg in stills.iter_rows()]
    told = pl.DataFrame(values, schema=_SCHEMA, orient="row").fill_nan(None)
    return told.group_by("clip_id").agg(pl.col("chroma").mean())
