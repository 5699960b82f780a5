"""Motion that the camera does not explain: agents, tools, vehicles, water."""

from typing import Final

import numpy as np

from filters.base import Clip, Evidence
from filters.camera import valid_pairs

MOVES: Final = 0.002
"""Energy of a pair, in frame widths a second, from which it is named as evidence."""


def speed(clip: Clip) -> float:
    """Energy of the motion left when the camera's is taken out, in frame widths a second, 0 up.

    Root mean square, over the picture inside its borders and over the clip, of the displacement
    against the camera's similarity: a thing over a share `a` of the picture that moves at `v`
    gives v sqrt(a). Places where nothing is left count 0; overlays are left out.

    Raises:
        Unmeasurable: As `filters.camera.valid_pairs`.
    """
    valid, dt_s = valid_pairs(clip)
    energy = np.array([motion.energy for motion in valid]) / dt_s
    return float(np.sqrt((energy**2 * dt_s).sum() / dt_s.sum()))


def area(clip: Clip) -> float:
    """Mean share of the picture that changes though the camera's motion is taken out, 0 to 1.

    Raises:
        Unmeasurable: As `filters.camera.valid_pairs`.
    """
    valid, _ = valid_pairs(clip)
    return float(np.mean([motion.moving for motion in valid]))


def spans(clip: Clip) -> list[Evidence]:
    """Spans in which something moves, with the mean energy in each.

    Raises:
        Unmeasurable: As `filters.camera.valid_pairs`.
    """
    valid_pairs(clip)
    found: list[Evidence] = []
    t_s, values, start = clip.gray_t_s, [], None
    for i, motion in enumerate((*clip.motion, None)):
        rate = 0.0
        if motion is not None and motion.missing is None:
            rate = motion.energy / float(t_s[i + 1] - t_s[i])
        if rate >= MOVES:
            start = i if start is None else start
            values.append(rate)
        elif start is not None:
            found.append(Evidence(float(t_s[start]), float(t_s[i]), None, float(np.mean(values))))
            values, start = [], None
    return found
