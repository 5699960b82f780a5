"""Pictures within the picture: rectangles whose sides are seams that an editor made.

Every rectangle between strong lines is judged by five cues, each a mean over those of its sides
that do not lie on the frame's edge, and each zero or low for what a scene shows:

- the step across the side stands out from the texture on both of its sides;
- four parts of the side lie on one straight line;
- what changes over time on one side of it does not go on to the other side;
- the side ends at the corners;
- the sides are long, for short lines are straight by chance.

A logistic regression weighs them (docs/edits.md). Three clear sides make up for a weak one.
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from filters import seams
from filters.base import Float, Gray
from filters.seams import Plane

PxBox: TypeAlias = tuple[int, int, int, int]
"""x, y, width, height in px."""
Picture: TypeAlias = tuple[float, PxBox]
"""How surely a picture lies in a rectangle, 0 to 1, and the rectangle."""
Places: TypeAlias = npt.NDArray[np.intp]

AREA: Final = (0.015, 0.5)
"""Least and greatest share of the frame that a picture covers."""
ASPECT: Final = (0.3, 3.5)
"""Least and greatest width over height: beyond lie bars of text."""
LINES: Final = 16
"""Lines of each direction whose rectangles are looked at."""
CANDIDATES: Final = 60
"""Rectangles that are judged by all cues: those whose sides are seams for most of their length."""
LEAST: Final = (0.15, 0.5)
"""Share of a side that is a seam: of the weakest, and of the mean side."""
TRIM: Final = 0.1
"""Share of a side left out at either end, where corners may be rounded."""
FAR: Final = 7
"""px to the middle of the farther texture: an edge line of 2 to 4 px does not hide it."""
CARRY_PX: Final = 3
"""px between two pixels whose changes over time are compared; both clear of the seam's blur."""
NOISE: Final = 6.0
"""Variance over time, grey levels squared, that compression and a sensor make."""
BEYOND_PX: Final = (3, 9)
"""px after a corner in which a side that goes on is looked for."""
FAINT: Final = 6.0
"""Grey levels added to the texture: the blocks of a codec make such steps in dark, flat parts."""
WEIGHTS: Final = {"contrast": 1.05, "bend": -32.0, "apart": 9.1, "beyond": -8.1, "length": 0.96}
OFFSET: Final = 0.74
"""Log odds, fitted to the tuning half of benchmarks/edits.py and to other clips (docs/edits.md)."""


@dataclass(frozen=True, slots=True)
class Cues:
    """What speaks for and against K rectangles; each (K,), means over the inner sides unless said.

    Attributes:
        contrast: Log2 of the step over the rougher texture beside it, -0.5 to 1.5 for each side,
            added up: two sides tell less than four.
        bend: Distance of the sides' quarters from a straight line, px, 0 to 1.
        apart: Share of the change over time that stays on its side, as far as the step is clear,
            less the share that goes over it, -1 to 1; 0 where nothing changes.
        beyond: Share of what follows the corners along which the sides go on, 0 to 1.
        length: Log2 of the seams' length over the frame's height.
    """

    contrast: Float
    bend: Float
    apart: Float
    beyond: Float
    length: Float

    def sureness(self) -> Float:
        """(K,) 0 to 1."""
        odds = OFFSET + sum(w * getattr(self, name) for name, w in WEIGHTS.items())
        return np.asarray(1.0 / (1.0 + np.exp(-odds)), np.float64)


@dataclass(frozen=True, slots=True)
class _Sides:
    """Running sums along the lines of one direction, (N + 1, lines) each unless said.

    Attributes:
        places: (lines,) where they are, the frame's edges among them.
        seam: Px that are a seam.
        wide: The same, up to a px beside the line.
        contrast: Of `Cues`.
        energy: (4, N + 1, lines) change over time, grey levels squared, 5 and 2 px before, 1 and 4
            px after the line.
        carry: (3, N + 1, lines) product of the changes of neighbours in `energy`.
        profile: (5, N + 1, lines) step between neighbouring px, 2 px before to 2 px after.
        size: Px between the frame's edges.
    """

    places: Places
    seam: Float
    wide: Float
    contrast: Float
    energy: Float
    carry: Float
    profile: Float
    size: int


def pictures(gray: Gray, between_columns: Plane, between_rows: Plane) -> list[Picture]:
    """All rectangles that are looked at, the surest first; they overlap.

    Args:
        gray: (T, H, W) uint8.
        between_columns: (H, W) `seams.steps` of it.
        between_rows: (W, H) `seams.row_steps` of it.
    """
    least = max(10, round(0.08 * gray.shape[1]))
    energy, across, down = _changes(gray)
    upright = _sides(between_columns, seams.steps(gray, 1), energy, across, least)
    level = _sides(between_rows, seams.row_steps(gray, 1), energy.T, down.T, least)
    found = _candidates(upright, level, least)
    if not len(found):
        return []
    places = upright.places[found[:, :2]], level.places[found[:, 2:]]
    boxes = np.column_stack([places[0], places[1]])
    sure = _cues(upright, level, found).sureness()
    order = np.argsort(-sure, kind="stable")
    return [
        (float(sure[i]), (int(left), int(top), int(right - left), int(bottom - top)))
        for i, (left, right, top, bottom) in zip(order, boxes[order], strict=True)
    ]


def apart(rated: list[Picture], gap: int = 0) -> list[Picture]:
    """Pictures that do not overlap, chosen so that the second is as sure as can be.

    Args:
        rated: The surest first.
        gap: px between them.
    """
    pairs = (
        (a, b) for j, b in enumerate(rated) for a in rated[:j] if not _overlap(a[1], b[1], gap)
    )
    # The first pair found has the surest second.
    chosen = list(next(pairs, tuple(rated[:1])))
    for one in rated:
        if not any(_overlap(one[1], other, gap) for _, other in chosen):
            chosen.append(one)
    return chosen


def _overlap(a: PxBox, b: PxBox, gap: int) -> bool:
    """Whether two boxes share more than a line or two, or lie closer than the gap."""
    wide = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    high = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    return min(wide, high) > (-gap if gap else 3)


def _changes(gray: Gray) -> tuple[Plane, Plane, Plane]:
    """Mean square of the change between frames, and its products with CARRY_PX further.

    Returns:
        Three (H, W) float32 in grey levels squared: the change; times that to the right, times
        that below, 0 where there is none.
    """
    energy, across, down = (np.zeros(gray.shape[1:], np.float32) for _ in range(3))
    before = gray[0].astype(np.float32)
    for frame in gray[1:]:
        now = frame.astype(np.float32)
        change = cv2.subtract(now, before)
        energy += change * change
        across[:, :-CARRY_PX] += change[:, :-CARRY_PX] * change[:, CARRY_PX:]
        down[:-CARRY_PX] += change[:-CARRY_PX] * change[CARRY_PX:]
        before = now
    count = np.float32(max(1, len(gray) - 1))
    return energy / count, across / count, down / count


def _sides(step: Plane, fine: Plane, energy: Plane, carry: Plane, least: int) -> _Sides:
    """What the cues need to know of the strongest lines between columns.

    Args:
        step: (H, W) steps of 2 px, like the next three.
        fine: Steps of 1 px.
        energy: Of `_changes`.
        carry: Of `_changes`, along the rows.
        least: Px of a line that are a seam.
    """
    width = step.shape[1]
    seam, contrast = _lines(step)
    at = np.array(seams.strongest(seam.sum(axis=0), least, LINES, width), np.intp)

    def beside(plane: Plane, by: int) -> Float:
        # At the frame's edges there is nothing to compare: 0.
        inside = (at + by >= 0) & (at + by < width)
        return _running(plane[:, np.clip(at + by, 0, width - 1)] * inside)

    wide = np.max([seam[:, np.clip(at + by, 0, width - 1)] for by in (-1, 0, 1)], axis=0)
    return _Sides(
        at,
        beside(seam, 0),
        _running(wide),
        beside(contrast, 0),
        np.stack([beside(energy, by) for by in (-5, -2, 1, 4)]),
        np.stack([beside(carry, by) for by in (-5, -2, 1)]),
        np.stack([_running(fine[:, np.clip(at + by, 1, width - 1)]) for by in range(-2, 3)]),
        width,
    )


def _running(values: Plane) -> Float:
    """Sums over the rows before each, (N + 1, lines)."""
    out = np.zeros((values.shape[0] + 1, values.shape[1]), np.float64)
    np.cumsum(values, axis=0, out=out[1:])
    return out


def _lines(step: Plane) -> tuple[Plane, Plane]:
    """Where a step is a seam, 0 or 1, and its contrast, for lines at the left edge of columns."""
    along = cv2.blur(step, (1, seams.SMOOTH_PX), borderType=cv2.BORDER_REPLICATE)
    near = cv2.blur(along, (seams.REACH - 2, 1), borderType=cv2.BORDER_REPLICATE)
    padded = np.pad(near, ((0, 0), (FAR, FAR)), mode="edge")
    width = step.shape[1]
    by = (seams.REACH + 3) // 2
    before, after = padded[:, FAR - by :][:, :width], padded[:, FAR + by :][:, :width]
    near = np.maximum(before, after)
    # Beyond a line around the picture the texture is that of the farther px.
    rough = np.maximum(
        np.minimum(before, padded[:, :width]), np.minimum(after, padded[:, 2 * FAR :])
    )
    seam = (along > seams.RATIO * rough + seams.LEAST).astype(np.float32)
    contrast = np.clip(np.log2((along + 1.0) / (near + FAINT)), -0.5, 2.0)
    return seams.next_column(seams.sharpened(seam)), seams.next_column(seams.sharpened(contrast))


def _candidates(upright: _Sides, level: _Sides, least: int) -> Places:
    """Rectangles most of whose sides are seams: (K, 4) left, right, top, bottom among the lines."""
    xs, ys = upright.places, level.places
    left, right = (v[:, None] for v in _pairs(xs, least))
    top, bottom = (v[None] for v in _pairs(ys, least))
    shares = np.stack([
        _share(upright.seam, left, ys[top], ys[bottom]),
        _share(upright.seam, right, ys[top], ys[bottom]),
        _share(level.seam, top, xs[left], xs[right]),
        _share(level.seam, bottom, xs[left], xs[right]),
    ])  # fmt: skip
    inner = np.stack(np.broadcast_arrays(
        left > 0, right < len(xs) - 1, top > 0, bottom < len(ys) - 1
    ))  # fmt: skip
    count = inner.sum(axis=0)
    mean = np.where(inner, shares, 0.0).sum(axis=0) / np.maximum(count, 1)
    weakest = np.where(inner, shares, 1.0).min(axis=0)
    broad, tall = xs[right] - xs[left], ys[bottom] - ys[top]
    area, aspect = broad * tall / (upright.size * level.size), broad / tall
    # A pane reaches from edge to edge; an inset has a side of its own in both directions.
    fits = (count >= 2) & (broad < upright.size) & (tall < level.size)
    fits &= (area >= AREA[0]) & (area <= AREA[1]) & (aspect >= ASPECT[0]) & (aspect <= ASPECT[1])
    fits &= (weakest >= LEAST[0]) & (mean >= LEAST[1])
    first = np.where(fits, mean + 0.3 * weakest - 0.1 * (count < 3), 0.0)
    best = np.argsort(-first, axis=None, kind="stable")[:CANDIDATES]
    i, j = np.unravel_index(best[first.flat[best] > 0], first.shape)
    found = np.column_stack([left[i, 0], right[i, 0], top[0, j], bottom[0, j]])
    return found.astype(np.intp)


def _pairs(places: Places, least: int) -> tuple[Places, Places]:
    """Indices of all pairs of places at least `least` px apart."""
    first, second = np.nonzero(places[None] - places[:, None] >= least)
    return first, second


def _trimmed(start: Places, end: Places) -> tuple[Places, Places]:
    cut = np.rint(TRIM * (end - start)).astype(np.intp)
    return start + cut, end - cut


def _share(running: Float, line: Places, start: Places, end: Places) -> Float:
    """Mean along a part of a line, its ends left out."""
    start, end = _trimmed(start, end)
    return (running[end, line] - running[start, line]) / (end - start)


def _cues(upright: _Sides, level: _Sides, found: Places) -> Cues:
    """The five cues of (K, 4) rectangles."""
    left, right, top, bottom = found.T
    xs, ys = upright.places, level.places
    sides = [
        (upright, left, ys[top], ys[bottom]), (upright, right, ys[top], ys[bottom]),
        (level, top, xs[left], xs[right]), (level, bottom, xs[left], xs[right]),
    ]  # fmt: skip
    inner = np.stack([(at > 0) & (at < len(s.places) - 1) for s, at, _, _ in sides])

    def mean(values: list[Float]) -> Float:
        total = np.where(inner, np.stack(values), 0.0).sum(axis=0)
        return np.asarray(total / inner.sum(axis=0), np.float64)

    contrast = [np.clip(_share(s.contrast, at, a, b), -0.5, 1.5) for s, at, a, b in sides]
    goes_on = [_beyond(*side) for side in sides]
    counted = np.where(inner, np.stack([n for _, n in goes_on]), 0.0).sum(axis=0)
    beyond = np.where(inner, np.stack([s for s, _ in goes_on]), 0.0).sum(axis=0)
    seam = np.stack([_share(s.seam, at, a, b) * (b - a) for s, at, a, b in sides])
    return Cues(
        np.where(inner, np.stack(contrast), 0.0).sum(axis=0),
        mean([_bend(*side) for side in sides]),
        mean([_stays(*side, found) for side, found in zip(sides, contrast, strict=True)]),
        beyond / np.maximum(counted, 1),
        np.log2(np.where(inner, seam, 0.0).sum(axis=0) / level.size),
    )


def _bend(s: _Sides, line: Places, start: Places, end: Places) -> Float:
    """Standard deviation of the places of a line's quarters, px, weighted by their heights."""
    start, end = _trimmed(start, end)
    # (5, K): where the quarters begin and end.
    split = start + np.rint(np.linspace(0, 1, 5)[:, None] * (end - start)).astype(np.intp)
    # (5 columns, 4 quarters, K)
    total = np.diff(s.profile[:, split, line], axis=1)
    height = total / np.maximum(np.diff(split, axis=0), 1)
    peak = np.clip(height.sum(axis=1).argmax(axis=0), 1, 3)
    clear = height - height.min(axis=0)
    clear = np.where(np.abs(np.arange(5)[:, None, None] - peak) <= 1, clear, 0.0)
    weight = clear.sum(axis=0)
    places = (clear * np.arange(5)[:, None, None]).sum(axis=0) / np.maximum(weight, 1e-6)
    whole = np.maximum(weight.sum(axis=0), 1e-6)
    middle = (places * weight).sum(axis=0) / whole
    return np.asarray(np.sqrt(((places - middle) ** 2 * weight).sum(axis=0) / whole))


def _stays(s: _Sides, line: Places, start: Places, end: Places, contrast: Float) -> Float:
    """Share of the change over time that stays on its side, less that which goes on, -1 to 1.

    Of the side that changes more: how its change goes on for CARRY_PX away from the line, and how
    over it. In a scene both do; two pictures change each in its own way. What stays counts as far
    as there is a step: without one, two parts of a scene may move apart too.

    Args:
        s: Lines of one direction.
        line: (K,) indices of lines, like the next two and the answer.
        start: Where the side begins, px.
        end: Where it ends.
        contrast: Of the side.
    """
    start, end = _trimmed(start, end)
    # (4, K) and (3, K) grey levels squared per px.
    energy = (s.energy[:, end, line] - s.energy[:, start, line]) / (end - start)
    carry = (s.carry[:, end, line] - s.carry[:, start, line]) / (end - start)
    most = np.maximum(energy[:-1], energy[1:]) + NOISE
    before, over, after = carry / most
    own = np.where(energy[1] > energy[2], before, after)
    stays = np.clip(own - over, 0.0, 1.0) * np.clip(contrast, 0.0, 1.0)
    share = stays - np.clip(over, 0.0, 1.0)
    near = (s.places[line] < 7) | (s.places[line] > s.size - 8)
    return np.asarray(np.where(near, 0.0, share), np.float64)


def _beyond(s: _Sides, line: Places, start: Places, end: Places) -> tuple[Float, Float]:
    """Sum over both ends of the share along which a line goes on, and how many ends have room."""
    last = len(s.wide) - 1
    first, far = BEYOND_PX
    ends = (
        (np.maximum(start - far, 0), np.maximum(start - first, 0), start >= 2 * first),
        (np.minimum(end + first, last), np.minimum(end + far, last), end <= last - 2 * first),
    )
    total, count = np.zeros(len(line)), np.zeros(len(line))
    for a, b, room in ends:
        share = (s.wide[b, line] - s.wide[a, line]) / np.maximum(b - a, 1)
        total += np.where(room, share, 0.0)
        count += room
    return total, count
