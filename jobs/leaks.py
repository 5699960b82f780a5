"""Leaks: clips of one corpus that copy clips of another, such as training against evaluation."""

import tempfile
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from curate.config import Config, load_config
from curate.dedup import (
    Bounds,
    Places,
    exact_copies,
    joined_copies,
    propose,
)
from curate.dedup.search import Vectors
from curate.keys import stage_keys
from jobs.cluster import connect
from jobs.dedup import (
    embedded_clips,
    least_cosine,
    load_vectors,
    pictures_of,
    room_for,
    verified,
)
from jobs.facts import facts_of
from jobs.show import printable
from jobs.spread import spread
from manifests.corpus import Corpus
from manifests.errors import ConfigError

LEAKS: Final = 3
"""Exit code where a clip leaks."""


def find_leaks(corpus: Corpus, other: Corpus, address: str | None = None) -> dict[str, Any]:
    """Pairs of a clip of one corpus and a clip of the other that are copies.

    Both keep their tables as they are; each is read under the settings of its own last run, and the
    first one's settings of dedup decide.

    Args:
        corpus: The one that is asked about.
        other: The one that must not hold copies of its clips.
        address: Ray to join; None for this machine.

    Returns:
        `clips` and `against`, how many were compared, and `leaks`: rows of `copies` with clip_id
        of the first corpus and other_id of the second, and the `uri` and `other_uri` of their
        videos.

    Raises:
        ConfigError: The corpora were embedded by different models or have no vectors.
    """
    config, key = _current(corpus)
    config_other, key_other = _current(other)
    if config.embed.spec != config_other.embed.spec:
        raise ConfigError(
            f"{corpus.uri} was embedded by {config.embed.spec} and {other.uri} by "
            f"{config_other.embed.spec}; embed both by the same model"
        )
    ours, theirs = embedded_clips(corpus, key), embedded_clips(other, key_other)
    for which, clips in ((corpus, ours), (other, theirs)):
        if clips.is_empty():
            raise ConfigError(f"{which.uri} has no embedded clips; run `rushes embed` on it")
    with connect(address, config.run.workers):
        found = _compared((corpus, key, ours), (other, key_other, theirs), config)
    uris = _uris(corpus, "uri"), _uris(other, "other_uri")
    owners = (
        ours.select("clip_id", "video_id"),
        theirs.select(other_id="clip_id", other_video="video_id"),
    )
    listed = (
        found.join(owners[0], on="clip_id")
        .join(owners[1], on="other_id")
        .join(uris[0], on="video_id", how="left")
        .join(uris[1].rename({"video_id": "other_video"}), on="other_video", how="left")
        .drop("video_id", "other_video")
        .sort("clip_id", "other_id")
    )
    return {"clips": len(ours), "against": len(theirs), "leaks": listed.to_dicts()}


def print_leaks(told: dict[str, Any], console: Console) -> None:
    """What `find_leaks` found, as a table."""
    console.print(f"{told['clips']} clips against {told['against']}: {len(told['leaks'])} leaks")
    if not told["leaks"]:
        return
    table = Table("clip", "is a copy of", "relation", "changes", "at, s", "share")
    for leak in told["leaks"]:
        names = (f"{printable(leak[k] or '')} {leak[c][:12]}" for k, c in _NAMES)
        offset, share = f"{leak['offset_s']:.2f}", f"{leak['share']:.2f}"
        changes = " ".join(leak["changes"] or ())
        table.add_row(*map(escape, names), leak["relation"], changes, offset, share)
    console.print(table)


_NAMES: Final = (("uri", "clip_id"), ("other_uri", "other_id"))


def _current(corpus: Corpus) -> tuple[Config, str]:
    """Configuration of a corpus's last run, and its embed key."""
    if not corpus.folder.exists("rushes.toml"):
        raise ConfigError(f"{corpus.uri} has no rushes.toml; nothing was run on it")
    config = load_config(corpus.folder.read("rushes.toml").decode())
    return config, stage_keys(config).embed


_Side = tuple[Corpus, str, pl.DataFrame]
_OURS, _THEIRS = "a:", "b:"
"""Put before clip ids: both corpora may hold the same clip."""


def _compared(ours: _Side, theirs: _Side, config: Config) -> pl.DataFrame:
    """Rows of `copies` between the two."""
    clips = pl.concat(
        [
            side[2].with_columns(pl.concat_str(pl.lit(mark), "clip_id").alias("clip_id"))
            for mark, side in ((_OURS, ours), (_THEIRS, theirs))
        ],
        how="vertical_relaxed",
    )
    places, new = Places.of(clips), np.arange(len(ours[2]), len(clips))
    settings = config.dedup
    with tempfile.TemporaryDirectory(prefix="rushes-leaks-") as spill:
        vectors = _vectors(ours, theirs, Path(spill), config)
        key = stage_keys(config).dedup
        cosine, _ = least_cosine(ours[0], config, key, vectors, places)
        bounds = Bounds(cosine, settings.max_candidates, settings.memory_bytes)
        pairs = propose(vectors, places, new, bounds, spread, among_new=False)

    def pictures(ids: set[str]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for mark, side in ((_OURS, ours), (_THEIRS, theirs)):
            own = {name.removeprefix(mark) for name in ids if name.startswith(mark)}
            rows = pictures_of(side[0], side[1], own)
            found |= {mark + name: row for name, row in rows.items()}
        return found

    def facts(ids: set[str]) -> pl.DataFrame:
        found = []
        for mark, side in ((_OURS, ours), (_THEIRS, theirs)):
            own = {name.removeprefix(mark) for name in ids if name.startswith(mark)}
            marked = pl.concat_str(pl.lit(mark), "clip_id").alias("clip_id")
            found.append(facts_of(side[0], side[2], own).with_columns(marked))
        return pl.concat(found, how="vertical_relaxed")

    found = verified(pictures, facts, clips["clip_id"], pairs, settings)
    exact = exact_copies(clips, places)
    crossing = pl.col("clip_id").str.starts_with(_OURS) & pl.col("other_id").str.starts_with(
        _THEIRS
    )
    bare = (pl.col(name).str.slice(len(_OURS)) for name in ("clip_id", "other_id"))
    return joined_copies(exact, found).filter(crossing).with_columns(*bare)


def _vectors(ours: _Side, theirs: _Side, spill: Path, config: Config) -> Vectors:
    parts = []
    for name, (corpus, key, clips) in (("ours", ours), ("theirs", theirs)):
        (spill / name).mkdir()
        parts.append(load_vectors(corpus, key, clips, spill / name, config.dedup))
    count, dim = sum(map(len, parts)), parts[0].shape[1]
    both = room_for(count, dim, spill, config.dedup.memory_bytes)
    return np.concatenate(parts, out=both)


def _uris(corpus: Corpus, name: str) -> pl.DataFrame:
    """One URI of every video."""
    videos = (
        corpus.read("videos").drop_nulls("video_id").sort("uri").unique("video_id", keep="first")
    )
    return videos.select("video_id", pl.col("uri").alias(name))
