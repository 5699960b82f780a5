"""What a latent-action model achieves on a clip.

Definitions. Frames are s_0 .. s_{T-1} in the normalised space of `curate.study.normaliser`; |.|
is the mean absolute value over tokens and channels; z_t is the mean latent action that the model
infers from the true s_t and s_{t+1}; p is the forward model; c = max(1, T - H) is the number of
true frames that a rollout starts from, so that rollouts of H steps end with the clip. Every value
is of one clip; nothing is averaged over clips here.

    one_step_error       mean over t = 0..T-2 of |p(s_0..s_t, z_0..z_t) - s_{t+1}|
    one_step_copy        mean over t of |s_t - s_{t+1}|
    one_step_no_action   one_step_error of the no-action twin (z constant)
    one_step_linear      mean over t of |linear model's reconstruction - s_{t+1}|
    rollout_error(h)     |r_h - s_{c-1+h}|, h = 1..H, where r_h = p(s_0..s_{c-1}, r_1..r_{h-1}, z)
                         continues from the model's own frames with the inferred z
    rollout_copy(h)      |s_{c-1} - s_{c-1+h}|
    rollout_no_action(h) rollout_error(h) of the no-action twin
    rollout_mse(h)       as rollout_error(h), mean square instead of mean absolute value
    rollout_mse_shuffled(h)  the same with z of another clip (see `partners`)
    kl_bits              mean over t of KL(q(z_t) || N(0, I)) / ln 2

From these, over a set of clips (means over a source's clips, then over sources, then over seeds):
skill over X = 1 - mean(error) / mean(X) for X = copy or no_action, a ratio of means and not a mean
of ratios, since single still clips have errors near 0; action gain = 10 log10(mean(shuffled) /
mean(mse)) in dB, the feature-space form of Genie's delta PSNR (arXiv 2402.15391), where the peak
cancels. Across arms, errors are divided by the no-action error of one reference arm with the same
seed: each arm's own twin would change the unit.
"""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from curate.latent_action.linear import LinearAction, pairs
from curate.latent_action.losses import kl_divergence
from curate.latent_action.model import LatentActionModel, Latents

Array = npt.NDArray[np.float64]

_BATCH_CLIPS: Final = 64  # bounds memory; no effect on a value


def context_frames(steps: int, horizon: int) -> int:
    """True frames that a rollout of `horizon` steps starts from in clips of `steps` frames."""
    return max(1, steps - horizon)


@torch.no_grad()
def clip_errors(
    model: LatentActionModel,
    tokens: torch.Tensor,
    horizon: int,
    others: npt.NDArray[np.int64] | None,
) -> dict[str, Array]:
    """Measure a model on clips.

    Args:
        model: A latent-action model or a no-action twin.
        tokens: (n, T, N, D), normalised.
        horizon: H, at most T - 1.
        others: (n,) index of the clip whose actions `rollout_mse_shuffled` takes; None leaves
            the `rollout_mse` pair out.

    Returns:
        Metric -> (n, H) for those of rollouts, (n, 1) for others. What a twin does not have
        (`kl_bits` and the `rollout_mse` pair) is left out.

    Raises:
        ValueError: The horizon does not fit the clips.
    """
    steps = tokens.shape[1]
    if not 1 <= horizon < steps:
        raise ValueError(f"horizon must be 1 to {steps - 1} for clips of {steps}, not {horizon}")
    measured: dict[str, list[torch.Tensor]] = {}
    for start in range(0, len(tokens), _BATCH_CLIPS):
        frames = tokens[start : start + _BATCH_CLIPS]
        swap = None
        if others is not None:
            swap = tokens[torch.from_numpy(others[start : start + _BATCH_CLIPS])]
        for name, values in _batch_errors(model, frames, horizon, swap).items():
            measured.setdefault(name, []).append(values)
    return {name: torch.cat(parts).double().numpy() for name, parts in measured.items()}


def _batch_errors(
    model: LatentActionModel, frames: torch.Tensor, horizon: int, swap: torch.Tensor | None
) -> dict[str, torch.Tensor]:
    context = context_frames(frames.shape[1], horizon)
    latents = model.infer(frames)
    actions = None if latents is None else latents.mean
    target = frames[:, context : context + horizon]
    predicted = model.predict(frames[:, :-1], actions)
    rolled = roll_out(model, frames[:, :context], actions, horizon)
    errors = {
        "one_step_error": _l1(predicted, frames[:, 1:]).mean(1, keepdim=True),
        "one_step_copy": _l1(frames[:, :-1], frames[:, 1:]).mean(1, keepdim=True),
        "rollout_error": _l1(rolled, target),
        "rollout_copy": _l1(frames[:, context - 1 : context], target),
    }
    if latents is not None:
        errors["kl_bits"] = _bits(latents)
    if latents is not None and swap is not None:
        foreign = model.infer(swap)
        wrong = roll_out(
            model, frames[:, :context], None if foreign is None else foreign.mean, horizon
        )
        errors["rollout_mse"] = _mse(rolled, target)
        errors["rollout_mse_shuffled"] = _mse(wrong, target)
    return errors


def roll_out(
    model: LatentActionModel, past: torch.Tensor, actions: torch.Tensor | None, horizon: int
) -> torch.Tensor:
    """Continue clips from the model's own predictions.

    Args:
        model: Predicts each next frame.
        past: (B, c, N, D) true frames.
        actions: (B, at least c + horizon - 1, latent), entry t between frames t and t + 1; None
            for a no-action twin.
        horizon: Frames to predict.

    Returns:
        (B, horizon, N, D).
    """
    frames = past
    for _ in range(horizon):
        known = None if actions is None else actions[:, : frames.shape[1]]
        frames = torch.cat((frames, model.predict(frames, known)[:, -1:]), dim=1)
    return frames[:, past.shape[1] :]


def linear_errors(model: LinearAction, tokens: torch.Tensor) -> Array:
    """`one_step_linear` of clips (n, T, N, D): (n, 1)."""
    before, after = pairs(tokens)
    error = np.abs(model.reconstruct(before, after) - after).mean(1)
    per_clip: Array = error.reshape(len(tokens), -1).mean(1, keepdims=True)
    return per_clip


def partners(clips: Sequence[str], sources: Sequence[str]) -> npt.NDArray[np.int64]:
    """Choose for each clip another one whose actions it is given, preferably of another source.

    By the order of clip ids, so that it does not depend on the order of the clips: the next one
    of another source, or the next one where there is one source only.

    Args:
        clips: Distinct clip ids.
        sources: Source of each.

    Returns:
        (n,) indices; a single clip is its own partner.
    """
    order = sorted(range(len(clips)), key=lambda index: clips[index])
    chosen = np.empty(len(clips), dtype=np.int64)
    for place, index in enumerate(order):
        following = order[place + 1 :] + order[:place]
        foreign = (other for other in following if sources[other] != sources[index])
        chosen[index] = next(foreign, following[0] if following else index)
    return chosen


def _l1(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Mean absolute difference per clip and frame: (B, t, N, D) -> (B, t)."""
    return (a - b).abs().mean((-2, -1))


def _mse(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Mean square difference per clip and frame: (B, t, N, D) -> (B, t)."""
    return (a - b).square().mean((-2, -1))


def _bits(latents: Latents) -> torch.Tensor:
    return kl_divergence(latents).mean(1, keepdim=True) / math.log(2)
