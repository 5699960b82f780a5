"""Settings of the study."""

from typing import Self

from pydantic import Field, model_validator

from curate.settings import Settings


class Study(Settings):
    """Raw against curated at equal budget."""

    seeds: int = Field(3, ge=3)
    """Repetitions; each redraws the training clips and the initial weights."""
    train_clips: int = Field(2000, ge=4)
    """Most windows per arm; the smaller arm sets the number for both."""
    window: int = Field(8, ge=3)
    """Steps of a training clip; spans are cut into windows of this many."""
    clips_per_video: int = Field(64, ge=1)
    """Most windows that one source may give to an arm."""
    eval_share: float = Field(0.3, gt=0, lt=1)
    """Share of sources (copies count as one) held out for evaluation."""
    steps: int = Field(300, ge=1)
    """Optimiser steps per model, the same for every arm."""
    batch_size: int = Field(32, ge=1)
    """Clips per step."""
    pca: int = Field(64, ge=2)
    """Channels after the normaliser's PCA."""
    latent: int = Field(32, ge=1)
    """Dimensions of the latent action."""
    beta: float = Field(1e-3, ge=0)
    """Weight of the KL regulariser (summed over dimensions, mean over the batch)."""
    width: int = Field(64, ge=16, multiple_of=4)
    """Width of the inverse and the forward model."""
    learning_rate: float = Field(3e-3, gt=0)
    """Peak learning rate of AdamW."""
    horizon: int = Field(4, ge=1)
    """Longest rollout that is evaluated, steps."""
    bootstrap: int = Field(2000, ge=100)
    """Draws of the hierarchical bootstrap."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.horizon >= self.window:
            raise ValueError(f"horizon ({self.horizon}) must be below window ({self.window})")
        return self
