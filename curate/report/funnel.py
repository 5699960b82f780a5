"""The funnel: every file, every second and every clip accounted for, from input to tokens."""

from dataclasses import dataclass, replace
from typing import Final, Literal

import polars as pl

from curate.config import Config
from curate.decide import DUPLICATE, NEAR
from curate.report.data import Tables
from curate.report.formats import plural

Kind = Literal["total", "loss", "kept"]


@dataclass(frozen=True, slots=True)
class Step:
    """One bar: an amount that is left, or what was lost between two of them.

    Attributes:
        label: What the bar is.
        kind: `total` (left at this point), `loss` or `kept` (the final total).
        seconds: Length of the video in it; None where no file's length is known.
        count: How many of `noun`; None where only time is lost.
        noun: file, video, shot or clip.
        note: What the reader should know about it.
        reason: Filter whose examples the bar leads to.
        left: Start of the bar, percent of the panel's width.
        width: Length of the bar, percent of the panel's width.
    """

    label: str
    kind: Kind
    seconds: float | None
    count: int | None = None
    noun: str = ""
    note: str = ""
    reason: str | None = None
    left: float = 0.0
    width: float = 0.0


@dataclass(frozen=True, slots=True)
class Reason:
    """How much one filter drops, alone and together with others."""

    name: str
    clips: int
    seconds: float
    only_clips: int
    only_seconds: float
    unmeasured: int

    @property
    def shared_clips(self) -> int:
        """Clips that another filter drops as well."""
        return self.clips - self.only_clips


def count_reasons(tables: Tables) -> list[Reason]:
    """Every filter that dropped a clip, by time dropped; copies last, then near clips."""
    only = pl.col("reasons") == 1
    rows = (
        tables.reasons.group_by("filter")
        .agg(
            clips=pl.len(),
            seconds=pl.col("seconds").sum(),
            only_clips=only.sum(),
            only_seconds=pl.col("seconds").filter(only).sum(),
            unmeasured=pl.col("word").is_not_null().sum(),
        )
        .sort(
            pl.col("filter") == NEAR,
            pl.col("filter") == DUPLICATE,
            -pl.col("seconds"),
            "filter",
        )
    )
    return [Reason(*row) for row in rows.iter_rows()]


def file_steps(tables: Tables, config: Config) -> list[Step]:
    """From the files that were given to the clips that were cut."""
    states = {str(k[0]): rows for k, rows in tables.videos.group_by("state")}
    steps = [Step("files given", "total", _seconds(tables.videos), tables.videos.height, "file")]
    for state, label, note in _FILE_LOSSES:
        rows = states.get(state)
        if rows is not None:
            steps.append(Step(label, "loss", _seconds(rows), rows.height, "file", note))
    measured, shots = tables.measured, tables.shots
    video_s, shot_s = _seconds(measured) or 0.0, float(shots["seconds"].sum())
    partial = int((measured["status"] == "partial").sum())
    note = f"{plural(partial, 'file')} decoded in part" if partial else ""
    steps.append(Step("distinct videos", "total", video_s, measured.height, "video", note))
    empty = shots.filter(pl.col("clips") == 0)
    used = shots.filter(pl.col("clips") > 0)
    edges = float((used["seconds"] - used["clip_s"]).sum())
    clips = tables.clips
    losses = [
        Step(
            "between shots",
            "loss",
            max(0.0, video_s - shot_s),
            note="frames of transitions",
        ),
        Step(
            "shots too short",
            "loss",
            float(empty["seconds"].sum()),
            empty.height,
            "shot",
            f"no span of {config.clips.min_s:g} s is left after trimming (clips.min_s)",
        ),
        Step(
            "edges of shots",
            "loss",
            max(0.0, edges),
            note="frames trimmed beside a boundary (shots.trim_frames) and remainders "
            "shorter than a clip",
        ),
    ]
    steps += [step for step in losses if (step.seconds or 0) > _LEAST_S or step.count]
    steps.append(Step("clips", "total", float(clips["seconds"].sum()), clips.height, "clip"))
    return _placed(steps)


_FILE_LOSSES: Final = (
    ("failed", "failed", "not readable as video; see the section on failures"),
    ("pending", "not measured yet", "scanned, or measured under other settings"),
    ("repeated", "same content", "byte for byte another file of the list; measured once"),
)
_GIVING_WAY: Final = {
    DUPLICATE: ("copies", "copies of a kept clip"),
    NEAR: ("near clips", "thinned: like a kept clip, no copies of it"),
}
"""Reasons that hang on another clip -> label and note of their bar."""
_LEAST_S: Final = 0.05
"""Losses below this are rounding of time stamps, s."""


def clip_steps(tables: Tables, reasons: list[Reason]) -> list[Step]:
    """From the clips that were cut to those that are kept and encoded."""
    clips = tables.clips
    steps = [_step("clips", "total", clips)]
    for reason in reasons:
        if reason.only_clips:
            label, note = _GIVING_WAY.get(reason.name, (reason.name, "dropped by this alone"))
            steps.append(
                Step(
                    label,
                    "loss",
                    reason.only_seconds,
                    reason.only_clips,
                    "clip",
                    note,
                    reason.name,
                )
            )
    dropped = clips.filter(~pl.col("keep"))
    for label, note, rows in (
        ("several reasons", "dropped by two or more", dropped.filter(pl.col("reasons") > 1)),
        ("no reason stored", "dropped without one", dropped.filter(pl.col("reasons") == 0)),
        (
            "no verdict yet",
            "`rushes decide` has not seen them",
            clips.filter(pl.col("keep").is_null()),
        ),
    ):
        if rows.height:
            steps.append(replace(_step(label, "loss", rows), note=note))
    kept = tables.kept
    steps.append(_step("kept", "kept", kept))
    encoded = kept.join(_encoded(tables), on="clip_id", how="semi")
    if tables.features.height:
        steps += _encode_losses(tables, kept)
        steps.append(_step("encoded", "kept", encoded))
    return _placed(steps)


def _encode_losses(tables: Tables, kept: pl.DataFrame) -> list[Step]:
    errors = tables.features.filter(pl.col("error").is_not_null()).select("clip_id", "error")
    missing = kept.join(_encoded(tables), on="clip_id", how="anti").join(
        errors, on="clip_id", how="left"
    )
    steps = []
    for (word,), rows in missing.group_by("error", maintain_order=True):
        note = "no tokens: " + str(word) if word else "`rushes encode` has not seen them"
        steps.append(replace(_step(str(word or "not encoded yet"), "loss", rows), note=note))
    return steps


def _encoded(tables: Tables) -> pl.DataFrame:
    return tables.features.filter(pl.col("error").is_null()).select("clip_id")


def _step(label: str, kind: Kind, rows: pl.DataFrame) -> Step:
    return Step(label, kind, float(rows["seconds"].sum()), rows.height, "clip")


def _seconds(videos: pl.DataFrame) -> float | None:
    known = videos["duration_s"].drop_nulls()
    return float(known.sum()) if known.len() else None


def _placed(steps: list[Step]) -> list[Step]:
    """Hang each loss below the end of what was left before it; widths by time."""
    scale = max((step.seconds or 0.0) for step in steps) or 1.0
    left, placed = 0.0, []
    for step in steps:
        seconds = step.seconds or 0.0
        if step.kind == "loss":
            left -= seconds
            start = left
        else:
            left, start = seconds, 0.0
        placed.append(
            replace(step, left=max(0.0, 100 * start / scale), width=100 * seconds / scale)
        )
    return placed
