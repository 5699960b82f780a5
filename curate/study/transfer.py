"""Whether a latent action means the same in another scene: there and back again.

z is inferred from clip A and rolled out on clip B; z' is inferred from what came out and rolled out
on A. With rollouts of H steps from c true frames, and e the mean absolute error over the H steps,

    direct    e(A rolled out with z)
    cycle     e(A rolled out with z')
    shuffled  e(A rolled out with z of another clip)
    ratio               mean cycle / mean direct                       (arXiv 2601.05230 sect. 4.3)
    normalised transfer (mean shuffled - mean cycle) / (mean shuffled - mean direct)

The ratio rewards latent actions that are not used; the normalised transfer is 1 where z' is as good
as z, 0 where it is no better than a foreign action, and undefined where a foreign action is not
reliably worse than the own one.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from curate.latent_action.model import LatentActionModel
from curate.study.metrics import context_frames, roll_out
from curate.study.statistics import Interval, bootstrap

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class CycleErrors:
    """Of each clip, all (n,).

    Attributes:
        direct: Error with its own actions.
        cycle: Error with the actions that came back.
        shuffled: Error with another clip's actions.
        cosine: Mean cosine of z and z' over steps.
    """

    direct: Array
    cycle: Array
    shuffled: Array
    cosine: Array


@torch.no_grad()
def cycle_errors(
    model: LatentActionModel,
    tokens: torch.Tensor,
    others: Index,
    foreign: Index,
    horizon: int,
    *,
    batch: int = 64,
) -> CycleErrors:
    """Send the actions of each clip through another one and back.

    Args:
        model: A latent-action model.
        tokens: (n, T, N, D), normalised.
        others: (n,) index of the clip B through which A's actions go.
        foreign: (n,) index of the clip whose actions `shuffled` takes; not the clip itself.
        horizon: H, 1 to T - 1.
        batch: Clips at a time; bounds memory.

    Raises:
        ValueError: The horizon does not fit, or the model is a twin without actions.
    """
    steps = tokens.shape[1]
    if not 1 <= horizon < steps:
        raise ValueError(f"horizon must be 1 to {steps - 1} for clips of {steps}, not {horizon}")
    c = context_frames(steps, horizon)
    parts: list[torch.Tensor] = []
    for start in range(0, len(tokens), batch):
        a = tokens[start : start + batch]
        b = tokens[torch.from_numpy(others[start : start + batch])]
        z, own = _actions(model, a), _actions(model, b)
        # On B: its own actions up to the last true frame, then those of A.
        given = torch.cat((own[:, : c - 1], z[:, c - 1 :]), dim=1)
        rolled = torch.cat((b[:, :c], roll_out(model, b[:, :c], given, horizon)), dim=1)
        back = torch.cat((z[:, : c - 1], _actions(model, rolled)[:, c - 1 :]), dim=1)
        wrong = _actions(model, tokens[torch.from_numpy(foreign[start : start + batch])])
        wrong = torch.cat((z[:, : c - 1], wrong[:, c - 1 :]), dim=1)
        cosine = torch.cosine_similarity(z[:, c - 1 :], back[:, c - 1 :], dim=-1).mean(1)
        errors = [_error(model, a, c, actions, horizon) for actions in (z, back, wrong)]
        parts.append(torch.stack((*errors, cosine)))
    return CycleErrors(*torch.cat(parts, dim=1).double().numpy())


def normalised_transfer(
    direct: Array, cycle: Array, shuffled: Array, *, draws: int = 2000, seed: int = 0
) -> tuple[Interval, Interval] | None:
    """Normalised transfer and the anchor's ratio, with intervals.

    Args:
        direct: (seeds, sources) means over a source's clips; one row for one model.
        cycle: Likewise.
        shuffled: Likewise.
        draws: Of the bootstrap.
        seed: Of the bootstrap.

    Returns:
        (normalised transfer, ratio); None where mean(shuffled - direct), the denominator, is not
        above the interval that the bootstrap gives it, which then includes 0.
    """
    gain = bootstrap(lambda s, d: s - d, shuffled, direct, draws=draws, seed=seed)
    if not gain.low > 0:
        return None
    transfer = bootstrap(
        lambda s, c, d: (s - c) / (s - d), shuffled, cycle, direct, draws=draws, seed=seed
    )
    return transfer, bootstrap(lambda c, d: c / d, cycle, direct, draws=draws, seed=seed)


def _error(
    model: LatentActionModel, frames: torch.Tensor, c: int, actions: torch.Tensor, horizon: int
) -> torch.Tensor:
    """Mean absolute error of a rollout from c true frames: (B,)."""
    rolled = roll_out(model, frames[:, :c], actions, horizon)
    return (rolled - frames[:, c : c + horizon]).abs().mean((1, 2, 3))


def _actions(model: LatentActionModel, frames: torch.Tensor) -> torch.Tensor:
    latents = model.infer(frames)
    if latents is None:
        raise ValueError("a model without actions has none to transfer")
    return latents.mean
