"""Settings of thinning."""

from typing import Literal, Self

from pydantic import Field, model_validator

from curate.settings import Settings


class Thin(Settings):
    """Clips alike in their vectors, beyond copies; off unless one of the first three is set."""

    null_share: float | None = Field(None, ge=1e-6, le=0.5)
    """Bound as the cosine that this share of random pairs of different sources exceeds."""
    similarity: float | None = Field(None, gt=0, le=1)
    """Bound as a cosine of clip vectors; what it means depends on the embedder."""
    keep_share: float | None = Field(None, gt=0, lt=1)
    """Bound chosen so that about this share of the clips stays that would be kept otherwise."""
    keep: Literal["best", "far", "near"] = "best"
    """Which of two stays: best (as of copies), far from its cell's centre, or near to it."""
    within_source: bool = False
    """Whether other moments of one source give way too, which is what static cameras lose by."""
    cell_clips: int = Field(4096, ge=64)
    """Clips per cell on average; only clips of one cell are compared, fewer are one cell."""
    seed: int = Field(0, ge=0)
    """Of the cells and of the random pairs."""

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        chosen = [name for name in BOUNDS if getattr(self, name) is not None]
        if len(chosen) > 1:
            raise ValueError(f"take one of {' and '.join(chosen)}, not both")
        return self

    @property
    def on(self) -> bool:
        """Whether anything is thinned."""
        return any(getattr(self, name) is not None for name in BOUNDS)


BOUNDS = ("null_share", "similarity", "keep_share")
"""Settings of which at most one is set."""
