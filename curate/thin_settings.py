"""Settings of thinning."""

from typing import Literal, Self

from pydantic import Field, model_validator

from curate.settings import Settings


class Thin(Settings):
    """Clips alike in their vectors, beyond copies; of two that are, one stays."""

    by: Literal["off", "null_share", "similarity", "keep_share"] = "off"
    """What `bound` is: off, share of random pairs above it, a cosine, share of clips that stays."""
    bound: float = Field(0.01, gt=0, le=1)
    """How alike two clips must be for one to go; see docs/dedup.md for what it drops."""
    keep: Literal["best", "far", "near"] = "best"
    """Which of two stays: best (as of copies), far from its cell's centre, or near to it."""
    within_source: bool = False
    """Whether other moments of one source give way too, which is what static cameras lose by."""
    cell_clips: int = Field(4096, ge=64)
    """Clips per cell on average; only clips of one cell are compared, fewer are one cell."""
    seed: int = Field(0, ge=0)
    """Of the cells and of the random pairs."""

    @model_validator(mode="after")
    def _of_its_kind(self) -> Self:
        if self.by == "null_share" and not 1e-6 <= self.bound <= 0.5:
            raise ValueError(f"bound ({self.bound:g}) must be 1e-06 to 0.5 where by is null_share")
        if self.by == "keep_share" and self.bound == 1:
            raise ValueError("bound must be below 1 where by is keep_share; by = off keeps all")
        return self

    @property
    def on(self) -> bool:
        """Whether anything is thinned."""
        return self.by != "off"
