"""Sizes and kinds of a latent-action model, and the presets of the study."""

import math
from dataclasses import dataclass, replace
from typing import Final, Literal

Inverse = Literal["attention", "correlation", "local"]
Forward = Literal["attention", "convolution"]


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
        inverse: `attention` reads tokens and their differences; `correlation` reads where tokens
            went, averaged by region, `local` token by token; both need a square grid.
        forward: `attention` over all past frames; `convolution` over the grid of the last two.
        rows: Largest vertical shift that `correlation` and the transport of `convolution` know,
            in tokens; the grid's side - 1 where that is smaller.
        columns: Largest horizontal shift, likewise.
        regions: Bands of rows and columns by which `correlation` averages.
        flow: Whether `correlation` also sees where each token went, averaged by region.
        hidden: Width of the inverse model's last layer.
        summary: Numbers that summarise the earlier frame for `correlation`; 0 hides it.
        local_width: Width of the convolutions of `local`.
        transports: Shift kernels that the latent action chooses in `convolution`; 0 for none.
    """

    steps: int
    tokens: int
    channels: int
    latent: int = 32
    width: int = 128
    heads: int = 4
    inverse_blocks: int = 2
    forward_blocks: int = 2
    inverse: Inverse = "attention"
    forward: Forward = "attention"
    rows: int = 4
    columns: int = 6
    regions: tuple[int, int] = (2, 2)
    flow: bool = False
    hidden: int = 128
    summary: int = 16
    local_width: int = 24
    transports: int = 4

    def __post_init__(self) -> None:
        if self.steps < 2:
            raise ValueError(f"steps must be at least 2, not {self.steps}")
        if self.width % self.heads:
            raise ValueError(f"width must be a multiple of heads {self.heads}, not {self.width}")
        if self.inverse != "attention" or "convolution" in self.forward:
            side = self.side
            if not all(1 <= part <= side for part in self.regions):
                raise ValueError(f"regions must be 1 to {side} a side, not {self.regions}")

    @property
    def side(self) -> int:
        """Tokens along a side of the grid.

        Raises:
            ValueError: N is no square.
        """
        side = math.isqrt(self.tokens)
        if side == 0 or side * side != self.tokens:
            raise ValueError(f"{self.tokens} tokens are no square grid")
        return side

    @property
    def shifts(self) -> tuple[int, int]:
        """Largest vertical and horizontal shift that the grid allows."""
        return min(self.rows, self.side - 1), min(self.columns, self.side - 1)


COMPACT: Final = ModelConfig(
    steps=8, tokens=196, channels=32, latent=32, width=32, forward_blocks=4,
    inverse="correlation", forward="convolution", regions=(2, 2),
)  # fmt: skip
"""T1: a thousand steps in a minute or two of one core; the default of the study."""

ATTENTION: Final = ModelConfig(
    steps=8, tokens=16, channels=64, latent=32, width=128, inverse_blocks=2, forward_blocks=3
)
"""T1 for coarse grids: attention throughout, 1 to 1.5 million parameters."""

LARGE: Final = ModelConfig(
    steps=8, tokens=256, channels=128, latent=128, width=512, heads=8, inverse_blocks=4,
    forward_blocks=12,
)  # fmt: skip
"""T2: the recipe of arXiv 2601.05230 in small, for a GPU."""

PRESETS: Final = {"compact": COMPACT, "attention": ATTENTION, "large": LARGE}


def preset(name: str, *, steps: int, tokens: int, channels: int, latent: int) -> ModelConfig:
    """Take a preset and fit it to the data.

    Args:
        name: A key of `PRESETS`.
        steps: T of the clips.
        tokens: N of their frames.
        channels: D of their tokens.
        latent: Dimensions of the latent action; arms are compared at equal ones only.

    Raises:
        ValueError: There is no such preset, or its kinds need a square grid.
    """
    if name not in PRESETS:
        raise ValueError(f"preset must be one of {', '.join(PRESETS)}, not {name!r}")
    return replace(PRESETS[name], steps=steps, tokens=tokens, channels=channels, latent=latent)
