"""One word for what the camera did, from stored scores alone."""

import math
from collections.abc import Mapping
from typing import Final, Literal, TypeAlias, get_args

Kind: TypeAlias = Literal[
    "static", "pan_left", "pan_right", "tilt_up", "tilt_down", "zoom_in", "zoom_out", "roll",
    "moving", "handheld", "mixed", "unknown",
]  # fmt: skip
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
"""zoom_in and zoom_out name expansion and contraction without parallax; moving is a camera that
travels (dolly, truck, walk); handheld one that is shaken more than it is led."""

STILL: Final = 0.004
"""Frame widths a second of mean motion below which the camera is not led anywhere. Tripods on real
clips give 0 to 0.003; a pan of 5 px a second at 640 px is 0.008."""
STILL_SPEED: Final = 0.008
"""Median speed below which it rests: what frames of 64 px and noise of 6 grey levels give."""
SHAKEN: Final = 0.1
"""% of the frame's width of shake from which a camera that is not led is hand-held."""
BEND: Final = 0.33
"""Root mean square displacement over a 16:9 frame, in widths, per unit of log scale or radian."""
ONE_KIND: Final = 0.83
"""Share of the length of the motion that one part has at least: 1.5 times the next (2.3)."""
LED: Final = 0.5
"""Least steadiness of a camera that is led somewhere."""
DEPTH: Final = 0.12
"""Parallax over the camera's speed from which the camera travels."""
BENT: Final = 0.3
"""Confidence below which depth may be the reason: a walk and a drive have 0.16 to 0.27, since few
tracks follow any one motion; turns and zooms behind a foreground of a quarter 0.3 to 0.7."""
DEPTH_SPEED: Final = 0.004
"""Frame widths a second of parallax below which it may be the tracks' error."""
TRUSTED: Final = 0.12
"""Least confidence. Moves through depth have 0.1 to 0.3, because no one motion explains them."""


def kind(scores: Mapping[str, float | None]) -> Kind:
    """Name the camera's motion.

    Args:
        scores: Stored scores of a clip by name; those that begin with `camera_` are read. Absent
            and None mean that the score is missing.

    Returns:
        "unknown" where the motion is missing or not to be trusted.
    """
    parts = [scores.get(f"camera_{name}") for name in ("pan", "tilt", "zoom", "roll", "motion")]
    if any(part is None for part in parts):
        return "unknown"
    pan, tilt, zoom, roll, speed = (float(part) for part in parts if part is not None)
    confidence = scores.get("camera_confidence") or 0.0
    if confidence < TRUSTED:
        return "unknown"
    shake = scores.get("camera_shake") or 0.0
    led = (pan, tilt, zoom * BEND, math.radians(roll) * BEND)
    drift = math.hypot(*led)
    if drift < STILL and speed < STILL_SPEED:
        return "static"
    depth = scores.get("camera_parallax") or 0.0
    bent = confidence < BENT
    if bent and depth >= max(DEPTH_SPEED, DEPTH * max(speed, drift)):
        return "moving"
    steadiness = scores.get("camera_steadiness")
    if steadiness is not None and steadiness < LED:
        return "handheld" if shake >= SHAKEN else "mixed"
    return _one_kind(led, drift)


def _one_kind(led: tuple[float, ...], drift: float) -> Kind:
    """The part that has most of the motion, with its direction; "mixed" where none has."""
    sizes = [abs(part) for part in led]
    largest = max(range(4), key=sizes.__getitem__)
    if drift < STILL or sizes[largest] < ONE_KIND * drift:
        return "mixed"
    names: tuple[tuple[Kind, Kind], ...] = (
        ("pan_right", "pan_left"),
        ("tilt_down", "tilt_up"),
        ("zoom_in", "zoom_out"),
        ("roll", "roll"),
    )
    forward, backward = names[largest]
    return forward if led[largest] > 0 else backward
