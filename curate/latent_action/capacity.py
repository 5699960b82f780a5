"""Models of equal capacity: the regulariser's knob at which latent actions tell a given share.

The anchor's definition of capacity is the prediction error (arXiv 2601.05230 section 4.1). Ours is
where it lies between its bounds, gap closed = (e_noact - e) / (e_noact - e_free): 0 for a model
without actions, 1 for one whose latent actions nothing bounds. The knob is chosen on one reference
arm, and the same knob holds for all.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import torch

from curate.latent_action.regularisers import NONE, Kind, Regulariser
from curate.latent_action.train import TrainConfig, train

RANGES: Final[dict[Kind, tuple[float, float]]] = {
    "kl": (1e-6, 1.0),
    "sparse": (1e-5, 1.0),
    "vq": (1, 1024),
    "fsq": (2, 64000),
}
"""Range of each knob; searched on a log scale."""

_CLIPS: Final = 64  # bounds memory; no effect on a value


@dataclass(frozen=True, slots=True)
class Trial:
    """One knob that was tried, and the share of the gap that it closed."""

    capacity: float
    gap_closed: float


@dataclass(frozen=True, slots=True)
class Matched:
    """The knob nearest to the target.

    Attributes:
        regulariser: With this knob.
        gap_closed: What it reached.
        error_no_action: e_noact, mean absolute error on the held-out clips.
        error_free: e_free.
        trials: Every knob that was tried, in order: the frontier.
    """

    regulariser: Regulariser
    gap_closed: float
    error_no_action: float
    error_free: float
    trials: tuple[Trial, ...]


def gap_closed(error: float, no_action: float, free: float) -> float | None:
    """Share of the gap between the bounds, or None where free is not below no_action."""
    return (no_action - error) / (no_action - free) if no_action > free else None


@torch.no_grad()
def one_step_error(model: torch.nn.Module, tokens: torch.Tensor) -> float:
    """Mean absolute error of the next frame, with inferred actions, over (clips, T, N, D)."""
    total = 0.0
    for frames in torch.split(tokens, _CLIPS):
        total += float((model(frames).frames - frames[:, 1:]).abs().mean()) * len(frames)
    return total / len(tokens)


def match_capacity(
    tokens: torch.Tensor,
    held_out: torch.Tensor,
    config: TrainConfig,
    regulariser: Regulariser,
    target: float,
    *,
    seed: int = 0,
    rounds: int = 5,
    limits: tuple[float, float] | None = None,
    tolerance: float = 0.03,
) -> Matched:
    """Choose the knob whose model closes `target` of the gap on held-out clips.

    Trains the two bounds and at most `rounds` models, halving the range each time.

    Args:
        tokens: (clips, T, N, D), training clips of the reference arm.
        held_out: Clips of the same arm that are not trained on.
        config: Budget; its own regulariser is not looked at.
        regulariser: Kind and options; its `capacity` is not looked at.
        target: Above 0 and below 1.
        seed: Of every model.
        rounds: At least 1.
        limits: Smallest and largest knob; those of `RANGES` where None.
        tolerance: Ends the search early.

    Raises:
        ValueError: The kind has no knob, the target is outside (0, 1), or latent actions without a
            bound do not predict better than none.
    """
    if regulariser.kind not in RANGES:
        raise ValueError(f"regulariser {regulariser.kind} has no knob to match")
    if not 0 < target < 1:
        raise ValueError(f"target must be above 0 and below 1, not {target}")
    free = replace(config, regulariser=NONE, regularise=True)
    no_action = one_step_error(train(tokens, free, seed, action=False).model, held_out)
    unbounded = one_step_error(train(tokens, free, seed, action=True).model, held_out)
    if unbounded >= no_action:
        raise ValueError(
            f"unbounded latent actions do not help: error {unbounded:g} with, {no_action:g} without"
        )

    def closed(capacity: float) -> float:
        bound = replace(regulariser, capacity=capacity)
        model = train(tokens, replace(free, regulariser=bound), seed, action=True).model
        return (no_action - one_step_error(model, held_out)) / (no_action - unbounded)

    low, high = RANGES[regulariser.kind] if limits is None else limits
    trials = bisect(closed, low, high, target, rounds, tolerance, rising=regulariser.rising)
    best = min(trials, key=lambda trial: abs(trial.gap_closed - target))
    chosen = replace(regulariser, capacity=best.capacity)
    return Matched(chosen, best.gap_closed, no_action, unbounded, trials)


def bisect(
    closed: Callable[[float], float],
    low: float,
    high: float,
    target: float,
    rounds: int,
    tolerance: float,
    *,
    rising: bool,
) -> tuple[Trial, ...]:
    """Halve a range on a log scale towards the knob that closes `target`.

    Args:
        closed: Share of the gap that a knob closes.
        low: Smallest knob, above 0.
        high: Largest knob.
        target: Share that is wanted.
        rounds: Most knobs tried.
        tolerance: A share this near ends the search.
        rising: Whether larger knobs close more, and are whole numbers.
    """
    trials: list[Trial] = []
    for _ in range(rounds):
        middle = math.sqrt(low * high)
        capacity = float(round(middle)) if rising else middle
        if any(trial.capacity == capacity for trial in trials):
            break
        share = closed(capacity)
        trials.append(Trial(capacity, share))
        if abs(share - target) <= tolerance:
            break
        if (share < target) == rising:
            low = middle
        else:
            high = middle
    return tuple(trials)
