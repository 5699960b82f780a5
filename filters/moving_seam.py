"""A border between two pictures that moves over the frame, as in a wipe that is held or a swap.

Frame by frame such a seam is found along half of its length or more. Laid over one another with
the seam in one place, the frames show it as they show a seam at rest, and it is judged alike.
"""

from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from filters import seams
from filters.base import Gray

Places: TypeAlias = npt.NDArray[np.intp]

FRAMES: Final = 8
"""Frames in which the seam is looked for, each by itself."""
COARSE: Final = 3
"""Lines taken together there: a third of the work."""
PEAKS: Final = 3
"""Lines of a frame between which ways are drawn."""
LEAST_PACE: Final = 0.25
"""px between two of the frames: below it the seam rests."""
AROUND: Final = 10
"""px on either side of the seam that are laid over one another."""
SPARE: Final = 0.15
"""How much surer than frame by frame a seam may be: a way through unrelated lines gains more."""


def moving_share(gray: Gray, least_pane: float) -> float:
    """How surely a seam crosses the picture and moves steadily, 0 to 1.

    Args:
        gray: (T, H, W) uint8.
        least_pane: Share of the picture's side that lies on either side of the seam.
    """
    # Every second or third frame, all equally far apart.
    chosen = gray[:: max(1, len(gray) // FRAMES)][:FRAMES]
    columns = [seams.steps(frame[None]) for frame in chosen]
    rows = [seams.row_steps(frame[None]) for frame in chosen]
    return max(
        _crossing(chosen, columns, least_pane),
        _crossing(chosen.swapaxes(1, 2), rows, least_pane),
    )


def _crossing(gray: Gray, steps: list[seams.Plane], least_pane: float) -> float:
    """`moving_share` of seams between columns, given the `steps` of each frame."""
    width = gray.shape[2]
    least = max(AROUND, round(least_pane * width))
    if len(gray) < 5 or width <= 2 * least:
        return 0.0
    # (T, W): share of each line that is a seam.
    shares = np.stack([
        seams.next_column(
            seams.sharpened(seams.seams(step, COARSE)).mean(axis=0)[None]
        )[0]
        for step in steps
    ])  # fmt: skip
    near = np.maximum(shares, np.maximum(np.roll(shares, 1, axis=1), np.roll(shares, -1, axis=1)))
    ways = _ways(shares, least)
    if not len(ways):
        return 0.0
    means = near[np.arange(len(gray)), ways].mean(axis=1)
    best = int(means.argmax())
    if means[best] < 0.5:
        return 0.0
    return min(_at_rest(gray, shares, ways[best]), float(means[best]) + SPARE)


def _ways(shares: npt.NDArray[np.float32], least: int) -> Places:
    """(N, T) where lines that move steadily through peaks of two frames lie in each frame."""
    count, width = shares.shape
    at: list[tuple[int, int]] = []
    for i, row in enumerate(shares):
        left = row.copy()
        left[:least] = left[width - least :] = 0
        for _ in range(PEAKS):
            x = int(left.argmax())
            at.append((i, x))
            left[max(0, x - 4) : x + 5] = 0
    frame, place = np.array(at).T
    apart = frame[None] - frame[:, None]
    first, second = np.nonzero(apart >= max(2, count // 3))
    pace = (place[second] - place[first]) / apart[first, second]
    ways = place[first, None] + pace[:, None] * (np.arange(count) - frame[first, None])
    inside = (ways.min(axis=1) >= AROUND) & (ways.max(axis=1) <= width - AROUND - 1)
    steady = ways[inside & (np.abs(pace) >= LEAST_PACE)]
    return np.asarray(np.rint(steady), np.intp)


def _at_rest(gray: Gray, shares: npt.NDArray[np.float32], way: Places) -> float:
    """How sure the seam is with the frames laid so that it rests."""
    near = np.arange(-1, 2)
    frames = np.arange(len(gray))[:, None]
    way = way + near[shares[frames, way[:, None] + near].argmax(axis=1)]
    way = np.clip(way, AROUND, gray.shape[2] - AROUND)
    laid = np.stack([f[:, x - AROUND : x + AROUND] for f, x in zip(gray, way, strict=True)])
    found = seams.next_column(seams.sharpened(seams.seams(seams.steps(laid)))).mean(axis=0)
    place = AROUND - 2 + int(found[AROUND - 2 : AROUND + 3].argmax())
    return float(found[place]) * (1.0 - seams.bend_penalty(seams.straightness(laid, place)[0]))
