"""What the tables say about the path from files to kept clips, as plain values for the page."""

from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from curate.config import Config, policy_bounds
from curate.keys import StageKeys
from manifests.corpus import Corpus

MEASURED: Final = ("ok", "partial")
"""Values of `videos.status` that give clips."""


@dataclass(frozen=True, slots=True)
class Tables:
    """The rows of a corpus that belong to one configuration.

    Attributes:
        videos: One row per file: columns of `videos`, `name` (last part of the URI) and `state`
            (failed, pending, repeated or measured; repeated: same content as an earlier file).
        shots: video_id, shot_index, seconds, clips, clip_s (of its clips, 0 where none).
        clips: clip_id, video_id, uri, name, start_s, end_s, seconds, keep (null: no verdict),
            kept_instead, reasons (number of filters that dropped it).
        reasons: One row per clip and filter that dropped it: clip_id, video_id, seconds, reasons,
            filter, value, low, high, word.
        scores: clip_id and one column per score, with `missing` where the table has it.
        bounds: The policy's bounds: filter, low, high, null.
        duplicates: Columns of `duplicates`, for the clips above.
        features: Columns of `features`, for the clips above.
    """

    videos: pl.DataFrame
    shots: pl.DataFrame
    clips: pl.DataFrame
    reasons: pl.DataFrame
    scores: pl.DataFrame
    bounds: pl.DataFrame
    duplicates: pl.DataFrame
    features: pl.DataFrame

    @property
    def measured(self) -> pl.DataFrame:
        """The distinct videos that gave, or could have given, clips."""
        return self.videos.filter(pl.col("state") == "measured")

    @property
    def kept(self) -> pl.DataFrame:
        """The clips that the policy keeps."""
        return self.clips.filter(pl.col("keep").fill_null(False))

    @property
    def decided(self) -> bool:
        """Whether the policy has judged any clip."""
        return bool(self.clips["keep"].is_not_null().any())


def load_tables(corpus: Corpus, config: Config, keys: StageKeys) -> Tables:
    """Read everything but stills, vectors and per-frame signals."""
    videos = _videos(corpus, keys)
    clips = (
        corpus.scan("clips")
        .filter(pl.col("measure_key") == keys.measure)
        .select(
            "clip_id", "video_id", "shot_index", "start_s", "end_s",
            seconds=pl.col("end_s") - pl.col("start_s"),
        )
        .collect()
    )  # fmt: skip
    shots = _shots(corpus, keys, clips)
    names = videos.filter(pl.col("state") == "measured").select("video_id", "uri", "name")
    clips = clips.join(names, on="video_id", how="left").sort("uri", "start_s", "clip_id")
    verdicts = (
        corpus.scan("decisions")
        .filter(pl.col("policy_key") == keys.policy)
        .select("clip_id", "keep", "kept_instead", found="reasons")
        .collect()
    )
    clips = clips.join(verdicts, on="clip_id", how="left", maintain_order="left").with_columns(
        reasons=pl.col("found")
        .list.eval(pl.element().struct.field("filter").n_unique())
        .list.first()
    )
    reasons = (
        clips.select("clip_id", "video_id", "seconds", "reasons", "found")
        .explode("found")
        .drop_nulls("found")
        .unnest("found")
        .unique(["clip_id", "filter"], keep="first", maintain_order=True)
    )
    return Tables(
        videos=videos,
        shots=shots,
        clips=clips.drop("found").with_columns(pl.col("reasons").fill_null(0)),
        reasons=reasons,
        scores=_of_clips(corpus, "scores", "measure_key", keys.measure, clips),
        bounds=policy_bounds(config.policy),
        duplicates=_of_clips(corpus, "duplicates", "dedup_key", keys.dedup, clips),
        features=_of_clips(corpus, "features", "encode_key", keys.encode, clips),
    )


def _videos(corpus: Corpus, keys: StageKeys) -> pl.DataFrame:
    """Files in URI order; of those with the same content the first stands for all."""
    measured = pl.col("status").is_in(MEASURED) & (pl.col("measured_key") == keys.measure)
    return (
        corpus.read("videos")
        .sort("uri")
        .with_columns(
            name=pl.col("uri").str.split("/").list.last(),
            state=pl.when(pl.col("status") == "failed")
            .then(pl.lit("failed"))
            .when(measured.fill_null(False))
            .then(pl.lit("measured"))
            .otherwise(pl.lit("pending")),
        )
        .with_columns(
            state=pl.when(
                (pl.col("state") == "measured")
                & ~pl.struct("video_id", "state").is_first_distinct()
            )
            .then(pl.lit("repeated"))
            .otherwise(pl.col("state"))
        )
    )


def _shots(corpus: Corpus, keys: StageKeys, clips: pl.DataFrame) -> pl.DataFrame:
    ticks = (pl.col("end_pts") - pl.col("start_pts")) * pl.col("time_base_num")
    of_shot = clips.group_by("video_id", "shot_index").agg(
        clips=pl.len().cast(pl.Int64), clip_s=pl.col("seconds").sum()
    )
    return (
        corpus.scan("shots")
        .filter(pl.col("measure_key") == keys.measure)
        .select("video_id", "shot_index", seconds=ticks / pl.col("time_base_den"))
        .collect()
        .join(of_shot, on=["video_id", "shot_index"], how="left")
        .with_columns(pl.col("clips", "clip_s").fill_null(0))
    )


def _of_clips(
    corpus: Corpus, name: str, column: str, key: str, clips: pl.DataFrame
) -> pl.DataFrame:
    rows = corpus.committed(name).filter(pl.col(column) == key).collect()
    return rows.join(clips.select("clip_id"), on="clip_id", how="semi")


@dataclass(frozen=True, slots=True)
class Failure:
    """The files that failed, or were read in part, for one reason."""

    word: str
    files: int
    examples: tuple[tuple[str, str, str], ...]
    """(name, URI, what the library said) of the first ones."""


def failures(tables: Tables, status: str, limit: int = 20) -> list[Failure]:
    """Group the files of a status by error word, the most frequent first.

    Args:
        tables: The corpus.
        status: `failed` or `partial`.
        limit: Most files listed per word.
    """
    rows = tables.videos.filter(pl.col("status") == status).with_columns(
        pl.col("error").fill_null("unknown"), pl.col("error_detail").fill_null("")
    )
    found = []
    for (word,), group in rows.group_by("error", maintain_order=True):
        listed = group.select("name", "uri", "error_detail").head(limit)
        found.append(Failure(str(word), group.height, tuple(listed.iter_rows())))
    return sorted(found, key=lambda failure: (-failure.files, failure.word))


def latest_run(corpus: Corpus) -> dict[str, Any] | None:
    """The newest run record, if any run has ended."""
    runs = corpus.runs()
    return runs[-1] if runs else None
