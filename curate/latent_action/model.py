"""A compact latent-action model: an inverse model, a causal forward model, and a blind twin.

Source: arXiv 2601.05230 section 3 (frame-causal forward model, frame-wise AdaLN-zero, L1 in a
frozen feature space). The inverse model's form is not given there; ours takes the frame and the
feature difference as CoMo does (arXiv 2505.17006).
"""

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import torch
from torch import nn
from torch.nn import functional

from curate.latent_action.bottlenecks import ScalarQuantiser, VectorQuantiser
from curate.latent_action.grid import ConvolutionForward, CorrelationInverse

LOG_VARIANCE_BOUND: Final = 10.0
"""Log-variances are clamped to plus or minus this: exp(10) is far beyond any useful noise."""

_INITIAL_STD: Final = 0.02  # of position codes and the query, as in ViT


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """Sizes of a latent-action model.

    Attributes:
        steps: T, most frames per clip, at least 2.
        tokens: N, tokens per frame.
        channels: D, channels per token.
        latent: Dimensions of the latent action.
        width: Width of all blocks, a multiple of `heads`.
        heads: Attention heads.
        inverse_blocks: Blocks of the inverse model; with one, tokens would be read before they
            have met, and motion from one token to another could not be seen.
        forward_blocks: Blocks of the forward model.
        inverse: `attention` over tokens and their differences, or `correlation` of a square grid.
        transition: The forward model: `attention` over all frames so far, or `convolution` on a
            square grid, over the last two.
        reach: Shifts that the correlation and the convolution's filters reach, down and right, in
            tokens.
        regions: Bands of rows and columns within which shifts are told apart.
        bottleneck: `gaussian` leaves the latent action as it is inferred (penalties and noise
            bound it in training), `vq` and `fsq` make it one of finitely many.
        codes: Codes of `vq`.
        levels: Levels per projection of `fsq`.
    """

    steps: int
    tokens: int
    channels: int
    latent: int = 32
    width: int = 128
    heads: int = 4
    inverse_blocks: int = 2
    forward_blocks: int = 2
    inverse: Literal["attention", "correlation"] = "attention"
    transition: Literal["attention", "convolution"] = "attention"
    reach: tuple[int, int] = (2, 4)
    regions: tuple[int, int] = (3, 4)
    bottleneck: Literal["gaussian", "vq", "fsq"] = "gaussian"
    codes: int = 256
    levels: tuple[int, ...] = (8, 5, 5, 5)

    def __post_init__(self) -> None:
        if self.steps < 2:
            raise ValueError(f"steps must be at least 2, not {self.steps}")
        if self.width % self.heads:
            raise ValueError(f"width must be a multiple of heads {self.heads}, not {self.width}")


class Latents(NamedTuple):
    """Inferred latent actions: mean and log-variance, each (B, T-1, latent)."""

    mean: torch.Tensor
    log_variance: torch.Tensor


class Prediction(NamedTuple):
    """Predicted frames 1..T-1, (B, T-1, N, D), what they were predicted from, and its penalty.

    The penalty is the bottleneck's own (of `vq`), a scalar.
    """

    frames: torch.Tensor
    latents: Latents | None
    penalty: torch.Tensor


class LatentActionModel(nn.Module):
    """Infers what happened between frames and predicts each next frame from it.

    Args:
        config: Sizes.
        action: False gives the twin that knows no action: the same forward model with one learned
            constant for every latent action, and no inverse model.
    """

    def __init__(self, config: ModelConfig, *, action: bool = True) -> None:
        super().__init__()
        self.config = config
        self.inverse = _inverse(config) if action else None
        self.quantiser = _quantiser(config) if action else None
        self.constant = None if action else nn.Parameter(torch.zeros(config.latent))
        attends = config.transition == "attention"
        self.transition = ForwardModel(config) if attends else ConvolutionForward(config)

    def infer(self, frames: torch.Tensor) -> Latents | None:
        """Infer the latent action of each pair of frames; None for the twin.

        Args:
            frames: (B, t, N, D) with t at least 2.
        """
        return self._infer(frames)[0]

    def _infer(self, frames: torch.Tensor) -> tuple[Latents | None, torch.Tensor]:
        """Latent actions behind the bottleneck, and its penalty."""
        penalty = frames.new_zeros(())
        if self.inverse is None:
            return None, penalty
        mean, log_variance = self.inverse(frames[:, :-1], frames[:, 1:])
        if self.quantiser is not None:
            mean, penalty = self.quantiser(mean)
        bound = LOG_VARIANCE_BOUND
        return Latents(mean, log_variance.clamp(-bound, bound)), penalty

    def predict(self, frames: torch.Tensor, actions: torch.Tensor | None) -> torch.Tensor:
        """Predict the frame after each given frame.

        Args:
            frames: (B, t, N, D), the true or predicted past, t at most T-1.
            actions: (B, t, latent); ignored by the twin.

        Returns:
            (B, t, N, D); entry i depends on frames and actions 0..i only.

        Raises:
            ValueError: No actions were given to a model that needs them.
        """
        if self.constant is not None:
            actions = self.constant.expand(*frames.shape[:2], -1)
        if actions is None:
            raise ValueError("actions must be given to a model with an inverse model")
        predicted: torch.Tensor = self.transition(frames, actions)
        return predicted

    def forward(self, frames: torch.Tensor, noise: torch.Tensor | None = None) -> Prediction:
        """Predict frames 1..T-1 from the true frames before each and the inferred actions.

        Args:
            frames: (B, T, N, D).
            noise: (B, T-1, latent) standard normal sample of the reparametrised latents; None
                takes their mean.
        """
        latents, penalty = self._infer(frames)
        actions = None
        if latents is not None:
            actions = latents.mean
            if noise is not None:
                actions = actions + noise * torch.exp(0.5 * latents.log_variance)
        return Prediction(self.predict(frames[:, :-1], actions), latents, penalty)


def _quantiser(config: ModelConfig) -> nn.Module | None:
    if config.bottleneck == "gaussian":
        return None
    if config.bottleneck == "vq":
        return VectorQuantiser(config.codes, config.latent)
    return ScalarQuantiser(config.levels, config.latent)


def _inverse(config: ModelConfig) -> nn.Module:
    return InverseModel(config) if config.inverse == "attention" else CorrelationInverse(config)


class InverseModel(nn.Module):
    """Infers a latent action from a frame and its difference to the next one.

    A learned query gathers it over the frame's tokens, [s_t ; s_{t+1} - s_t] each.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.embed = nn.Linear(2 * config.channels, config.width)
        self.place = nn.Parameter(_INITIAL_STD * torch.randn(config.tokens, config.width))
        self.query = nn.Parameter(_INITIAL_STD * torch.randn(1, config.width))
        self.blocks = nn.ModuleList(
            _Block(config.width, config.heads) for _ in range(config.inverse_blocks)
        )
        self.norm = nn.LayerNorm(config.width)
        self.head = nn.Linear(config.width, 2 * config.latent)

    def forward(self, before: torch.Tensor, after: torch.Tensor) -> Latents:
        """Infer the latent actions between frames, both (B, t, N, D)."""
        batch, t = before.shape[:2]
        x = self.embed(torch.cat((before, after - before), dim=-1)) + self.place  # (B, t, N, W)
        x = x.flatten(0, 1)
        x = torch.cat((self.query.expand(len(x), -1, -1), x), dim=1)  # (B t, 1 + N, W)
        for block in self.blocks:
            x = block(x)
        mean, log_variance = self.head(self.norm(x[:, 0])).unflatten(0, (batch, t)).chunk(2, -1)
        return Latents(mean, log_variance)


class ForwardModel(nn.Module):
    """Predicts the next frame as the last one plus a change that the latent action conditions.

    All modulations, gates and the output start at zero, so an untrained model repeats the last
    frame exactly.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.embed = nn.Linear(config.channels, config.width)
        self.place = nn.Parameter(_INITIAL_STD * torch.randn(config.tokens, config.width))
        self.time = nn.Parameter(_INITIAL_STD * torch.randn(config.steps - 1, 1, config.width))
        self.blocks = nn.ModuleList(
            _Block(config.width, config.heads, config.latent) for _ in range(config.forward_blocks)
        )
        self.norm = nn.LayerNorm(config.width, elementwise_affine=False)
        self.modulation = _zeroed(nn.Linear(config.latent, 2 * config.width))
        self.head = _zeroed(nn.Linear(config.width, config.channels))
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


class _Block(nn.Module):
    """Pre-norm attention and MLP, with AdaLN-zero where `latent` is given.

    Source: DiT (arXiv 2212.09748), applied per frame as FWAdaLNBlock of jepa-wms does.
    """

    def __init__(self, width: int, heads: int, latent: int | None = None) -> None:
        super().__init__()
        self.heads = heads
        plain = latent is None
        self.norm1 = nn.LayerNorm(width, elementwise_affine=plain)
        self.norm2 = nn.LayerNorm(width, elementwise_affine=plain)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(approximate="tanh"), nn.Linear(4 * width, width)
        )
        self.modulation = None if latent is None else _zeroed(nn.Linear(latent, 6 * width))

    def forward(
        self,
        x: torch.Tensor,
        condition: torch.Tensor | None = None,
        mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Map (B, ..., W) to the same; every token attends to those that the mask allows.

        Args:
            x: (B, L, W), or (B, t, N, W) with L = t N.
            condition: (B, t, 1, latent).
            mask: (L, L), true where a row may attend to a column.
        """
        if self.modulation is None or condition is None:
            x = x + self._attend(self.norm1(x), mask)
            mixed: torch.Tensor = x + self.mlp(self.norm2(x))
            return mixed
        shift1, scale1, gate1, shift2, scale2, gate2 = self.modulation(condition).chunk(6, -1)
        x = x + gate1 * self._attend(self.norm1(x) * (1 + scale1) + shift1, mask)
        modulated: torch.Tensor = x + gate2 * self.mlp(self.norm2(x) * (1 + scale2) + shift2)
        return modulated

    def _attend(self, x: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        joint = self.qkv(x).flatten(1, -2)  # (B, L, 3 W)
        q, k, v = joint.unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        attended: torch.Tensor = self.out(mixed.transpose(1, 2).reshape(x.shape))
        return attended


def _zeroed(layer: nn.Linear) -> nn.Linear:
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
