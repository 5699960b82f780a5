"""Stills shown one after the other, with cuts or blends between them."""

from itertools import pairwise
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from filters.base import Clip, Evidence, Gray, Unmeasurable, once

STILL: Final = 2.5
"""Grey levels: the 1 % most changed of the 3x3-averaged 64x36 pixels, below which a picture is the
same still (as filters.static, where noise through x264 scores 0.7 and resting scenes up to 1.9)."""
MIN_STILL_S: Final = 0.4
"""Shorter rests are pauses of the subject."""
NEW: Final = 8.0
"""Mean grey levels between two stills, from which they are two pictures and not one that changed
in a place."""
NEW_SHARE: Final = 0.5
"""Share of the pixels that must differ between two stills."""
BLEND: Final = 0.25
"""Distance of a frame to the line between two stills over their distance, up to which it is a
mixture of them; a picture that moves from one to the other is as far from both as they are."""
MOSTLY: Final = 0.8
MAX_CHANGE_S: Final = 2.0
"""Longest blend between two stills."""


def share(clip: Clip) -> float:
    """Share of the time in stills that follow one another, with the changes between them, 0 to 1.

    0 where there is one still only, or none.

    Raises:
        Unmeasurable: The clip has one frame ("too_few_frames").
    """
    shown_s = sum(at.end_s - at.start_s for at in stills(clip))
    length_s = float(clip.tiny_t_s[-1] - clip.tiny_t_s[0])
    return min(1.0, shown_s / length_s)


@once
def stills(clip: Clip) -> list[Evidence]:
    """The stills, and the changes between them ("change").

    Raises:
        Unmeasurable: As `share`.
    """
    if len(clip.tiny) < 2:
        raise Unmeasurable("too_few_frames")
    smooth = _smooth(clip.tiny)
    runs = _still_runs(smooth, clip.tiny_t_s)
    t_s, found = clip.tiny_t_s, []
    used = set()
    for (a, b), (c, d) in pairwise(runs):
        near = t_s[c] - t_s[b] <= MAX_CHANGE_S
        if near and _is_new(smooth[b], smooth[c]) and _is_blend(smooth[b : c + 1]):
            used |= {(a, b), (c, d)}
            found.append(Evidence(float(t_s[b]), float(t_s[c]), None, None, "change"))
    found += [Evidence(float(t_s[a]), float(t_s[b]), None, None, "still") for a, b in used]
    return sorted(found, key=lambda at: at.start_s)


def _smooth(tiny: Gray) -> npt.NDArray[np.float32]:
    """(F, 17, 32) every second pixel of the 3x3 means, without the rows where frames touch.

    The frames are averaged as one tall picture: one call is several times as fast as one a frame.
    """
    count, height, width = tiny.shape
    tall = cv2.blur(tiny.reshape(count * height, width).astype(np.float32), (3, 3))
    return np.asarray(tall, np.float32).reshape(tiny.shape)[:, 1:-1:2, ::2]


def _still_runs(
    smooth: npt.NDArray[np.float32], t_s: npt.NDArray[np.float64]
) -> list[tuple[int, int]]:
    """First and last frame of each run that shows one still."""
    runs, first = [], 0
    for last in range(1, len(smooth) + 1):
        if last < len(smooth) and _top(smooth[first], smooth[last]) < STILL:
            continue
        if t_s[last - 1] - t_s[first] >= MIN_STILL_S - 1e-6:
            runs.append((first, last - 1))
        first = last
    return runs


def _top(before: npt.NDArray[np.float32], after: npt.NDArray[np.float32]) -> float:
    """The 99 % quantile of the change."""
    change = np.abs(after - before).ravel()
    rank = round(0.99 * change.size)
    return float(np.partition(change, rank)[rank])


def _is_blend(frames: npt.NDArray[np.float32]) -> bool:
    """Whether frames between two stills are the one, the other, or mixtures of them."""
    way = (frames[-1] - frames[0]).ravel()
    from_first = (frames - frames[0]).reshape(len(frames), -1)
    share = from_first @ way / (way @ way)
    off = np.linalg.norm(from_first - share[:, None] * way, axis=1) / np.linalg.norm(way)
    return bool((off < BLEND).mean() >= MOSTLY)


def _is_new(before: npt.NDArray[np.float32], after: npt.NDArray[np.float32]) -> bool:
    """Whether two stills are two pictures."""
    change = np.abs(after - before)
    return float(change.mean()) > NEW and float((change > STILL).mean()) > NEW_SHARE
