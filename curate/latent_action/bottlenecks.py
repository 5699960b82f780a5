"""What bounds the information in a latent action: Gaussian noise, sparsity, or a finite code.

Sources: KL as in AdaWorld (arXiv 2503.18938); the sparse penalty and the ranges are those of arXiv
2601.05230 in corrected form (see `sparse_penalty`); vector quantisation with straight-through
gradients (arXiv 1711.00937) and restart of dead codes; finite scalar quantisation (arXiv
2309.15505).
"""

import math
from typing import Final

import torch
from torch import nn

COMMITMENT: Final = 0.25
"""Weight of pulling latents to their codes, as in arXiv 1711.00937 and 2601.05230."""

_RESTART_STEPS: Final = 50
_EPSILON: Final = 1e-4  # inside of square roots of variances


class VectorQuantiser(nn.Module):
    """Replaces each latent by the nearest of K codes.

    Args:
        codes: K.
        latent: Dimensions.
    """

    def __init__(self, codes: int, latent: int) -> None:
        super().__init__()
        self.codebook = nn.Parameter(torch.randn(codes, latent) / math.sqrt(latent))
        self.register_buffer("uses", torch.zeros(codes))
        self.register_buffer("batches", torch.zeros((), dtype=torch.long))
        self.uses: torch.Tensor
        self.batches: torch.Tensor

    def forward(self, latents: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Quantise (..., latent).

        Returns:
            The codes with the latents' gradients, and ||sg[z] - e||^2 + 0.25 ||z - sg[e]||^2,
            mean over everything.
        """
        flat = latents.reshape(-1, latents.shape[-1])
        if self.training:
            self._revive(flat.detach())
        chosen = self.indices(flat)
        codes = self.codebook[chosen]
        if self.training:
            self.uses += torch.bincount(chosen, minlength=len(self.codebook))
        pull = (flat.detach() - codes).square().mean()
        commit = (flat - codes.detach()).square().mean()
        straight = flat + (codes - flat).detach()
        return straight.reshape(latents.shape), pull + COMMITMENT * commit

    def indices(self, latents: torch.Tensor) -> torch.Tensor:
        """Index of the nearest code of each latent, (...)."""
        return torch.cdist(latents.reshape(-1, latents.shape[-1]), self.codebook).argmin(1)

    @torch.no_grad()
    def _revive(self, latents: torch.Tensor) -> None:
        """Move codes that were not used for a while, at first all, onto latents of the batch."""
        if self.batches % _RESTART_STEPS == 0:
            dead = torch.nonzero(self.uses == 0)[:, 0]
            taken = torch.linspace(0, len(latents) - 1, len(dead)).long()
            self.codebook[dead] = latents[taken] + 1e-3 * self.codebook[dead]
            self.uses.zero_()
        self.batches += 1


class ScalarQuantiser(nn.Module):
    """Rounds a few projections of each latent to a few levels each.

    Args:
        levels: Levels of each projection, at least 2; their product is the number of codes.
        latent: Dimensions.
    """

    def __init__(self, levels: tuple[int, ...], latent: int) -> None:
        super().__init__()
        if min(levels) < 2:
            raise ValueError(f"every projection needs at least 2 levels, not {levels}")
        self.down, self.up = nn.Linear(latent, len(levels)), nn.Linear(len(levels), latent)
        self.register_buffer("levels", torch.tensor(levels, dtype=torch.float32))
        self.levels: torch.Tensor

    def forward(self, latents: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Quantise (..., latent); the penalty is 0."""
        half = (self.levels - 1) / 2
        # An even number of levels lies at half integers: shift, so that rounding gives all.
        offset = torch.where(self.levels % 2 == 0, 0.5, 0.0)
        # The largest magnitude stays a little below the next level's rounding edge.
        bounded = torch.tanh(self.down(latents)) * (half + 0.49)
        rounded = torch.round(bounded - offset) + offset
        rounded = torch.maximum(torch.minimum(rounded, half), -half)
        straight = (bounded + (rounded - bounded).detach()) / half
        quantised: torch.Tensor = self.up(straight)
        return quantised, latents.new_zeros(())


def sparse_penalty(latents: torch.Tensor, l1: float, *, literal: bool = False) -> torch.Tensor:
    """The sparse penalty of arXiv 2601.05230, a scalar.

    With Z (n, D): mean_n [ l1 ||z||_1 + max(sqrt(D) - ||z||_2, 0) ] + 0.1 mean_d max(1 - std_d, 0)
    + 0.001 sum_{i != j} Cov_ij^2 / (D (D - 1)) + 0.1 mean_d (mean_n Z_nd)^2.

    Two terms are printed otherwise there: the energy compares sqrt(D) with ||z||_2^2, which is
    hardly ever below it once the variances are 1, and the mean term is not squared, so that it has
    no minimum.

    Args:
        latents: (..., D).
        l1: Weight of the L1 norm, the capacity knob.
        literal: Takes both terms as printed.
    """
    flat = latents.reshape(-1, latents.shape[-1])
    count, size = flat.shape
    norm = flat.square().sum(-1) if literal else torch.sqrt(flat.square().sum(-1) + _EPSILON)
    energy = (l1 * flat.abs().sum(-1) + torch.relu(math.sqrt(size) - norm)).mean()
    mean = flat.mean(0)
    centred = flat - mean
    covariance = centred.T @ centred / max(1, count - 1)
    spread = torch.sqrt(covariance.diagonal() + _EPSILON)
    crossed = covariance.square().sum() - covariance.diagonal().square().sum()
    drift = mean.mean() if literal else mean.square().mean()
    total: torch.Tensor = (
        energy
        + 0.1 * torch.relu(1 - spread).mean()
        + 0.001 * crossed / max(1, size * (size - 1))
        + 0.1 * drift
    )
    return total
