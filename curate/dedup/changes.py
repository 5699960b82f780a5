"""What was done to one copy of a recording that was not done to the other, in words."""

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt
import polars as pl

from curate.dedup.align import Alignment, Footage, aligned
from curate.dedup.verdict import RETIMED, WHOLE

Floats = npt.NDArray[np.float32]

CHANGES: Final = {
    "trimmed": "one is part of the other, or each has a part that the other has not",
    "retimed": "one is faster",
    "mirrored": "left and right are exchanged",
    "cropped": "one shows a part of the other's picture",
    "squeezed": "the shape of the picture differs",
    "bordered": "one has wider borders: letterbox, pillarbox, frame",
    "rescaled": "the same part has another size in pixels",
    "recoloured": "colour, brightness or contrast differ",
    "marked": "one has a mark, a logo or a caption where the other has none",
}
"""Word of `copies.changes` -> meaning. A copy without any is the recording encoded again."""

_CROPPED: Final = 0.94
_SHAPE: Final = 0.08
_BORDER: Final = 0.04
_SCALE: Final = 0.15
_GAIN: Final = 0.12
_SHIFT: Final = 8.0
_CHROMA: Final = 0.35
_LEAST_CHROMA: Final = 2.0
_MARK: Final = 10.0
_MARK_RATIO: Final = 4.0
_MARK_EDGE: Final = 0.5
_MARK_FILL: Final = 0.6
_MARK_AREA: Final = (0.01, 0.3)
_LEVELS: Final = 16
_TRUSTED: Final = 0.75
"""Share of the picture, the best fitting one, that brightness and contrast are read off."""


@dataclass(frozen=True, slots=True)
class Tones:
    """How the luma of two aligned clips differs.

    Attributes:
        gain: Contrast of b over that of a.
        shift: By how much b is brighter, at a's mean, grey levels.
        marked: Share of the picture that differs beyond that, throughout, 0 to 1.
    """

    gain: float
    shift: float
    marked: float


def tones(a: Footage, b: Footage, found: Alignment) -> Tones:
    """Compare the luma of two clips laid over each other.

    Args:
        a: Clip a.
        b: Clip b.
        found: An alignment of the two.
    """
    x, y = aligned(a, b, found)
    error = np.abs(y - _toned(x, y)).mean(axis=0)
    fits = error <= np.quantile(error, _TRUSTED)
    spread = float(x[:, fits].std())
    gain = float(y[:, fits].std()) / spread if spread > 1 else 1.0
    shift = float(y[:, fits].mean() - x[:, fits].mean())
    # Where the two are not quite in place, both have edges; a mark hides those of one.
    edges = np.minimum(_edges(x), _edges(y))
    least = max(_MARK, _MARK_RATIO * float(np.median(error)))
    return Tones(gain, shift, _marked(error > np.maximum(least, _MARK_EDGE * edges)))


def _toned(x: Floats, y: Floats) -> Floats:
    """What y would be if it were a tone curve of x: per grey level the median of y there."""
    levels = np.unique(np.quantile(x, np.linspace(0, 1, _LEVELS + 1)))
    if len(levels) < 2:
        return np.full_like(x, np.median(y))
    bins = np.clip(np.searchsorted(levels, x, "right") - 1, 0, len(levels) - 2)
    held = [number for number in range(len(levels) - 1) if (bins == number).any()]
    curve = [float(np.median(y[bins == number])) for number in held]
    at = [float(np.median(x[bins == number])) for number in held]
    return np.asarray(np.interp(x, at, curve), np.float32)


def _edges(pictures: Floats) -> Floats:
    """(16, 16) greatest step to a neighbour, mean over time, grey levels."""
    padded = np.pad(pictures, ((0, 0), (1, 1), (1, 1)), mode="edge")
    steps = [
        np.abs(padded[:, 1 + dy : 17 + dy, 1 + dx : 17 + dx] - pictures)
        for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1))
    ]
    return np.asarray(np.max(steps, axis=0).mean(axis=0), np.float32)


def _marked(beyond: npt.NDArray[np.bool_]) -> float:
    """Share of the picture in its largest patch that is as compact as a mark; 0 if there is none.

    The outermost ring does not count: what is left of a border there is no mark.
    """
    inner = beyond[1:-1, 1:-1].astype(np.uint8)
    _, _, patches, _ = cv2.connectedComponentsWithStats(inner, connectivity=4)
    compact = [
        int(cells)
        for _, _, width, height, cells in patches[1:]
        if max(width, height) < len(inner) and cells >= _MARK_FILL * width * height
    ]
    return max(compact, default=0) / beyond.size


def chroma(jpeg: bytes) -> float:
    """Mean distance of a still's colours from grey, 0 to 180; NaN where it is no picture."""
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_REDUCED_COLOR_4)
    if image is None:
        return float("nan")
    colours = cv2.cvtColor(image, cv2.COLOR_BGR2YCrCb)[..., 1:].astype(np.float32) - 128
    return float(np.hypot(colours[..., 0], colours[..., 1]).mean())


def words(copies: pl.DataFrame, clips: pl.DataFrame) -> pl.Series:
    """The changes of every pair, in the order of `CHANGES`.

    Args:
        copies: Rows of `copies`, with gain, shift and marked of `Tones`.
        clips: clip_id, start_s, end_s, content_width, content_height, source_width,
            source_height and chroma (null where unknown) of the clips in them.

    Returns:
        List of words per pair; empty where the packets are the same.
    """
    facts = clips.select(
        "clip_id",
        "chroma",
        span=pl.col("end_s") - pl.col("start_s"),
        width=pl.col("content_width").cast(pl.Float64),
        height=pl.col("content_height").cast(pl.Float64),
        border=1
        - pl.col("content_width").cast(pl.Float64)
        * pl.col("content_height")
        / (pl.col("source_width").cast(pl.Float64) * pl.col("source_height")),
    )
    table = copies.join(facts, on="clip_id", how="left", maintain_order="left").join(
        facts,
        left_on="other_id",
        right_on="clip_id",
        how="left",
        suffix="_b",
        maintain_order="left",
    )
    flags = {word: rule.fill_null(False) for word, rule in _rules().items()}
    copy = pl.col("relation") != "exact"
    listed = pl.concat_list(
        pl.when(flag & copy).then(pl.lit(word)).otherwise(None) for word, flag in flags.items()
    ).list.drop_nulls()
    return table.select(changes=listed)["changes"]


def _rules() -> dict[str, pl.Expr]:
    """Word -> whether it holds of a pair."""
    whole_of = (pl.col("part_of") == "clip", pl.col("part_of") == "other")
    # Width and height of what both show, in pixels of either.
    shown = {
        side + axis: pl.when(inside)
        .then(pl.col(axis + side) * pl.col("part_" + axis))
        .otherwise(pl.col(axis + side))
        for side, inside in (("", whole_of[0]), ("_b", whole_of[1]))
        for axis in ("width", "height")
    }
    shape = (shown["width"] / shown["height"]) / (shown["_bwidth"] / shown["_bheight"])
    size = (shown["width"] * shown["height"]) / (shown["_bwidth"] * shown["_bheight"])
    longer = pl.max_horizontal(pl.col("span"), pl.col("span_b") * pl.col("speed"))
    shorter = pl.min_horizontal(pl.col("span"), pl.col("span_b") * pl.col("speed"))
    paler = pl.min_horizontal("chroma", "chroma_b") / pl.max_horizontal("chroma", "chroma_b")
    coloured = pl.max_horizontal("chroma", "chroma_b") > _LEAST_CHROMA
    return {
        "trimmed": (pl.col("share") < WHOLE) | (shorter < WHOLE * longer),
        "retimed": (pl.col("speed") - 1).abs() > RETIMED,
        "mirrored": pl.col("mirrored"),
        "cropped": (pl.col("part_width") < _CROPPED) | (pl.col("part_height") < _CROPPED),
        "squeezed": shape.log().abs() > _SHAPE,
        "bordered": (pl.col("border") - pl.col("border_b")).abs() > _BORDER,
        "rescaled": size.log().abs() / 2 > _SCALE,
        "recoloured": (pl.col("gain").log().abs() > _GAIN)
        | (pl.col("shift").abs() > _SHIFT)
        | ((paler < 1 - _CHROMA) & coloured),
        "marked": pl.col("marked").is_between(*_MARK_AREA),
    }


def with_tones(row: dict[str, Any], found: Tones) -> dict[str, Any]:
    """A row of `copies` with what `words` needs beside it."""
    return {**row, "gain": found.gain, "shift": found.shift, "marked": found.marked}
