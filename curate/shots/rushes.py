"""The default shot detector: a small network over signals of 64x36 pictures."""

from array import array
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.shot_settings import Shots
from curate.shots.clock import ClockBreaks
from curate.shots.network import OUTPUTS, REACH, Network, shipped
from curate.shots.signals import HEIGHT, MARGIN, NAMES, WIDTH, Prepared, compare, prepare
from curate.shots.spans import SpanBuilder, highest_inside
from curate.shots.transition import Transition

BLOCK: Final = 64
"""Frames computed at once; a score comes at most BLOCK + MARGIN + REACH frames after its frame."""

Picture = npt.NDArray[np.uint8]


class RushesShots:
    """Streams frames through the shipped network (or another one).

    Blocks have fixed places in the video, so the scores of a video do not depend on who asks when.

    Source: a temporal convolutional network over hand-made signals, trained on synthetic joins;
    see docs/shots.md.
    """

    size = (WIDTH, HEIGHT)
    pixels = "yuvj444p"

    def __init__(self, settings: Shots, network: Network | None = None) -> None:
        self._network = shipped() if network is None else network
        self._builder = SpanBuilder(settings)
        self._clock = ClockBreaks()
        self._waiting: list[Picture] = []
        self._times = array("d")
        self._breaks = bytearray()
        self._prepared: Prepared | None = None
        self._compared: npt.NDArray[np.uint8] = np.empty((0, 0), np.uint8)
        self._first_compared = 0
        self._signals = bytearray()
        self._scores = {f"{name}_score": array("f") for name in OUTPUTS}
        self._done: list[Transition] = []

    def update(self, index: int, t_s: float, picture: Picture) -> None:
        """Take the next frame: (3, 36, 64) full-range YUV."""
        self._waiting.append(picture)
        self._times.append(t_s)
        self._breaks.append(self._clock.update(t_s))
        if len(self._waiting) == BLOCK:
            self._absorb(final=False)

    def transitions(self, index: int, *, final: bool = False) -> list[Transition]:
        """Transitions that are complete; see ShotBackend."""
        if final:
            self._absorb(final=True)
        done, self._done = self._done, []
        return done

    def settled(self, index: int) -> int:
        """First frame that may still lie in a transition; see ShotBackend."""
        return self._builder.settled()

    def highest(self, start: int, end: int) -> float | None:
        """Highest score among settled frames [start, end); see ShotBackend."""
        return highest_inside(self._scores, start, end)

    def scores(self) -> dict[str, Any]:
        """Signals and scores of all frames; see ShotBackend."""
        rows = pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(len(NAMES)), len(self._times), [None, pa.py_buffer(bytes(self._signals))]
        )
        scores = {name: pa.array(np.asarray(values)) for name, values in self._scores.items()}
        return {"shot_signals": rows.cast(pa.binary()), **scores}

    def _absorb(self, *, final: bool) -> None:
        """Compute signals of the frames that wait, and scores as far as they are certain."""
        if self._waiting:
            ready = prepare(np.stack(self._waiting))
            self._waiting = []
            if self._prepared is None:
                self._prepared = ready.take(np.zeros(MARGIN, np.intp)) + ready
            else:
                self._prepared += ready
        if self._prepared is None:
            return
        if final:
            last = np.full(MARGIN, len(self._prepared) - 1)
            self._prepared += self._prepared.take(last)
        if len(self._prepared) > 2 * MARGIN:
            self._compare()
        self._score(final=final)

    def _compare(self) -> None:
        """Signals of all frames whose neighbours are there."""
        assert self._prepared is not None
        signals = compare(self._prepared)
        self._prepared = self._prepared.take(slice(-2 * MARGIN, None))
        self._signals += signals.tobytes()
        self._compared = (
            np.concatenate([self._compared, signals]) if self._compared.size else signals
        )

    def _score(self, *, final: bool) -> None:
        """Scores of all frames whose context is complete, through to transitions."""
        known = len(self._signals) // len(NAMES)
        start = len(self._scores["cut_score"])
        stop = known if final else known - REACH
        if stop <= start:
            if final:
                self._done += self._builder.finish()
            return
        scores = self._network.scores(self._compared)[start - self._first_compared :][
            : stop - start
        ]
        # Rounded to what is stored, so that the table gives the same spans as the pass.
        scores = np.round(scores, 4)
        for column, name in enumerate(OUTPUTS):
            self._scores[f"{name}_score"].frombytes(scores[:, column].astype(np.float32).tobytes())
        for offset, row in enumerate(scores.tolist()):
            at = start + offset
            self._done += self._builder.push(self._times[at], *row, break_=bool(self._breaks[at]))
        if final:
            self._done += self._builder.finish()
        keep = max(0, stop - REACH)
        self._compared = self._compared[keep - self._first_compared :]
        self._first_compared = keep
