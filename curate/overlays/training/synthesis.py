"""Samples for the overlay network: takes, drawn overlays and decoys, as x264 leaves them."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final, Literal

import av
import cv2
import numpy as np

from curate.decode import Scalers
from curate.overlays.training.decoys import banded, lettered, swayed, texture
from curate.overlays.training.labels import SIZE, differs, labelled
from curate.overlays.training.layouts import LAYOUTS, drifting
from curate.overlays.training.looks import TEXT
from curate.overlays.training.marks import GRAPHIC
from curate.overlays.training.plates import printed
from curate.overlays.training.sprites import Look, Picture, Random, Sprite, burn
from curate.overlays.training.things import passes, thing
from curate.overlays.training.web_looks import WEB
from filters.clip import COLOUR_STEP
from filters.overlay_maps import overlay_maps

DRAWN: Final = (640, 360)
"""Size for which looks are drawn and at which videos are encoded."""
TAKE_FPS: Final = 12
"""Frames a second of the takes: every one or every second one is encoded."""
Scenes = Literal["plain", "wide", "printed"]
_ANALYSED_FPS: Final = 6
_DRAWN_FPS: Final = 30
"""Rate for which looks choose how long things stay."""
_LOOKS: Final[dict[str, Look]] = {**TEXT, **LAYOUTS, **WEB, **GRAPHIC}
_SHARES: Final = {
    "lower_third": 1.6, "title": 1.6, "clock": 1.4, "logo": 1.6, "animated_logo": 1.6,
    "progress": 1.4,
    "paragraph": 1.8, "number": 1.6, "label": 1.4, "badge": 1.6, "dial": 1.8, "ticker": 1.4,
    "caption": 1.4,
    "slogan": 0.7, "table": 0.8, "watermark": 0.6, "typed": 0.8, "growing": 0.8,
}  # fmt: skip
"""How often a look is drawn, 1 for those not named: those that were missed most."""
_PRINTED_SHARES: Final = {**_SHARES, "dial": 3.0, "ticker": 2.0, "caption": 1.8, "clock": 1.8}
"""The same among `printed` scenes."""
_DRIFTS: Final = 0.12
"""Share of the looks that drift."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One span.

    Attributes:
        maps: (CHANNELS, 180, 320) uint8 of `filters.overlay_maps`.
        labels: (2, 45, 80) uint8: any overlay and text; 0, 1, or 255 where it is undecided.
    """

    maps: Picture
    labels: Picture


def sample(
    takes: Sequence[Picture], stills: Sequence[Picture], rng: Random, scenes: Scenes
) -> Sample:
    """Make a span of 5 to 14 analysed frames.

    Args:
        takes: (T, h, w, 3) uint8 RGB at TAKE_FPS, h and w at least those of DRAWN.
        stills: (h, w, 3) uint8 RGB pictures, h and w at least those of DRAWN.
        rng: Source of all choices.
        scenes: "wide" has web looks among the overlays, and more of `stills` behind them;
            "printed" too, and signs and labels on things at rest.
    """
    every = 1 if rng.random() < 0.15 else 2  # of the takes' frames
    frames = int(rng.integers(5, 15)) * (TAKE_FPS // _ANALYSED_FPS) // every
    if rng.random() < (0.4 if scenes == "printed" else 0.6):
        base = _take(takes, frames, every, rng)
    else:
        base = _moved(takes, stills, frames, every, rng, scenes)
    base = _tone(_sharpened(base, rng), rng)
    sprites = _overlays(len(base), TAKE_FPS // every, rng, scenes) if rng.random() < 0.65 else []
    drawn, masks = burn(base, sprites)
    seen = np.stack([differs(a, b) for a, b in zip(drawn, base, strict=True)])
    seen = seen[:, None] & (masks != 0)
    if rng.random() < 0.1:
        drawn = _barred(drawn, masks, rng)
    if rng.random() < 0.2:  # a video that was made larger
        soft = rng.uniform(0.6, 2.0)
        drawn = np.stack([cv2.GaussianBlur(f, (0, 0), soft) for f in drawn]).astype(np.uint8)
    step = TAKE_FPS // every // _ANALYSED_FPS
    gray, chroma = (planes[::step] for planes in coded(drawn, TAKE_FPS // every, rng))
    maps = overlay_maps(gray, chroma[int(rng.integers(COLOUR_STEP)) :: COLOUR_STEP])
    return Sample(maps, labelled(masks[::step], seen[::step].astype(np.uint8)))


def coded(frames: Picture, rate: int, rng: Random) -> tuple[Picture, Picture]:
    """(T, 180, 320) uint8 luma and (T, 2, 180, 320) chroma as analysed after x264 at crf 18 to 34.

    Args:
        frames: (T, H, W, 3) uint8 RGB.
        rate: Frames a second.
        rng: Source of all choices.
    """
    options = {
        "preset": str(rng.choice(["superfast", "superfast", "veryfast"])),
        "crf": str(rng.integers(18, 35)), "threads": "1",
    }  # fmt: skip
    data = encoded(frames, Fraction(rate), options)
    scalers = Scalers()
    with av.open(io.BytesIO(data), "r") as video:
        shown = [
            (scalers.scale(f, *SIZE, "gray"), scalers.scale(f, *SIZE, "yuvj444p")[1:])
            for f in video.decode(video=0)
        ]
    return np.stack([gray for gray, _ in shown]), np.stack([chroma for _, chroma in shown])


def encoded(frames: Picture, rate: Fraction, options: dict[str, str]) -> bytes:
    """An MP4 of x264 of (T, H, W, 3) uint8 RGB frames."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as out:
        stream = out.add_stream("libx264", rate, options=options)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
            out.mux(stream.encode(picture))
        out.mux(stream.encode())
    return buffer.getvalue()


def _overlays(frames: int, rate: int, rng: Random, scenes: Scenes) -> list[Sprite]:
    """One to three looks; the span is a part of the time for which they are laid out."""
    names = tuple(name for name in _LOOKS if scenes != "plain" or name not in WEB)
    shares = _PRINTED_SHARES if scenes == "printed" else _SHARES
    weights = np.array([shares.get(name, 1.0) for name in names])
    sprites: list[Sprite] = []
    for _ in range(int(rng.choice([1, 1, 1, 2, 3]))):
        look = _LOOKS[names[int(rng.choice(len(names), p=weights / weights.sum()))]]
        slower = _DRAWN_FPS / rate
        whole = round(frames * (rng.uniform(1.3, 3) if rng.random() < 0.5 else 1))
        begun = int(rng.integers(0, whole - frames + 1))
        laid = look(round(slower * whole), DRAWN, rng)
        laid = drifting(laid, rng) if rng.random() < _DRIFTS else laid
        sprites += [_at_rate(s, slower, begun) for s in laid]
    return sprites


def _at_rate(sprite: Sprite, slower: float, begun: int) -> Sprite:
    """A sprite of the drawn rate at a rate `slower` times lower, from a frame on."""
    start = int(sprite.start / slower)
    end = max(start + 1, round(sprite.end / slower))
    return replace(
        sprite, start=start - begun, end=end - begun, hold=max(1, round(sprite.hold / slower)),
        speed=sprite.speed * slower, rise=sprite.rise * slower, fade=sprite.fade / slower,
    )  # fmt: skip


def _sharpened(frames: Picture, rng: Random) -> Picture:
    """Half of the time as sharp as cameras and editors make it: overlays are not alone in that."""
    if rng.random() < 0.4:
        return frames
    amount, reach = rng.uniform(0.3, 2.5), rng.uniform(0.8, 2.2)
    return np.stack(
        [
            cv2.addWeighted(f, 1 + amount, cv2.GaussianBlur(f, (0, 0), reach), -amount, 0)
            for f in frames
        ]
    ).astype(np.uint8)


def _take(takes: Sequence[Picture], frames: int, every: int, rng: Random) -> Picture:
    """A part of a take: cropped, mirrored, at its own speed, slower, or held."""
    take = takes[int(rng.integers(len(takes)))][int(rng.integers(every)) :: every]
    frames = min(frames, len(take))
    start = int(rng.integers(0, len(take) - frames + 1))
    step = float(rng.choice([1, 0.5, 0]) if rng.random() < 0.3 else 1)
    part = take[start + (np.arange(frames) * step).astype(int)]
    height, width = part.shape[1:3]
    if rng.random() < 0.25:  # from closer
        w = int(rng.uniform(0.45, 0.85) * width)
    else:
        w = int(rng.uniform(min(0.85 * DRAWN[0], width), width + 0.99))
    h = min(height, round(w * DRAWN[1] / DRAWN[0]))
    x, y = int(rng.integers(0, width - w + 1)), int(rng.integers(0, height - h + 1))
    if rng.random() < 0.5:
        part = part[:, :, ::-1]
    cut = np.stack(
        [cv2.resize(f[y : y + h, x : x + w], DRAWN, interpolation=cv2.INTER_LINEAR) for f in part]
    ).astype(np.uint8)
    if step == 0:  # sensor noise keeps a held frame from being one picture
        cut = _noisy(cut, rng.uniform(0.5, 5), rng)
    return cut


def _moved(
    takes: Sequence[Picture], stills: Sequence[Picture], frames: int, every: int, rng: Random,
    scenes: Scenes,
) -> Picture:  # fmt: skip
    """A still with decoys under a moving or resting camera, with something that moves before it."""
    kind, wide = rng.random(), scenes != "plain"
    if kind < (0.3 if wide else 0.45):
        take = takes[int(rng.integers(len(takes)))]
        still = take[rng.integers(len(take))]
    elif kind < (0.7 if wide else 0.65):
        still = stills[int(rng.integers(len(stills)))]
    else:
        still = texture((DRAWN[0] * 9 // 8, DRAWN[1] * 9 // 8), rng)
    if rng.random() < 0.35:
        still = banded(still, rng)
    if rng.random() < 0.5:
        still = lettered(still, rng)
    if scenes == "printed" and rng.random() < 0.6:
        still = printed(still, rng)
    out = _filmed(still, frames, every, rng)
    if rng.random() < 0.25:
        out = swayed(out, rng)
    if rng.random() < 0.7:
        passes(out, thing(takes, rng), rng)
    return _noisy(np.stack(out), rng.uniform(0, 5), rng)


def _filmed(still: Picture, frames: int, every: int, rng: Random) -> list[Picture]:
    """Frames of a camera that rests, trembles, pans or moves closer, under light that flickers."""
    resting = rng.random() < 0.5
    h, w = still.shape[:2]
    speed = 0.0 if resting else rng.uniform(0.5, 14) * every
    # Most pans are level: then the level edges of the scene stay where they are.
    angle = (
        rng.choice([0, np.pi]) + rng.normal(0, 0.04) if rng.random() < 0.6 else rng.uniform(0, 6)
    )
    grow = 0.0 if resting else rng.normal(0, 0.005 * every)
    tremble = 0.0 if resting and rng.random() < 0.7 else rng.uniform(0, 1.6)
    flicker = rng.uniform(0, 0.08) if rng.random() < 0.3 else 0.0
    x0, y0 = rng.uniform(0, w - DRAWN[0]), rng.uniform(0, h - DRAWN[1])
    out = []
    for i in range(frames):
        s = 1 + grow * i
        jx, jy = rng.normal(0, tremble, 2) if tremble else (0.0, 0.0)
        move = np.array(
            [
                [s, 0, -x0 + speed * i * np.cos(angle) + jx],
                [0, s, -y0 + speed * i * np.sin(angle) + jy],
            ]
        )
        flags = cv2.INTER_CUBIC if speed or tremble else cv2.INTER_NEAREST
        frame = cv2.warpAffine(still, move, DRAWN, flags=flags, borderMode=cv2.BORDER_REFLECT)
        if flicker:
            frame = cv2.convertScaleAbs(frame, alpha=1 + rng.normal(0, flicker))
        out.append(np.asarray(frame, np.uint8))
    return out


def _noisy(frames: Picture, sigma: float, rng: Random) -> Picture:
    bank = np.rint(rng.normal(0, sigma, (3, *frames.shape[1:3]))).astype(np.int16)
    out = []
    for i, frame in enumerate(frames):
        noise = np.roll(bank[i % 3], i * 37, axis=1)
        out.append(cv2.add(frame, cv2.merge([noise] * 3), dtype=cv2.CV_8U))
    return np.stack(out).astype(np.uint8)


def _tone(frames: Picture, rng: Random) -> Picture:
    """Another exposure and gamma."""
    gamma, gain = np.exp(rng.normal(0, 0.3)), rng.uniform(0.6, 1.2)
    table = np.clip(255 * gain * (np.arange(256) / 255) ** gamma, 0, 255).astype(np.uint8)
    return np.stack([cv2.LUT(f, table) for f in frames]).astype(np.uint8)


def _barred(frames: Picture, masks: Picture, rng: Random) -> Picture:
    """Bars over the picture, behind what was drawn."""
    grey = np.uint8(rng.choice([0, 16, 255, 90]))
    out = frames.copy()
    width, height = DRAWN
    if rng.random() < 0.5:
        bar = int(height * rng.uniform(0.04, 0.2))
        places = [(slice(0, bar), slice(None)), (slice(-bar, None), slice(None))]
    else:
        bar = int(width * rng.uniform(0.05, 0.3))
        places = [(slice(None), slice(0, bar)), (slice(None), slice(-bar, None))]
    for rows, columns in places:
        covered = masks[:, 0, rows, columns, None] != 0
        out[:, rows, columns] = np.where(covered, out[:, rows, columns], grey)
    return out
