"""Doctor: checks of a corpus against its videos."""

import json
from typing import Any

import polars as pl
import typer
from rich.console import Console
from rich.markup import escape

from curate.config import Limits, load_config
from curate.purity import End, Verdict, check_ends
from jobs.show import printable
from manifests.corpus import Corpus
from manifests.errors import BadVideoError, ConfigError

IMPURE = 3


def ends_of(corpus: Corpus) -> pl.DataFrame:
    """Ends of clips that lie beside another shot: one row per end.

    Columns: video_id, clip_id, clip_start, clip_end, shot_start, shot_end (pts of the other shot),
    last (whether it is the clip's end).
    """
    shots = corpus.read("shots").select("video_id", "shot_index", "start_pts", "end_pts")
    clips = corpus.read("clips").select("video_id", "clip_id", "shot_index", "start_pts", "end_pts")
    own = clips.rename({"start_pts": "clip_start", "end_pts": "clip_end"})
    sides = []
    for last, step in ((True, 1), (False, -1)):
        others = shots.with_columns(shot_index=(pl.col("shot_index") - step).cast(pl.Int32))
        others = others.rename({"start_pts": "shot_start", "end_pts": "shot_end"})
        side = own.join(others, on=["video_id", "shot_index"])
        outermost = pl.col("clip_end").max() if last else pl.col("clip_start").min()
        column = pl.col("clip_end") if last else pl.col("clip_start")
        side = side.filter(column == outermost.over("video_id", "shot_index"))
        sides.append(side.with_columns(last=pl.lit(last)))
    return pl.concat(sides).sort("video_id", "clip_start", "last")


def run_doctor(corpus: Corpus, purity: int, seed: int, console: Console, *, as_json: bool) -> int:
    """Decode `purity` random clip ends again and tell whether any holds the neighbouring shot.

    Returns:
        0, or 3 when an end does.

    Raises:
        ConfigError: No end is asked for.
    """
    if purity < 1:
        raise ConfigError(f"--purity takes a number of clip ends from 1 up, not {purity}")
    ends = ends_of(corpus)
    chosen = ends.sample(min(purity, len(ends)), seed=seed, shuffle=True).sort("video_id")
    videos = corpus.read("videos").filter(pl.col("video_id").is_not_null())
    uris = dict(videos.select("video_id", "uri").iter_rows())
    limits = load_config(corpus.folder.read("rushes.toml").decode(), ()).limits
    record: dict[str, Any] = {"ends": len(ends), "chosen": len(chosen), "unreadable": []}
    verdicts: list[Verdict] = []
    for (video_id,), rows in chosen.group_by("video_id", maintain_order=True):
        verdicts += _of_video(uris[video_id], rows, limits, record)
    checked = [v for v in verdicts if v.frames]
    impure = [v for v in checked if not v.pure]
    record |= {
        "checked": len(checked),
        "impure": [_row(v) for v in impure],
        "least_margin_frames": min((v.margin for v in checked), default=None),
    }
    if as_json:
        typer.echo(json.dumps(record, indent=2))
    else:
        _print(record, console)
    return IMPURE if impure else 0


def _of_video(
    uri: str, rows: pl.DataFrame, limits: Limits, record: dict[str, Any]
) -> list[Verdict]:
    ends = [
        End(
            row["clip_id"],
            (row["clip_start"], row["clip_end"]),
            (row["shot_start"], row["shot_end"]),
            row["last"],
        )
        for row in rows.iter_rows(named=True)
    ]
    try:
        return check_ends(uri, ends, limits)
    except BadVideoError as error:
        record["unreadable"].append({"uri": uri, "error": error.word})
        return []


def _row(verdict: Verdict) -> dict[str, Any]:
    return {
        "clip_id": verdict.end.clip_id,
        "side": "end" if verdict.end.last else "start",
        "own": round(verdict.own, 4),
        "other": round(verdict.other, 4),
        "margin_frames": verdict.margin,
    }


def _print(record: dict[str, Any], console: Console) -> None:
    console.print(
        f"purity  {record['checked']} of {record['ends']} clip ends beside another shot decoded "
        f"again, {len(record['impure'])} hold frames of it"
    )
    if record["least_margin_frames"] is not None:
        console.print(
            f"margin  at least {record['least_margin_frames']} frames are left out between"
        )
    for row in record["impure"]:
        console.print(
            f"impure  {row['clip_id']} at its {row['side']}: {row['own']} from its own clip, "
            f"{row['other']} from the other shot"
        )
    for row in record["unreadable"]:
        console.print(f"error   {row['error']}: {escape(printable(row['uri']))}")
