"""What a world gives: pictures one after the other, and what the agent did between them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]
"""(H, W, 3) uint8 RGB."""

Action = npt.NDArray[np.float32]
"""(K,) what was done from one frame to the next."""

SIDE: Final = 256
"""Side of the square pictures of a take, px: what goes to encoders, so that nothing is rescaled."""

STAGE: Final = (400, 300)
"""Width and height that worlds are filmed at, px. A take shows a window of `SIDE` of it, and the
rest is the room in which added camera motion moves the window."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One frame of a world.

    Attributes:
        picture: (300, 400, 3) uint8 RGB, see `STAGE`.
        action: From this frame to the next one; None where the world moved the agent, which no
            action of its own did.
    """

    picture: Picture
    action: Action | None


class World(Protocol):
    """A family of places to film, one per source."""

    @property
    def name(self) -> str:
        """One word."""

    @property
    def actions(self) -> tuple[str, ...]:
        """Names of the K dimensions of an action, with their units."""

    @property
    def sources(self) -> int | None:
        """How many distinct places there are; None without end."""

    def source(self, index: int) -> str:
        """Name of a place, fit for a file name."""

    def film(self, index: int, fps: float, seed: int) -> Iterator[Shot]:
        """Film a place without end; other seeds begin elsewhere and do other things."""


class Wander:
    """A smooth random signal: an Ornstein-Uhlenbeck process, sampled once per frame.

    Args:
        spread: Its standard deviation.
        memory_s: Time after which it has forgotten most of its value, s.
        fps: Frames per second.
        rng: Source of chance.
        mean: What it returns to.
    """

    def __init__(
        self,
        spread: float,
        memory_s: float,
        fps: float,
        rng: np.random.Generator,
        mean: float = 0.0,
    ) -> None:
        self._keep = float(np.exp(-1 / (memory_s * fps)))
        self._kick = spread * float(np.sqrt(1 - self._keep**2))
        self._rng, self._mean = rng, mean
        self.value = mean + spread * float(rng.standard_normal())

    def step(self) -> float:
        """Go on by one frame."""
        off = self._keep * (self.value - self._mean)
        self.value = self._mean + off + self._kick * float(self._rng.standard_normal())
        return self.value
