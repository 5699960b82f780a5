"""The ledger's unit of work: one arm trained with one seed, measured on every frozen eval set."""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
import torch

from curate.latent_action.model import LatentActionModel, ModelConfig
from curate.latent_action.regularisers import Regulariser
from curate.latent_action.train import TrainConfig, train
from curate.study.confounds import pair_latents
from curate.study.leakage import cut_errors
from curate.study.ledger.baseline import Linear, linear_world, predictions, theory_rows
from curate.study.ledger.beside import Beside
from curate.study.ledger.dose import CLEAN
from curate.study.ledger.figures import BESIDE, LINEAR
from curate.study.ledger.labelled import Labelled, Labels, Loader, Row
from curate.study.ledger.plan import RAW, LedgerPlan
from curate.study.ledger.response import arms_of
from curate.study.ledger.settings import Ledger, knob_of
from curate.study.ledger.table import RESULTS
from curate.study.metrics import Array, clip_errors, partners
from curate.study.normaliser import Normaliser
from curate.study.supervised import fit_supervised
from curate.study.transfer import cycle_errors
from manifests.errors import ConfigError

MECHANISM_WINDOWS: Final = 256
"""Windows that tell what latent actions carry: as costly as training where there are more."""


def run_cell(
    plan: LedgerPlan,
    arm: str,
    seed: int,
    load: Loader,
    labels: Labels,
    settings: Ledger,
    normaliser: Normaliser,
    beside: Beside | None = None,
) -> pl.DataFrame:
    """Train one arm's model with one seed, and measure it.

    Self-contained and picklable, so that each (arm, seed) can be one task on any machine. The
    caller sets torch's threads. The reference arm also trains the no-action twin that all arms'
    rollout errors are divided by, and gives `control: shuffled`: the same probes with the fitting
    labels dealt to other pairs.

    Args:
        plan: Which windows train and evaluate.
        arm: An arm that the plan trains.
        seed: 0 to `settings.seeds` - 1; decides the drawn windows, initial weights and batches.
        load: Gives the tokens of windows.
        labels: Recorded actions of the plan's labelled windows.
        settings: Budget and sizes.
        normaliser: The one target space of all arms.
        beside: A second set of labelled windows.

    Returns:
        Rows of `curate.study.ledger.table.RESULTS`.
    """
    tokens = _tensor(load(plan.train[arm][seed]), normaliser)
    budget = train_config(settings, tokens)
    model = train(tokens, budget, seed, action=True).model
    twin = train(tokens, budget, seed, action=False).model if arm == plan.reference else None
    linear = Linear.fit(tokens, settings.latent)
    rows: list[Row] = []
    for name, windows in plan.evaluate.items():
        held = _tensor(load(windows), normaliser)
        sources = [plan.source_of[w] for w in windows]
        rows += _rows(name, sources, _errors(model, twin, held, windows, sources))
        if name == RAW:
            few = slice(MECHANISM_WINDOWS)  # of an order that hashes decide
            found = _mechanisms(model, twin, held[few], windows[few], sources[few])
            if linear is not None:
                found |= linear.cut_errors(held[few], partners(windows[few], sources[few]))
            rows += _rows(name, sources[few], found)
    shuffled: list[Row] = []
    if plan.label_test:
        data = Labelled.load(plan, load, labels, normaliser)
        rows += data.measure(lambda x: _latents(model, x), seed, kinds=("ridge", "mlp"))
        if linear is not None:
            rows += data.told(linear.infer, seed, LINEAR)
        if arm == plan.reference:
            shuffled = data.measure(lambda x: _latents(model, x), seed, shuffle=True)
    rows += _beside(beside, lambda x: _latents(model, x), seed, normaliser)
    own = _frame(rows, arm, seed, normaliser)
    return pl.concat([own, _frame(shuffled, "control: shuffled", seed, normaliser)])


def _beside(
    beside: Beside | None,
    infer: Callable[[torch.Tensor], torch.Tensor],
    seed: int,
    normaliser: Normaliser,
) -> list[Row]:
    """The errors of probes on the second set; none where there is none."""
    if beside is None:
        return []
    data = Labelled.load(beside.split, beside.load, beside.labels, normaliser)
    return [(BESIDE, *row[1:]) for row in data.measure(infer, seed)]


def run_controls(
    plan: LedgerPlan,
    seed: int,
    load: Loader,
    labels: Labels,
    settings: Ledger,
    normaliser: Normaliser,
    beside: Beside | None = None,
) -> pl.DataFrame:
    """Measure what bounds the action gain from both sides, with the same probes and windows.

    `control: untrained` is an inverse model with random weights; `control: supervised` one that is
    trained with the actions that fit the probes (curate/study/supervised.py): the ceiling.

    Arguments and result are those of `run_cell`.
    """
    tokens = _tensor(load(plan.train[plan.reference][seed]), normaliser)
    budget = train_config(settings, tokens)
    data = Labelled.load(plan, load, labels, normaliser)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        untrained = LatentActionModel(budget.model, regulariser=budget.bound).eval()
    pairs = data.fitting()
    taught = fit_supervised(pairs, budget.model, seed)
    controls: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
        "untrained": lambda x: _latents(untrained, x),
        "supervised": lambda x: taught(x[:, :-1], x[:, 1:]),
    }
    found = []
    for name, infer in controls.items():
        rows = data.measure(infer, seed, kinds=("ridge", "mlp"))
        if name == "untrained":  # the other one was taught other actions
            rows += _beside(beside, infer, seed, normaliser)
        found.append(_frame(rows, f"control: {name}", seed, normaliser))
    if plan.reference == CLEAN:
        found += [
            _frame(rows, arm, seed, normaliser)
            for arm, rows in _theory(plan, settings, tokens, data).items()
        ]
    return pl.concat(found)


def _theory(
    plan: LedgerPlan, settings: Ledger, clean: torch.Tensor, data: Labelled
) -> dict[str, list[Row]]:
    """What theory predicts of the linear model, by arm of a dose-response."""
    world = linear_world(clean, data)
    if world is None:
        return {}
    told = predictions(world, arms_of(plan, settings), settings.latent, clean.shape[1])
    return {arm: theory_rows(world, found) for arm, found in told.items()}


def train_config(settings: Ledger, tokens: torch.Tensor) -> TrainConfig:
    """Model and budget for windows (n, T, N, D).

    Raises:
        ConfigError: The settings do not fit each other, or the tokens.
    """
    try:
        model = ModelConfig(
            steps=tokens.shape[1],
            tokens=tokens.shape[2],
            channels=tokens.shape[3],
            latent=settings.latent,
            width=settings.width,
            forward_blocks=settings.blocks,
            inverse=settings.inverse,
            forward=settings.forward,
            rows=settings.search_rows,
            columns=settings.search_columns,
            regions=settings.regions,
            flow=settings.inverse == "correlation",
        )
        bound = Regulariser(settings.regulariser, knob_of(settings))
    except ValueError as error:
        raise ConfigError(f"ledger: {error}") from error
    return TrainConfig(
        model=model,
        steps=settings.steps,
        batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        regulariser=bound,
    )


def _latents(model: LatentActionModel, frames: torch.Tensor) -> torch.Tensor:
    latents = model.infer(frames)
    if latents is None:
        raise ValueError("a model without an inverse model infers no latent actions")
    return latents.mean


def _errors(
    model: LatentActionModel,
    twin: LatentActionModel | None,
    frames: torch.Tensor,
    windows: Sequence[str],
    sources: Sequence[str],
) -> dict[str, Array]:
    """Metric of curate.study.metrics -> (n,), rollouts at the longest horizon."""
    horizon = frames.shape[1] - 1
    errors = clip_errors(model, frames, horizon, partners(windows, sources))
    if twin is not None:
        errors["rollout_no_action"] = clip_errors(twin, frames, horizon, None)["rollout_error"]
    return {name: values[:, -1] for name, values in errors.items()}


def _mechanisms(
    model: LatentActionModel,
    twin: LatentActionModel | None,
    frames: torch.Tensor,
    windows: Sequence[str],
    sources: Sequence[str],
) -> dict[str, Array]:
    """What the latent actions carry: metric -> (n,); see the modules of the functions used."""
    others = partners(windows, sources)
    cycle = cycle_errors(model, frames, others, others[others], frames.shape[1] - 1)
    cut = cut_errors(model, model if twin is None else twin, frames, others)
    before = frames[:, 0]
    moved, still = (pair_latents(model, before, after) for after in (frames[:, 1], before))
    found = {
        "cycle_direct": cycle.direct,
        "cycle": cycle.cycle,
        "cycle_shuffled": cycle.shuffled,
        "cut": cut.cut,
        "latent_square": np.square(moved).sum(1),
        "latent_still": np.sqrt(np.square(still).sum(1)),
    }
    return found if twin is None else {**found, "cut_no_action": cut.cut_no_action}


def _rows(eval_set: str, sources: Sequence[str], errors: dict[str, Array]) -> list[Row]:
    """Means over each source's windows."""
    names, place = np.unique(sources, return_inverse=True)
    counts = np.bincount(place)
    return [
        (eval_set, str(source), metric, float(value))
        for metric, values in errors.items()
        for source, value in zip(names, np.bincount(place, values) / counts, strict=True)
    ]


def _frame(rows: list[Row], arm: str, seed: int, normaliser: Normaliser) -> pl.DataFrame:
    full = [(arm, seed, *row, normaliser.hash) for row in rows]
    return pl.DataFrame(full, schema=RESULTS, orient="row")


def _tensor(tokens: npt.NDArray[np.float16], normaliser: Normaliser) -> torch.Tensor:
    return torch.from_numpy(normaliser.apply(tokens))
