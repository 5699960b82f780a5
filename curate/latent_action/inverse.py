"""Inverse models: the latent action between a frame and the next one.

arXiv 2601.05230 does not give the form of its inverse model. `AttentionInverse` takes the frame
and the feature difference as CoMo does (arXiv 2505.17006). `CorrelationInverse` sees where tokens
went and nothing of what the next frame looks like, so it cannot pass the answer on. `LocalInverse`
sees the same token by token.
"""

from typing import Final

import torch
from torch import nn
from torch.nn import functional

from curate.latent_action.blocks import INITIAL_STD, Block
from curate.latent_action.config import ModelConfig
from curate.latent_action.correspondence import correlation, flow, matches
from curate.latent_action.regularisers import Latents

LOG_VARIANCE_BOUND: Final = 10.0
"""Log-variances are clamped to plus or minus this: exp(10) is far beyond any useful noise."""

_FLOW: Final = 6  # numbers per region


def build_inverse(config: ModelConfig) -> "AttentionInverse | CorrelationInverse | LocalInverse":
    """Make the inverse model that `config.inverse` names."""
    if config.inverse == "local":
        return LocalInverse(config)
    if config.inverse == "correlation":
        return CorrelationInverse(config)
    return AttentionInverse(config)


class AttentionInverse(nn.Module):
    """A learned query gathers the action over the frame's tokens, [s_t ; s_{t+1} - s_t] each."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.embed = nn.Linear(2 * config.channels, config.width)
        self.place = nn.Parameter(INITIAL_STD * torch.randn(config.tokens, config.width))
        self.query = nn.Parameter(INITIAL_STD * torch.randn(1, config.width))
        self.blocks = nn.ModuleList(
            Block(config.width, config.heads) for _ in range(config.inverse_blocks)
        )
        self.norm = nn.LayerNorm(config.width)
        self.head = nn.Linear(config.width, 2 * config.latent)

    def evidence(self, before: torch.Tensor, after: torch.Tensor) -> torch.Tensor | None:
        """What of the frames can be computed before training: nothing."""
        return None

    def forward(
        self, before: torch.Tensor, after: torch.Tensor, evidence: torch.Tensor | None = None
    ) -> Latents:
        """Infer the latent actions between frames, both (B, t, N, D)."""
        batch, t = before.shape[:2]
        x = self.embed(torch.cat((before, after - before), dim=-1)) + self.place  # (B, t, N, W)
        x = x.flatten(0, 1)
        x = torch.cat((self.query.expand(len(x), -1, -1), x), dim=1)  # (B t, 1 + N, W)
        for block in self.blocks:
            x = block(x)
        return _latents(self.head(self.norm(x[:, 0])).unflatten(0, (batch, t)))


class CorrelationInverse(nn.Module):
    """A perceptron on the correlation volume of the two frames and a summary of the first.

    Each region's volume enters standardised, which shows the motion whatever the contrast of the
    picture, and by its mean and its peak, which show how well the frames match at all.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.rows, self.columns = config.shifts
        self.regions = config.regions
        parts = config.regions[0] * config.regions[1]
        shifts = (2 * self.rows + 1) * (2 * self.columns + 1)
        self.parts, self.volume = parts, parts * shifts
        self.flow = config.flow
        self.side = config.side
        # The summary: means of the earlier frame by region, reduced.
        self.state = nn.Linear(parts * config.channels, config.summary) if config.summary else None
        self.net = nn.Sequential(
            nn.Linear(parts * (shifts + 2 + _FLOW * config.flow) + config.summary, config.hidden),
            nn.GELU(approximate="tanh"),
            nn.Linear(config.hidden, config.hidden),
            nn.GELU(approximate="tanh"),
        )
        self.head = nn.Linear(config.hidden, 2 * config.latent)

    @torch.no_grad()
    def evidence(self, before: torch.Tensor, after: torch.Tensor) -> torch.Tensor | None:
        """Volume, and flow, of frames (..., N, D): costs more than all that follows.

        Returns:
            (..., R S), or (..., R S + R 6) with flow.
        """
        return self._see(before, after)

    def _see(self, before: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
        volume = correlation(before, after, self.rows, self.columns, self.regions)
        if not self.flow:
            return volume
        moved = flow(before, after, self.rows, self.columns, self.regions)
        return torch.cat((volume, moved), dim=-1)

    def forward(
        self, before: torch.Tensor, after: torch.Tensor, evidence: torch.Tensor | None = None
    ) -> Latents:
        """Infer the latent actions between frames, both (B, t, N, D).

        Args:
            before: Earlier frames.
            after: Later frames; not looked at where there is evidence.
            evidence: (B, t, .) of `evidence(before, after)` where it is known.
        """
        if evidence is None:
            evidence = self._see(before, after)
        volume = torch.unflatten(evidence[..., : self.volume], -1, (self.parts, -1))  # (B, t, R, S)
        level = torch.stack((volume.mean(-1), volume.amax(-1)), dim=-1)
        seen = [functional.layer_norm(volume, volume.shape[-1:]).flatten(-2), level.flatten(-2)]
        seen.append(evidence[..., self.volume :])  # empty without flow
        if self.state is not None:
            grid = torch.unflatten(before, -2, (self.side, self.side)).flatten(
                0, 1
            )  # (B t, g, g, D)
            means = functional.adaptive_avg_pool2d(grid.permute(0, 3, 1, 2), self.regions)
            seen.append(self.state(means.flatten(1)).unflatten(0, before.shape[:2]))
        return _latents(self.head(self.net(torch.cat(seen, dim=-1))))


class LocalInverse(nn.Module):
    """Convolutions over what each token's search in the next frame found.

    How far a token went depends on how far away it is, which its place in the picture and its
    neighbours tell: averages over regions lose that. The search alone is looked at, neither frame.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.trunk = MotionTrunk(config)
        self.head = nn.Linear(config.hidden, 2 * config.latent)

    def evidence(self, before: torch.Tensor, after: torch.Tensor) -> torch.Tensor | None:
        """Searches of frames (..., N, D), float16: (..., N, S + 4)."""
        return self.trunk.search(before, after)

    def forward(
        self, before: torch.Tensor, after: torch.Tensor, evidence: torch.Tensor | None = None
    ) -> Latents:
        """Infer the latent actions between frames, both (B, t, N, D).

        Args:
            before: Earlier frames.
            after: Later frames; not looked at where there is evidence.
            evidence: (B, t, N, .) of `evidence(before, after)` where it is known.
        """
        return _latents(self.head(self.trunk(before, after, evidence)))


class MotionTrunk(nn.Module):
    """From two frames to a description of the motion between them, (B, t, hidden).

    Args:
        config: Grid, reach of the search, `local_width` and `hidden`.
        dropout: Share of what the convolutions give that training leaves out.
    """

    def __init__(self, config: ModelConfig, dropout: float = 0.0) -> None:
        super().__init__()
        self.rows, self.columns = config.shifts
        self.side, width = config.side, config.local_width
        seen = (2 * self.rows + 1) * (2 * self.columns + 1) + 4
        self.embed = nn.Linear(seen, width)
        self.place = nn.Parameter(torch.zeros(config.tokens, width))
        self.mix = nn.Conv2d(width, width, 3, padding=1)
        self.shrink = nn.Conv2d(width, 2 * width, 3, padding=1, stride=2)
        cells = ((self.side + 1) // 2) ** 2
        self.drop = nn.Dropout(dropout)
        self.out = nn.Linear(2 * width * cells, config.hidden)

    @torch.no_grad()
    def search(self, before: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
        """What is the same for all weights, float16; see `correspondence.matches`."""
        return matches(before, after, self.rows, self.columns).half()

    def forward(
        self, before: torch.Tensor, after: torch.Tensor, evidence: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Describe the motion between frames, both (B, t, N, D)."""
        if evidence is None:
            evidence = self.search(before, after)
        x = self.embed(evidence.flatten(0, 1).float()) + self.place  # (P, N, W), P = B t
        x = functional.gelu(x, approximate="tanh")
        grid = x.reshape(len(x), self.side, self.side, -1).permute(0, 3, 1, 2)
        grid = grid + functional.gelu(self.mix(grid), approximate="tanh")
        grid = functional.gelu(self.shrink(grid), approximate="tanh")
        told: torch.Tensor = functional.gelu(
            self.out(self.drop(grid.flatten(1))), approximate="tanh"
        )
        return told.reshape(*before.shape[:2], -1)


def _latents(joint: torch.Tensor) -> Latents:
    mean, log_variance = joint.chunk(2, -1)
    return Latents(mean, log_variance.clamp(-LOG_VARIANCE_BOUND, LOG_VARIANCE_BOUND))
