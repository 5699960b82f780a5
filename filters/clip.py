"""From decoded luma to a `Clip`, and the small steps that the streaming decode shares with it."""

import math
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from filters import motion
from filters.base import Clip, Gray

TINY_WIDTH: Final = 64
TINY_HEIGHT: Final = 36
ANALYSIS_FPS: Final = 6.0
"""Analysed frames a second: a stride of 5 at 30 fps, where LK still follows walking speed."""
COLOUR_STEP: Final = 3
"""One in so many analysed frames is held in colour: two a second, enough to see what stays."""
ANALYSIS_PX: Final = 320
"""Longer side of the analysed frames."""


def clip_from_gray(
    frames: Gray, fps: float, analysis_fps: float = ANALYSIS_FPS, analysis_px: int = ANALYSIS_PX
) -> Clip:
    """Build the clip that filters see from all its frames at a constant rate.

    Args:
        frames: (F, H, W) uint8 luma, at least one frame.
        fps: Frames a second, above 0.
        analysis_fps: Analysed frames a second, above 0; never more than there are.
        analysis_px: Longer side of the analysed frames; smaller pictures are not enlarged.

    Returns:
        The clip, its first frame at 0 s.

    Raises:
        ValueError: `frames` is not (F, H, W) uint8 with a frame, or a rate is not above 0.
    """
    if frames.ndim != 3 or frames.dtype != np.uint8 or not len(frames):
        raise ValueError(f"frames must be (F, H, W) uint8, F > 0: {frames.shape} {frames.dtype}")
    if not fps > 0 or not analysis_fps > 0:
        raise ValueError(f"fps and analysis_fps must be above 0: {fps}, {analysis_fps}")
    times_s = np.arange(len(frames)) / fps
    slots = np.array([analysis_slot(t_s, analysis_fps) for t_s in times_s])
    chosen = np.unique(slots, return_index=True)[1]
    size = analysis_size(frames.shape[2], frames.shape[1], analysis_px)
    gray = np.stack([shrink(frames[i], size) for i in chosen])
    return Clip(
        gray=gray,
        gray_t_s=times_s[chosen],
        motion=tuple(
            motion.estimate(a, b, earlier=before)
            for before, a, b in zip((None, *gray), gray, gray[1:], strict=False)
        ),
        tiny=np.stack([tiny(frame) for frame in frames]),
        tiny_t_s=times_s,
    )


def analysis_slot(t_s: float, analysis_fps: float = ANALYSIS_FPS) -> int:
    """Number of the analysis interval that a frame falls into; the first frame of each is analysed.

    A fixed grid keeps the mean rate exact at 24, 25 and variable frame rates, where a fixed
    stride would not. The microsecond keeps 5/30 s from landing just below 1/6 s.

    Args:
        t_s: Seconds after the clip's start.
        analysis_fps: Intervals a second, above 0.
    """
    return math.floor((t_s + 1e-6) * analysis_fps)


def analysis_size(width: int, height: int, longer_px: int) -> tuple[int, int]:
    """Even width and height with the longer side at most `longer_px`, never enlarged.

    Args:
        width: Of the source in px, at least 2.
        height: Of the source in px, at least 2.
        longer_px: At least 2.

    Raises:
        ValueError: A number is below 2.
    """
    if min(width, height, longer_px) < 2:
        raise ValueError(f"sizes must be 2 px or more: {width}, {height}, {longer_px}")
    scale = min(1.0, longer_px / max(width, height))

    def even(side: int) -> int:
        return max(2, 2 * min(round(side * scale / 2), side // 2, longer_px // 2))

    return even(width), even(height)


def tiny(luma: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """(H, W) uint8 luma stretched to (36, 64) by averaging areas, which removes sensor noise."""
    return shrink(luma, (TINY_WIDTH, TINY_HEIGHT))


def shrink(luma: npt.NDArray[np.uint8], size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """(H, W) uint8 luma averaged over areas to `size` = (width, height); a copy if it fits already.

    Args:
        luma: (H, W) uint8, any stride.
        size: Width and height in px.
    """
    if (luma.shape[1], luma.shape[0]) == size:
        return luma.copy()
    # OpenCV's stubs say any number type.
    return cv2.resize(luma, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
