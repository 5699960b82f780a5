"""Encode: tokens of kept clips, and of the raw spans that a study compares them with."""

import json
from collections.abc import Collection
from typing import Any, Final

import polars as pl
import pyarrow as pa
import ray

from curate.config import Config
from curate.encode import (
    SPANS_PER_PASS,
    Pass,
    SpanFrames,
    StepRule,
    TokenSpan,
    encode_passes,
    passes_of,
    read_source_spans,
)
from curate.encoders import load_encoder
from curate.isolate import Isolated, keep_freed_memory
from curate.reference import freeze_reference
from curate.study.spans import raw_spans
from curate.tokens import write_tokens
from jobs.cluster import data_context, map_on_actors, rows_of_batches
from jobs.interrupt import INTERRUPTS
from jobs.measure import first_readable
from jobs.run import Run
from manifests.corpus import rows_of
from manifests.storage import Folder

SPANS_PER_FILE: Final = 64
"""Spans of a token file: 25 MB at 32 steps of 16 tokens of 384, and what a killed worker loses."""


class EncodeActor:
    """Decodes spans in a child process, encodes them and writes a token file per batch."""

    def __init__(self, config: Config, encode_key: str, corpus_uri: str) -> None:
        keep_freed_memory(of_any_size=True)
        settings = config.encode
        self._config, self._key, self._folder = config, encode_key, Folder(corpus_uri)
        self._steps = StepRule(settings.step_s, settings.min_steps, settings.max_steps)
        self._isolated = Isolated(config.limits)
        self._encoder = load_encoder(
            settings.spec,
            grid=settings.grid,
            device=settings.device,
            batch_size=settings.batch_size,
            cpu_precision="bfloat16" if settings.cpu_precision == "bfloat16" else "float32",
        )

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Videos (uris, sound, spans) as JSON in, rows of `features` as JSON out."""
        rows = []
        for unit in batch.to_pylist():
            passes = []
            for video in json.loads(unit["videos"]):
                spans = [TokenSpan(**span) for span in video["spans"]]
                passes += passes_of(video["uris"], spans, sound=video["sound"])
            found = encode_passes(passes, self._read, self._encoder)
            rows += write_tokens(
                self._folder,
                self._key,
                [encoded for part in found for encoded in part],
                self._encoder.spec,
                causal=self._encoder.causal,
                step_s=self._config.encode.step_s,
                dtype=self._config.encode.dtype,
            )
        return pa.table({"rows": [json.dumps(rows)]})

    def _read(self, part: Pass) -> list[SpanFrames | None]:
        def read(uri: str) -> list[SpanFrames | None]:
            return self._isolated.call(
                read_source_spans,
                uri,
                part.spans,
                self._steps,
                self._config.limits,
                seekable=part.seekable,
            )

        return first_readable(list(part.uris), read)


def run_encode(run: Run, stages: Collection[str]) -> None:
    """Encode what has no row under the current key.

    Args:
        run: The run.
        stages: What was asked for: studies need spans of the raw timeline too, and the ledger
            needs nothing else.
    """
    units = _units(run, stages)
    total = sum(unit["count"] for unit in units)
    run.note("encode", spans=total, without_tokens=0)
    run.progress.start("encode", total, "spans")
    if not units:
        _freeze(run)
        return
    data_context(run.config.limits.timeout_s + 600)
    dataset = map_on_actors(
        ray.data.from_items(units, override_num_blocks=min(len(units), 4096)),
        EncodeActor,
        (run.config, run.keys.encode, run.corpus.uri),
        run.cluster,
        size=min(run.cluster.workers, len(units)),
        gpus=run.cluster.gpu_share(run.config.encode.device),
    )
    waiting: list[dict[str, Any]] = []
    failed = 0
    try:
        for result in rows_of_batches(dataset):
            rows = json.loads(result["rows"])
            failed += sum(row["error"] is not None for row in rows)
            waiting += rows
            run.progress.advance(len(rows))
            if len(waiting) >= run.config.run.commit_videos * SPANS_PER_PASS:
                _commit(run, waiting)
    finally:
        _commit(run, waiting)
        run.note("encode", without_tokens=failed)
    _freeze(run)


def _freeze(run: Run) -> None:
    """Fit the reference space the first time that there are tokens; its hash goes on record."""
    try:
        run.note("encode", reference=freeze_reference(run.corpus, run.keys.encode).hash)
    except ValueError as error:  # no tokens, or a corpus where every frame is the same
        run.note("encode", reference=None, why=str(error))


def _commit(run: Run, waiting: list[dict[str, Any]]) -> None:
    run.lock.check()
    with INTERRUPTS.deferred():
        rows = rows_of("features", waiting)
        waiting.clear()
        if run.retry_failed:  # rows with an error are replaced
            run.corpus.upsert("features", rows)
        else:
            run.corpus.append("features", rows)


def _units(run: Run, stages: Collection[str]) -> list[dict[str, Any]]:
    """Work that makes one token file: spans without a row yet, of one video or of several."""
    videos = run.corpus.read("videos").filter(pl.col("measured_key").is_not_null())
    videos = videos.filter(pl.col("status").is_in(["ok", "partial"]))
    videos = (
        videos.sort("uri")
        .group_by("video_id", maintain_order=True)
        .agg("uri", pl.col("pts_repaired").first())
    )
    ledger = not {"ledger", "ledger_plan"}.isdisjoint(stages)
    spans = [] if ledger else _kept(run)
    if ledger or "study" in stages:
        shots, clips = run.corpus.read("shots"), run.corpus.read("clips")
        spans += raw_spans(shots, clips, run.config, ledger=ledger)
    done = run.corpus.committed("features").filter(pl.col("encode_key") == run.keys.encode)
    if run.retry_failed:
        done = done.filter(pl.col("error").is_null())
    known = set(done.select("clip_id").collect()["clip_id"])
    by_video: dict[str, dict[str, TokenSpan]] = {}
    for span in spans:
        if span.clip_id not in known:
            by_video.setdefault(span.video_id, {}).setdefault(span.clip_id, span)
    todo = []
    for row in videos.iter_rows(named=True):
        spans = sorted(by_video.get(row["video_id"], {}).values(), key=lambda s: s.start_pts)
        for start in range(0, len(spans), SPANS_PER_FILE):
            part = spans[start : start + SPANS_PER_FILE]
            fields = [{n: getattr(s, n) for n in TokenSpan.__slots__} for s in part]
            todo.append({"uris": row["uri"], "sound": row["pts_repaired"] == 0, "spans": fields})
    return _grouped(todo)


def _grouped(videos: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Videos together, as long as their spans fit one token file."""
    groups: list[list[dict[str, Any]]] = []
    held = 0
    for video in videos:
        if not groups or held + len(video["spans"]) > SPANS_PER_FILE:
            groups.append([])
            held = 0
        groups[-1].append(video)
        held += len(video["spans"])
    return [
        {"videos": json.dumps(group), "count": sum(len(video["spans"]) for video in group)}
        for group in groups
    ]


def _kept(run: Run) -> list[TokenSpan]:
    """Spans of the clips that the current policy keeps, cropped to their content."""
    decisions = run.corpus.scan("decisions").filter(pl.col("policy_key") == run.keys.policy)
    kept = decisions.filter(pl.col("keep")).select("clip_id")
    clips = run.corpus.scan("clips").join(kept, on="clip_id", how="semi").collect()
    return [content_span(row) for row in clips.iter_rows(named=True)]


def content_span(row: dict[str, Any]) -> TokenSpan:
    """A row of `clips` as a span, cropped to its content box."""
    width, height = row["source_width"], row["source_height"]
    box = (
        row["content_x"] / width,
        row["content_y"] / height,
        row["content_width"] / width,
        row["content_height"] / height,
    )
    whole = box == (0.0, 0.0, 1.0, 1.0)
    return TokenSpan(
        row["clip_id"], row["video_id"], row["start_pts"], row["end_pts"], None if whole else box
    )
