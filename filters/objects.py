"""Motion that the camera does not explain: agents, tools, vehicles, water."""

import numpy as np

from filters.base import Clip
from filters.camera import valid_pairs


def speed(clip: Clip) -> float:
    """Mean speed of the tracks relative to the camera's motion, in frame widths a second.

    Per pair it is the *median* track, so an object over less than half of the textured picture
    adds little (see `area` for it); parallax and crowds raise it.

    Raises:
        Unmeasurable: As `filters.camera.valid_pairs`.
    """
    valid, dt_s = valid_pairs(clip)
    return float(sum(motion.residual for motion in valid) / dt_s.sum())


def area(clip: Clip) -> float:
    """Mean share of the picture's 8x8 cells in which tracks leave the camera's motion, 0 to 1.

    Raises:
        Unmeasurable: As `filters.camera.valid_pairs`.
    """
    valid, _ = valid_pairs(clip)
    return float(np.mean([motion.moving for motion in valid]))
