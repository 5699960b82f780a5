"""The linear model beside the neural one: of every arm in closed form, and as theory predicts it.

Frames are averaged to a coarse grid, since the closed form grows with the cube of their size. The
theory (curate/latent_action/theory.py) is told nothing of contaminated footage: covariances of
clean frames and of their changes, what actions do to frames on average, and the dose. A cut is
between two unrelated frames there, and each contaminated window has one.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from curate.latent_action.linear import MAX_LINEAR_SIZE, LinearAction, fit_linear, pairs
from curate.latent_action.theory import LinearPrediction, LinearWorld, predict_linear
from curate.study.ledger.dose import CLEAN
from curate.study.ledger.figures import THEORY
from curate.study.ledger.labelled import Labelled, Row, coarse
from curate.study.ledger.truth import CUTS

Array = npt.NDArray[np.float64]

GRID: Final = 4
"""Most cells a side of the coarse frames."""

FREEZES: Final = "freezes"

_ALL: Final = "all"  # the theory's one source


@dataclass(frozen=True, slots=True)
class Linear:
    """The closed-form model of one arm's windows.

    Attributes:
        model: Of coarse frames.
        cells: Their cells a side.
    """

    model: LinearAction
    cells: int

    @classmethod
    def fit(cls, frames: torch.Tensor, latent: int) -> "Linear | None":
        """Fit it to normalised windows (n, T, N, D); None where a frame has too many numbers."""
        cells = cells_of(frames)
        return None if cells is None else cls(fit_linear(tokens(frames, cells), latent), cells)

    def infer(self, frames: torch.Tensor) -> torch.Tensor:
        """Latent actions (n, T-1, latent) of windows (n, T, N, D)."""
        latents = self.model.infer(*pairs(tokens(frames, self.cells)))
        return torch.from_numpy(latents.reshape(*frames.shape[:1], -1, latents.shape[-1]))

    def cut_errors(self, frames: torch.Tensor, others: npt.NDArray[np.int64]) -> dict[str, Array]:
        """Squared errors across a stitch with another window, with and without the latent action.

        Args:
            frames: (n, T, N, D), normalised.
            others: (n,) window that follows the stitch, in the middle as in
                `curate.study.leakage.cut_errors`.

        Returns:
            `linear cut` and `linear cut_no_action`, (n,) each.
        """
        at = (frames.shape[1] - 2) // 2
        seen = tokens(frames, self.cells).flatten(2).double().numpy()
        before, after = seen[:, at], seen[others][:, at + 1]
        model = self.model
        left = after - ((before - model.mean) @ model.transition + model.next_mean)
        found = np.square(left).sum(1)
        told = np.square(left @ model.basis).sum(1)
        return {"linear cut": found - told, "linear cut_no_action": found}


def cells_of(frames: torch.Tensor) -> int | None:
    """Cells a side at which frames (n, T, N, D) are small enough; None where no grid is."""
    count, channels = frames.shape[-2:]
    side = math.isqrt(count)
    if side * side != count:
        return 0 if count * channels <= MAX_LINEAR_SIZE else None
    fits = [n for n in range(1, GRID + 1) if n <= side and n * n * channels <= MAX_LINEAR_SIZE]
    return fits[-1] if fits else None


def tokens(frames: torch.Tensor, cells: int) -> torch.Tensor:
    """Windows (n, T, N, D) as (n, T, 1, S) of the coarse grid; 0 cells leave them as they are."""
    return (coarse(frames, cells) if cells else frames.flatten(-2)).unsqueeze(-2)


def linear_world(clean: torch.Tensor, data: Labelled) -> LinearWorld | None:
    """Covariances of clean footage and what actions do on average, as the theory takes them.

    Args:
        clean: (n, T, N, D) clean windows, normalised.
        data: Windows with actions.

    Returns:
        The world; None where a frame has too many numbers, or an action does not vary.
    """
    cells = cells_of(clean)
    if cells is None:
        return None
    before, after = pairs(tokens(clean, cells))
    change = (after - before).T @ (after - before) / len(before)
    state = np.cov(np.concatenate([before, after]).T)
    first, second = pairs(tokens(data.frames, cells))
    actions = data.actions[data.fits] - data.actions[data.fits].mean(0)
    spread = actions.T @ actions / len(actions)
    if np.linalg.eigvalsh(spread)[0] <= 0:
        return None
    unit = np.linalg.solve(np.linalg.cholesky(spread), actions.T).T  # of unit covariance
    done = (second - first)[data.fits].T @ unit / len(unit)  # (S, K)
    values, vectors = np.linalg.eigh(change - done @ done.T)
    return LinearWorld(done, vectors * np.sqrt(np.maximum(values, 0)), state)


def predictions(
    world: LinearWorld, arms: Mapping[str, tuple[str, float]], latent: int, steps: int
) -> dict[str, LinearPrediction]:
    """What the theory predicts of arms.

    Args:
        world: Of clean footage.
        arms: Arm -> (contaminant, share of windows), of contaminated arms.
        latent: Dimensions.
        steps: Frames of a window.

    Returns:
        Arm -> prediction, of the clean arm and of those with cuts or freezes; the theory says
        nothing of other contaminants.
    """
    latent = min(latent, len(world.state))
    found = {CLEAN: predict_linear(world, latent)}
    for arm, (kind, dose) in arms.items():
        if kind == CUTS:
            found[arm] = predict_linear(world, latent, cut_share=dose / (steps - 1))
        elif kind == FREEZES:
            found[arm] = predict_linear(world, latent, static_share=dose)
    return found


def theory_rows(world: LinearWorld, prediction: LinearPrediction) -> list[Row]:
    """Predicted R2 of the action from the latent action, and cut recovery, of one arm.

    At a stitch of unrelated frames what the predictor leaves has a covariance proportional to
    Sigma_o, of which the latent action U carries tr(U^T Sigma_o U) / tr(Sigma_o).
    """
    carried = float(np.trace(prediction.basis.T @ world.state @ prediction.basis))
    recovery = carried / float(np.trace(world.state))
    return [
        (THEORY, _ALL, "gain", prediction.action_r2),
        (THEORY, _ALL, "cut_recovery", recovery),
    ]
