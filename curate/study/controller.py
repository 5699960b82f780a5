"""Whether real actions can drive the model: a controller from (action, state) to latent action.

    ratio(h) = mean rollout error with the controller's latents / mean rollout error with inferred

at h steps, 1 where a real action does as well as the true future. Source: arXiv 2601.05230 section
4.4, with a perceptron on pooled tokens in place of attention; without the state it collapses there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from curate.latent_action.model import LatentActionModel
from curate.study.metrics import context_frames, roll_out
from curate.study.perceptron import fit_perceptron

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Controller:
    """A fitted map of actions (n, A) and frames (n, N, D) to latent actions (n, K)."""

    regions: int
    center: Array
    scale: Array
    net: Callable[[Array], Array]

    def __call__(self, actions: npt.NDArray[Any], frames: torch.Tensor) -> torch.Tensor:
        """Latent actions (n, K) float32."""
        x = np.concatenate([actions, pooled_state(frames, self.regions)], axis=1)
        return torch.from_numpy(self.net((x - self.center) / self.scale)).float()


def pooled_state(frames: torch.Tensor, regions: int = 2) -> Array:
    """Means of frames (..., N, D) by regions x regions parts of the grid: (..., R R D).

    Frames whose tokens are no square grid, or a smaller one, are averaged as a whole.
    """
    count = frames.shape[-2]
    side = round(count**0.5)
    if side * side != count or side < regions:
        whole: Array = frames.mean(-2).double().numpy()
        return whole
    rows = torch.arange(side) * regions // side
    region = (rows[:, None] * regions + rows[None]).flatten()
    share = torch.nn.functional.one_hot(region, regions * regions).to(frames.dtype)
    share = share / share.sum(0)
    pooled: Array = (share.T @ frames).flatten(-2).double().numpy()
    return pooled


def fit_controller(
    model: LatentActionModel,
    tokens: torch.Tensor,
    actions: npt.NDArray[Any],
    sources: npt.NDArray[Any],
    *,
    seed: int = 0,
    regions: int = 2,
) -> Controller:
    """Fit a controller to the latents that the model infers, with squared error.

    Args:
        model: A latent-action model.
        tokens: (n, T, N, D) labelled clips, none of which is evaluated on.
        actions: (n, T-1, A) label of each pair.
        sources: (n,) source of each clip, at least 2; some are held out to stop early.
        seed: Of the fit.
        regions: Parts per side that the state is pooled over.

    Raises:
        ValueError: The model is a twin without actions, or lengths differ.
    """
    if actions.shape[:2] != (len(tokens), tokens.shape[1] - 1):
        raise ValueError(
            f"actions must be ({len(tokens)}, {tokens.shape[1] - 1}, A), not {actions.shape}"
        )
    with torch.no_grad():
        latents = model.infer(tokens)
    if latents is None:
        raise ValueError("a model without actions takes none from a controller")
    z = latents.mean.flatten(0, 1).double().numpy()
    state = pooled_state(tokens[:, :-1].flatten(0, 1), regions)
    x = np.concatenate([actions.reshape(len(z), -1), state], axis=1)
    center, scale = x.mean(0), x.std(0)
    scale[scale == 0] = 1
    rows = np.repeat(np.asarray(sources), tokens.shape[1] - 1)
    return Controller(regions, center, scale, fit_perceptron((x - center) / scale, z, rows, seed))


@dataclass(frozen=True, slots=True)
class ControllerErrors:
    """Mean absolute rollout errors, (n, H) each: with the controller and with inferred latents."""

    controller: Array
    inferred: Array


@torch.no_grad()
def controller_errors(
    model: LatentActionModel,
    controller: Controller,
    tokens: torch.Tensor,
    actions: npt.NDArray[Any],
    horizon: int,
) -> ControllerErrors:
    """Roll out held-out clips with real actions, the state taken from the rollout itself.

    Args:
        model: The model that the controller was fitted for.
        controller: Of `fit_controller`.
        tokens: (n, T, N, D) clips of sources that the controller has not seen.
        actions: (n, T-1, A).
        horizon: H, 1 to T - 1.
    """
    steps = tokens.shape[1]
    if not 1 <= horizon < steps:
        raise ValueError(f"horizon must be 1 to {steps - 1} for clips of {steps}, not {horizon}")
    c = context_frames(steps, horizon)
    latents = model.infer(tokens)
    if latents is None:
        raise ValueError("a model without actions takes none from a controller")
    target = tokens[:, c : c + horizon]
    frames, given = tokens[:, :c], latents.mean[:, : c - 1]
    for t in range(c - 1, c - 1 + horizon):
        chosen = controller(actions[:, t], frames[:, t])
        given = torch.cat((given, chosen[:, None]), dim=1)
        frames = torch.cat((frames, model.predict(frames, given)[:, -1:]), dim=1)
    inferred = roll_out(model, tokens[:, :c], latents.mean, horizon)
    errors = [
        (rolled - target).abs().mean((-2, -1)).double().numpy()
        for rolled in (frames[:, c:], inferred)
    ]
    return ControllerErrors(*errors)


def controller_ratio(errors: ControllerErrors) -> Array:
    """(H,) mean error with the controller over that with inferred latents; nan where that is 0."""
    base = errors.inferred.mean(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio: Array = np.where(base > 0, errors.controller.mean(0) / base, np.nan)
    return ratio
