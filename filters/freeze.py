"""Runs of repeated frames: stalled captures, pauses put in by an editor, slide shows."""

from typing import Final

import numpy as np
import numpy.typing as npt

from filters.base import Clip, Evidence, Unmeasurable

MEAN_CHANGE: Final = 0.4
BLOCK_CHANGE: Final = 1.5
"""Grey levels at 64x36: a frame is a repeat below both (algorithms.md section 3). Repeated
frames differ by 0.01 after x264; the block limit keeps small moving things from being frozen."""
MIN_RUN_S: Final = 0.5
"""Shorter runs are frame-rate conversion or a pause of the subject."""
BLOCK: Final = (6, 8)
"""Rows and columns of a block: 6 x 8 blocks cover the 36 x 64 picture."""


def share(clip: Clip) -> float:
    """Share of the clip's time in runs of repeated frames of 0.5 s or more, 0 to 1.

    Each frame is compared with the first of its run, so slow motion ends a run by adding up. A
    wholly static scene without sensor noise (drawn, rendered, or smoothed by the encoder) cannot
    be told from a frozen one and counts as frozen.

    Raises:
        Unmeasurable: The clip has one frame ("too_few_frames").
    """
    frozen_s = sum(run.end_s - run.start_s for run in runs(clip))
    return frozen_s / float(clip.tiny_t_s[-1] - clip.tiny_t_s[0])


def runs(clip: Clip) -> list[Evidence]:
    """The runs of repeated frames of 0.5 s or more, as `share` counts them.

    Raises:
        Unmeasurable: As `share`.
    """
    if len(clip.tiny) < 2:
        raise Unmeasurable("too_few_frames")
    t_s = clip.tiny_t_s
    found, first = [], 0
    for last in range(1, len(t_s) + 1):
        if last < len(t_s) and _repeats(clip.tiny[first], clip.tiny[last]):
            continue
        # The time stamps are exact to a microsecond at best.
        if t_s[last - 1] - t_s[first] >= MIN_RUN_S - 1e-6:
            found.append(Evidence(float(t_s[first]), float(t_s[last - 1])))
        first = last
    return found


def _repeats(first: npt.NDArray[np.uint8], frame: npt.NDArray[np.uint8]) -> bool:
    """Whether (36, 64) `frame` is `first` shown again."""
    change = np.abs(first.astype(np.float32) - frame)
    if change.mean() >= MEAN_CHANGE:
        return False
    rows, columns = BLOCK
    # (6, 6, 8, 8): block row, row, block column, column.
    blocks = change.reshape(change.shape[0] // rows, rows, change.shape[1] // columns, columns)
    return bool(blocks.mean(axis=(1, 3)).max() < BLOCK_CHANGE)
