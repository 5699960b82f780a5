"""The study's unit of work (one arm, one seed) and the summary of all of them."""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl
import torch

from curate.latent_action.linear import MAX_LINEAR_SIZE, LinearAction, fit_linear
from curate.latent_action.model import ModelConfig
from curate.latent_action.train import TrainConfig, Trained, train
from curate.study.comparison import FIGURES, compare
from curate.study.conclusion import conclude
from curate.study.metrics import Array, clip_errors, context_frames, linear_errors, partners
from curate.study.normaliser import Normaliser, fit_normaliser
from curate.study.plan import ARMS, REFERENCE_ARM, StudyPlan
from curate.study.settings import Study

Loader: TypeAlias = Callable[[Sequence[str]], npt.NDArray[np.float16]]
"""Clip ids -> their tokens (n, T, N, D) in the order asked for."""

RESULTS: Final = {
    "arm": pl.String,
    "seed": pl.Int64,
    "eval_set": pl.String,
    "clip_id": pl.String,
    "source": pl.String,
    "metric": pl.String,
    "horizon": pl.Int64,
    "value": pl.Float64,
    "normaliser": pl.String,
}
"""Columns of the results; one row per arm, seed, eval set, clip, metric and horizon."""


def run_arm(
    plan: StudyPlan,
    arm: str,
    seed: int,
    load: Loader,
    settings: Study,
    *,
    normaliser: Normaliser | None = None,
) -> pl.DataFrame:
    """Train one arm's models with one seed and measure them on every eval set.

    Self-contained and picklable, so that each (arm, seed) can be one task on any machine. The
    caller sets torch's threads. Two models are trained: the latent-action model and its twin
    that knows no action.

    Args:
        plan: Which clips train and evaluate.
        arm: A name of `ARMS`.
        seed: 0 to `settings.seeds` - 1; decides the drawn clips, initial weights and batches.
        load: Gives the tokens of clips; called for the reference sample (unless `normaliser` is
            given), the training clips and each eval set.
        settings: Budget and sizes.
        normaliser: Fitted once on `plan.reference` by the caller, the same for all arms; None
            fits it here from the same clips.

    Returns:
        Rows of `RESULTS`.
    """
    if normaliser is None:
        normaliser = fit_normaliser(load(plan.reference), settings.pca)
    tokens = _normalised(load(plan.train[arm][seed]), normaliser)
    config = ModelConfig(
        steps=plan.steps,
        tokens=tokens.shape[2],
        channels=tokens.shape[3],
        latent=settings.latent,
        width=settings.width,
    )
    budget = TrainConfig(
        model=config,
        steps=settings.steps,
        batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        beta=settings.beta,
    )
    model = train(tokens, budget, seed, action=True)
    twin = train(tokens, budget, seed, action=False)
    small = tokens.shape[2] * tokens.shape[3] <= MAX_LINEAR_SIZE
    linear = fit_linear(tokens, settings.latent) if small else None
    frames = []
    for eval_set, clips in plan.evaluate.items():
        tokens = _normalised(load(clips), normaliser)
        sources = [plan.source_of[clip] for clip in clips]
        errors = _errors(model, twin, linear, tokens, clips, sources, settings.horizon)
        frames.append(_rows(errors, arm, seed, eval_set, clips, sources, normaliser.hash))
    return pl.concat(frames)


def _normalised(tokens: npt.NDArray[np.float16], normaliser: Normaliser) -> torch.Tensor:
    return torch.from_numpy(normaliser.apply(tokens))


def _errors(
    model: Trained,
    twin: Trained,
    linear: LinearAction | None,
    tokens: torch.Tensor,
    clips: Sequence[str],
    sources: Sequence[str],
    horizon: int,
) -> dict[str, Array]:
    """Metric -> (n, horizons) of the arm's three models; see curate/study/metrics.py."""
    others = partners(clips, sources)
    errors = clip_errors(model.model, tokens, horizon, others)
    blind = clip_errors(twin.model, tokens, horizon, None)
    errors["one_step_no_action"] = blind["one_step_error"]
    errors["rollout_no_action"] = blind["rollout_error"]
    if linear is not None:
        errors["one_step_linear"] = linear_errors(linear, tokens)
    return errors


def _rows(
    errors: dict[str, Array],
    arm: str,
    seed: int,
    eval_set: str,
    clips: Sequence[str],
    sources: Sequence[str],
    normaliser: str,
) -> pl.DataFrame:
    frames = []
    for metric, values in errors.items():
        n, horizons = values.shape
        frames.append(
            pl.DataFrame(
                {
                    "arm": arm,
                    "seed": seed,
                    "eval_set": eval_set,
                    "clip_id": np.repeat(np.array(clips, dtype=object), horizons),
                    "source": np.repeat(np.array(sources, dtype=object), horizons),
                    "metric": metric,
                    "horizon": np.tile(np.arange(1, horizons + 1), n),
                    "value": values.reshape(-1),
                    "normaliser": normaliser,
                },
                schema=RESULTS,
            )
        )
    return pl.concat(frames)


def summarise(results: pl.DataFrame, plan: StudyPlan, settings: Study) -> dict[str, Any]:
    """Compare the arms; JSON-ready, everything that the report draws or says.

    Args:
        results: Rows of `run_arm` for every arm and seed, in any order.
        plan: The plan that they follow.
        settings: The settings that they ran with.

    Returns:
        A dictionary of plain values (None where a figure does not exist), with the keys::

            arms: ["raw", "curated"]
            reference_arm: "raw"            whose no-action model divides both arms' errors
            seeds: int                      number of seeds
            steps: int                      T, frames per clip
            horizon: int                    H, longest rollout
            context: int                    true frames that a rollout starts from
            normaliser: str                 hash of the one target space
            budget: {arm: {
                clips: int                  training clips per seed, equal over arms
                sources: int                distinct training sources over all seeds
                available_clips: int        training clips after the cap per source
                available_sources: int      training sources that have spans of this arm
                optimiser_steps: int, batch_size: int
                epochs: float               times that each training clip is seen
            }}
            eval: {eval_set: {clips: int, sources: int}}        eval_set: "raw" | "curated"
            metrics: {metric: {label: str, unit: str, meaning: str,
                               better: "higher" | None}}        None: descriptive
            results: [{
                eval_set: str, metric: str, horizon: int, primary: bool (exactly one is true),
                arms: {arm: {mean: float, low: float, high: float,   95 % interval
                             seeds: [float]}},                       one per seed, seed order
                difference: {mean, low, high, seeds}                 curated - raw, paired
                verdict: "higher" | "lower" | "not_shown" | "too_small"   of the difference
            }]                              by eval_set, metric (order of `metrics`), horizon
            conclusion: {
                verdict: "better" | "worse" | "curated_only" | "not_shown" | "too_small"
                text: str                   sentences for a reader
                caveats: [str]              sentences; may be empty
            }

        Metrics and horizons (curate.study.comparison.FIGURES): rollout_skill_no_action,
        rollout_skill_copy and action_gain_db at 1..H; one_step_skill_no_action,
        one_step_skill_copy, linear_skill_copy (absent where frames are too large for it) and
        kl_bits at 1. Units: "share" (1 is perfect, 0 no better than the baseline, negative
        worse), "dB", "bits". A figure whose denominator is 0 (nothing moves in the eval set) is
        None in mean, low, high and seeds, and its verdict claims nothing.

    Raises:
        ValueError: Rows of an arm or seed are missing, or the arms' target spaces differ.
    """
    hashes = results["normaliser"].unique().sort().to_list()
    if len(hashes) != 1:
        raise ValueError(f"the arms must have one target space, not {len(hashes)}: {hashes}")
    summary: dict[str, Any] = {
        "arms": list(ARMS),
        "reference_arm": REFERENCE_ARM,
        "seeds": settings.seeds,
        "steps": plan.steps,
        "horizon": settings.horizon,
        "context": context_frames(plan.steps, settings.horizon),
        "normaliser": hashes[0],
        "budget": {arm: _budget(plan, arm, settings) for arm in ARMS},
        "eval": {
            name: {"clips": len(clips), "sources": len({plan.source_of[c] for c in clips})}
            for name, clips in plan.evaluate.items()
        },
        "metrics": {
            name: {
                "label": figure.label,
                "unit": figure.unit,
                "meaning": figure.meaning,
                "better": figure.better,
            }
            for name, figure in FIGURES.items()
        },
        "results": compare(results, plan, settings),
    }
    return summary | {"conclusion": conclude(summary)}


def _budget(plan: StudyPlan, arm: str, settings: Study) -> dict[str, Any]:
    batch = min(settings.batch_size, plan.clips)
    return {
        "clips": plan.clips,
        "sources": len({plan.source_of[clip] for clips in plan.train[arm] for clip in clips}),
        "available_clips": plan.available[arm],
        "available_sources": plan.available_sources[arm],
        "optimiser_steps": settings.steps,
        "batch_size": batch,
        "epochs": settings.steps * batch / plan.clips,
    }
