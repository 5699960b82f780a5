"""Study: one Ray task per arm and seed, each resumable, and their summary."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import polars as pl
import ray
import torch

from curate.study.arms import run_arm, summarise
from curate.study.normaliser import Normaliser, fit_normaliser
from curate.study.plan import ARMS, StudyImpossible, StudyPlan, plan_study
from curate.study.settings import Study
from curate.study.spans import TokenLoader, raw_spans, sources, windows
from jobs.interrupt import INTERRUPTS
from jobs.parts import Place, keep_plan, parquet, run_parts
from jobs.run import Run


def run_study(run: Run) -> None:
    """Train and compare the arms, unless exactly this study is stored already."""
    settings, folder = run.config.study, run.corpus.folder
    place = ("study", run.keys.study)
    spans, loader = _spans(run)
    run.progress.start("study", len(ARMS) * settings.seeds, "models")
    try:
        plan = plan_study(spans, settings, settings.window)
    except StudyImpossible as reason:
        run.note("study", impossible=str(reason))
        folder.delete(*place, "summary.json")
        return
    keep_plan(folder, place, plan.to_json())
    if not folder.exists(*place, "summary.json"):
        results = _results(run, plan, loader)
        summary = summarise(results, plan, settings)
        with INTERRUPTS.deferred():
            folder.write(parquet(results), *place, "results.parquet")
            folder.write(json.dumps(summary, indent=1).encode(), *place, "summary.json")
    run.note("study", key=run.keys.study, clips_per_arm=plan.clips, seeds=settings.seeds)


def _results(run: Run, plan: StudyPlan, loader: TokenLoader) -> pl.DataFrame:
    """Results of every arm and seed."""
    settings = run.config.study
    task = ray.remote(num_cpus=1)(_train)
    target = ray.remote(num_cpus=1)(_fit).remote(plan, loader, settings)  # one for all arms
    tasks: dict[Place, Callable[[], Any]] = {
        ("study", run.keys.study, f"part-{arm}-{seed}.parquet"): partial(
            task.remote, plan, arm, seed, loader, settings, target
        )
        for arm in ARMS
        for seed in range(settings.seeds)
    }
    order = ("arm", "seed", "eval_set", "metric", "horizon", "clip_id")
    return run_parts(run, tasks).sort(order)


def _fit(plan: StudyPlan, loader: TokenLoader, settings: Study) -> Normaliser:
    return fit_normaliser(loader(plan.reference), settings.pca)


def _train(
    plan: StudyPlan,
    arm: str,
    seed: int,
    loader: TokenLoader,
    settings: Study,
    normaliser: Normaliser,
) -> pl.DataFrame:
    torch.set_num_threads(1)  # parallelism comes from tasks
    return run_arm(plan, arm, seed, loader, settings, normaliser=normaliser)


def _spans(run: Run) -> tuple[pl.DataFrame, TokenLoader]:
    """Windows of both arms, and the loader of their tokens."""
    corpus, keys = run.corpus, run.keys
    features = corpus.committed("features").filter(
        (pl.col("encode_key") == keys.encode) & pl.col("error").is_null()
    )
    clips = corpus.read("clips")
    verdicts = corpus.committed("decisions").filter(pl.col("policy_key") == keys.policy)
    duplicates = corpus.committed("duplicates").filter(pl.col("dedup_key") == keys.dedup).collect()
    shots = corpus.read("shots")
    source_of = sources(clips, duplicates)
    raw = {span.clip_id for span in raw_spans(shots, clips, run.config)}
    of_arm = {"raw": raw, "curated": set(verdicts.filter("keep").collect()["clip_id"])}
    table = features.collect()
    video_of = dict(table.select("clip_id", "video_id").iter_rows())
    rows: list[dict[str, Any]] = []
    where = {}
    for name, clip, window in windows(table, run.config.study.window):
        video = video_of[clip]
        for arm in ARMS:
            if clip in of_arm[arm]:
                source = source_of.get(video, video)
                rows.append({"clip_id": name, "video_id": video, "source": source, "arm": arm})
                where[name] = window
    schema = {column: pl.String for column in ("clip_id", "video_id", "source", "arm")}
    return pl.DataFrame(rows, schema=schema), TokenLoader(corpus.uri, where)
