"""Begins a fit with the weights of an earlier one, also of one that saw fewer maps."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, as_tensor, nn

from curate.overlays.training.train import Batches, Model, scaled, toned
from filters.overlay_maps import CHANNELS

_SEEN = 40
"""Batches from which the norms learn what is usual."""
_SAME = 1e-3
"""Greatest difference of the log odds at the start from those of the earlier weights."""


def begun(
    weights: Mapping[str, npt.NDArray[Any]], batches: Batches, rng: np.random.Generator
) -> Model:
    """A model with norms that answers as the earlier weights do; maps they do not know count 0.

    Args:
        weights: As `fit` returns them; layer a may take the first of CHANNELS maps only.
        batches: From which norms learn what is usual.
        rng: Source of the tones.

    Raises:
        ValueError: If the weights are those of another network.
    """
    plain, model = Model().eval(), Model(normed=True)
    try:
        known = widened(weights)
        stored = {k: torch.from_numpy(v.astype(np.float32)) for k, v in known.items()}
        plain.load_state_dict(stored)
    except (KeyError, RuntimeError, ValueError) as error:
        raise ValueError(f"weights of another network: {error}") from error
    usual = _usual(plain, batches, rng)
    model.load_state_dict(stored, strict=False)
    with torch.no_grad():
        for name, (mean, variance) in usual.items():
            norm = model.norms[name]
            assert isinstance(norm, nn.BatchNorm2d)
            as_tensor(norm.running_mean).copy_(mean)
            as_tensor(norm.running_var).copy_(variance)
            norm.weight.copy_((variance + norm.eps).sqrt())
            norm.bias.copy_(mean)
        x = scaled(batches.draw()[0])
        apart = float((model.eval()(x) - plain(x)).abs().max())
    if apart > _SAME:
        raise ValueError(f"the norms change the answers of the weights by {apart}")
    return model.train()


def widened(weights: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    """The same weights for CHANNELS maps: those that layer a does not know count 0.

    Raises:
        KeyError: If there is no layer a.
        ValueError: If it knows more maps.
    """
    first = weights["a.weight"]
    more = ((0, 0), (0, CHANNELS - first.shape[1]), (0, 0), (0, 0))
    return {**weights, "a.weight": np.pad(first, more)}


def _usual(
    plain: Model, batches: Batches, rng: np.random.Generator
) -> dict[str, tuple[Tensor, Tensor]]:
    """Mean and variance, per channel, of what each layer gives before it is rectified."""
    sums = {name: torch.zeros(3, 1, dtype=torch.float64) for name in "abcdefgh"}

    def watch(name: str) -> Callable[[nn.Module, object, Tensor], None]:
        def add(layer: nn.Module, given: object, found: Tensor) -> None:
            wide = found.detach().double().transpose(0, 1).flatten(1)
            count = torch.full((len(wide),), wide.shape[1], dtype=torch.float64)
            sums[name] = sums[name] + torch.stack([count, wide.sum(1), wide.square().sum(1)])

        return add

    hooks = [getattr(plain, name).register_forward_hook(watch(name)) for name in sums]
    with torch.no_grad():
        for _ in range(_SEEN):
            maps, _ = batches.draw()
            plain(scaled(maps, toned(len(maps), rng)))
    for hook in hooks:
        hook.remove()
    means = {name: found[1] / found[0] for name, found in sums.items()}
    return {
        name: (
            means[name].float(),
            (found[2] / found[0] - means[name] ** 2).clamp_min(1e-6).float(),
        )
        for name, found in sums.items()
    }
