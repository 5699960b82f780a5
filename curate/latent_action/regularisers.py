"""What bounds the information in a latent action: one path, one knob each.

    none    nothing
    kl      beta * KL(q(z) || N(0, I)), summed over dimensions; z is sampled in training
    sparse  the variance-covariance-mean and energy terms of arXiv 2601.05230
    vq      nearest code of a codebook (VQ-VAE, arXiv 1711.00937; 1 or 4 codes as UniVLA)
    fsq     rounding of a few bounded numbers (arXiv 2309.15505)

Where 2601.05230 prints what cannot be meant, the corrected form is the default: its KL has the
wrong sign; its mean term is not squared, so it has no lower bound; its energy hinge compares
sqrt(D) with |z|^2 and not with |z|, so it is never active. `literal` takes the last two as printed.
"""

import math
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import torch
from torch import nn
from torch.nn import functional

Kind = Literal["none", "kl", "sparse", "vq", "fsq"]
KINDS: Final[tuple[Kind, ...]] = ("none", "kl", "sparse", "vq", "fsq")

COMMITMENT: Final = 0.25
"""Weight of the encoding's distance to its code, as in VQ-VAE and UniVLA."""

# Weights of the sparse regulariser, arXiv 2601.05230 section 3.
_ENERGY: Final = 1.0
_VARIANCE: Final = 0.1
_COVARIANCE: Final = 0.001
_MEAN: Final = 0.1
_EPSILON: Final = 1e-4  # under the square root of the variance, as in VICReg

LEVELS: Final = {
    2: (2,), 4: (2, 2), 8: (4, 2), 15: (5, 3), 32: (8, 4), 64: (8, 8), 240: (8, 6, 5),
    512: (8, 8, 8), 1000: (8, 5, 5, 5), 1920: (8, 8, 6, 5), 4375: (7, 5, 5, 5, 5),
    15360: (8, 8, 8, 6, 5), 64000: (8, 8, 8, 5, 5, 5),
}  # fmt: skip
"""Codes of `fsq` -> levels per number: from 240 on the table of arXiv 2309.15505, below it ours."""


class Latents(NamedTuple):
    """Inferred latent actions.

    Attributes:
        mean: (B, T-1, latent), what predicts; after the quantiser where there is one.
        log_variance: (B, T-1, latent); has a meaning under `kl` only.
        codes: (B, T-1, tokens) int64 of a quantiser; None without one.
        encoding: (B, T-1, latent) before `vq`; None elsewhere.
        chosen: (B, T-1, latent) codes' vectors of `vq`; None elsewhere.
    """

    mean: torch.Tensor
    log_variance: torch.Tensor
    codes: torch.Tensor | None = None
    encoding: torch.Tensor | None = None
    chosen: torch.Tensor | None = None


@dataclass(frozen=True, slots=True)
class Regulariser:
    """A bound on the latent action's information.

    Attributes:
        kind: A word of `KINDS`.
        capacity: The knob. kl: beta, sparse: weight of |z|_1 (both at least 0; more lets less
            through). vq: codes per token; fsq: codes, of which `LEVELS` has the nearest (both at
            least 1 and 2; more lets more through). Without meaning for none.
        tokens: Codes per latent action under vq, 1 or 4; each has latent / tokens dimensions.
        literal: Whether sparse is as printed.
    """

    kind: Kind = "none"
    capacity: float = 0.0
    tokens: int = 1
    literal: bool = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}, not {self.kind!r}")
        least = {"vq": 1, "fsq": 2}.get(self.kind, 0)
        if not (math.isfinite(self.capacity) and self.capacity >= least):
            raise ValueError(
                f"capacity of {self.kind} must be at least {least}, not {self.capacity}"
            )
        if self.tokens not in (1, 4):
            raise ValueError(f"tokens must be 1 or 4, not {self.tokens}")

    @property
    def rising(self) -> bool:
        """Whether a larger `capacity` lets more through."""
        return self.kind in ("vq", "fsq")

    @property
    def stochastic(self) -> bool:
        """Whether training samples the latent action."""
        return self.kind == "kl" and self.capacity > 0

    @property
    def levels(self) -> tuple[int, ...]:
        """Levels per number of `fsq`."""
        codes = min(LEVELS, key=lambda size: abs(math.log(size / max(2.0, self.capacity))))
        return LEVELS[codes]


NONE: Final = Regulariser()


def kl_divergence(latents: Latents) -> torch.Tensor:
    """KL divergence of each inferred latent action from a standard normal.

    Args:
        latents: Mean and log-variance, each (..., latent).

    Returns:
        (...) in nats: sum over dimensions of 0.5 (mean^2 + variance - 1 - log variance).
    """
    mean, log_variance = latents.mean, latents.log_variance
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(-1)


def penalty(latents: Latents | None, bound: Regulariser) -> torch.Tensor:
    """What is added to the prediction error, a scalar; 0 for a twin, for none and for fsq."""
    if latents is None or bound.kind in ("none", "fsq"):
        return torch.zeros(())
    if bound.kind == "kl":
        if bound.capacity == 0:
            return torch.zeros(())
        return bound.capacity * kl_divergence(latents).mean()
    if bound.kind == "sparse":
        return sparsity(latents.mean.flatten(0, -2), bound.capacity, literal=bound.literal)
    if latents.encoding is None or latents.chosen is None:
        raise ValueError("latents of a model without a codebook have no vq penalty")
    moved = functional.mse_loss(latents.chosen, latents.encoding.detach())
    return moved + COMMITMENT * functional.mse_loss(latents.encoding, latents.chosen.detach())


def sparsity(z: torch.Tensor, weight: float, *, literal: bool = False) -> torch.Tensor:
    """Sparse regulariser of a batch of latent actions, a scalar.

    weight mean_n |z_n|_1 + mean_n relu(sqrt(D) - |z_n|_2) + 0.1 mean_d relu(1 - std_d)
    + 0.001 / (D (D - 1)) sum_{i != j} Cov_ij^2 + 0.1 mean_d (mean_n z_nd)^2; printed in
    arXiv 2601.05230 with |z_n|_2^2 in the second term and mean_nd z_nd in the last.

    Args:
        z: (n, D).
        weight: Of the L1 term.
        literal: Takes the second and the last term as printed.
    """
    n, size = z.shape
    square = z.square().sum(1)
    # The small constant keeps the root's gradient finite at 0.
    length = square if literal else (square + _EPSILON**2).sqrt()
    energy = weight * z.abs().sum(1).mean() + _ENERGY * (math.sqrt(size) - length).relu().mean()
    mean = z.mean(0)
    centred = z - mean
    covariance = centred.T @ centred / max(1, n - 1)
    variances = torch.diagonal(covariance)
    deviation = (variances + _EPSILON).sqrt()
    across = covariance.square().sum() - variances.square().sum()
    offset = mean.mean() if literal else mean.square().mean()
    return (
        energy
        + _VARIANCE * (1 - deviation).relu().mean()
        + _COVARIANCE * across / max(1, size * (size - 1))
        + _MEAN * offset
    )


def build_quantiser(bound: Regulariser, latent: int) -> "Codebook | Rounding | None":
    """Make the quantiser of vq or fsq; None for other kinds.

    Raises:
        ValueError: The dimensions are no multiple of the tokens.
    """
    if bound.kind == "vq":
        return Codebook(round(bound.capacity), bound.tokens, latent)
    return Rounding(bound.levels, latent) if bound.kind == "fsq" else None


class Codebook(nn.Module):
    """Replaces each token of a latent action by the nearest code, straight-through.

    Codes are taken from encodings of the first batch, and codes that nobody uses are replaced
    likewise (`restart`), as UniVLA does with random codes.
    """

    def __init__(self, codes: int, tokens: int, latent: int) -> None:
        super().__init__()
        if latent % tokens:
            raise ValueError(f"latent must be a multiple of tokens {tokens}, not {latent}")
        self.tokens = tokens
        self.codes = nn.Parameter(torch.randn(codes, latent // tokens))
        self.register_buffer("uses", torch.zeros(codes, dtype=torch.int64))
        self.uses: torch.Tensor

    def forward(self, latents: Latents) -> Latents:
        """Quantise latent actions (..., latent)."""
        encoding = latents.mean
        parts = torch.unflatten(encoding, -1, (self.tokens, -1)).float()  # (..., tokens, d)
        flat = parts.flatten(0, -2)
        distance = torch.cdist(flat.detach(), self.codes.detach())
        index = distance.argmin(-1)
        chosen = self.codes[index].view_as(parts).flatten(-2)
        if self.training:
            self.uses += torch.bincount(index, minlength=len(self.codes))
        mean = encoding + (chosen - encoding).detach()
        return Latents(mean, latents.log_variance, index.view(parts.shape[:-1]), encoding, chosen)

    @torch.no_grad()
    def restart(self, encoding: torch.Tensor, generator: torch.Generator) -> int:
        """Replace codes unused since the last call by encodings of a batch; count them.

        Args:
            encoding: (..., latent) before quantisation.
            generator: Chooses which, a CPU generator.
        """
        dead = torch.nonzero(self.uses == 0)[:, 0]
        pool = torch.unflatten(encoding, -1, (self.tokens, -1)).flatten(0, -2)
        drawn = torch.randint(len(pool), (len(dead),), generator=generator)
        self.codes[dead] = pool[drawn.to(pool.device)].float()
        self.uses.zero_()
        return len(dead)


class Rounding(nn.Module):
    """Rounds a few numbers to a few levels each, straight-through, between two linear maps.

    A number h with L levels becomes round((L - 1) / 2 tanh(h)) for odd L, and for even L the
    nearest half-integer, divided by (L - 1) / 2: L equally spaced values in [-1, 1]. Numbers are
    standardised before (by running moments after training, as in batch normalisation): without,
    tanh saturates within a few steps and one code is left.
    """

    def __init__(self, levels: tuple[int, ...], latent: int) -> None:
        super().__init__()
        self.reduce = nn.Linear(latent, len(levels))
        self.expand = nn.Linear(len(levels), latent)
        counts = torch.tensor(levels)
        self.register_buffer("levels", counts, persistent=False)
        places = torch.cumprod(torch.tensor([1, *levels[:-1]]), 0)
        self.register_buffer("places", places, persistent=False)
        self.register_buffer("center", torch.zeros(len(levels)))
        self.register_buffer("variance", torch.ones(len(levels)))
        self.levels: torch.Tensor
        self.places: torch.Tensor
        self.center: torch.Tensor
        self.variance: torch.Tensor

    def forward(self, latents: Latents) -> Latents:
        """Quantise latent actions (..., latent)."""
        h = self.reduce(latents.mean).float()
        flat = h.flatten(0, -2)
        many = self.training and len(flat) > 1
        flat = functional.batch_norm(flat, self.center, self.variance, training=many)
        rounded, index = self.round(flat.view_as(h))
        codes = (index * self.places).sum(-1, keepdim=True)
        return Latents(self.expand(rounded), latents.log_variance, codes)

    def round(self, h: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Values in [-1, 1] and level numbers 0..L-1 of (..., numbers)."""
        half = (self.levels - 1) / 2
        offset = 0.5 * (self.levels % 2 == 0)
        bounded = half * torch.tanh(h)
        # tanh reaches 1 in floating point, where an even L would round beyond its last level.
        nearest = torch.minimum((bounded - offset).round() + offset, half)
        nearest = torch.maximum(nearest, -half)
        straight = bounded + (nearest - bounded).detach()
        return straight / half, (nearest + half).round().long()
