"""What the camera does, from the global motion between analysed frames.

All scores read `Clip.motion`; pairs whose motion is missing are skipped, and a clip with fewer
than half of its pairs measured has no score. Signs follow the camera, not the content.
"""

from collections import Counter
from collections.abc import Callable
from typing import Final

import numpy as np

from filters.base import Clip, Float, GlobalMotion, Unmeasurable

SMOOTH_S: Final = 0.5
"""Length of the window whose straight line is called the intended path (algorithms.md 2.3)."""


def pan(clip: Clip) -> float:
    """Mean pan in frame widths a second, positive when the camera turns right (content left)."""
    return -_mean_rate(clip, lambda motion: motion.tx)


def tilt(clip: Clip) -> float:
    """Mean tilt in frame heights a second, positive when the camera turns down (content up)."""
    return -_mean_rate(clip, lambda motion: motion.ty)


def zoom(clip: Clip) -> float:
    """Mean rate of expansion in natural log of the scale a second, positive towards the scene.

    Two-dimensional motion cannot tell a zoom from a forward move; both count.
    """
    return _mean_rate(clip, lambda motion: motion.log_scale)


def roll(clip: Clip) -> float:
    """Mean roll in degrees a second, positive when the content turns counter-clockwise as seen."""
    return _mean_rate(clip, lambda motion: motion.roll_deg)


def total(clip: Clip) -> float:
    """Median speed of the picture under the camera's motion, in frame widths a second, 0 or more.

    The speed of a pair is the root mean square, over the frame, of the displacement that the
    similarity causes: shift, zoom and roll in one unit.
    """
    valid, dt_s = valid_pairs(clip)
    height, width = clip.gray.shape[1:]
    moved = [_rms_displacement(motion, height / width) for motion in valid]
    return float(np.median(np.array(moved) / dt_s))


def shake(clip: Clip) -> float:
    """Root mean square distance of the path from its 0.5 s trend, in % of the frame's width.

    The path is the running sum of the shifts of the frame's centre; a pair without motion
    continues at the interpolated speed. At 6 frames a second only shake below 3 Hz is seen whole,
    faster shake is aliased but still counted.

    Raises:
        Unmeasurable: Fewer than three frames lie in a window, or as for the other scores.
    """
    valid, _ = valid_pairs(clip)
    if len(clip.gray) < 4:
        raise Unmeasurable("too_few_frames")
    height, width = clip.gray.shape[1:]
    dt_s = np.diff(clip.gray_t_s)
    measured = np.array([motion.missing is None for motion in clip.motion])
    middle_s = clip.gray_t_s[:-1] + dt_s / 2
    # (P, 2): shifts of the valid pairs in frame widths -> speed -> (T - 1, 2) -> path (T, 2).
    shift = np.array([(motion.tx, motion.ty * height / width) for motion in valid])
    speed = shift / dt_s[measured, None]
    filled = np.stack([np.interp(middle_s, middle_s[measured], v) for v in speed.T], axis=1)
    path = np.concatenate([np.zeros((1, 2)), np.cumsum(filled * dt_s[:, None], axis=0)])
    return 100 * _rms_off_trend(path, clip.gray_t_s)


def valid_pairs(clip: Clip) -> tuple[list[GlobalMotion], Float]:
    """The measured motions of a clip and the seconds each spans.

    Returns:
        P motions with `missing` None, and (P,) float64 seconds above 0.

    Raises:
        Unmeasurable: Fewer than half of the pairs are measured (with the most common reason), or
            there is no pair ("too_few_frames").
    """
    if not clip.motion:
        raise Unmeasurable("too_few_frames")
    measured = np.array([motion.missing is None for motion in clip.motion])
    if 2 * measured.sum() < len(measured):
        reasons = Counter(motion.missing for motion in clip.motion if motion.missing is not None)
        raise Unmeasurable(reasons.most_common(1)[0][0])
    valid = [motion for motion in clip.motion if motion.missing is None]
    return valid, np.diff(clip.gray_t_s)[measured]


def _mean_rate(clip: Clip, part: Callable[[GlobalMotion], float]) -> float:
    """Sum of one part of the motion over the seconds in which it was measured."""
    valid, dt_s = valid_pairs(clip)
    return float(sum(part(motion) for motion in valid) / dt_s.sum())


def _rms_displacement(motion: GlobalMotion, aspect: float) -> float:
    """Of the similarity over the frame, in frame widths; `aspect` is height over width.

    A point p (centred) moves by t + (sR - 1)p, and |sR - 1|^2 = s^2 - 2 s cos(roll) + 1; over a
    1 x aspect rectangle the mean of |p|^2 is (1 + aspect^2) / 12.
    """
    scale = np.exp(motion.log_scale)
    turn = scale**2 - 2 * scale * np.cos(np.radians(motion.roll_deg)) + 1
    shift = motion.tx**2 + (motion.ty * aspect) ** 2
    # Rounding can make `turn` -1e-17.
    return float(np.sqrt(shift + max(turn, 0.0) * (1 + aspect**2) / 12))


def _rms_off_trend(path: Float, t_s: Float) -> float:
    """Root mean square of path (T, 2) minus, at each sample, the line fitted to its 0.5 s window.

    A line instead of a mean: a steady pan has no shake even where the times are uneven.
    """
    off = []
    for here_s, point in zip(t_s, path, strict=True):
        near = np.abs(t_s - here_s) <= SMOOTH_S / 2 + 1e-6
        if near.sum() < 3 or here_s in (t_s[0], t_s[-1]):
            continue
        # (K,) times and (K, 2) positions about their means; slope of the least-squares line.
        time, place = t_s[near] - t_s[near].mean(), path[near] - path[near].mean(axis=0)
        slope = time @ place / (time @ time)
        line = path[near].mean(axis=0) + slope * (here_s - t_s[near].mean())
        off.append(((point - line) ** 2).sum())
    if not off:
        raise Unmeasurable("too_few_frames")
    return float(np.sqrt(np.mean(off)))
