"""Recorded actions of labelled videos, brought to the steps of tokens."""

from itertools import pairwise
from typing import Literal, Self, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from manifests.corpus import Corpus

Reduction: TypeAlias = Literal["first", "mean", "sum"]
"""What becomes of the actions of one step: absolute targets take first, increments sum."""

Floats = npt.NDArray[np.float32]

_CLOCK_S = 1e-4
"""Times that differ by less are equal but for rounding: data sets store them as float32, which is
off by 4e-6 s after 100 s."""


class Actions:
    """The `actions` table by video, in memory.

    Args:
        corpus: The corpus.
        videos: Which of its videos.
    """

    def __init__(self, corpus: Corpus, videos: npt.NDArray[np.str_]) -> None:
        rows = corpus.committed("actions").filter(pl.col("video_id").is_in(np.unique(videos)))
        self._hold(rows.collect())

    @classmethod
    def of_table(cls, rows: pl.DataFrame) -> Self:
        """Actions that are in no corpus.

        Args:
            rows: video_id, t_s (s) and action (K numbers) each.
        """
        found = cls.__new__(cls)
        found._hold(rows)
        return found

    def _hold(self, rows: pl.DataFrame) -> None:
        table = rows.sort("video_id", "t_s")
        self._of_video: dict[str, tuple[npt.NDArray[np.float64], Floats]] = {}
        for (video,), part in table.group_by("video_id", maintain_order=True):
            values = np.array(part["action"].to_list(), np.float32)  # (n, K)
            self._of_video[str(video)] = (part["t_s"].to_numpy(), values)
        sizes = {values.shape[1] for _, values in self._of_video.values()}
        self.size = max(sizes, default=0)

    def within(
        self, video_id: str, start_s: float, end_s: float
    ) -> tuple[npt.NDArray[np.float64], Floats]:
        """Times (n,) and actions (n, K) recorded in [start_s, end_s) of a video."""
        times, values = self._of_video.get(video_id, (np.zeros(0), np.zeros((0, 0), np.float32)))
        low, high = np.searchsorted(times, np.array([start_s, end_s]) - _CLOCK_S)
        return times[low:high], values[low:high]

    def at_steps(
        self, video_id: str, t0_s: float, steps: int, step_s: float, reduction: Reduction
    ) -> Floats:
        """Actions of steps.

        Args:
            video_id: The video.
            t0_s: Time of the first step, s.
            steps: T.
            step_s: Time between steps, s.
            reduction: How the actions recorded in [t, t + step_s) become one.

        Returns:
            (T, K) float32: what was done from each step to the next; nan where none was recorded,
            and for the columns that a video with a shorter action has not.
        """
        found = np.full((steps, self.size), np.nan, np.float32)
        if video_id not in self._of_video:
            return found
        times, values = self._of_video[video_id]
        edges = t0_s + step_s * np.arange(steps + 1) - _CLOCK_S
        places = np.searchsorted(times, edges)
        for step, (low, high) in enumerate(pairwise(places)):
            if high > low:
                found[step, : values.shape[1]] = _reduced(values[low:high], reduction)
        return found


def _reduced(values: Floats, reduction: Reduction) -> Floats:
    if reduction == "first":
        return np.asarray(values[0], np.float32)
    total = values.sum(axis=0) if reduction == "sum" else values.mean(axis=0)
    return np.asarray(total, np.float32)
