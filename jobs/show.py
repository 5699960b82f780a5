"""What the command line prints of a corpus."""

import json
import os
import re
from typing import Any, Final

import polars as pl
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from curate.config import Config, load_config
from curate.decide import CAMERA_KIND, DUPLICATE, NEAR, missing_reasons
from curate.keys import StageKeys, stage_keys
from filters.base import MISSING_SCORES
from filters.registry import FILTERS
from jobs.stages import STAGES
from manifests.corpus import Corpus
from manifests.errors import VIDEO_ERRORS, ConfigError

_DROPPED: Final = {DUPLICATE: "copies of a kept clip", NEAR: "like a kept clip"}
_UNPRINTABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # C0, C1, surrogates


def printable(text: str) -> str:
    """The text with every character that commands a terminal, or that none can show, as U+FFFD.

    A file's name is its maker's choice: one with an escape sequence in it could rewrite the screen.
    """
    return _UNPRINTABLE.sub("\ufffd", text)


def print_record(record: dict[str, Any], corpus: Corpus, console: Console) -> None:
    """The end of a run: totals, reasons, where to look next."""
    totals = record["totals"]
    seconds = record.get("seconds", 0.0)
    videos = ", ".join(f"{n} {status}" for status, n in totals["videos"].items())
    lines = [("videos", videos or "none"), ("clips", f"{totals['clips']}")]
    if totals["kept"] or totals["dropped"]:
        lines.append(("kept", f"{totals['kept']} of {totals['kept'] + totals['dropped']}"))
    for name, count in sorted(totals["dropped_by"].items(), key=lambda item: -item[1]):
        lines.append(("", f"{count} {_DROPPED.get(name, f'broke {name}')}"))
    for word, count in totals["errors"].items():
        lines.append(("error", f"{count} {word}: {VIDEO_ERRORS.get(word, '')}"))
    study = record["stages"].get("study", {})
    if "impossible" in study:
        lines.append(("study", study["impossible"]))
    report = record["stages"].get("report", {}).get("uri")
    if report:
        lines.append(("report", report))
    stages = record["stages"]
    timed = (f"{name} {stages[name]['seconds']:g} s" for name in STAGES if name in stages)
    lines.append(("time", f"{seconds:g} s: " + ", ".join(timed)))
    if "why" in record:
        lines.append(("exit", f"{record['exit_code']}: {record['why']}"))
    table = Table.grid(padding=(0, 2))
    for label, text in lines:
        table.add_row(f"[bold]{label}[/]", escape(printable(text)))
    console.print(table)
    if record["exit_code"] == 130:
        console.print("interrupted; run the same command to go on")


def print_status(corpus: Corpus, console: Console, *, as_json: bool) -> None:
    """Rows of every table, and the last run."""
    runs = corpus.runs()
    last = runs[-1] if runs else None
    versions = corpus.versions()
    counts = {name: corpus.scan(name).select(pl.len()).collect().item() for name in versions}
    found = {"corpus": corpus.uri, "rows": counts, "versions": versions, "last_run": last}
    if as_json:
        console.print_json(json.dumps(found))
        return
    table = Table(title=escape(printable(corpus.uri)), title_justify="left")
    table.add_column("table")
    table.add_column("rows", justify="right")
    table.add_column("version", justify="right")
    for name, rows in counts.items():
        table.add_row(name, f"{rows}", f"{versions[name]}")
    console.print(table)
    if last is not None:
        console.print(f"last run {last['run_id']}, exit code {last['exit_code']}")
        print_record(last, corpus, console)


def print_failures(corpus: Corpus, console: Console, *, as_json: bool) -> None:
    """Videos with an error word."""
    rows = (
        corpus.read("videos")
        .filter(pl.col("error").is_not_null())
        .sort("error", "uri")
        .select("uri", "status", "error", "error_detail")
    )
    if as_json:
        console.print_json(json.dumps(rows.to_dicts()))
        return
    if rows.is_empty():
        console.print("no video failed")
        return
    uris = rows["uri"].to_list()
    shared = os.path.commonpath(uris) if len(uris) > 1 and all(u[0] == "/" for u in uris) else ""
    title = f"below {escape(printable(shared))}" if shared else None
    table = Table(title=title, title_justify="left")
    for heading in ("video", "status", "error", "meaning"):
        table.add_column(heading, overflow="fold")
    for row in rows.iter_rows(named=True):
        name = row["uri"].removeprefix(shared).lstrip("/") if shared else row["uri"]
        word = row["error"]
        table.add_row(escape(printable(name)), row["status"], word, VIDEO_ERRORS.get(word, ""))
    console.print(table)


def print_explanation(corpus: Corpus, prefix: str, console: Console, *, as_json: bool) -> None:
    """One clip's place, scores and verdict.

    Raises:
        ConfigError: No clip, or more than one, has an id that begins so.
    """
    found = explain(corpus, prefix)
    if as_json:
        console.print_json(json.dumps(found))
        return
    verdict = found["decision"]
    console.print(f"[bold]{found['clip_id']}[/]")
    for uri in found["videos"]:
        console.print(f"  {escape(printable(uri))}", soft_wrap=True)
    console.print(f"  {found['start_s']:.3f} s to {found['end_s']:.3f} s, {found['frames']} frames")
    if verdict is None:
        console.print("  no verdict yet: run `rushes decide`")
    else:
        console.print("  [green]kept[/]" if verdict["keep"] else "  [red]dropped[/]")
        console.print(f"  camera: {verdict['camera_kind']}")
        for reason in verdict["reasons"]:
            console.print(f"  - {describe(reason)}")
        if verdict["kept_instead"]:
            console.print(f"  kept instead: {verdict['kept_instead']}")
    table = Table("score", "value", "bounds", "meaning")
    for name, score in found["scores"].items():
        value = score["missing"] or f"{score['value']:.4g}"
        bounds = _bounds(score["low"], score["high"])
        table.add_row(name, value, bounds, FILTERS[name].doc if name in FILTERS else "")
    console.print(table)
    for at in found["evidence"]:
        console.print(f"  {describe_evidence(at)}")


def explain(corpus: Corpus, prefix: str) -> dict[str, Any]:
    """Everything stored of the one clip whose id begins with `prefix`.

    Raises:
        ConfigError: No clip, or more than one, has an id that begins so.
    """
    config, keys = _current(corpus)
    clips = corpus.scan("clips").filter(pl.col("clip_id").str.starts_with(prefix)).collect()
    if len(clips) != 1:
        raise ConfigError(f"{len(clips)} clips have an id that begins with {prefix!r}")
    clip = clips.row(0, named=True)
    own = pl.col("clip_id") == clip["clip_id"]
    scores = corpus.scan("scores").filter(own).drop("missing").collect().row(0, named=True)
    words = missing_reasons(corpus).get(clip["clip_id"], {})
    decisions = corpus.committed("decisions").filter(own & (pl.col("policy_key") == keys.policy))
    evidence = corpus.committed("evidence").filter(own & (pl.col("measure_key") == keys.measure))
    found = evidence.drop("clip_id", "measure_key").sort("filter", "item").collect()
    duplicates = corpus.committed("duplicates").filter(own & (pl.col("dedup_key") == keys.dedup))
    cells = corpus.committed("cells").filter(own & (pl.col("cells_key") == keys.cells))
    videos = corpus.committed("videos").filter(pl.col("video_id") == clip["video_id"])
    verdict, copy, cell = decisions.collect(), duplicates.collect(), cells.collect()
    return {
        **clip,
        "videos": sorted(videos.collect()["uri"]),
        "scores": {name: _score(name, scores.get(name), words, config) for name in FILTERS},
        "evidence": found.to_dicts(),
        "decision": verdict.row(0, named=True) if len(verdict) else None,
        "duplicate": copy.row(0, named=True) if len(copy) else None,
        "cell": cell.row(0, named=True) if len(cell) else None,
    }


def describe(reason: dict[str, Any]) -> str:
    """One reason as a phrase."""
    name = reason["filter"]
    if name == CAMERA_KIND:
        return f"{name} is {reason['word']}"
    if reason["word"]:
        return f"{name} has no value: {MISSING_SCORES.get(reason['word'], reason['word'])}"
    if name == NEAR:
        return f"like a kept clip: cosine {reason['value']:.3f}, bound {reason['high']:.3f}"
    if reason["low"] is not None and reason["value"] < reason["low"]:
        return f"{name} {reason['value']:.4g} is below {reason['low']:g}"
    if reason["high"] is not None:
        return f"{name} {reason['value']:.4g} is above {reason['high']:g}"
    return "copy" if reason["value"] is None else f"copy, similarity {reason['value']:.3f}"


def describe_evidence(at: dict[str, Any]) -> str:
    """One row of `evidence` as a phrase."""
    words = [at["filter"], *([at["note"]] if at["note"] else [])]
    text = f"{' '.join(words)}: {at['start_s']:.2f} s to {at['end_s']:.2f} s"
    if at["x"] is not None:
        x, y, width, height = (100 * at[name] for name in ("x", "y", "width", "height"))
        text += f", box at {x:.0f} %, {y:.0f} % of {width:.0f} % x {height:.0f} %"
    return text if at["value"] is None else f"{text}, {at['value']:.3g}"


def _score(name: str, value: float | None, words: dict[str, str], config: Config) -> dict[str, Any]:
    chosen = config.policy.filters.get(name)
    default = FILTERS[name]
    low = default.low if chosen is None or chosen.low is None else chosen.low
    high = default.high if chosen is None or chosen.high is None else chosen.high
    missing = words.get(name, "unmeasured") if value is None else None
    return {"value": value, "missing": missing, "low": low, "high": high}


def _bounds(low: float | None, high: float | None) -> str:
    if low is None and high is None:
        return ""
    if low is None or high is None:
        return f"up to {high:g}" if low is None else f"{low:g} up"
    return f"{low:g} to {high:g}"


def _current(corpus: Corpus) -> tuple[Config, StageKeys]:
    """Configuration and keys of the corpus's last run."""
    config = load_config(corpus.folder.read("rushes.toml").decode())
    return config, stage_keys(config)
