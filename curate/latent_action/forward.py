"""Forward models: the next frame from the past and the latent action.

Both predict the last frame plus a change; all modulations, gates and outputs start at zero, so an
untrained model repeats the last frame exactly.
"""

from typing import Final

import torch
from torch import nn
from torch.nn import functional

from curate.latent_action.blocks import INITIAL_STD, Block, zeroed
from curate.latent_action.config import ModelConfig

_KERNEL_SPREAD: Final = 2.0
"""Deviation of the untrained kernels' logits: wide enough that kernels differ from each other."""


def build_forward(config: ModelConfig) -> "AttentionForward | ConvolutionForward":
    """Make the forward model that `config.forward` names."""
    if config.forward == "convolution":
        return ConvolutionForward(config)
    return AttentionForward(config)


class AttentionForward(nn.Module):
    """Frame-causal attention over the past, with frame-wise AdaLN-zero (arXiv 2601.05230)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.embed = nn.Linear(config.channels, config.width)
        self.place = nn.Parameter(INITIAL_STD * torch.randn(config.tokens, config.width))
        self.time = nn.Parameter(INITIAL_STD * torch.randn(config.steps - 1, 1, config.width))
        self.blocks = nn.ModuleList(
            Block(config.width, config.heads, config.latent) for _ in range(config.forward_blocks)
        )
        self.norm = nn.LayerNorm(config.width, elementwise_affine=False)
        self.modulation = zeroed(nn.Linear(config.latent, 2 * config.width))
        self.head = zeroed(nn.Linear(config.width, config.channels))
        frame = torch.arange((config.steps - 1) * config.tokens) // config.tokens
        self.register_buffer("mask", frame[:, None] >= frame[None], persistent=False)
        self.mask: torch.Tensor

    def forward(self, frames: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
        """Predict (B, t, N, D) from frames of that shape and actions (B, t, latent)."""
        t, n = frames.shape[1:3]
        x = self.embed(frames) + self.place + self.time[:t]  # (B, t, N, W)
        condition = actions[:, :, None]  # (B, t, 1, latent)
        mask = self.mask[: t * n, : t * n]
        for block in self.blocks:
            x = block(x, condition, mask)
        shift, scale = self.modulation(condition).chunk(2, -1)
        change: torch.Tensor = self.head(self.norm(x) * (1 + scale) + shift)
        return frames + change


class ConvolutionForward(nn.Module):
    """Residual convolutions over the grid of the last frame and its change from the one before.

    What an action moves by several tokens no small convolution carries. So the latent action also
    chooses shift kernels; the network sees the frame moved by each and how much of it to take at
    every place. The twin without actions has the same kernels, constant.

    Source: residual blocks with AdaLN-zero per frame as above; kernels chosen by the action and
    masks from CDNA (Finn et al., NeurIPS 2016), made separable (Niklaus et al., ICCV 2017).
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width, channels, kernels = config.width, config.channels, config.transports
        self.side = config.side
        self.transport = Transport(config) if kernels else None
        self.embed = nn.Linear((2 + kernels) * channels, width)
        self.place = nn.Parameter(INITIAL_STD * torch.randn(config.tokens, width))
        self.blocks = nn.ModuleList(
            _ConvolutionBlock(width, config.latent) for _ in range(config.forward_blocks)
        )
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.modulation = zeroed(nn.Linear(config.latent, 2 * width))
        self.head = zeroed(nn.Linear(width, channels + kernels))

    def forward(self, frames: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
        """Predict (B, t, N, D) from frames of that shape and actions (B, t, latent).

        Entry i depends on frames i - 1 and i and on action i; frame -1 counts as equal to frame 0.
        """
        batch, t, _, channels = frames.shape
        change = torch.diff(frames, dim=1, prepend=frames[:, :1])
        last, change = frames.flatten(0, 1), change.flatten(0, 1)  # (P, N, D), P = B t
        condition = actions.flatten(0, 1)[:, None]  # (P, 1, latent)
        seen = [last, change]
        if self.transport is not None:
            moved = self.transport(last, condition[:, 0]) - last[:, :, None]  # (P, N, M, D)
            seen.append(moved.flatten(2))
        x = self.embed(torch.cat(seen, dim=-1)) + self.place  # (P, N, W)
        for block in self.blocks:
            x = block(x, condition, self.side)
        shift, scale = self.modulation(condition).chunk(2, -1)
        out = self.head(self.norm(x) * (1 + scale) + shift)
        predicted = last + out[..., :channels]
        if self.transport is not None:
            predicted = predicted + (out[..., channels:, None] * moved).sum(2)
        unfolded: torch.Tensor = predicted.unflatten(0, (batch, t))
        return unfolded


class Transport(nn.Module):
    """Moves a grid by kernels that the latent action chooses, a vertical times a horizontal one."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.side, self.kernels = config.side, config.transports
        self.taps = tuple(2 * reach + 1 for reach in config.shifts)
        logits = nn.Linear(config.hidden, self.kernels * sum(self.taps))
        nn.init.normal_(logits.bias, std=_KERNEL_SPREAD)
        self.choose = nn.Sequential(
            nn.Linear(config.latent, config.hidden), nn.GELU(approximate="tanh"), logits
        )
        for name, reach in zip(("down", "right"), config.shifts, strict=True):
            self.register_buffer(name, _source_tap(self.side, reach), persistent=False)
        self.down: torch.Tensor
        self.right: torch.Tensor

    def forward(self, frames: torch.Tensor, actions: torch.Tensor) -> torch.Tensor:
        """Move frames (P, N, D) by the kernels of actions (P, latent): (P, N, M, D).

        Places that nothing moves to take the nearest place of the border.
        """
        logits = self.choose(actions).unflatten(-1, (self.kernels, -1))  # (P, M, taps)
        vertical, horizontal = (part.softmax(-1) for part in logits.split(self.taps, dim=-1))
        # (P, M, g, g): row i holds what place i takes from each place.
        rows, columns = vertical @ self.down, horizontal @ self.right
        rows, columns = (m.unflatten(-1, (self.side, self.side)) for m in (rows, columns))
        p, _, channels = frames.shape
        grid = frames.reshape(p, 1, self.side, self.side * channels)
        moved = rows @ grid  # (P, M, g, g D)
        moved = moved.unflatten(-1, (self.side, channels))  # (P, M, g, g, D)
        moved = columns[:, :, None] @ moved
        placed: torch.Tensor = moved.flatten(2, 3).transpose(1, 2)
        return placed


def _source_tap(side: int, reach: int) -> torch.Tensor:
    """(2 reach + 1, side * side): 1 where, under a shift by the tap, a place takes from another."""
    places = torch.arange(side)
    taps = torch.arange(-reach, reach + 1)
    source = (places[None] - taps[:, None]).clamp(0, side - 1)  # (taps, side)
    return functional.one_hot(source, side).float().flatten(1)


class _ConvolutionBlock(nn.Module):
    """Pre-norm 3 x 3 convolution with AdaLN-zero."""

    def __init__(self, width: int, latent: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.modulation = zeroed(nn.Linear(latent, 3 * width))
        self.mix = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: torch.Tensor, condition: torch.Tensor, side: int) -> torch.Tensor:
        """Map (P, N, W) to the same, given (P, 1, latent)."""
        shift, scale, gate = self.modulation(condition).chunk(3, -1)
        y = self.norm(x) * (1 + scale) + shift
        grid = y.unflatten(1, (side, side)).permute(0, 3, 1, 2)  # channels last in memory
        mixed = functional.gelu(self.mix(grid), approximate="tanh")
        added: torch.Tensor = x + gate * mixed.permute(0, 2, 3, 1).flatten(1, 2)
        return added
