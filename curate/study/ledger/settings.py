"""Settings of the ledger."""

import re
from typing import Any, Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from curate.settings import Settings
from manifests.errors import ConfigError


class Ledger(Settings):
    """Every filter alone and left out, at equal budget, measured by the actions learned."""

    design: Literal["filters", "dose"] = "filters"
    """Arms: each filter alone and left out, or known contaminations at each of `doses`."""
    truth: str = ""
    """Parquet file of known contaminations (file, kind, start_s, end_s), for the design `dose`."""
    seeds: int = Field(5, ge=2)
    """Repetitions; each redraws the training windows and the initial weights."""
    train_windows: int = Field(1500, ge=4)
    """Most windows per arm; the smaller of raw and curated sets the number for all arms."""
    window: int = Field(4, ge=2)
    """Steps of a training window."""
    windows_per_source: int = Field(256, ge=1)
    """Most windows that one source may give to an arm."""
    eval_share: float = Field(0.3, gt=0, lt=1)
    """Share of sources held out where `eval_match` names none."""
    eval_match: str = ""
    """Names of videos that only evaluate (shell pattern); empty holds out a share by hash."""
    label_match: str = ""
    """Names of videos whose actions fit the probes and train no model; empty: training sources."""
    source_pattern: str = ""
    """Regular expression on a video's name; videos with the same match are one source."""
    steps: int = Field(400, ge=1)
    """Optimiser steps per model, the same for every arm."""
    batch_size: int = Field(24, ge=1)
    """Windows per step."""
    pca: int = Field(32, ge=2)
    """Channels after the normaliser's PCA."""
    latent: int = Field(32, ge=1)
    """Dimensions of the latent action."""
    regulariser: Literal["none", "kl", "sparse", "vq", "fsq"] = "kl"
    """What bounds the information in the latent action."""
    capacity: float | None = Field(None, ge=0)
    """The regulariser's one knob; None takes its default."""
    match_gap: float | None = Field(None, gt=0, lt=1)
    """Share of the gap from no to unbounded latent actions to choose the knob by, on one arm."""
    width: int = Field(32, ge=16, multiple_of=4)
    """Width of the forward model."""
    blocks: int = Field(3, ge=1)
    """Blocks of the forward model."""
    inverse: Literal["attention", "correlation", "local"] = "local"
    """How the inverse model sees motion."""
    forward: Literal["attention", "convolution"] = "convolution"
    """The forward model."""
    search_rows: int = Field(3, ge=0)
    """Vertical reach of the correlation, cells."""
    search_columns: int = Field(5, ge=0)
    """Horizontal reach of the correlation, cells."""
    regions: tuple[int, int] = (3, 4)
    """Bands of rows and of columns within which motion is told apart."""
    learning_rate: float = Field(3e-3, gt=0)
    """Peak learning rate of AdamW."""
    bootstrap: int = Field(10_000, ge=100)
    """Draws of the hierarchical bootstrap."""
    dose_kinds: tuple[str, ...] = ()
    """Contaminants of a dose-response; empty for all that are known."""
    doses: tuple[float, ...] = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4)
    """Shares of contaminated windows in a dose-response."""
    action_names: tuple[str, ...] = ()
    """Names of the action's dimensions, where their number fits; else they are numbered."""
    camera: str = ""
    """Parquet file of added camera motion (file, t_s, camera), which `rushes lab` writes."""
    leave_out: bool = True
    """Whether each group is also left out of all; without, there are half as many arms."""
    beside: str = ""
    """Another corpus of the same encoder and grid: its actions are probed for beside."""
    equal_hours: bool = True
    """Whether raw windows of as many hours of footage as the curated ones come from train too."""
    least_share: float = Field(0.01, ge=0, le=1)
    """Share of raw windows that a group must object to, to have arms of its own."""

    @model_validator(mode="after")
    def _one_knob(self) -> Self:
        if self.capacity is not None and self.match_gap is not None:
            raise ValueError("capacity and match_gap both choose the knob: set one of them")
        if self.match_gap is not None and self.regulariser == "none":
            raise ValueError("match_gap: the regulariser none has no knob")
        return self

    @field_validator("source_pattern")
    @classmethod
    def _compiles(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"is no regular expression: {error}") from error
        return value


CAPACITY: Final = {"none": 0.0, "kl": 3e-4, "sparse": 0.01, "vq": 256.0, "fsq": 1000.0}
"""Each regulariser's knob where none is set: beta, lambda_l1, codes, codes."""


def knob_of(settings: Ledger) -> float:
    """The regulariser's knob that holds."""
    return CAPACITY[settings.regulariser] if settings.capacity is None else settings.capacity


PRESETS: Final[dict[str, dict[str, Any]]] = {
    "quick": {"seeds": 2, "train_windows": 160, "steps": 300, "leave_out": False},
    "standard": {"seeds": 5, "train_windows": 1500, "steps": 400},
    "full": {"seeds": 8, "train_windows": 50_000, "steps": 5000, "batch_size": 64, "width": 256},
}
"""Named budgets: minutes on 2 cores, an hour, and a GPU."""


def preset_overrides(name: str | None) -> list[str]:
    """A preset as `key=value`; none for None.

    Raises:
        ConfigError: There is no such preset.
    """
    if name is None:
        return []
    if name not in PRESETS:
        raise ConfigError(f"--preset takes one of {', '.join(PRESETS)}, not {name!r}")
    return [f"ledger.{key}={str(value).lower()}" for key, value in PRESETS[name].items()]
