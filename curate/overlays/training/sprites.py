"""Pictures that are laid over frames, with the truth of what they cover."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]
Random = np.random.Generator


@dataclass(frozen=True, slots=True)
class Sprite:
    """A picture that lies over the frames [start, end).

    Attributes:
        rgba: (h, w, 4) uint8, or several that follow each other, one per `hold` frames, in a loop.
        x: Left edge, px of the frame.
        y: Top edge.
        start: First frame; may be below 0, for what was there before.
        end: Index after the last frame.
        text: Whether it holds letters or digits; None if it is undecided: shapes with letters.
        alpha: Factor of its opacity, 0 to 1.
        hold: Frames that each of several pictures is shown.
        speed: px per frame to the right (a ticker moves to the left).
        fade: Frames over which it appears and disappears.
        rise: px per frame downwards (what scrolls up has a negative one).
    """

    rgba: Picture | Sequence[Picture]
    x: int
    y: int
    start: int
    end: int
    text: bool | None
    alpha: float = 1.0
    hold: int = 1
    speed: float = 0.0
    fade: float = 0.0
    rise: float = 0.0

    def at(self, frame: int) -> Picture:
        """The picture shown in a frame."""
        if isinstance(self.rgba, np.ndarray):
            return self.rgba
        return self.rgba[(frame - self.start) // self.hold % len(self.rgba)]

    def opacity(self, frame: int) -> float:
        """Factor of the opacity in a frame."""
        if not self.fade:
            return self.alpha
        inside = min(frame - self.start + 1, self.end - frame)
        return self.alpha * min(1.0, inside / (self.fade + 1))


Look = Callable[[int, tuple[int, int], Random], list[Sprite]]
"""(frames, (width, height), rng) -> sprites."""


def burn(frames: Picture, sprites: Sequence[Sprite]) -> tuple[Picture, Picture]:
    """Lay sprites over frames.

    Args:
        frames: (T, H, W, 3) uint8 RGB; not changed.
        sprites: What to draw, the last on top.

    Returns:
        The frames, and (T, 3, H, W) uint8 masks: any overlay, text, and what may be text, where
        opacity is above an eighth. Letters are filled to lines by whoever needs that.
    """
    out = frames.copy()
    masks = np.zeros((len(frames), 3, *frames.shape[1:3]), np.uint8)
    for index in range(len(frames)):
        for sprite in sprites:
            if sprite.start <= index < sprite.end:
                _lay(out[index], masks[index], sprite, index)
    return out, masks


def _lay(frame: Picture, masks: Picture, sprite: Sprite, index: int) -> None:
    rgba = sprite.at(index)
    x = round(sprite.x + sprite.speed * (index - sprite.start))
    y = round(sprite.y + sprite.rise * (index - sprite.start))
    height, width = frame.shape[:2]
    left, top = max(0, x), max(0, y)
    right, bottom = min(width, x + rgba.shape[1]), min(height, y + rgba.shape[0])
    if right <= left or bottom <= top:
        return
    part = rgba[top - y : bottom - y, left - x : right - x]
    alpha = part[..., 3:].astype(np.float32) / 255 * np.float32(sprite.opacity(index))
    place = frame[top:bottom, left:right]
    place[:] = np.rint(place * (1 - alpha) + part[..., :3] * alpha).astype(np.uint8)
    seen = alpha[..., 0] > 0.125
    masks[0, top:bottom, left:right] |= seen
    if sprite.text is not False:
        masks[1 if sprite.text else 2, top:bottom, left:right] |= seen
