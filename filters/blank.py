"""Frames without a picture: black, white, or of one colour."""

from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from filters.base import Clip, Evidence

Flags: TypeAlias = npt.NDArray[np.bool_]
"""(F,) bool, one per frame."""

BLACK: Final = 20.0
"""Mean luma below which a flat frame is black; video black is 16."""
WHITE: Final = 230.0
"""Mean luma above which a flat frame is white; video white is 235, so 235 itself would miss it."""
BLANK_STD: Final = 6.0
"""Spread of a black or white frame, in grey levels (algorithms.md section 3)."""
FLAT_STD: Final = 2.0
"""Spread of a frame of any one colour; the emptiest real clip (a text editor) has 4 at 64x36."""


def share(clip: Clip) -> float:
    """Share of all frames that show nothing, 0 to 1."""
    black, white, flat = _kinds(clip)
    return float((black | white | flat).mean())


def spans(clip: Clip) -> list[Evidence]:
    """Runs of frames that are "black", "white" or "flat" (of another colour)."""
    black, white, flat = _kinds(clip)
    found = []
    for note, frames in (("black", black), ("white", white), ("flat", flat & ~black & ~white)):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], frames, [0]])))
        for first, end in edges.reshape(-1, 2):
            start_s, end_s = clip.tiny_t_s[first], clip.tiny_t_s[end - 1]
            found.append(Evidence(float(start_s), float(end_s), note=note))
    return found


def _kinds(clip: Clip) -> tuple[Flags, Flags, Flags]:
    """Which frames are black, white, and of one colour."""
    # (F, 36 * 64)
    pixels = clip.tiny.reshape(len(clip.tiny), -1)
    mean, spread = pixels.mean(axis=1), pixels.std(axis=1)
    even = spread < BLANK_STD
    return even & (mean < BLACK), even & (mean > WHITE), spread < FLAT_STD
