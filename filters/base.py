"""What a filter is, and what it is given: arrays of one clip, nothing else."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import wraps
from typing import Final, Literal, TypeAlias, TypeVar, cast

import numpy as np
import numpy.typing as npt

Frames: TypeAlias = npt.NDArray[np.uint8]
"""(T, H, W, 3) uint8 RGB."""
Gray: TypeAlias = npt.NDArray[np.uint8]
"""(T, H, W) uint8 luma."""
Chroma: TypeAlias = npt.NDArray[np.uint8]
"""(N, 2, H, W) uint8 Cb and Cr, 128 where there is no colour."""
Float: TypeAlias = npt.NDArray[np.float64]
"""float64 of any shape."""

MISSING_SCORES: Final[dict[str, str]] = {
    "too_few_frames": "fewer frames than the score is defined on",
    "textureless": "too few trackable points in the picture",
    "blurred": "too few trackable points because the picture is heavily blurred",
    "no_consensus": "tracks agree on no global motion",
    "no_vectors": "the codec tells no motion vectors between the analysed frames",
    "black": "the picture is black or of one colour",
    "static_scene": "the score needs motion behind the overlay, and nothing moves",
    "one_view": "the source shows no second view to compare with",
    "not_asked": "the optional model that gives it was not asked",
    "not_scored": "the shot detector in use gives no scores",
}
"""Reason word of a null score -> what it means. Stored in `scores.missing`."""


class Unmeasurable(Exception):
    """A score has no value on this clip; it is stored as null with this reason.

    Attributes:
        word: A key of `MISSING_SCORES`.
    """

    def __init__(self, word: str) -> None:
        if word not in MISSING_SCORES:
            raise ValueError(f"unknown reason {word!r}; add it to MISSING_SCORES")
        super().__init__(word)
        self.word = word


@dataclass(frozen=True, slots=True)
class GlobalMotion:
    """Motion of the picture's content between two analysed frames, in units of the frame.

    Attributes:
        tx: Shift to the right in frame widths.
        ty: Shift downwards in frame heights.
        log_scale: Natural log of the scale about the frame's centre, positive when expanding.
        roll_deg: Rotation in degrees, positive counter-clockwise as seen.
        inlier_ratio: Share of tracks that the similarity explains, 0 to 1.
        residual: Median distance of all tracks to the similarity, in frame widths.
        moving: Share of the picture that the similarity, once taken out, leaves changed, 0 to 1.
        energy: Root mean square displacement against the similarity over the picture, in frame
            widths; 0 where nothing moves on its own.
        trust: Share of the tracks that the similarity, or a second one of a thing before the
            picture, explains; times the share of the frame that the picture's tracks span (half is
            enough) or, where it is more, the certainty that they are the picture's. 0 to 1.
        missing: None, or the reason (word of MISSING_SCORES) why all numbers above are nan.
    """

    tx: float = math.nan
    ty: float = math.nan
    log_scale: float = math.nan
    roll_deg: float = math.nan
    inlier_ratio: float = math.nan
    residual: float = math.nan
    moving: float = math.nan
    energy: float = math.nan
    trust: float = math.nan
    missing: str | None = None


@dataclass(frozen=True, slots=True)
class Clip:
    """What the one decode holds of a clip when its last frame has passed.

    Attributes:
        gray: (T, H, W) uint8 luma of the analysed frames, longer side 320 px, about 6 a second.
        gray_t_s: (T,) seconds after the clip's start, increasing.
        motion: T - 1 motions, motion[i] from gray[i] to gray[i + 1].
        tiny: (F, 36, 64) uint8 luma of every frame, stretched to that size.
        tiny_t_s: (F,) seconds after the clip's start, increasing.
        transition: The shot detector's highest score inside, 0 to 1; None where it has none.
        text_share: Share of the middle still that an optional detector found to be text, 0 to 1;
            None where it was not asked.
        chroma: (N, 2, H, W) uint8 Cb and Cr, 128 for grey, of one in three analysed frames; None
            where only luma is known.
        chroma_at: N indices of these frames in `gray`, increasing.
        found: What functions marked `once` returned on this clip.
    """

    gray: Gray
    gray_t_s: Float
    motion: tuple[GlobalMotion, ...]
    tiny: Gray
    tiny_t_s: Float
    transition: float | None = None
    text_share: float | None = None
    chroma: Chroma | None = None
    chroma_at: tuple[int, ...] = ()
    found: dict[str, object] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check that the lengths agree."""
        shapes = (len(self.gray), len(self.gray_t_s), len(self.motion) + 1)
        if len(set(shapes)) != 1 or not len(self.gray):
            raise ValueError(f"gray, gray_t_s and motion + 1 must agree and not be 0: {shapes}")
        if len(self.tiny) != len(self.tiny_t_s):
            raise ValueError(f"tiny and tiny_t_s differ: {len(self.tiny)}, {len(self.tiny_t_s)}")
        coloured = 0 if self.chroma is None else len(self.chroma)
        if coloured != len(self.chroma_at):
            raise ValueError(f"chroma and chroma_at differ: {coloured}, {len(self.chroma_at)}")


Found = TypeVar("Found")


def once(function: Callable[[Clip], Found]) -> Callable[[Clip], Found]:
    """Make a function of a clip work once per clip: a score, its evidence and others share it.

    What it raises as `Unmeasurable` is kept too. Its result must not be changed by who gets it.
    """
    key = f"{function.__module__}.{function.__qualname__}"

    @wraps(function)
    def shared(clip: Clip) -> Found:
        if key not in clip.found:
            try:
                clip.found[key] = function(clip)
            except Unmeasurable as reason:
                clip.found[key] = reason
        kept = clip.found[key]
        if isinstance(kept, Unmeasurable):
            raise Unmeasurable(kept.word)
        return cast("Found", kept)

    return shared


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where in a clip a score comes from: a span of time, a box in the picture, or both.

    Attributes:
        start_s: Seconds after the clip's start.
        end_s: Seconds after the clip's start, at least `start_s`.
        box: x, y, width, height as shares of the frame; None for all of it.
        value: How strong it is, in the score's own unit or 0 to 1; None where that says nothing.
        note: What was found there, one word (e.g. "caption"); None where the score's name says it.
    """

    start_s: float
    end_s: float
    box: tuple[float, float, float, float] | None = None
    value: float | None = None
    note: str | None = None

    def __post_init__(self) -> None:
        """Check the span and the box."""
        if not 0 <= self.start_s <= self.end_s:
            raise ValueError(f"the span must be ordered and not negative: {self}")
        if self.box is not None:
            x, y, width, height = self.box
            if min(x, y) < 0 or min(width, height) <= 0 or max(x + width, y + height) > 1 + 1e-6:
                raise ValueError(f"the box must lie within the frame: {self.box}")


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a clip until its source has passed.

    Attributes:
        shot: Index of its shot in the source.
        mean: (H, W) uint8 mean of the analysed frames.
        drawn: (h, w) uint8, 0 to 255: how surely each cell stays under an overlay.
        text: (S, h, w) uint8, 0 to 255: how surely each cell is under text, per span of the clip.
        box: left, top, right, bottom in px, exclusive: what is compared.
        end_s: End of the last span, seconds after the clip's start.
    """

    shot: int
    mean: npt.NDArray[np.uint8]
    drawn: npt.NDArray[np.uint8]
    text: npt.NDArray[np.uint8]
    box: tuple[int, int, int, int]
    end_s: float


@dataclass(frozen=True, slots=True)
class OverShots:
    """A clip beside other views of its source.

    Attributes:
        kept: Of the clip.
        agreement: (h, w) float32, 0 to 1: how alike the edges in each cell are in other shots.
        recurs: (h, w) float32, 0 to 1: how surely something is drawn in this and other shots.
    """

    kept: Kept
    agreement: npt.NDArray[np.float32]
    recurs: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Filter:
    """One score and the bounds within which a clip is kept.

    Attributes:
        score: Function of a clip; raises `Unmeasurable` where the score is not defined.
        doc: What the score is, its unit and range, in one line.
        low: Least value kept; None for no bound.
        high: Greatest value kept; None for no bound.
        null: What a missing score means for the verdict.
        version: Raised by hand whenever the function gives other values.
        evidence: What the score saw and where; raises `Unmeasurable` as `score` does. Asked only
            of clips that have a score, so it may repeat the work.
        over_shots: The score where the source shows other views, which then replaces that of the
            clip alone.
        over_shots_evidence: Its evidence.
    """

    score: Callable[[Clip], float]
    doc: str
    low: float | None = None
    high: float | None = None
    null: Literal["keep", "drop"] = "drop"
    version: int = 1
    evidence: Callable[[Clip], Sequence[Evidence]] | None = None
    over_shots: Callable[[OverShots], float] | None = None
    over_shots_evidence: Callable[[OverShots], Sequence[Evidence]] | None = None

    def keeps(self, value: float) -> bool:
        """Whether a measured value lies within the bounds (both included)."""
        above = self.low is None or value >= self.low
        return above and (self.high is None or value <= self.high)
