"""The fixed world: an agent seen from outside, by a camera that stands still.

A textured piece moves over a drawn picture as it is told to, another one may move by itself.
Backgrounds are dead leaves (Lee, Mumford and Huang, IJCV 2001): pieces of all sizes that hide one
another, whose edges and spectrum are those of natural pictures. Each take has a background, an
agent and a distractor of its own, so that a cut shows.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from curate.lab.world import SIDE, STAGE, Picture, Shot, Wander

_PIECES: Final = 900
_RADII_PX: Final = (5.0, 70.0)
_MEMORY_S: Final = 0.6


@dataclass(frozen=True)
class FixedWorld:
    """See the module.

    Attributes:
        speed: Spread of the agent's speed along each axis, sides of the picture per second.
        size: Diameter of the agent, share of the picture's side.
        distractor: Whether a second piece moves by itself.
        seed: Of backgrounds and agents.
    """

    speed: float = 0.25
    size: float = 0.3
    distractor: bool = False
    seed: int = 0
    name: str = field(default="fixed", init=False)
    actions: tuple[str, ...] = field(default=("x_side", "y_side"), init=False)
    sources: int | None = field(default=None, init=False)

    def source(self, index: int) -> str:
        """Name of a place."""
        return f"fixed-{self.seed}-{index:03d}"

    def film(self, index: int, fps: float, seed: int) -> Iterator[Shot]:
        """Film a background with its agent without end; other seeds give other ones."""
        look = np.random.default_rng([self.seed, index, seed, 0])
        background = dead_leaves(STAGE, look)
        agent = Piece.make(round(self.size * SIDE), look)
        other = Piece.make(round(self.size * SIDE), look)
        rng = np.random.default_rng([self.seed, index, seed, 1])
        path = Path(self.speed * SIDE, fps, agent.room, rng)
        away = Path(self.speed * SIDE, fps, other.room, rng)
        while True:
            picture = background
            if self.distractor:
                picture = other.over(picture, away.place)
                away.step()
            picture = agent.over(picture, path.place)
            moved = path.step() / SIDE
            yield Shot(picture, moved.astype(np.float32))


class Path:
    """A smooth random path that turns back at the borders of its room.

    Args:
        speed: Spread of the speed along each axis, px per second.
        fps: Frames per second.
        room: Least and greatest x, least and greatest y, px.
        rng: Source of chance.
    """

    def __init__(
        self,
        speed: float,
        fps: float,
        room: tuple[float, float, float, float],
        rng: np.random.Generator,
    ) -> None:
        self._fps, self._low, self._high = fps, np.array(room[0::2]), np.array(room[1::2])
        self._speeds = [Wander(speed, _MEMORY_S, fps, rng) for _ in range(2)]
        self._sign = np.ones(2)
        self.place = rng.uniform(self._low, self._high)

    def step(self) -> npt.NDArray[np.float64]:
        """Go on by one frame and say by how much, (x, y) px."""
        wanted = self._sign * np.array([speed.step() for speed in self._speeds]) / self._fps
        there = self.place + wanted
        outside = (there < self._low) | (there > self._high)
        self._sign = np.where(outside, -self._sign, self._sign)
        there = np.clip(np.where(outside, self.place - wanted, there), self._low, self._high)
        moved: npt.NDArray[np.float64] = there - self.place
        self.place = there
        return moved


@dataclass(frozen=True, slots=True)
class Piece:
    """Something that moves: its colours, (d, d, 3) float32, and how opaque it is, (d, d, 1)."""

    colours: npt.NDArray[np.float32]
    cover: npt.NDArray[np.float32]

    @classmethod
    def make(cls, diameter: int, rng: np.random.Generator) -> "Piece":
        """Draw a piece with a wavy outline and a texture of its own."""
        d = diameter + 8
        y, x = np.mgrid[:d, :d] - (d - 1) / 2
        angle, radius = np.arctan2(y, x), np.hypot(x, y)
        lobes, phase = int(rng.integers(2, 6)), float(rng.uniform(0, 2 * np.pi))
        outline = diameter / 2 * (0.86 + 0.14 * np.cos(lobes * angle + phase))
        cover = np.asarray(cv2.GaussianBlur((radius < outline).astype(np.float32), (0, 0), 1.5))
        texture = dead_leaves((d, d), rng, radii=(3.0, diameter / 4), pieces=120)
        return cls(texture.astype(np.float32), cover[..., None].astype(np.float32))

    @property
    def room(self) -> tuple[float, float, float, float]:
        """Where its centre may be for the middle window of the stage to show all of it."""
        half = len(self.cover) / 2
        left, top = (STAGE[0] - SIDE) / 2, (STAGE[1] - SIDE) / 2
        return left + half, left + SIDE - half, top + half, top + SIDE - half

    def over(self, picture: Picture, place: npt.NDArray[np.float64]) -> Picture:
        """The picture with the piece's centre at (x, y) px, to parts of a pixel."""
        half = len(self.cover) / 2
        corner = np.floor(place - half).astype(int)
        shift = place - half - corner
        move = np.array([[1, 0, shift[0]], [0, 1, shift[1]]])
        size = (len(self.cover) + 1, len(self.cover) + 1)
        colours = cv2.warpAffine(self.colours, move, size, borderMode=cv2.BORDER_REPLICATE)
        cover = cv2.warpAffine(self.cover, move, size)[..., None]
        out = picture.copy()
        rows = slice(corner[1], corner[1] + size[1])
        columns = slice(corner[0], corner[0] + size[0])
        under = out[rows, columns].astype(np.float32)
        out[rows, columns] = np.rint(under + cover * (colours - under)).astype(np.uint8)
        return out


def dead_leaves(
    size: tuple[int, int],
    rng: np.random.Generator,
    *,
    radii: tuple[float, float] = _RADII_PX,
    pieces: int = _PIECES,
) -> Picture:
    """Draw discs and polygons of all sizes, density of radii r^-3, each with a grain of its own.

    Args:
        size: Width and height, px.
        rng: Source of chance.
        radii: Smallest and largest radius, px.
        pieces: How many are drawn; later ones hide earlier ones.

    Returns:
        (height, width, 3) uint8.
    """
    width, height = size
    palette = rng.uniform(20, 235, (8, 3))
    picture = np.tile(palette[0], (height, width, 1)).astype(np.float32)
    uniform = rng.random(pieces)
    low, high = radii[0] ** -2, radii[1] ** -2
    sizes = (low - uniform * (low - high)) ** -0.5
    sizes[: pieces // 10] = radii[1] * rng.uniform(0.5, 1, pieces // 10)
    for radius in sizes:
        centre = rng.uniform((0, 0), (width, height))
        colour = palette[rng.integers(len(palette))] + rng.normal(0, 14, 3)
        corners = int(rng.integers(3, 12))
        turns = np.sort(rng.uniform(0, 2 * np.pi, corners)) if corners < 8 else None
        if turns is None:
            turns = np.linspace(0, 2 * np.pi, 24)
        points = centre + radius * np.stack([np.cos(turns), np.sin(turns)], 1)
        fixed_point = np.rint(points * 16).astype(np.int32)
        cv2.fillPoly(picture, [fixed_point], colour.tolist(), cv2.LINE_8, 4)
    grain = rng.normal(0, 10, (height, width, 1)).astype(np.float32)
    grain += 2 * cv2.GaussianBlur(grain, (0, 0), 2)[..., None]
    blurred = cv2.GaussianBlur(picture + grain, (0, 0), 0.7)
    return np.clip(np.rint(blurred), 0, 255).astype(np.uint8)
