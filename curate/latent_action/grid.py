"""Inverse and forward models that see where tokens went, on square grids of tokens.

What an agent did shows in how the picture moved. The inverse model reads a correlation volume; the
forward model is a residual convolutional network that the latent action modulates, with filters
over near places that the latent action chooses, region by region.

Source: FlowNet's correlation layer (ICCV 2015), dynamic filters as in CDNA (Finn et al., NeurIPS
2016), AdaLN-zero as in DiT (arXiv 2212.09748).
"""

import math
from typing import TYPE_CHECKING, Final

import torch
from torch import nn
from torch.nn import functional

from curate.latent_action.correspondence import correlation

if TYPE_CHECKING:
    from curate.latent_action.model import ModelConfig

STATE_SIDE: Final = 2
"""Cells a side of the coarse frame that the inverse model sees beside the correlations."""


class CorrelationInverse(nn.Module):
    """Infers a latent action's mean and log-variance from correlations and a coarse frame."""

    def __init__(self, config: "ModelConfig") -> None:
        super().__init__()
        _side(config.tokens)
        self.reach, self.regions = config.reach, config.regions
        self.shifts = (2 * config.reach[0] + 1) * (2 * config.reach[1] + 1)
        parts = config.regions[0] * config.regions[1]
        state = STATE_SIDE**2 * config.channels
        self.layers = nn.Sequential(
            nn.Linear(parts * self.shifts + state, 2 * config.width),
            nn.GELU(approximate="tanh"),
            nn.Linear(2 * config.width, 2 * config.width),
            nn.GELU(approximate="tanh"),
            nn.Linear(2 * config.width, 2 * config.latent),
        )

    def forward(
        self, before: torch.Tensor, after: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and log-variance, (B, t, latent) each, between frames (B, t, N, D)."""
        volume = correlation(before, after, *self.reach, self.regions)
        # A region's mean says how alike the frames are, not where they went: only contrasts stay.
        by_region = volume.reshape(*volume.shape[:-1], -1, self.shifts)
        by_region = functional.layer_norm(by_region, (self.shifts,))
        small = functional.adaptive_avg_pool2d(_images(before), STATE_SIDE).flatten(1)
        state = small.reshape(*before.shape[:2], -1)
        found: torch.Tensor = self.layers(torch.cat((by_region.flatten(-2), state), -1))
        mean, log_variance = found.chunk(2, -1)
        return mean, log_variance


class ConvolutionForward(nn.Module):
    """Predicts the next frame as the last one plus a change that the latent action conditions.

    It sees the last frame and its difference to the one before. All modulations, the filters and
    the output start at zero, so an untrained model repeats the last frame exactly.
    """

    def __init__(self, config: "ModelConfig") -> None:
        super().__init__()
        side = _side(config.tokens)
        self.reach, self.regions = config.reach, config.regions
        self.embed = nn.Conv2d(2 * config.channels, config.width, 1)
        self.place = nn.Parameter(0.02 * torch.randn(config.width, side, side))
        self.blocks = nn.ModuleList(
            _Block(config.width, config.latent) for _ in range(config.forward_blocks)
        )
        self.head = nn.Conv2d(config.width, config.channels, 1)
        shifts = (2 * config.reach[0] + 1) * (2 * config.reach[1] + 1)
        self.filters = nn.Linear(config.latent, shifts * config.regions[0] * config.regions[1])
        _zero(self.head)
        _zero(self.filters)

    def forward(self, frames: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
        """Predict (B, t, N, D) from frames of that shape and actions (B, t, latent)."""
        past = torch.cat((frames[:, :1], frames[:, :-1]), dim=1)
        now, z = _images(frames), actions.flatten(0, 1)
        x = self.embed(torch.cat((now, now - _images(past)), dim=1)) + self.place
        for block in self.blocks:
            x = block(x, z)
        change = self.head(x) + self._moved(now, z)
        predicted: torch.Tensor = frames + change.flatten(2).transpose(1, 2).reshape(frames.shape)
        return predicted

    def _moved(self, now: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        """Sum over shifts of weight(z, region) x (shifted frame - frame): (P, D, g, g)."""
        count, channels, side, _ = now.shape
        rows, columns = self.reach
        # (P, S, regions) -> weights at every place, smooth between regions.
        weights = self.filters(z).reshape(count, -1, *self.regions)
        weights = functional.interpolate(weights, size=(side, side), mode="bilinear")
        padded = functional.pad(now, (columns, columns, rows, rows), mode="replicate")
        near = functional.unfold(padded, (2 * rows + 1, 2 * columns + 1))  # (P, D S, N)
        near = near.reshape(count, channels, -1, side, side) - now[:, :, None]
        moved: torch.Tensor = (near * weights[:, None]).sum(2)
        return moved


class _Block(nn.Module):
    """A 3x3 convolution, modulated and gated per frame by the latent action."""

    def __init__(self, width: int, latent: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(1, width, affine=False)
        self.convolve = nn.Conv2d(width, width, 3, padding=1)
        self.mix = nn.Conv2d(width, width, 1)
        self.modulation = nn.Linear(latent, 3 * width)
        _zero(self.modulation)

    def forward(self, x: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        shift, scale, gate = self.modulation(z)[:, :, None, None].chunk(3, 1)
        inside = self.convolve(self.norm(x) * (1 + scale) + shift)
        # The gate opens at 1, not at 0: the output layer alone has to start at zero.
        mixed: torch.Tensor = x + (1 + gate) * self.mix(functional.gelu(inside, approximate="tanh"))
        return mixed


def _images(frames: torch.Tensor) -> torch.Tensor:
    """(B, t, N, D) on a square grid -> (B t, D, g, g)."""
    side = _side(frames.shape[-2])
    return frames.flatten(0, 1).transpose(1, 2).reshape(-1, frames.shape[-1], side, side)


def _zero(layer: nn.Module) -> None:
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)


def _side(tokens: int) -> int:
    side = math.isqrt(tokens)
    if side * side != tokens:
        raise ValueError(f"{tokens} tokens are no square grid")
    return side
