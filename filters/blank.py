"""Frames without a picture: black, white, or of one colour."""

from typing import Final

from filters.base import Clip

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
    # (F, 36 * 64)
    pixels = clip.tiny.reshape(len(clip.tiny), -1)
    mean, spread = pixels.mean(axis=1), pixels.std(axis=1)
    blank = (spread < BLANK_STD) & ((mean < BLACK) | (mean > WHITE))
    return float((blank | (spread < FLAT_STD)).mean())
