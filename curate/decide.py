"""Verdicts: a policy's bounds compared with stored scores, without any decode."""

from typing import Any, Final

import polars as pl

from curate.config import Policy, policy_bounds
from curate.prompts import prompt_bounds
from filters.camera_kind import kind
from manifests.corpus import Corpus

DUPLICATE: Final = "duplicate"
"""Reason of a clip that is a copy of a kept one."""
NEAR: Final = "near"
"""Reason of a clip whose vector is like that of a kept one, which is no copy of it."""
CAMERA_KIND: Final = "camera_kind"
"""Reason of a clip whose kind of camera motion is not asked for; the word is its kind."""


def decide(
    clips: pl.DataFrame,
    scores: pl.DataFrame,
    missing: dict[str, dict[str, str]],
    duplicates: pl.DataFrame,
    policy: Policy,
) -> pl.DataFrame:
    """Give every clip a verdict with all its reasons.

    Copies are judged last and give way to their group's best only if that passes every bound:
    every member is a copy of the best, and two members need not be copies of each other. So no
    clip is dropped in favour of one that is dropped itself, or that it does not resemble.

    Args:
        clips: clip_id of every clip.
        scores: clip_id and one column per score, prompts among them (`curate.prompts`).
        missing: clip_id -> score -> reason word.
        duplicates: clip_id, group_id, nearest and similarity (rows of the current dedup key).
        policy: Bounds and what to do with copies.

    Returns:
        clip_id, keep, reasons, kept_instead, camera_kind: the columns of `decisions` without its
        key, sorted by clip_id, one row per clip.
    """
    table = clips.select("clip_id").join(scores, on="clip_id", how="left").sort("clip_id")
    reasons: dict[str, list[dict[str, Any]]] = {clip: [] for clip in table["clip_id"]}
    bounds = pl.concat([policy_bounds(policy), prompt_bounds(policy.prompts)])
    for bound in bounds.iter_rows(named=True):
        if bound["filter"] not in table.columns:
            table = table.with_columns(pl.lit(None, pl.Float32).alias(bound["filter"]))
        for clip, value in _broken(table, **bound):
            word = missing.get(clip, {}).get(bound["filter"]) if value is None else None
            reasons[clip].append(_reason(bound, value, word))
    kinds = {row["clip_id"]: kind(row) for row in table.iter_rows(named=True)}
    for clip, word in kinds.items():
        if policy.camera_kinds and word not in policy.camera_kinds:
            reasons[clip].append(
                {"filter": CAMERA_KIND, "value": None, "low": None, "high": None, "word": word}
            )
    kept_instead: dict[str, str] = {}
    if policy.duplicates == "drop":
        for clip, best, similarity in _copies(duplicates, reasons):
            kept_instead[clip] = best
            reasons[clip].append(
                {"filter": DUPLICATE, "value": similarity, "low": None, "high": None, "word": None}
            )
    rows = [
        {
            "clip_id": clip,
            "keep": not found,
            "reasons": found,
            "kept_instead": kept_instead.get(clip),
            "camera_kind": kinds[clip],
        }
        for clip, found in reasons.items()
    ]
    return pl.DataFrame(rows, schema=_SCHEMA)


_SCHEMA: Final[dict[str, Any]] = {
    "clip_id": pl.String,
    "keep": pl.Boolean,
    "reasons": pl.List(
        pl.Struct(
            {
                "filter": pl.String,
                "value": pl.Float64,
                "low": pl.Float64,
                "high": pl.Float64,
                "word": pl.String,
            }
        )
    ),
    "kept_instead": pl.String,
    "camera_kind": pl.String,
}


def _broken(
    table: pl.DataFrame, filter: str, low: float | None, high: float | None, null: str
) -> list[tuple[str, float | None]]:
    """Clips outside the bounds, with the value that decided."""
    score = pl.col(filter)
    fails = pl.lit(False)
    if low is not None:
        fails = fails | (score < pl.lit(low, pl.Float32))
    if high is not None:
        fails = fails | (score > pl.lit(high, pl.Float32))
    fails = fails.fill_null(null == "drop")
    found = table.filter(fails).select("clip_id", score.cast(pl.Float64))
    return list(found.iter_rows())


def _reason(bound: dict[str, Any], value: float | None, word: str | None) -> dict[str, Any]:
    kept = {key: bound[key] for key in ("filter", "low", "high")}
    return {**kept, "value": value, "word": word or ("unmeasured" if value is None else None)}


def _copies(
    duplicates: pl.DataFrame, reasons: dict[str, list[dict[str, Any]]]
) -> list[tuple[str, str, float | None]]:
    """(clip, clip kept instead, similarity if stored) of every clip that gives way."""
    members = duplicates.filter(pl.col("clip_id") != pl.col("group_id")).sort("clip_id")
    found = []
    for row in members.iter_rows(named=True):
        best = row["group_id"]
        if best in reasons and not reasons[best] and row["clip_id"] in reasons:
            similarity = row["similarity"] if row["nearest"] == best else None
            found.append((row["clip_id"], best, similarity))
    return found


def without_near(verdicts: pl.DataFrame, near: pl.DataFrame, bound: float) -> pl.DataFrame:
    """Drop clips that give way to a kept one that is like them.

    Copies of a clip that gives way keep their reason, and what is kept for them is what is kept
    for it.

    Args:
        verdicts: What `decide` gave.
        near: clip_id of kept clips, kept_instead of clips that stay kept, and similarity.
        bound: Least cosine.

    Returns:
        The verdicts, each with its columns.
    """
    reason = pl.struct(
        filter=pl.lit(NEAR),
        value=pl.col("similarity").cast(pl.Float64),
        low=pl.lit(None, pl.Float64),
        high=pl.lit(bound, pl.Float64),
        word=pl.lit(None, pl.String),
    )
    gone = near.select("clip_id", "kept_instead", reason.alias("reason"))
    chained = gone.select(kept_instead="clip_id", final="kept_instead")
    drop = pl.col("reason").is_not_null()
    return (
        verdicts.join(gone, on="clip_id", how="left", suffix="_near")
        .join(chained, on="kept_instead", how="left")
        .with_columns(
            keep=pl.col("keep") & ~drop,
            reasons=pl.when(drop).then(pl.concat_list("reason")).otherwise("reasons"),
            kept_instead=pl.coalesce("kept_instead_near", "final", "kept_instead"),
        )
        .select(verdicts.columns)
        .cast(pl.Schema(_SCHEMA))
        .sort("clip_id")
    )


def missing_reasons(corpus: Corpus) -> dict[str, dict[str, str]]:
    """clip_id -> score -> reason word, of clips with a score that has no value."""
    scores = corpus.scan("scores")
    if "missing" not in scores.collect_schema():
        return {}
    table = scores.select("clip_id", "missing").collect().to_arrow()
    pairs = zip(table["clip_id"].to_pylist(), table["missing"].to_pylist(), strict=True)
    return {clip: dict(words) for clip, words in pairs if words}
