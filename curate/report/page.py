"""The page itself: collects what the sections show and renders one self-contained HTML file."""

import json
import shlex
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any, Final

import jinja2
from markupsafe import Markup

from curate.config import Config, to_toml
from curate.decide import DUPLICATE, NEAR
from curate.keys import StageKeys
from curate.report import copies, data, examples, formats, funnel, scores
from curate.report.evidence import load_evidence
from curate.report.figures import histogram
from curate.report.ledger import load_ledger
from curate.report.plots import draw_study
from curate.report.study import Summary, other_studies, read_study
from filters.base import MISSING_SCORES
from filters.registry import FILTERS
from manifests.corpus import Corpus
from manifests.errors import VIDEO_ERRORS

PATH: Final = ("report", "index.html")
"""Where the page lies in a corpus."""


_STAGES: Final = ("scan", "measure", "embed", "dedup", "decide", "encode", "study", "report")


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
    clip_ids = _clip_ids([kept, *(r for _, r in shown)], groups)
    stills = examples.load_stills(corpus, keys, clip_ids)
    places = load_evidence(corpus, keys, clip_ids)
    record = run or data.latest_run(corpus) or {}
    study = read_study(corpus, keys)
    return (
        _environment()
        .get_template("index.html.j2")
        .render(
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
            places=places,
            study=study,
            plots=draw_study(study) if study else [],
            other_studies=other_studies(corpus, keys),
            impossible=_impossible(record),
            ledger=load_ledger(corpus, config, keys),
            budget_rows=_budget_rows(study) if study else [],
            config=to_toml(config),
            keys=[(name, getattr(keys, name)) for name in StageKeys.__slots__],
            versions=corpus.versions(),
            run_seconds=_stage_seconds(record),
            run_record=_shown_record(record),
            run_command=shlex.join(str(word) for word in record.get("command") or ()),
            run_id=record.get("run_id"),
        )
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
    """Every clip whose stills the page shows."""
    shown = [example for part in rows for row in part for example in row.examples]
    found = {example.clip.clip_id for example in shown}
    found |= {e.copy_of.clip_id for e in shown if e.score == NEAR and e.copy_of}
    found |= {group.best.clip_id for group in groups}
    found |= {copy.clip.clip_id for group in groups for copy in group.copies}
    return sorted(found)


def _budget_rows(study: Summary) -> list[str]:
    """Names that every arm's budget has, in the summary's order."""
    budgets = list(study.budget.values())
    return [n for n in next(iter(budgets), ()) if all(n in budget for budget in budgets)]


def _stage_seconds(record: dict[str, Any]) -> list[tuple[str, float]]:
    """Seconds of each stage that has ended, in the order in which they ran."""
    stages = {name: stage.get("seconds") for name, stage in record.get("stages", {}).items()}
    order = sorted(stages, key=lambda name: (*_STAGES, name).index(name))
    return [(name, stages[name]) for name in order if stages[name] is not None]


def _impossible(record: dict[str, Any]) -> str | None:
    """Why the study stage of the run made no study, if it said so."""
    reason = record.get("stages", {}).get("study", {}).get("impossible")
    return None if reason is None else str(reason)


def _shown_record(record: dict[str, Any]) -> str | None:
    """The record as JSON, without what the section shows anyway."""
    rest = {name: value for name, value in record.items() if name not in ("config", "keys")}
    return json.dumps(rest, indent=2, default=str) if rest else None


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
        "apart": formats.apart,
        "FILTERS": FILTERS,
        "DUPLICATE": DUPLICATE,
        "NEAR": NEAR,
        "VIDEO_ERRORS": VIDEO_ERRORS,
        "MISSING_SCORES": MISSING_SCORES,
        "style": Markup(sources["style.css"]),
    }
    return environment
