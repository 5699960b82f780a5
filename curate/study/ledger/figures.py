"""The ledger's figures of merit: what each is made of, and its formula on means."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from curate.study.ledger.plan import CURATED, RAW

Array = npt.NDArray[np.float64]

LABELLED: Final = "labelled"
"""The eval set of windows with recorded actions."""


BESIDE: Final = "beside"
"""The eval set of labelled windows of another corpus."""

LINEAR: Final = "linear"
"""Prefix of the closed-form linear model's metrics."""

THEORY: Final = "theory"
"""The eval set of what theory predicts of the linear model."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of merit.

    Attributes:
        label: For tables.
        unit: `R2`, `share`, `dB` or `bits`.
        meaning: One sentence.
        eval_set: Where it is measured.
        metrics: Of the results, in the order that `value` takes them.
        reference: How many of them, from the end, are the raw arm's with the same seed.
        value: Means of the metrics, each (draws,) -> the figure (draws,).
        better: `higher` or `lower`, or None where it only describes.
    """

    label: str
    unit: str
    meaning: str
    eval_set: str
    metrics: tuple[str, ...]
    value: Callable[..., Array]
    reference: int = 0
    better: str | None = "higher"


CAMERA: Final = "camera"
CAMERA_AXES: Final = ("x", "y")
"""Added camera motion, where it is known, is told apart from the action."""


def figures(
    dimensions: Sequence[str], *, camera: bool = False, beside: Sequence[str] = ()
) -> dict[str, Figure]:
    """All figures, the primary ones first.

    Args:
        dimensions: Names of the action's dimensions; empty without labels.
        camera: Whether added camera motion was probed for.
        beside: Names of the action's dimensions in the corpus beside; empty without one.
    """
    found: dict[str, Figure] = {}
    if dimensions:
        found["action_gain"] = _gain("ridge", dimensions, "Action gain")
        found["action_gain_mlp"] = _gain("mlp", dimensions, "Action gain, MLP probe")
        for name in dimensions if len(dimensions) > 1 else ():
            found[f"action_gain {name}"] = _gain("ridge", [name], f"Action gain, {name}")
    if dimensions and camera:
        found["camera_gain"] = replace(
            _gain(CAMERA, CAMERA_AXES, "Added camera motion"),
            meaning="R2 of camera motion that nobody in the scene caused from the frame and the "
            "latent action, less R2 from the frame alone: what a latent action should not tell",
            better="lower",
        )
        found["selectivity"] = _selectivity(dimensions)
    if beside:
        own = _gain("ridge", beside, "Action gain beside")
        found["action_gain beside"] = replace(own, eval_set=BESIDE)
    return found | _unlabelled() | _linear(dimensions)


def _linear(dimensions: Sequence[str]) -> dict[str, Figure]:
    """The closed-form linear model, which has no seed but its windows, and its theory."""
    found = {
        "linear_cut_recovery": Figure(
            "Cut recovery, linear model",
            "share",
            "cut recovery of the closed-form linear model of coarse frames, by squared errors and "
            "against its own prediction without action",
            RAW,
            (f"{LINEAR} cut", f"{LINEAR} cut_no_action"),
            _share_removed,
            better=None,
        )
    }
    if dimensions:
        gain = _gain(LINEAR, dimensions, "Action gain, linear model")
        meaning = gain.meaning.replace("(MLP probe)", "(linear model of coarse frames)")
        found["linear_gain"] = replace(gain, meaning=meaning)
    for name, label in (("gain", "Action gain"), ("cut_recovery", "Cut recovery")):
        found[f"theory_{name}"] = Figure(
            f"{label}, predicted for the linear model",
            "R2" if name == "gain" else "share",
            "what theory predicts of the linear model from covariances of clean footage and the "
            "dose (arXiv 2506.15691; cuts and still frames are an extension)",
            THEORY,
            (name,),
            lambda value: value,
            better=None,
        )
    return found


def _unlabelled() -> dict[str, Figure]:
    """Figures that need no actions: of prediction, and of what latent actions carry."""
    found: dict[str, Figure] = {}
    for name, words in ((RAW, "unfiltered"), (CURATED, "curated")):
        suffix = "" if name == RAW else " curated"
        found[f"rollout_skill{suffix}"] = Figure(
            f"Rollout skill on {words} footage",
            "share",
            "share of the error of the raw arm's no-action model that inferred latent actions "
            "remove, at the longest horizon",
            name,
            ("rollout_error", "rollout_no_action"),
            _share_removed,
            reference=1,
        )
    found["one_step_skill"] = Figure(
        "One-step skill over copying",
        "share",
        "share of the error of repeating the frame that is removed, on unfiltered footage",
        RAW,
        ("one_step_error", "one_step_copy"),
        _share_removed,
    )
    found["obedience"] = Figure(
        "Gain from the right action",
        "dB",
        "10 log10 of the squared rollout error with another window's latent actions over that "
        "with its own",
        RAW,
        ("rollout_mse", "rollout_mse_shuffled"),
        lambda own, shuffled: 10 * np.log10(shuffled / own),
    )
    found["transfer"] = Figure(
        "Normalised transfer",
        "share",
        "how much of an action's effect survives when it is taken to another scene and back: 1 "
        "all, 0 no more than of a foreign action",
        RAW,
        ("cycle_direct", "cycle", "cycle_shuffled"),
        lambda direct, cycle, shuffled: (shuffled - cycle) / (shuffled - direct),
    )
    found["cut_recovery"] = Figure(
        "Cut recovery",
        "share",
        "share of the no-action error that latent actions remove across an artificial cut, which "
        "no action explains: how far they carry the next frame itself",
        RAW,
        ("cut", "cut_no_action"),
        _share_removed,
        reference=1,
        better=None,
    )
    found["zero_transition"] = Figure(
        "Zero transition",
        "share",
        "size of the latent action between a frame and itself, of the root mean square of others",
        RAW,
        ("latent_still", "latent_square"),
        lambda still, square: still / np.sqrt(square),
        better=None,
    )
    found["kl_bits"] = Figure(
        "Information in the latent action",
        "bits",
        "KL divergence of inferred latent actions from the prior",
        RAW,
        ("kl_bits",),
        lambda bits: bits,
        better=None,
    )
    return found


def _gain(kind: str, dimensions: Sequence[str], label: str) -> Figure:
    metrics = tuple(f"{kind} {part} {name}" for name in dimensions for part in PARTS)
    return Figure(
        label,
        "R2",
        "R2 of the recorded action from the frame and the latent action, less R2 from the frame "
        f"alone ({'linear' if kind == 'ridge' else 'MLP'} probe), mean over "
        f"{', '.join(dimensions)}",
        LABELLED,
        metrics,
        _action_gain,
    )


def _selectivity(dimensions: Sequence[str]) -> Figure:
    action, camera = _gain("ridge", dimensions, ""), _gain(CAMERA, CAMERA_AXES, "")
    width = len(action.metrics)
    return Figure(
        "Selectivity",
        "R2",
        "action gain less the gain of added camera motion",
        LABELLED,
        (*action.metrics, *camera.metrics),
        lambda *means: _action_gain(*means[:width]) - _action_gain(*means[width:]),
    )


PARTS: Final = ("state", "both", "total")
"""Squared error per pair with the frame alone, with frame and latent action, and about the mean."""


def _action_gain(*means: Array) -> Array:
    """Mean over dimensions of (error with the state - error with both) / variance."""
    thirds = [means[at : at + 3] for at in range(0, len(means), 3)]
    total: Array = np.mean([(state - both) / variance for state, both, variance in thirds], axis=0)
    return total


def _share_removed(error: Array, against: Array) -> Array:
    return 1 - error / against
