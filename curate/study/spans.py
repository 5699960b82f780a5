"""What the arms are made of: spans of the raw timeline, and windows of encoded spans."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from hashlib import blake2b

import numpy as np
import numpy.typing as npt
import polars as pl

from curate.config import Config
from curate.encode import TokenSpan
from curate.tokens import read_steps
from manifests.ids import clip_id
from manifests.storage import Folder


def raw_spans(
    shots: pl.DataFrame, clips: pl.DataFrame, config: Config, *, ledger: bool = False
) -> list[TokenSpan]:
    """Tile every video's timeline, whatever the shots and scores: training without curation.

    Args:
        shots: Rows of `shots`; they tell where each video begins and ends.
        clips: Rows of `clips`; a tile equal to an uncropped clip shares its id and its tokens.
        config: `clips.max_s` is the length of a tile; `study.clips_per_video`, or for the ledger
            `ledger.windows_per_source`, caps their number.
        ledger: Whether they are for the ledger.

    Returns:
        Spans without a content box, of at most the cap's worth of windows per video.
    """
    cropped = set(
        clips.filter(
            (pl.col("content_width") != pl.col("source_width"))
            | (pl.col("content_height") != pl.col("source_height"))
        )["clip_id"]
    )
    ranges = shots.group_by("video_id", "time_base_num", "time_base_den").agg(
        pl.col("start_pts").min(), pl.col("end_pts").max()
    )
    if ledger:
        cap = _tiles(config, config.ledger.window, config.ledger.windows_per_source)
    else:
        cap = _tiles(config, config.study.window, config.study.clips_per_video)
    spans = []
    for video, num, den, start, end in ranges.sort("video_id").iter_rows():
        length = round(Fraction(config.clips.max_s).limit_denominator(1000) / Fraction(num, den))
        tiles = [(at, min(at + length, end)) for at in range(start, end, max(1, length))]
        chosen = sorted(tiles, key=lambda tile: _rank(video, tile[0]))[:cap]
        for first, last in sorted(chosen):
            name = clip_id(video, first, last)
            if name in cropped:
                name = clip_id(f"{video}:raw", first, last)
            spans.append(TokenSpan(name, video, first, last))
    return spans


def _tiles(config: Config, window: int, windows: int) -> int:
    """Tiles that hold so many windows."""
    held = max(1, int(config.clips.max_s / (window * config.encode.step_s)))
    return -(-windows // held)


def _rank(video: str, start: int) -> bytes:
    return blake2b(f"{video}:{start}".encode(), digest_size=8).digest()


def sources(clips: pl.DataFrame, duplicates: pl.DataFrame) -> dict[str, str]:
    """Name one source per video, the same for videos that share copies.

    Args:
        clips: clip_id and video_id.
        duplicates: clip_id and group_id.

    Returns:
        video_id -> the smallest video_id among those connected to it through groups of copies.
    """
    parent = {video: video for video in clips["video_id"].unique().sort()}

    def root(video: str) -> str:
        while parent[video] != video:
            video = parent[video]
        return video

    joined = duplicates.join(clips.select("clip_id", "video_id"), on="clip_id")
    groups = joined.group_by("group_id").agg(pl.col("video_id").unique().sort()).sort("group_id")
    for members in groups["video_id"]:
        roots = sorted({root(video) for video in members})
        for other in roots[1:]:
            parent[other] = roots[0]
    return {video: root(video) for video in parent}


@dataclass(frozen=True, slots=True)
class Window:
    """`length` steps of an encoded span, from step `start` on."""

    file: str
    row: int
    start: int
    length: int


def windows(features: pl.DataFrame, length: int) -> Iterator[tuple[str, str, Window]]:
    """Cut encoded spans into windows of equal length.

    Args:
        features: Rows of `features` with tokens.
        length: Steps per window.

    Yields:
        Window id, clip_id and where its tokens are.
    """
    for row in features.sort("clip_id").iter_rows(named=True):
        for start in range(0, row["steps"] - length + 1, length):
            found = Window(row["file"], row["row"], start, length)
            yield f"{row['clip_id']}+{start}", row["clip_id"], found


@dataclass(frozen=True, slots=True)
class TokenLoader:
    """Gives the tokens of windows; picklable, so that a task can read them where it runs.

    Attributes:
        corpus_uri: The corpus.
        where: Window id -> place of its tokens.
    """

    corpus_uri: str
    where: Mapping[str, Window]

    def __call__(self, ids: Sequence[str]) -> npt.NDArray[np.float16]:
        """Tokens (n, T, N, D) float16 of the windows, in the order asked for."""
        chosen = [self.where[name] for name in ids]
        parts = [(w.file, w.row, slice(w.start, w.start + w.length)) for w in chosen]
        return np.stack(read_steps(Folder(self.corpus_uri), parts))
