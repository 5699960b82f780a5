"""Parts that inverse and forward models share."""

from typing import Final

import torch
from torch import nn
from torch.nn import functional

INITIAL_STD: Final = 0.02
"""Of position codes and queries, as in ViT."""


class Block(nn.Module):
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
        self.modulation = None if latent is None else zeroed(nn.Linear(latent, 6 * width))

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


def zeroed(layer: nn.Linear) -> nn.Linear:
    """Set a layer's weights and biases to zero, so that it adds nothing until trained."""
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
