"""Windows with recorded actions: what a latent action tells of what was done."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from curate.study.ledger.figures import LABELLED, PARTS
from curate.study.ledger.plan import LedgerPlan
from curate.study.normaliser import Normaliser
from curate.study.probes import ProbeKind, probe, shuffle_labels

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
    """

    names: list[str]
    of: Mapping[str, npt.NDArray[np.float32]]


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
    """

    names: list[str]
    frames: torch.Tensor
    state: Array
    actions: Array
    sources: npt.NDArray[np.str_]
    fits: npt.NDArray[np.bool_]

    @classmethod
    def load(cls, plan: LedgerPlan, load: Loader, labels: Labels, normaliser: Normaliser) -> Self:
        """Read the labelled windows of a plan."""
        windows = [*plan.label_train, *plan.label_test]
        frames = torch.from_numpy(normaliser.apply(load(windows)))
        pairs = frames.shape[1] - 1
        return cls(
            labels.names,
            frames,
            coarse(frames[:, :-1]).flatten(0, 1).double().numpy(),
            np.concatenate([labels.of[w] for w in windows]).astype(np.float64),
            np.repeat([plan.source_of[w] for w in windows], pairs),
            np.repeat(np.arange(len(windows)) < len(plan.label_train), pairs),
        )

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
            found = probe(
                latent,
                self.state,
                actions,
                self.sources,
                train_sources=set(self.sources[self.fits].tolist()),
                test_sources=set(self.sources[~self.fits].tolist()),
                kind=kind,
                seed=seed,
            )
            for place, source in enumerate(found.sources.tolist()):
                for dimension, name in enumerate(self.names):
                    for part in PARTS:
                        value = getattr(found, part)[place, dimension] / found.pairs[place]
                        rows.append((LABELLED, source, f"{kind} {part} {name}", float(value)))
        return rows

    def _latent(self, infer: Callable[[torch.Tensor], torch.Tensor]) -> Array:
        with torch.inference_mode():
            starts = range(0, len(self.frames), _BATCH)
            parts = [infer(self.frames[at : at + _BATCH]) for at in starts]
        latent: Array = torch.cat(parts).flatten(0, 1).double().numpy()
        return latent


def coarse(frames: torch.Tensor) -> torch.Tensor:
    """Frames (..., N, D) on a square grid, averaged to `STATE_GRID` cells a side, (..., S)."""
    *lead, tokens, channels = frames.shape
    side = round(tokens**0.5)
    if side * side != tokens or side <= STATE_GRID:
        return frames.flatten(-2)
    grid = frames.reshape(-1, side, side, channels).permute(0, 3, 1, 2)
    small: torch.Tensor = torch.nn.functional.adaptive_avg_pool2d(grid, STATE_GRID)
    return small.reshape(*lead, -1)
