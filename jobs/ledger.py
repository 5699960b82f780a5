"""The ledger: one Ray task per arm and seed, each resumable, and their summary."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import polars as pl
import ray
import torch

from curate.actions import Actions
from curate.config import Config, load_config
from curate.keys import StageKeys, ledger_key, stage_keys
from curate.study.ledger.beside import Beside, split_beside
from curate.study.ledger.capacity import match
from curate.study.ledger.cell import run_cell, run_controls
from curate.study.ledger.dose import plan_dose
from curate.study.ledger.gather import Gathered, gather
from curate.study.ledger.labelled import Labels
from curate.study.ledger.plan import LedgerPlan, plan_ledger
from curate.study.ledger.settings import Ledger
from curate.study.ledger.table import summarise
from curate.study.ledger.truth import contaminations
from curate.study.normaliser import Normaliser, fit_normaliser
from curate.study.plan import StudyImpossible
from curate.study.spans import TokenLoader, raw_spans, sources
from jobs.interrupt import INTERRUPTS
from jobs.parts import Place, keep_plan, parquet, run_parts
from jobs.run import Run
from manifests.corpus import Corpus
from manifests.errors import ConfigError

FOLDER = "ledger"
CONTROLS = "controls"


def run_ledger_plan(run: Run) -> None:
    """Write the plan, before any training."""
    _planned(run)


def run_ledger(run: Run) -> None:
    """Train every arm with every seed, unless exactly this ledger is stored already."""
    folder, place = run.corpus.folder, (FOLDER, ledger_key(run.config, run.keys))
    found = _planned(run)
    if found is None or folder.exists(*place, "summary.json"):
        return
    plan, gathered = found
    results, settings = _results(run, plan, gathered)
    names = _dimensions(gathered, settings)
    summary = summarise(results, plan, settings, names if plan.label_test else [])
    with INTERRUPTS.deferred():
        folder.write(parquet(results), *place, "results.parquet")
        folder.write(json.dumps(summary, indent=1).encode(), *place, "summary.json")


def _planned(run: Run) -> tuple[LedgerPlan, Gathered] | None:
    """The plan, stored; None where there is too little, which the record then says."""
    folder, key = run.corpus.folder, ledger_key(run.config, run.keys)
    _require_verdicts(run)
    gathered = collect(run.corpus, run.config, run.keys)
    try:
        plan = plan_of(gathered.windows, run.config.ledger)
    except StudyImpossible as reason:
        run.note("ledger", impossible=str(reason))
        folder.delete(FOLDER, key, "summary.json")
        return None
    keep_plan(folder, (FOLDER, key), plan.to_json())
    run.note("ledger", key=key, arms=len(plan.train), windows=plan.windows, left_out=plan.left_out)
    return plan, gathered


def _require_verdicts(run: Run) -> None:
    """Without verdicts every clip would count as kept, and the arms would be alike.

    Raises:
        ConfigError: There are clips, and none has a verdict of this policy.
    """
    clips = run.corpus.scan("clips").select(pl.len()).collect().item()
    verdicts = run.corpus.committed("decisions").filter(pl.col("policy_key") == run.keys.policy)
    if clips and not verdicts.select(pl.len()).collect().item():
        raise ConfigError(
            f"no clip has a verdict under these settings; `rushes decide {run.corpus.uri}` first"
        )


def plan_of(windows: pl.DataFrame, settings: Ledger) -> LedgerPlan:
    """The plan of a design for windows that `collect` gathered.

    Raises:
        ConfigError: The table of known contaminations cannot be read.
        StudyImpossible: There is too little.
    """
    if settings.design == "filters":
        return plan_ledger(windows, settings)
    if not settings.truth:
        raise ConfigError("the design `dose` needs ledger.truth, a table of known contaminations")
    try:
        truth = pl.read_parquet(settings.truth)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ConfigError(f"ledger.truth: cannot read {settings.truth}: {error}") from error
    return plan_dose(windows, contaminations(windows, truth), settings)


def _results(run: Run, plan: LedgerPlan, gathered: Gathered) -> tuple[pl.DataFrame, Ledger]:
    """Results of every arm and seed, and of the controls; and the settings with the knob."""
    settings = run.config.ledger
    place = (FOLDER, ledger_key(run.config, run.keys))
    loader = ray.put(TokenLoader(run.corpus.uri, gathered.where))
    labels = ray.put(labels_of(plan, gathered, settings))
    beside = ray.put(_beside(settings))
    target = ray.remote(num_cpus=1)(_fit).remote(plan, loader, settings)  # one for all arms
    if settings.match_gap is not None:
        settings = _matched(run, (*place, "capacity.json"), plan, loader, settings, target)
    task = ray.remote(num_cpus=1)(_train)
    arms = [*plan.train, *([CONTROLS] if plan.label_test else [])]
    tasks: dict[Place, Callable[[], Any]] = {
        (*place, f"part-{arm.replace(' ', '_')}-{seed}.parquet"): partial(
            task.remote, plan, arm, seed, loader, labels, settings, target, beside
        )
        for seed in range(settings.seeds)
        for arm in arms
    }
    run.progress.start("ledger", len(tasks), "models")
    order = ("arm", "seed", "eval_set", "metric", "source")
    return run_parts(run, tasks).sort(order), settings


def _matched(
    run: Run, place: Place, plan: LedgerPlan, loader: Any, settings: Ledger, target: Any
) -> Ledger:
    """The settings with the knob that was matched, now or before."""
    folder = run.corpus.folder
    if not folder.exists(*place):
        found = ray.get(ray.remote(num_cpus=1)(_match).remote(plan, loader, settings, target))
        with INTERRUPTS.deferred():
            folder.write(json.dumps(found, indent=1).encode(), *place)
    knob = json.loads(folder.read(*place))["capacity"]
    return settings.model_copy(update={"capacity": knob})


def _beside(settings: Ledger) -> Beside | None:
    """The labelled windows of another corpus, under its own settings; None where none is named.

    Raises:
        ConfigError: It has too few of them.
    """
    if not settings.beside:
        return None
    corpus = Corpus(settings.beside)
    if not corpus.folder.exists("rushes.toml"):
        raise ConfigError(f"ledger.beside: {settings.beside} is no corpus")
    own = load_config(
        corpus.folder.read("rushes.toml").decode(), [f"ledger.window={settings.window}"]
    )
    gathered = collect(corpus, own, stage_keys(own))
    try:
        split = split_beside(gathered.windows)
    except StudyImpossible as reason:
        raise ConfigError(f"ledger.beside: {reason}") from reason
    known = {name: gathered.actions[name] for name in (*split.label_train, *split.label_test)}
    size = max(values.shape[1] for values in known.values())
    labels = Labels([f"action {k}" for k in range(size)], known)
    return Beside(split, TokenLoader(corpus.uri, gathered.where), labels)


def _fit(plan: LedgerPlan, loader: TokenLoader, settings: Ledger) -> Normaliser:
    return fit_normaliser(loader(plan.neutral), settings.pca)


def _match(
    plan: LedgerPlan, loader: TokenLoader, settings: Ledger, normaliser: Normaliser
) -> dict[str, Any]:
    torch.set_num_threads(1)
    return match(plan, loader, settings, normaliser)


def _train(
    plan: LedgerPlan,
    arm: str,
    seed: int,
    loader: TokenLoader,
    labels: Labels,
    settings: Ledger,
    normaliser: Normaliser,
    beside: Beside | None,
) -> pl.DataFrame:
    torch.set_num_threads(1)  # parallelism comes from tasks
    if arm == CONTROLS:
        return run_controls(plan, seed, loader, labels, settings, normaliser, beside)
    return run_cell(plan, arm, seed, loader, labels, settings, normaliser, beside)


def labels_of(plan: LedgerPlan, gathered: Gathered, settings: Ledger) -> Labels:
    """Recorded actions of a plan's labelled windows, and added camera motion where all have it."""
    windows = (*plan.label_train, *plan.label_test)
    known = all(name in gathered.camera for name in windows)
    return Labels(
        _dimensions(gathered, settings),
        {name: gathered.actions[name] for name in windows},
        {name: gathered.camera[name] for name in windows} if known else {},
    )


def _dimensions(gathered: Gathered, settings: Ledger) -> list[str]:
    """Names of the action's dimensions; data sets do not name them alike, so else by number."""
    size = max((values.shape[1] for values in gathered.actions.values()), default=0)
    if len(settings.action_names) == size:
        return list(settings.action_names)
    return [f"action {k}" for k in range(size)]


def _camera(settings: Ledger, videos: pl.DataFrame) -> Actions | None:
    """Added camera motion by video; None where no table of it is named."""
    if not settings.camera:
        return None
    try:
        rows = pl.read_parquet(settings.camera, columns=["file", "t_s", "camera"])
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ConfigError(f"ledger.camera: cannot read {settings.camera}: {error}") from error
    names = videos.select("video_id", file=pl.col("uri").str.split("/").list.last())
    return Actions.of_table(
        rows.join(names, on="file")
        .unique(["video_id", "t_s"], keep="first", maintain_order=True)
        .select("video_id", "t_s", action="camera")
    )


def collect(corpus: Corpus, config: Config, keys: StageKeys) -> Gathered:
    """The windows of a corpus, with their flags and labels."""
    clips, shots = corpus.read("clips"), corpus.read("shots")
    raw = [span.clip_id for span in raw_spans(shots, clips, config, ledger=True)]
    features = corpus.committed("features").filter(
        (pl.col("encode_key") == keys.encode)
        & pl.col("error").is_null()
        & pl.col("clip_id").is_in(raw)
    )
    table = features.collect()
    verdicts = corpus.committed("decisions").filter(pl.col("policy_key") == keys.policy).collect()
    duplicates = corpus.committed("duplicates").filter(pl.col("dedup_key") == keys.dedup).collect()
    reasons = {
        clip: [reason["filter"] for reason in found]
        for clip, found in verdicts.select("clip_id", "reasons").iter_rows()
    }
    videos = corpus.read("videos").filter(pl.col("video_id").is_not_null())
    known = np.array(table["video_id"].unique().to_list(), dtype=np.str_)
    return gather(
        table,
        videos,
        shots,
        clips,
        reasons,
        sources(clips, duplicates),
        Actions(corpus, known),
        config.ledger,
        _camera(config.ledger, videos),
    )
