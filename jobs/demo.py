"""The demo: the whole path over a small corpus of real clips and edits of them."""

import json
import sys
from pathlib import Path
from typing import Any, Final

import polars as pl
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from curate.config import load_config
from curate.decide import DUPLICATE
from curate.demo import DemoVideo, make_demo_videos
from jobs.pipeline import Request, execute
from jobs.progress import Bars, Lines
from jobs.show import describe, print_record, printable
from jobs.stages import STAGES
from manifests.corpus import Corpus
from manifests.errors import VIDEO_ERRORS

SETTINGS: Final = (
    "embed.spec=bundled",
    "encode.spec=bundled",
    "study.train_clips=128",
    "study.batch_size=16",
    "study.steps=100",
)
"""The bundled model needs no download; the study is as small as it can be and still run."""


def run_demo(folder: Path, console: Console, *, as_json: bool) -> int:
    """Make the videos, run every stage, and print what happened to every clip.

    Args:
        folder: Gets `videos/` and `corpus/`.
        console: Where to print.
        as_json: Whether the run record is printed as JSON on standard output instead.

    Returns:
        The run's exit code.
    """
    videos = make_demo_videos(folder / "videos")
    console.print(f"made {len(videos)} videos in {escape(printable(str(folder / 'videos')))}")
    corpus = Corpus(str(folder / "corpus"))
    command = ("rushes", "demo", str(folder))
    request = Request(
        corpus, load_config(None, SETTINGS), STAGES, (str(folder / "videos"),), command=command
    )
    record, code = execute(request, Bars(console) if console.is_terminal else Lines())
    if as_json:
        typer.echo(json.dumps(record, indent=2))
        return code
    console.print(_table(corpus, record, videos))
    print_record(record, corpus, console)
    _next_steps(folder, corpus, console)
    return code


def _table(corpus: Corpus, record: dict[str, Any], videos: list[DemoVideo]) -> Table:
    """One line per clip and per video without clips, in the order of the demo."""
    table = Table(title="what happened to every clip", title_justify="left")
    table.add_column("video", overflow="fold")
    table.add_column("made by")
    table.add_column("clip, s", justify="right", no_wrap=True)
    table.add_column("verdict")
    table.add_column("because", overflow="fold")
    facts = {Path(row["uri"]).name: row for row in corpus.read("videos").iter_rows(named=True)}
    clips = _verdicts(corpus, record["keys"]["policy"])
    of_video: dict[str, list[dict[str, Any]]] = {}
    for clip in clips:
        of_video.setdefault(clip["video_id"], []).append(clip)
    for video in videos:
        row = facts.get(video.name)
        found = of_video.get(row["video_id"], []) if row is not None else []
        for clip in found:
            table.add_row(video.name, video.edit, *_cells(clip, clips, facts))
        if row is not None and not found:
            word = row["error"]
            why = VIDEO_ERRORS[word] if word else "no shot is long enough for a clip"
            table.add_row(video.name, video.edit, "", word or "no clip", why)
    return table


def _verdicts(corpus: Corpus, policy_key: str) -> list[dict[str, Any]]:
    decisions = corpus.scan("decisions").filter(pl.col("policy_key") == policy_key)
    joined = corpus.scan("clips").join(decisions, on="clip_id").sort("video_id", "start_pts")
    return joined.collect().to_dicts()


def _cells(
    clip: dict[str, Any], clips: list[dict[str, Any]], facts: dict[str, dict[str, Any]]
) -> tuple[str, str, str]:
    span = f"{clip['start_s']:.2f} - {clip['end_s']:.2f}"
    if clip["keep"]:
        return span, "[green]kept[/]", ""
    because = [describe(r) for r in clip["reasons"] if r["filter"] != DUPLICATE]
    if clip["kept_instead"]:
        other = next(c for c in clips if c["clip_id"] == clip["kept_instead"])
        name = next(n for n, row in facts.items() if row["video_id"] == other["video_id"])
        because.append(f"copy of {name} at {other['start_s']:.2f} s")
    return span, "[red]dropped[/]", escape(printable("; ".join(because)))


def _next_steps(folder: Path, corpus: Corpus, console: Console) -> None:
    rushes, place = escape(printable(sys.argv[0])), escape(printable(str(folder)))
    report = escape(printable(corpus.folder.url("report", "index.html")))
    dropped = corpus.read("decisions").filter(~pl.col("keep")).sort("clip_id")["clip_id"]
    clip = dropped[0][:12] if len(dropped) else "CLIP"
    bound = "policy.filters.camera_shake.high=1"
    for label, command in (
        ("open the report", f"[bold]{report}[/]"),
        ("change a bound", f"{rushes} decide {place}/corpus --set {bound}"),
        ("ask about a clip", f"{rushes} explain {clip} --corpus {place}/corpus"),
        ("curate your own", f"{rushes} run FOLDER --corpus corpus"),
    ):
        console.print(f"{label:<18}{command}", soft_wrap=True, highlight=False)
