"""What the camera does, from the global motion between analysed frames.

All scores read `Clip.motion`; pairs whose motion is missing are skipped, and a clip with fewer
than half of its pairs measured has no score. Signs follow the camera, not the content.
"""

import math
from collections import Counter
from collections.abc import Callable

import numpy as np

from filters.base import Clip, Float, GlobalMotion, Unmeasurable, once


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


def steadiness(clip: Clip) -> float:
    """How steadily the camera moves one way, 0 (to and fro, or at rest with jitter) to 1.

    Length of the mean of the pairs' motions over the mean of their lengths, each motion a vector
    of shift, zoom and roll in the units of `total`.

    Raises:
        Unmeasurable: As `valid_pairs`.
    """
    vectors = rates(clip)
    lengths = np.linalg.norm(vectors, axis=1)
    return float(np.linalg.norm(vectors.mean(axis=0)) / max(lengths.mean(), 1e-9))


def confidence(clip: Clip) -> float:
    """How far the camera scores can be trusted, 0 to 1.

    Share of the pairs that are measured, times the mean over them of `GlobalMotion.trust`. A clip
    without any measured pair has confidence 0.

    Raises:
        Unmeasurable: The clip has one analysed frame ("too_few_frames").
    """
    if not clip.motion:
        raise Unmeasurable("too_few_frames")
    trust = [motion.trust for motion in clip.motion if motion.missing is None]
    return float(sum(trust) / len(clip.motion))


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


@once
def rates(clip: Clip) -> Float:
    """(P, 4) float64 speeds of the measured pairs: right, down, expansion, roll of the content.

    In frame widths a second; expansion and roll as the root mean square displacement over the
    frame that they cause.

    Raises:
        Unmeasurable: As `valid_pairs`.
    """
    valid, dt_s = valid_pairs(clip)
    height, width = clip.gray.shape[1:]
    aspect = height / width
    bend = math.sqrt((1 + aspect**2) / 12)
    parts = [
        (m.tx, m.ty * aspect, m.log_scale * bend, math.radians(m.roll_deg) * bend) for m in valid
    ]
    return np.array(parts) / dt_s[:, None]


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
    shift = motion.tx**2 + (aspect * motion.ty) ** 2
    # Rounding can make `turn` -1e-17.
    return float(np.sqrt(shift + max(turn, 0.0) * (1 + aspect**2) / 12))
