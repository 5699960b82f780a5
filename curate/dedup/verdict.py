"""When an alignment makes two clips copies: bounds on what was measured of it."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from curate.dedup.align import Alignment, Footage, align
from curate.signature import hamming

MOTION: Final = 0.8
"""Least correlation of what changes over time. See docs/dedup.md for how copies and others lie."""
LIKENESS: Final = 0.65
"""Least correlation of aligned pictures."""
STRICT_MOTION: Final = 0.9
"""Least motion where more than usual was free to fit, or where pictures are unlike."""
WHOLE: Final = 0.9
"""Share of the shorter clip from which all of it counts as shared, but for its ends."""
RETIMED: Final = 0.08
"""Change of speed from which a copy counts as re-timed; below lies what the search leaves."""
FEW: Final = 16
"""Pictures below which chance lays different takes of one scene over each other: two seconds, or
three of a video with five frames a second."""
FEW_RETIMED_MOTION: Final = 0.95
"""Least motion where there are so few pictures and the speed was free as well."""
MARKED_LIKENESS: Final = 0.3
"""Likeness that is enough where the motion agrees so well: a large mark makes pictures unlike."""
CHANGE: Final = 0.004
"""Share of the pictures that changes over time, below which there is little motion to compare."""
STILL_LIKENESS: Final = 0.97
"""Least correlation of the pictures of clips in which next to nothing changes."""
STILL_MOTION: Final = 0.6
"""Least correlation of the little that changes in them."""
FROZEN: Final = 0.0002
"""Change below which there is compression noise alone, and stills decide."""
GATE: Final = 0.65
"""Likeness that some view must be able to reach for offsets to be tried at all."""


@dataclass(frozen=True, slots=True)
class Stills:
    """PDQ of a clip's stills.

    Attributes:
        signatures: (k, 32) uint8.
        usable: (k,) whether the signature says something.
    """

    signatures: npt.NDArray[np.uint8]
    usable: npt.NDArray[np.bool_]

    def share_as(self, other: "Stills", max_hamming: int) -> float:
        """Share of the usable stills of the clip with fewer that the other has too, 0 to 1."""
        a, b = self.signatures[self.usable], other.signatures[other.usable]
        if not len(a) or not len(b):
            return 0.0
        close = hamming(a, b) <= max_hamming
        return float(max(close.any(axis=1).mean(), close.any(axis=0).mean()))


def is_copy(found: Alignment, stills_alike: float) -> bool:
    """Whether an alignment says that two clips show the same footage.

    Where things move, what moves must move alike at the same time: that tells a copy from another
    moment of the same scene. Where little moves, pictures must be equal and the little must agree.
    Where nothing moves there are no moments to tell apart, and the stills must be equal.

    Args:
        found: The best alignment of the two.
        stills_alike: See `Stills.share_as`, 0 to 1.
    """
    if found.change >= FROZEN:
        least = _least_motion(found)
        if found.motion >= least and found.likeness >= LIKENESS:
            return True
        if found.motion >= max(least, STRICT_MOTION) and found.likeness >= MARKED_LIKENESS:
            return True
    if found.likeness < STILL_LIKENESS:
        return False
    if found.change < FROZEN:
        return stills_alike >= 0.5
    return found.change < CHANGE and found.motion >= STILL_MOTION and stills_alike >= 0.5


def _least_motion(found: Alignment) -> float:
    """More is asked where more was free to fit, or where less was there to be fitted."""
    retimed = abs(found.speed - 1) > RETIMED
    if found.pictures < FEW:
        return FEW_RETIMED_MOTION if retimed else STRICT_MOTION
    # Repeated movements of one scene can be laid over each other where the part may be chosen.
    return STRICT_MOTION if found.share < WHOLE else MOTION


def compare(a: Footage, b: Footage, min_share: float) -> Alignment | None:
    """The best alignment of two clips; None where nothing comes near."""
    return align(a, b, min_share, GATE)
