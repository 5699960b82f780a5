"""The page itself: collects what the sections show and renders one self-contained HTML file."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any, Final

import jinja2
from markupsafe import Markup

from curate.config import Config, to_toml
from curate.decide import DUPLICATE
from curate.keys import StageKeys
from curate.report import copies, data, examples, formats, funnel, scores
from curate.report.figures import IntervalRow, domain_of, histogram, intervals
from curate.report.study import VERDICTS, Metric, Summary, other_studies, read_study
from filters.base import MISSING_SCORES
from filters.registry import FILTERS
from manifests.corpus import Corpus
from manifests.errors import VIDEO_ERRORS

PATH: Final = ("report", "index.html")
"""Where the page lies in a corpus."""


def write_report(
    corpus: Corpus, config: Config, keys: StageKeys, *, run: dict[str, Any] | None = None
) -> str:
    """Write the page into the corpus.

    Args:
        corpus: Any corpus, after any stage.
        config: The configuration whose results are shown.
        keys: Its stage keys.
        run: The record of the run; None takes the newest one that the corpus holds.

    Returns:
        URI of the page.
    """
    page = build_report(corpus, config, keys, run=run)
    corpus.folder.write(page.encode(), *PATH)
    return corpus.folder.url(*PATH)


def build_report(
    corpus: Corpus, config: Config, keys: StageKeys, *, run: dict[str, Any] | None = None
) -> str:
    """Render the page: no script, no network, everything from the tables escaped.

    Args:
        corpus: Any corpus, after any stage.
        config: The configuration whose results are shown.
        keys: Its stage keys.
        run: The record of the run; None takes the newest one that the corpus holds.
    """
    tables = data.load_tables(corpus, config, keys)
    reasons = funnel.count_reasons(tables)
    shown = [(reason, examples.dropped_examples(tables, reason.name)) for reason in reasons]
    kept = examples.kept_examples(tables) if tables.kept.height else []
    groups = copies.choose_groups(tables)
    stills = examples.load_stills(corpus, keys, _clip_ids([kept, *(r for _, r in shown)], groups))
    record = run if run is not None else data.latest_run(corpus)
    study = read_study(corpus, keys)
    return _environment().get_template("index.html.j2").render(
        corpus_uri=corpus.uri,
        written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        headline=_headline(tables),
        file_steps=funnel.file_steps(tables, config),
        clip_steps=funnel.clip_steps(tables, reasons),
        reasons=reasons,
        failed=data.failures(tables, "failed"),
        partial=data.failures(tables, "partial"),
        kept=kept,
        shown=shown,
        scores=scores.count_scores(tables, config),
        relations=copies.count_relations(tables),
        groups=groups,
        repeated=copies.repeated_files(tables),
        compared=tables.duplicates.height,
        stills=stills,
        study=study,
        plots=_plots(study) if study else [],
        other_studies=other_studies(corpus, keys),
        config=to_toml(config),
        keys=keys,
        versions=corpus.versions(),
        run_seconds=_stage_seconds(record or {}),
        run_record=json.dumps(record, indent=2, sort_keys=True, default=str) if record else None,
        run_id=(record or {}).get("run_id"),
    )


@dataclass(frozen=True, slots=True)
class Headline:
    """The figures at the top of the page; hours are of distinct, readable video."""

    files: int
    failed: int
    pending: int
    videos: int
    input_s: float
    clips: int
    clips_s: float
    kept: int
    kept_s: float
    kept_videos: int
    decided: bool
    encoded: int
    token_bytes: int


def _headline(tables: data.Tables) -> Headline:
    states = tables.videos["state"].to_list()
    encoded = tables.features.filter(tables.features["error"].is_null())
    return Headline(
        files=len(states),
        failed=states.count("failed"),
        pending=states.count("pending"),
        videos=states.count("measured"),
        input_s=float(tables.measured["duration_s"].sum()),
        clips=tables.clips.height,
        clips_s=float(tables.clips["seconds"].sum()),
        kept=tables.kept.height,
        kept_s=float(tables.kept["seconds"].sum()),
        kept_videos=tables.kept["video_id"].n_unique(),
        decided=tables.decided,
        encoded=encoded.height,
        token_bytes=int(encoded["bytes"].sum()),
    )


def _clip_ids(rows: list[list[examples.Row]], groups: list[copies.Group]) -> list[str]:
    found = {example.clip.clip_id for part in rows for row in part for example in row.examples}
    found |= {
        example.copy_of.clip_id
        for part in rows
        for row in part
        for example in row.examples
        if example.copy_of
    }
    found |= {group.best.clip_id for group in groups}
    found |= {copy.clip.clip_id for group in groups for copy in group.copies}
    return sorted(found)


@dataclass(frozen=True, slots=True)
class Plot:
    """The figures of one metric: per eval set the arms, and their paired difference."""

    metric: Metric
    sets: list[tuple[str, Markup, Markup, list[tuple[str, str]]]]
    """(eval set, arms, difference, [(horizon, verdict in words)])."""


def _plots(study: Summary) -> list[Plot]:
    plots = []
    for metric in study.metrics:
        every = [result for results in metric.results.values() for result in results]
        arms = domain_of([estimate for r in every for estimate in r.arms.values()])
        difference = domain_of([r.difference for r in every], zero=True)
        sets = []
        for name, results in metric.results.items():
            steps = [f"h={r.horizon} " if len(results) > 1 else "" for r in results]
            rows = [
                IntervalRow(step + arm, f"arm{study.arms.index(arm)}", estimate)
                for step, result in zip(steps, results, strict=True)
                for arm, estimate in result.arms.items()
                if arm in study.arms
            ]
            apart = [
                IntervalRow(step or "difference", "diff", result.difference)
                for step, result in zip(steps, results, strict=True)
            ]
            label = f"{metric.label}, eval set {name}"
            first = intervals(label, rows, arms) if arms else Markup("")
            second = Markup("")
            if difference:
                second = intervals(f"{label}: {study.difference}", apart, difference, zero=True)
            words = [
                (step.strip(), VERDICTS.get(result.verdict, result.verdict))
                for step, result in zip(steps, results, strict=True)
            ]
            sets.append((name, first, second, words))
        plots.append(Plot(metric, sets))
    return plots


def _stage_seconds(record: dict[str, Any]) -> list[tuple[str, float]]:
    """Seconds per stage, whether a record holds {seconds: {stage: s}} or {stages: {stage: {..}}}."""
    plain = record.get("seconds")
    found = list(plain.items()) if isinstance(plain, dict) else []
    stages = record.get("stages")
    if isinstance(stages, dict):
        found += [(s, v.get("seconds")) for s, v in stages.items() if isinstance(v, dict)]
    return [(str(s), float(v)) for s, v in found if isinstance(v, int | float)]


def _environment() -> jinja2.Environment:
    folder = files("curate.report") / "templates"
    sources = {
        entry.name: entry.read_text(encoding="utf-8")
        for entry in folder.iterdir()
        if entry.name.endswith((".j2", ".css"))
    }
    environment = jinja2.Environment(
        loader=jinja2.DictLoader(sources),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "count": formats.count,
        "duration": formats.duration,
        "number": formats.number,
        "signed": formats.signed,
        "clock": formats.clock,
        "bytes": formats.size,
        "histogram": histogram,
    }
    environment.globals |= {
        "plural": formats.plural,
        "share": formats.share,
        "FILTERS": FILTERS,
        "DUPLICATE": DUPLICATE,
        "VIDEO_ERRORS": VIDEO_ERRORS,
        "MISSING_SCORES": MISSING_SCORES,
        "style": Markup(sources["style.css"]),
    }
    return environment
