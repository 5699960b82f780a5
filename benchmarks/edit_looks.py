"""Edits with known truth for benchmarks/edits.py: bars, panes, insets, overlays, jumps, fades.

Each takes frames (T, H, W, 3) uint8 RGB of a clean clip, a second clip of the same shape, and a
random generator. Overlays are drawn in fonts that no training sample has: with the looks of
curate.overlays.training, and with those of unseen_looks.py, which are of the benchmark only.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.unseen_looks import UNSEEN
from curate.overlays.training import looks, marks
from curate.overlays.training.lettering import drawn_in
from curate.overlays.training.sprites import Look, burn

Frames = npt.NDArray[np.uint8]
Random = np.random.Generator


@dataclass(frozen=True, slots=True)
class Edit:
    """An edited clip.

    Attributes:
        frames: (T, H, W, 3) uint8 RGB.
        box: Where the picture is, px (x, y, w, h); None where no border was added.
        details: What was done, for the contact sheets.
        drawn: What letters lie within over the time, px (x, y, w, h); None without letters.
    """

    frames: Frames
    box: tuple[int, int, int, int] | None = None
    details: dict[str, float | str] = field(default_factory=dict)
    drawn: tuple[int, int, int, int] | None = None


Op = Callable[[Frames, Frames, Random], Edit]


_TRIES: Final = 12
_SEEN_LEVELS: Final = 24
_SEEN_SHARE: Final = 0.001
_SEEN_TIME: Final = 0.25
"""An overlay is one if it changes a thousandth of the picture by 24 grey levels for a quarter of
the time."""


def _even(value: float) -> int:
    return max(2, 2 * round(value / 2))


def _resized(frames: Frames, width: int, height: int) -> Frames:
    return np.stack(
        [cv2.resize(f, (width, height), interpolation=cv2.INTER_AREA) for f in frames]
    ).astype(np.uint8)


def _covering(frames: Frames, width: int, height: int) -> Frames:
    """Scaled and cropped to fill a rectangle."""
    h, w = frames.shape[1:3]
    scale = max(width / w, height / h)
    big = _resized(frames, max(width, round(w * scale)), max(height, round(h * scale)))
    y, x = (big.shape[1] - height) // 2, (big.shape[2] - width) // 2
    return big[:, y : y + height, x : x + width]


def _content(frames: Frames, rng: Random) -> tuple[Frames, tuple[int, int, int, int]]:
    """The picture made smaller for its place in the frame, and that place."""
    height, width = frames.shape[1:3]
    kind = rng.integers(4)
    w, h = width, height
    if kind == 0:
        h = int(height * rng.uniform(0.6, 0.93))
    elif kind == 1:
        w = int(width * rng.uniform(0.3, 0.92))
    elif kind == 2:
        w, h = int(width * rng.uniform(0.6, 0.92)), int(height * rng.uniform(0.6, 0.92))
    else:
        h = int(height * rng.uniform(0.72, 0.8))
    place = ((width - w) // 2, (height - h) // 2, w, h)
    if rng.random() < 0.12 and h < height:  # one side only
        place = (place[0], int(rng.choice([0, height - h])), w, h)
    return _covering(frames, w, h), place


def _colour(rng: Random) -> npt.NDArray[np.uint8]:
    kind = rng.random()
    if kind < 0.45:
        return np.full(3, rng.choice([0, 0, 0, 8, 16]), np.uint8)
    if kind < 0.6:
        return np.full(3, rng.choice([255, 250, 235, 128]), np.uint8)
    return rng.integers(0, 256, 3).astype(np.uint8)


def flat_bars(frames: Frames, other: Frames, rng: Random) -> Edit:
    """Bars of one colour on two or four sides, or on one."""
    picture, box = _content(frames, rng)
    out = np.empty_like(frames)
    out[:] = _colour(rng)
    x, y, w, h = box
    out[:, y : y + h, x : x + w] = picture
    return Edit(out, box)


def soft_bars(frames: Frames, other: Frames, rng: Random) -> Edit:
    """Bars whose inner edge is blurred over 4 to 16 px."""
    made = flat_bars(frames, other, rng)
    x, y, w, h = made.box or (0, 0, 0, 0)
    height, width = frames.shape[1:3]
    mask = np.zeros((height, width), np.float32)
    mask[y : y + h, x : x + w] = 1
    reach = int(rng.integers(2, 9))
    soft = cv2.blur(mask, (2 * reach + 1, 2 * reach + 1), borderType=cv2.BORDER_REPLICATE)[
        ..., None
    ]
    back = np.empty_like(frames[0])
    back[:] = made.frames[0, 0, 0] if y or x else made.frames[0, -1, -1]
    full = back.astype(np.float32)
    shown = _covering(frames, w, h)
    out = np.empty_like(frames)
    for i, f in enumerate(shown):
        sheet = cv2.copyMakeBorder(f, y, height - y - h, x, width - x - w, cv2.BORDER_REPLICATE)
        out[i] = np.rint(full * (1 - soft) + sheet * soft).astype(np.uint8)
    return Edit(out, made.box)


def pattern_border(frames: Frames, other: Frames, rng: Random) -> Edit:
    """A frame with a texture, stripes, a gradient or a still picture that stands still."""
    picture, box = _content(frames, rng)
    height, width = frames.shape[1:3]
    yy, xx = np.mgrid[0:height, 0:width].astype(np.float32)
    kind = rng.integers(5)
    a, b = rng.integers(0, 256, (2, 3)).astype(np.float32)
    if kind == 0:
        t = (
            np.sin((xx * rng.uniform(-1, 1) + yy * rng.uniform(-1, 1)) * rng.uniform(0.05, 0.5)) > 0
        ).astype(np.float32)
    elif kind == 1:
        t = (xx / width * rng.random() + yy / height * rng.random()).clip(0, 1)
    elif kind == 2:
        size = int(rng.integers(8, 40))
        t = ((xx // size + yy // size) % 2).astype(np.float32)
    elif kind == 3:
        t = cv2.GaussianBlur(
            rng.random((height, width)).astype(np.float32), (0, 0), rng.uniform(1, 8)
        )
        t = (t - t.min()) / np.ptp(t)
    else:
        t = None
    back = other[0] if t is None else (a * (1 - t[..., None]) + b * t[..., None]).astype(np.uint8)
    out = np.repeat(back[None], len(frames), axis=0)
    x, y, w, h = box
    out[:, y : y + h, x : x + w] = picture
    return Edit(out, box, {"kind": int(kind)})


def blurred_sides(frames: Frames, other: Frames, rng: Random) -> Edit:
    """A narrow picture before an enlarged, blurred copy of itself; or a low one in an upright."""
    height, width = frames.shape[1:3]
    if width > height:
        w, h = _even(width * rng.uniform(0.28, 0.8)), height
    else:
        w, h = width, _even(height * rng.uniform(0.28, 0.8))
    picture = _covering(frames, w, h)
    back = _covering(picture, width, height)
    sigma, dim = rng.uniform(4, 25), rng.uniform(0.55, 1.0)
    small = _resized(back, width // 4, height // 4)
    out = np.stack(
        [
            cv2.resize(
                cv2.GaussianBlur(f, (0, 0), sigma / 4),
                (width, height),
                interpolation=cv2.INTER_LINEAR,
            )
            for f in small
        ]
    )
    out = (out * dim).astype(np.uint8)
    x, y = (width - w) // 2, (height - h) // 2
    out[:, y : y + h, x : x + w] = picture
    return Edit(out, (x, y, w, h), {"sigma": sigma, "dim": dim})


def changing_bars(frames: Frames, other: Frames, rng: Random) -> Edit:
    """Bars that come, go or grow at a moment of the clip; truth is what is picture throughout."""
    at = int(len(frames) * rng.uniform(0.35, 0.65))
    bars = flat_bars(frames, other, rng)
    first, second = (frames[:at], bars.frames[at:])
    if rng.random() < 0.5:
        first, second = bars.frames[:at], frames[at:]
    return Edit(np.concatenate([first, second]), bars.box)


def _drawn(look: Look) -> Op:
    def op(frames: Frames, other: Frames, rng: Random) -> Edit:
        size = (frames.shape[2], frames.shape[1])
        with drawn_in("unseen"):
            for _ in range(_TRIES):
                made, masks = burn(frames, look(len(frames), size, rng))
                if _visible(made, frames):
                    x, y, w, h = cv2.boundingRect(masks[:, 1].max(axis=0))
                    return Edit(made, drawn=(x, y, w, h))
        raise RuntimeError(f"{look.__name__} could not be seen in {_TRIES} tries")

    return op


def _visible(made: Frames, frames: Frames) -> bool:
    """Whether an edit changes enough of the picture to be seen: white on snow is no edit."""
    changed = np.array([_share_changed(a, b) for a, b in zip(made, frames, strict=True)])
    return float((changed > _SEEN_SHARE).mean()) > _SEEN_TIME


def _share_changed(a: Frames, b: Frames) -> float:
    """Share of the pixels that differ by more than _SEEN_LEVELS in some channel."""
    red, green, blue = cv2.split(cv2.absdiff(a, b))
    most = np.asarray(cv2.max(cv2.max(red, green), blue))
    return float((most > _SEEN_LEVELS).mean())


def inset(frames: Frames, other: Frames, rng: Random) -> Edit:
    """A second clip in a rectangle before the first: a webcam, a reaction, an inset of a talk."""
    height, width = frames.shape[1:3]
    w = _even(width * rng.uniform(0.17, 0.42))
    h = _even(w / rng.choice([16 / 9, 4 / 3, 1, 3 / 4, rng.uniform(0.7, 1.8)]))
    h = min(h, _even(height * 0.6))
    edge = int(rng.choice([0, 0, 1, 2, 4, 6]))
    mx, my = (
        int(width * rng.choice([0, 0.02, 0.04, 0.07])),
        int(height * rng.choice([0, 0.03, 0.06, 0.1])),
    )
    x = (
        int(rng.choice([mx, width - w - mx]))
        if rng.random() < 0.8
        else int(rng.uniform(0, width - w))
    )
    y = (
        int(rng.choice([my, height - h - my]))
        if rng.random() < 0.8
        else int(rng.uniform(0, height - h))
    )
    out = frames.copy()
    part = _covering(other, w, h)
    if edge:
        out[:, max(0, y - edge) : y + h + edge, max(0, x - edge) : x + w + edge] = _colour(rng)
    out[:, y : y + h, x : x + w] = part
    return Edit(out, None, {"x": x, "y": y, "w": w, "h": h, "edge": edge})


def rounded_inset(frames: Frames, other: Frames, rng: Random) -> Edit:
    """An inset with rounded corners; some with a line around it, some with a shadow below it."""
    height, width = frames.shape[1:3]
    made = inset(frames, other, rng).details
    w, h = int(made["w"]), int(made["h"])
    x, y = (
        min(max(int(made[k]), 4), side - 4) for k, side in (("x", width - w), ("y", height - h))
    )
    radius = int(rng.uniform(0.04, 0.22) * min(w, h))
    line = int(rng.choice([0, 0, 0, 2, 4]))
    inner = _rounded((height, width), (x, y, w, h), radius)
    outer = _rounded(
        (height, width), (x - line, y - line, w + 2 * line, h + 2 * line), radius + line
    )
    dark = np.zeros_like(outer)
    if rng.random() < 0.5:
        lower = np.roll(outer, int(rng.uniform(0, 6)), axis=0)
        dark = rng.uniform(0.3, 0.7) * cv2.GaussianBlur(lower, (0, 0), rng.uniform(2, 8))[..., None]
    colour, part, out = _colour(rng), _covering(other, w, h), np.empty_like(frames)
    for i, frame in enumerate(frames):
        below = frame * (1 - dark) * (1 - outer) + colour * outer
        above = np.zeros_like(below)
        above[y : y + h, x : x + w] = part[i]
        out[i] = np.rint(below * (1 - inner) + above * inner).astype(np.uint8)
    return Edit(out, None, {"x": x, "y": y, "w": w, "h": h, "edge": line, "radius": radius})


def _rounded(
    size: tuple[int, int], box: tuple[int, int, int, int], radius: int
) -> npt.NDArray[np.float32]:
    """(H, W, 1) share of each pixel that a rectangle with rounded corners covers."""
    height, width = size
    x, y, w, h = (4 * v for v in box)
    mask, r = np.zeros((4 * height, 4 * width), np.uint8), 4 * radius
    cv2.rectangle(mask, (x + r, y), (x + w - r - 1, y + h - 1), 255, -1)
    cv2.rectangle(mask, (x, y + r), (x + w - 1, y + h - r - 1), 255, -1)
    for corner in ((x + r, y + r), (x + w - r - 1, y + r)):
        cv2.circle(mask, corner, r, 255, -1)
        cv2.circle(mask, (corner[0], y + h - r - 1), r, 255, -1)
    small = cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(small[..., None] / 255, np.float32)


def _grid(rng: Random) -> list[tuple[float, float, float, float]]:
    kind = rng.integers(8)
    if kind in (0, 1):
        s = rng.uniform(0.35, 0.65) if kind else 0.5
        return [(0, 0, s, 1), (s, 0, 1 - s, 1)]
    if kind == 2:
        s = rng.uniform(0.38, 0.62)
        return [(0, 0, 1, s), (0, s, 1, 1 - s)]
    if kind == 3:
        return [(i / 3, 0, 1 / 3, 1) for i in range(3)]
    if kind in (4, 5):
        return [(i / 2, j / 2, 0.5, 0.5) for i in range(2) for j in range(2)]
    if kind == 6:
        return [(i / 3, j / 3, 1 / 3, 1 / 3) for i in range(3) for j in range(3)]
    return [(0, 0, 0.6, 1), (0.6, 0, 0.4, 0.5), (0.6, 0.5, 0.4, 0.5)]


def split(frames: Frames, other: Frames, rng: Random) -> Edit:
    """Two to nine panes, with or without a line between them; panes show parts, times, mirrors."""
    height, width = frames.shape[1:3]
    out = np.empty_like(frames)
    gap = int(rng.choice([0, 0, 0, 2, 4, 8]))
    out[:] = _colour(rng)
    grid = _grid(rng)
    sources = [frames, other, frames[::-1, :, ::-1], other[::-1, :, ::-1]]
    for i, (gx, gy, gw, gh) in enumerate(grid):
        x, y, w, h = round(gx * width), round(gy * height), round(gw * width), round(gh * height)
        part = _covering(sources[i % 4], w, h)
        a, b = (gap // 2 if gx > 0 else 0), (gap // 2 if gy > 0 else 0)
        out[:, y + b : y + h, x + a : x + w] = part[:, b:, a:]
    return Edit(out, None, {"panes": len(grid), "gap": gap})


def moving_split(frames: Frames, other: Frames, rng: Random) -> Edit:
    """Two panes whose border moves."""
    height, width = frames.shape[1:3]
    out = frames.copy()
    a, b = rng.uniform(0.25, 0.75, 2)
    upright = rng.random() < 0.5
    for i, s in enumerate(np.linspace(a, b, len(frames))):
        if upright:
            out[i, :, round(s * width) :] = other[i, :, round(s * width) :]
        else:
            out[i, round(s * height) :] = other[i, round(s * height) :]
    return Edit(out, None, {"from": float(a), "to": float(b)})


def collage(frames: Frames, other: Frames, rng: Random) -> Edit:
    """Three to six pictures with gaps on a plain or blurred ground."""
    height, width = frames.shape[1:3]
    back = np.empty_like(frames)
    back[:] = _colour(rng)
    if rng.random() < 0.3:
        back[:] = cv2.GaussianBlur(other[0], (0, 0), 20)
    out = back
    columns, rows = [(3, 1), (2, 2), (3, 2), (4, 1)][rng.integers(4)]
    gap = rng.uniform(0.015, 0.06)
    count = 0
    for j in range(rows):
        for i in range(columns):
            w = int(width * ((1 - gap) / columns - gap))
            h = int(height * ((1 - gap) / rows - gap))
            if rows == 1:
                h = int(height * rng.uniform(0.5, 0.85))
            x = int(width * (gap + i * (1 - gap) / columns))
            y = int(height * (gap + j * (1 - gap) / rows)) if rows > 1 else (height - h) // 2
            source = (frames, other, frames[::-1, :, ::-1], other[:, :, ::-1])[count % 4]
            if rng.random() < 0.25:
                source = np.repeat(source[:1], len(frames), axis=0)
            out[:, y : y + h, x : x + w] = _covering(source, w, h)
            count += 1
    return Edit(out, None, {"pictures": count})


def colour_jump(frames: Frames, other: Frames, rng: Random) -> Edit:
    """Another grade, exposure or black and white from a moment on."""
    at = int(len(frames) * rng.uniform(0.25, 0.75))
    late = frames[at:].astype(np.float32)
    kind = rng.integers(4)
    if kind == 0:
        late = np.repeat(late.mean(axis=3, keepdims=True), 3, axis=3)
    elif kind == 1:
        late = late * rng.choice([0.55, 1.5])
    elif kind == 2:
        late = late * rng.permutation([1.3, 1.0, 0.6])
    else:
        late = 255 - late if rng.random() < 0.3 else 255 * (late / 255) ** rng.choice([0.5, 2.0])
    return Edit(
        np.concatenate([frames[:at], np.clip(late, 0, 255).astype(np.uint8)]),
        None,
        {"kind": int(kind)},
    )


def fade_left(frames: Frames, other: Frames, rng: Random) -> Edit:
    """The second half of a fade from, or first half of one to, black, white or another picture."""
    count = int(rng.integers(8, 25))
    w = np.linspace(rng.uniform(0.3, 0.75), 0, count)[:, None, None, None]
    to = np.zeros_like(other[:count]) if rng.random() < 0.4 else other[:count]
    if rng.random() < 0.2:
        to = np.full_like(to, 255)
    out = frames.copy()
    mixed = (frames[:count] * (1 - w) + to * w).astype(np.uint8)
    out[:count] = mixed
    if rng.random() < 0.5:
        out = out.copy()
        out[:count] = frames[:count]
        out[-count:] = (frames[-count:] * (1 - w[::-1]) + to * w[::-1]).astype(np.uint8)
    return Edit(out, None, {"frames": count})


def end_card(frames: Frames, other: Frames, rng: Random) -> Edit:
    """A card: lines of text and a mark on a plain or blurred ground, in place of the clip."""
    out = np.empty_like(frames)
    out[:] = _colour(rng)
    if rng.random() < 0.4:
        out[:] = (cv2.GaussianBlur(frames[0], (0, 0), 15) * 0.6).astype(np.uint8)
    size = (frames.shape[2], frames.shape[1])
    with drawn_in("unseen"):
        sprites = looks.title(len(frames), size, rng) + marks.logo(len(frames), size, rng)
    return Edit(burn(out, sprites)[0])


OPS: Final[dict[str, dict[str, Op]]] = {
    "border_share": {
        "flat": flat_bars, "soft": soft_bars, "pattern": pattern_border,
        "blurred": blurred_sides, "changing": changing_bars,
    },
    "text_overlay": {name: _drawn(look) for name, look in (looks.TEXT | UNSEEN).items()},
    "picture_in_picture": {"inset": inset, "rounded": rounded_inset},
    "split_screen": {"split": split, "moving": moving_split, "collage": collage},
    "colour_jump": {"jump": colour_jump},
    "transition_residue": {"left": fade_left},
    "end_card": {"card": end_card},
}  # fmt: skip
"""Score -> kind of edit -> how it is made."""
