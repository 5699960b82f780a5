"""What else than the action a latent action tells: camera, appearance, source.

    camera R2            R2(z -> g) on sources held out, g the camera's motion
    partial R2           1 - RSS([a, z] -> g) / RSS(a -> g): what z tells of g that a does not
    selectivity          delta R2(action) - R2(camera)
    D                    root mean square of |z(s_t, s_{t+1})|
    zero transition R0   mean |z(s_t, s_t)| / D, 0 where nothing moved and z says so
    shift response       mean |z(s_t, shifted s_t)| / D, a camera's shift taken for an action
    S-PCFC               mean cos(z(s_{t-n}, s_t), z(s_{t+n}, s_t)), high where z is what s_t looks
                         like; low alone proves nothing, a noisy z has it too
    shortcut leakage     E[cos | same source, other action] - E[cos | other source, same action]
    neighbour share      share of a pair's k nearest latents that are of its own source

Sources: R0, shift response and shortcut leakage from CD-LAM (arXiv 2607.09185), whose guard against
shrinking is `same_action` below; S-PCFC from CoMo (arXiv 2505.17006).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from curate.latent_action.model import LatentActionModel
from curate.study.probes import ProbeKind, ProbeSums, probe

Array = npt.NDArray[np.float64]

_BATCH_PAIRS = 256  # bounds memory; no effect on a value


@dataclass(frozen=True, slots=True)
class CameraScores:
    """R2 of the camera's motion, pooled over sources; None where it does not vary.

    Attributes:
        r2: From z, mean over dimensions.
        partial: Of what the actions leave, the share that z explains.
        dimensions: (G,) R2 from z, nan for a dimension that does not vary.
    """

    r2: float | None
    partial: float | None
    dimensions: Array


def camera_probe(
    z: npt.NDArray[Any],
    camera: npt.NDArray[Any],
    actions: npt.NDArray[Any] | None,
    sources: npt.NDArray[Any],
    *,
    train_sources: set[Any] | frozenset[Any],
    test_sources: set[Any] | frozenset[Any],
    kind: ProbeKind = "ridge",
    seed: int = 0,
) -> ProbeSums:
    """Probe the camera's motion: `probe` with the camera as label and the actions as state.

    Args:
        z: (n, K) latent actions.
        camera: (n, G), for instance shift, zoom and roll of each pair.
        actions: (n, A), or None where they are not known; then `partial` is `r2` itself.
        sources: As for `curate.study.probes.probe`, and so all that follows.
        train_sources: Sources to fit on.
        test_sources: Sources to measure on.
        kind: Kind of the probe.
        seed: Of the probe.
    """
    known = np.zeros((len(z), 1)) if actions is None else actions
    return probe(
        z, known, camera, sources,
        train_sources=train_sources, test_sources=test_sources, kind=kind, seed=seed,
    )  # fmt: skip


def camera_scores(sums: ProbeSums, weights: npt.NDArray[Any] | None = None) -> CameraScores:
    """Scores of `camera_probe`, of sources pooled with weights (S,), as a bootstrap draws them."""
    w = np.ones(len(sums.sources)) if weights is None else np.asarray(weights, dtype=np.float64)
    total, left, both, alone = (
        w @ part for part in (sums.total, sums.state, sums.both, sums.latent)
    )
    alive = total > 0
    if not alive.any():
        return CameraScores(None, None, np.full(len(total), np.nan))
    with np.errstate(divide="ignore", invalid="ignore"):
        r2 = np.where(alive, 1 - alone / total, np.nan)
        partial = 1 - both / left
    known = float(partial[alive & (left > 0)].mean()) if (alive & (left > 0)).any() else None
    return CameraScores(float(r2[alive].mean()), known, r2)


def selectivity(delta_r2: float | None, camera_r2: float | None) -> float | None:
    """Delta R2 of the action less R2 of the camera; None where one of them is not defined."""
    return None if delta_r2 is None or camera_r2 is None else delta_r2 - camera_r2


@torch.no_grad()
def pair_latents(model: LatentActionModel, before: torch.Tensor, after: torch.Tensor) -> Array:
    """Mean latent actions (n, K) between frames, both (n, N, D).

    Raises:
        ValueError: The model is a twin without actions.
    """
    parts = []
    for start in range(0, len(before), _BATCH_PAIRS):
        rows = slice(start, start + _BATCH_PAIRS)
        latents = model.infer(torch.stack((before[rows], after[rows]), dim=1))
        if latents is None:
            raise ValueError("a model without actions infers none")
        parts.append(latents.mean[:, 0])
    found: Array = torch.cat(parts).double().numpy()
    return found


def response(z: Array, reference: Array) -> float | None:
    """Mean |z| / root mean square |reference|: R0 and the shift response.

    Args:
        z: (n, K) latent actions of transitions that should have none.
        reference: (m, K) latent actions of real transitions.

    Returns:
        At least 0; None where all reference latents are 0.
    """
    scale = float(np.sqrt(np.square(reference).sum(1).mean()))
    return float(np.sqrt(np.square(z).sum(1)).mean()) / scale if scale > 0 else None


def shift_tokens(tokens: torch.Tensor, down: int, right: int) -> torch.Tensor:
    """Shift a square grid of tokens (..., N, D); the border is repeated.

    A stand-in for shifting pixels and encoding again, which is exact where an encoder commutes
    with shifts by a token.
    """
    side = round(tokens.shape[-2] ** 0.5)
    if side * side != tokens.shape[-2]:
        raise ValueError(f"{tokens.shape[-2]} tokens are no square grid")
    places = torch.arange(side)
    rows, columns = (places - down).clamp(0, side - 1), (places - right).clamp(0, side - 1)
    index = (rows[:, None] * side + columns[None]).flatten()
    return tokens[..., index, :]


def s_pcfc(model: LatentActionModel, tokens: torch.Tensor, gap: int = 1) -> Array:
    """S-PCFC of clips (n, T, N, D): (n,) mean over the frames with neighbours `gap` steps away.

    Raises:
        ValueError: No frame of a clip has both.
    """
    n, steps = tokens.shape[:2]
    if gap < 1 or steps < 2 * gap + 1:
        raise ValueError(f"gap must be 1 to {(steps - 1) // 2} for clips of {steps}, not {gap}")
    middle = tokens[:, gap:-gap].flatten(0, 1)
    past = pair_latents(model, tokens[:, : -2 * gap].flatten(0, 1), middle)
    future = pair_latents(model, tokens[:, 2 * gap :].flatten(0, 1), middle)
    means: Array = _cosine(past, future).reshape(n, -1).mean(1)
    return means


@dataclass(frozen=True, slots=True)
class Shortcut:
    """Mean cosines of latent actions; None where no two pairs qualify.

    Attributes:
        leakage: Same source and other action, less other source and same action.
        same_action: Other source, same action: falls towards that of any two pairs where latents
            shrank to noise, so a low leakage alone is no merit.
        any_pair: Other source, whatever action.
    """

    leakage: float | None
    same_action: float | None
    any_pair: float | None


def shortcut(z: npt.NDArray[Any], sources: npt.NDArray[Any], labels: npt.NDArray[Any]) -> Shortcut:
    """Whether latents are alike for their source or for their action.

    Args:
        z: (n, K); quadratic in n.
        sources: (n,).
        labels: (n,) discrete actions.
    """
    unit = np.asarray(z, dtype=np.float64)
    unit = unit / np.maximum(np.linalg.norm(unit, axis=1, keepdims=True), 1e-12)
    cosine = unit @ unit.T
    same = sources[:, None] == sources[None]
    alike = labels[:, None] == labels[None]

    def mean(mask: npt.NDArray[np.bool_]) -> float | None:
        return float(cosine[mask].mean()) if mask.any() else None

    within, across = mean(same & ~alike), mean(~same & alike)
    leakage = None if within is None or across is None else within - across
    return Shortcut(leakage, across, mean(~same))


def neighbour_share(
    z: npt.NDArray[Any], sources: npt.NDArray[Any], clips: npt.NDArray[Any], k: int = 10
) -> tuple[float, float]:
    """Share of nearest latents of the own source, and the share that chance gives.

    Pairs of the same clip are left out: they overlap in frames.

    Args:
        z: (n, K); Euclidean distance, quadratic in n.
        sources: (n,).
        clips: (n,).
        k: Neighbours, fewer where fewer are left.
    """
    x = np.asarray(z, dtype=np.float64)
    square = np.square(x).sum(1)
    distance = square[:, None] + square[None] - 2 * x @ x.T
    eligible = clips[:, None] != clips[None]
    same = (sources[:, None] == sources[None]) & eligible
    counts = eligible.sum(1)
    rows = np.flatnonzero(counts > 0)
    if not len(rows):
        raise ValueError("neighbours need pairs of at least two clips")
    distance[~eligible] = np.inf
    order = np.argsort(distance, axis=1, kind="stable")[:, : min(k, int(counts.max()))]
    taken = np.take_along_axis(same, order, 1)
    valid = np.take_along_axis(eligible, order, 1)
    share = taken[rows].sum(1) / valid[rows].sum(1)
    return float(share.mean()), float((same.sum(1)[rows] / counts[rows]).mean())


def _cosine(a: Array, b: Array) -> Array:
    scale = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    cosine: Array = (a * b).sum(1) / np.maximum(scale, 1e-12)
    return cosine
