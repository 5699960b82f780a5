"""Whether the latent action carries the next frame itself: what happens at an artificial cut.

Two clips A and B of T frames are stitched at frame k: A_0 .. A_k, B_{k+1} .. B_{T-1}. The pair
(A_k, B_{k+1}) is a transition that no action explains. With e the mean absolute error of the
predicted frame k + 1 given true frames 0..k and the inferred action,

    ratio         mean e(stitched) / mean e(A)                   (arXiv 2601.05230 section 4.2)
    cut recovery  1 - mean e(stitched) / mean e_noact(stitched)

A latent action that is a copy of the next frame has ratio 1 and recovery 1. Two kinds of stitch:
with another source, and with the same source far apart, where the two halves look alike. An arm
trained on cuts has learned to encode them: this reads a mechanism and is no score of quality.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from curate.latent_action.model import LatentActionModel

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class CutErrors:
    """Errors of the frame after the stitch, one per clip that has a partner, all (m,).

    Attributes:
        clips: Index of the clip A.
        original: e of A itself at the same frame.
        cut: e of the stitched clip.
        cut_no_action: The same of the twin.
    """

    clips: Index
    original: Array
    cut: Array
    cut_no_action: Array


def cut_errors(
    model: LatentActionModel,
    twin: LatentActionModel,
    tokens: torch.Tensor,
    others: Index,
    boundary: int | None = None,
    *,
    batch: int = 64,
) -> CutErrors:
    """Measure a model at stitches.

    Args:
        model: A latent-action model.
        twin: Its twin that knows no action.
        tokens: (n, T, N, D), normalised.
        others: (n,) index of the clip B of each clip A; -1 where there is none.
        boundary: k, 0 to T - 2; the middle where None.
        batch: Clips at a time; bounds memory.

    Raises:
        ValueError: The boundary is outside of the clip.
    """
    steps = tokens.shape[1]
    k = (steps - 2) // 2 if boundary is None else boundary
    if not 0 <= k <= steps - 2:
        raise ValueError(f"boundary must be 0 to {steps - 2}, not {k}")
    clips = np.flatnonzero(others >= 0).astype(np.int64)
    original, cut, blind = [], [], []
    for start in range(0, len(clips), batch):
        chosen = clips[start : start + batch]
        a = tokens[torch.from_numpy(chosen)]
        b = tokens[torch.from_numpy(others[chosen])]
        stitched = torch.cat((a[:, : k + 1], b[:, k + 1 :]), dim=1)
        original.append(_error_at(model, a, k))
        cut.append(_error_at(model, stitched, k))
        blind.append(_error_at(twin, stitched, k))
    parts = [np.concatenate(p) if p else np.empty(0) for p in (original, cut, blind)]
    return CutErrors(clips, *parts)


def leakage_ratio(original: Array, cut: Array) -> float | None:
    """Mean error with the stitch over that without; None where the latter is 0."""
    base = float(original.mean()) if len(original) else 0.0
    return float(cut.mean()) / base if base > 0 else None


def cut_recovery(cut: Array, cut_no_action: Array) -> float | None:
    """Share of the twin's error at stitches that the latent action removes; None where it is 0."""
    base = float(cut_no_action.mean()) if len(cut_no_action) else 0.0
    return 1 - float(cut.mean()) / base if base > 0 else None


def far_partners(
    clips: Sequence[str], sources: Sequence[str], times_s: npt.ArrayLike, apart_s: float
) -> Index:
    """Choose for each clip the next one of its own source that begins far away in time.

    By the order of clip ids among those far enough, so it does not depend on the order of clips.

    Args:
        clips: Distinct clip ids.
        sources: Source of each.
        times_s: (n,) where each begins within its source, seconds.
        apart_s: Least distance.

    Returns:
        (n,) indices; -1 where the source has none so far away.
    """
    times = np.asarray(times_s, dtype=np.float64)
    order = sorted(range(len(clips)), key=lambda index: clips[index])
    chosen = np.full(len(clips), -1, dtype=np.int64)
    for place, index in enumerate(order):
        for other in order[place + 1 :] + order[:place]:
            if sources[other] == sources[index] and abs(times[other] - times[index]) >= apart_s:
                chosen[index] = other
                break
    return chosen


@torch.no_grad()
def _error_at(model: LatentActionModel, frames: torch.Tensor, k: int) -> Array:
    """Mean absolute error of frame k + 1 given frames 0..k and the actions of those: (n,)."""
    latents = model.infer(frames[:, : k + 2])
    actions = None if latents is None else latents.mean
    predicted = model.predict(frames[:, : k + 1], actions)[:, -1]
    error: Array = (predicted - frames[:, k + 1]).abs().mean((-2, -1)).double().numpy()
    return error
