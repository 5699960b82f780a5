"""Windows with recorded actions: what a latent action tells of what was done."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, Self, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from curate.study.ledger.figures import CAMERA, CAMERA_AXES, LABELLED, PARTS
from curate.study.normaliser import Normaliser
from curate.study.probes import ProbeKind, probe, shuffle_labels
from curate.study.supervised import Pairs

Array = npt.NDArray[np.float64]

Loader: TypeAlias = Callable[[Sequence[str]], npt.NDArray[np.float16]]
"""Window ids -> their tokens (n, T, N, D) in the order asked for."""

Row: TypeAlias = tuple[str, str, str, float]
"""Eval set, source, metric, value."""

STATE_GRID: Final = 2
"""Beside the latent action a probe sees the frame, averaged to so many cells a side."""

_BATCH: Final = 64  # windows; bounds memory, no effect on a value


@dataclass(frozen=True, slots=True)
class Labels:
    """Recorded actions.

    Attributes:
        names: Of the action's K dimensions.
        of: Window -> (T-1, K).
        camera: Window -> (T-1, 2) added camera motion; of all windows of `of`, or empty.
    """

    names: list[str]
    of: Mapping[str, npt.NDArray[np.float32]]
    camera: Mapping[str, npt.NDArray[np.float32]] = field(default_factory=dict)


class LabelSplit(Protocol):
    """Windows that fit probes and windows that test them."""

    @property
    def label_train(self) -> tuple[str, ...]:
        """Windows that fit them."""

    @property
    def label_test(self) -> tuple[str, ...]:
        """Windows that test them, of other sources."""

    @property
    def source_of(self) -> Mapping[str, str]:
        """Window -> source."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """The plan's labelled windows, pair by pair.

    Attributes:
        names: Of the action's dimensions.
        frames: (n, T, N, D), normalised.
        state: (n (T-1), S) the earlier frame of each pair, averaged to a coarse grid.
        actions: (n (T-1), K).
        sources: (n (T-1),) source of each pair.
        fits: (n (T-1),) whether the pair fits the probes; the others test them.
        camera: (n (T-1), 2) added camera motion, or None.
    """

    names: list[str]
    frames: torch.Tensor
    state: Array
    actions: Array
    sources: npt.NDArray[np.str_]
    fits: npt.NDArray[np.bool_]
    camera: Array | None

    @classmethod
    def load(cls, plan: LabelSplit, load: Loader, labels: Labels, normaliser: Normaliser) -> Self:
        """Read the labelled windows of a plan."""
        windows = [*plan.label_train, *plan.label_test]
        frames = torch.from_numpy(normaliser.apply(load(windows)))
        pairs = frames.shape[1] - 1
        return cls(
            labels.names,
            frames,
            coarse(frames[:, :-1]).flatten(0, 1).double().numpy(),
            _of(labels.of, windows),
            np.repeat([plan.source_of[w] for w in windows], pairs),
            np.repeat(np.arange(len(windows)) < len(plan.label_train), pairs),
            _of(labels.camera, windows) if labels.camera else None,
        )

    def fitting(self) -> Pairs:
        """The pairs that fit the probes, for a supervised model."""
        rows = torch.from_numpy(np.flatnonzero(self.fits))
        before, after = self.frames[:, :-1].flatten(0, 1), self.frames[:, 1:].flatten(0, 1)
        return Pairs(before[rows], after[rows], self.actions[self.fits], self.sources[self.fits])

    def measure(
        self,
        infer: Callable[[torch.Tensor], torch.Tensor],
        seed: int,
        *,
        kinds: Sequence[ProbeKind] = ("ridge",),
        shuffle: bool = False,
    ) -> list[Row]:
        """Squared errors per pair of probes with and without the latent action, by source.

        Args:
            infer: (n, T, N, D) -> (n, T-1, latent).
            seed: Of the probes.
            kinds: Of probes.
            shuffle: Whether the actions that fit the probes are dealt to other pairs of their
                sources: nothing is left to tell, and the gain is at most 0.
        """
        latent = self._latent(infer)
        actions = self.actions
        if shuffle:
            dealt = shuffle_labels(actions[self.fits], self.sources[self.fits], seed)
            actions = actions.copy()
            actions[self.fits] = dealt
        rows: list[Row] = []
        for kind in kinds:
            rows += self._probed(latent, actions, self.names, kind, seed, kind)
        if self.camera is not None and not shuffle:
            rows += self._probed(latent, self.camera, CAMERA_AXES, "ridge", seed, CAMERA)
        return rows

    def told(
        self, infer: Callable[[torch.Tensor], torch.Tensor], seed: int, prefix: str
    ) -> list[Row]:
        """What `measure` gives of one ridge probe of the actions, under another name."""
        return self._probed(self._latent(infer), self.actions, self.names, "ridge", seed, prefix)

    def _probed(
        self,
        latent: Array,
        targets: Array,
        names: Sequence[str],
        kind: ProbeKind,
        seed: int,
        prefix: str,
    ) -> list[Row]:
        """Rows of one probe's errors on what is to be told, named `prefix part name`."""
        found = probe(
            latent,
            self.state,
            targets,
            self.sources,
            train_sources=set(self.sources[self.fits].tolist()),
            test_sources=set(self.sources[~self.fits].tolist()),
            kind=kind,
            seed=seed,
        )
        return [
            (
                LABELLED,
                source,
                f"{prefix} {part} {name}",
                float(getattr(found, part)[place, dimension] / found.pairs[place]),
            )
            for place, source in enumerate(found.sources.tolist())
            for dimension, name in enumerate(names)
            for part in PARTS
        ]

    def _latent(self, infer: Callable[[torch.Tensor], torch.Tensor]) -> Array:
        with torch.inference_mode():
            starts = range(0, len(self.frames), _BATCH)
            parts = [infer(self.frames[at : at + _BATCH]) for at in starts]
        latent: Array = torch.cat(parts).flatten(0, 1).double().numpy()
        return latent


def _of(values: Mapping[str, npt.NDArray[np.float32]], windows: Sequence[str]) -> Array:
    """(n (T-1), .) values of windows, pair by pair."""
    return np.concatenate([values[window] for window in windows]).astype(np.float64)


def coarse(frames: torch.Tensor, cells: int = STATE_GRID) -> torch.Tensor:
    """Frames (..., N, D) on a square grid, averaged to `cells` cells a side, (..., S)."""
    *lead, tokens, channels = frames.shape
    side = round(tokens**0.5)
    if side * side != tokens or side <= cells:
        return frames.flatten(-2)
    grid = frames.reshape(-1, side, side, channels).permute(0, 3, 1, 2)
    small: torch.Tensor = torch.nn.functional.adaptive_avg_pool2d(grid, cells)
    return small.reshape(*lead, -1)
