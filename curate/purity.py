"""Cut purity: decode clip ends again and look for frames of the neighbouring shot.

The check does not trust the detector's scores. It decodes the frames around a clip's end that faces
a transition and asks two things of them: that no frame of the transition, by timestamp, lies in the
clip; and that the clip's outermost frames look more like the frames next to them inside the clip
than like the first frames of the other shot.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np
import numpy.typing as npt

from curate.config import Limits
from curate.decode import Video
from curate.shots.signals import HEIGHT, WIDTH, Prepared, prepare

EDGE: Final = 3
"""Outermost frames of a clip that are checked."""
WITHIN: Final = 8
"""Frames behind them to which they are compared, and frames of the other shot."""
_ALIKE: Final = 0.12
"""Distance below which two frames show the same thing whatever else resembles them."""
_LEAD_S: Final = 2.0
_REACH_S: Final = 6.0

Distance = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class End:
    """One end of a clip that faces another shot.

    Attributes:
        clip_id: The clip.
        clip: Its [start, end) in pts.
        shot: The other shot's [start, end) in pts.
        last: Whether it is the clip's end (else its beginning).
    """

    clip_id: str
    clip: tuple[int, int]
    shot: tuple[int, int]
    last: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found at one end.

    Attributes:
        end: The end.
        frames: Frames of the clip that were compared; 0 when they could not be decoded again.
        own: Greatest distance of an outermost frame to its nearest frame inside the clip.
        other: Distance of that frame to the nearest frame of the other shot.
        margin: Decoded frames between the clip and the other shot.
        pure: Whether the clip holds nothing of the other shot.
    """

    end: End
    frames: int
    own: float
    other: float
    margin: int
    pure: bool


def check_ends(uri: str, ends: Sequence[End], limits: Limits) -> list[Verdict]:
    """Decode around ends of clips of one video and judge each.

    Raises:
        BadVideoError: The video cannot be read any more.
    """
    return [_check(uri, end, limits) for end in ends]


def _check(uri: str, end: End, limits: Limits) -> Verdict:
    with Video(uri, limits) as video:
        border = end.clip[1] if end.last else end.clip[0]
        base: Fraction = video.time_base
        video.seek(border - int(_LEAD_S / base))
        until = border + int(_REACH_S / base)
        times, pictures = [], []
        for frame in video:
            if frame.pts > until:
                break
            times.append(frame.pts)
            pictures.append(frame.to_array(WIDTH, HEIGHT, "yuvj444p"))
    pts = np.asarray(times)
    inside = np.flatnonzero((pts >= end.clip[0]) & (pts < end.clip[1]))
    beyond = np.flatnonzero((pts >= end.shot[0]) & (pts < end.shot[1]))
    inside = inside[-EDGE - WITHIN :][::-1] if end.last else inside[: EDGE + WITHIN]
    beyond = beyond[:WITHIN] if end.last else beyond[-WITHIN:]
    if len(inside) <= EDGE or not len(beyond):
        return Verdict(end, 0, np.nan, np.nan, 0, pure=True)
    prepared = prepare(np.stack(pictures))
    edge, own = inside[:EDGE], inside[EDGE:]
    near = distances(prepared.take(edge), prepared.take(own)).min(1)
    far = distances(prepared.take(edge), prepared.take(beyond)).min(1)
    worst = int((near - far).argmax())
    margin = int(np.abs(beyond[0 if end.last else -1] - inside[0])) - 1
    pure = bool(near[worst] <= max(_ALIKE, far[worst])) and margin >= 0
    return Verdict(end, len(inside), float(near[worst]), float(far[worst]), margin, pure)


def distances(a: Prepared, b: Prepared) -> Distance:
    """Distance of every frame of `a` to every frame of `b`, 0 (alike) to 1.

    Mean of the Hellinger distance of their colour histograms and of half of one minus the
    correlation of their luma.
    """
    colours = np.sqrt(np.clip(1 - a.colours @ b.colours.T / 3, 0, 1))
    structure = np.clip(1 - a.unit @ b.unit.T, 0, 2) / 2
    return np.asarray((colours + structure) / 2, np.float64)
