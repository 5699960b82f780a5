"""How a first-person agent walks: at random, smoothly, and away from what is near."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from curate.lab.world import Wander

_NEAR: Final = 80.0
"""Clearance below which the agent turns away and slows down, map units (a player is 32 wide)."""
_TOUCH: Final = 32.0
"""Clearance below which it stops."""
_TURN_MEMORY_S: Final = 0.5
_WALK_MEMORY_S: Final = 0.8
_PATIENCE_S: Final = 0.4
"""How long it walks against something; shorter, friction explains why it lags behind, s."""
_FLIGHT_S: Final = 0.8
"""How long it goes elsewhere after it was held up, s."""


@dataclass(frozen=True, slots=True)
class Gait:
    """How fast an agent moves.

    Attributes:
        turn: Spread of the rate of turning, degrees per second.
        walk: Full speed, map units per second; a stride of a man is about 30 units.
    """

    turn: float
    walk: float


@dataclass(frozen=True, slots=True)
class Command:
    """What an agent does for one frame: turn (degrees, left), forward and right (map units)."""

    turn: float
    forward: float
    right: float


class Walker:
    """Decides, frame by frame, what the agent does.

    Turning, walking and side steps are three independent smooth random signals. Only what is near
    changes them, since behaviour that the picture tells leaves nothing for an action to say
    (arXiv 2506.15691, section 4.2).

    Args:
        gait: Speeds.
        fps: Frames per second.
        rng: Source of chance.
    """

    def __init__(self, gait: Gait, fps: float, rng: np.random.Generator) -> None:
        self._gait, self._fps, self._rng = gait, fps, rng
        self._turn = Wander(gait.turn, _TURN_MEMORY_S, fps, rng)
        self._forward = Wander(0.6 * gait.walk, _WALK_MEMORY_S, fps, rng, 0.3 * gait.walk)
        self._right = Wander(0.4 * gait.walk, _WALK_MEMORY_S, fps, rng)
        self._flight, self._side, self._back = 0.0, 1.0, False
        self._held_s = 0.0

    def step(self, clearance: npt.NDArray[np.float64], progress: float) -> Command:
        """Choose what to do next.

        Args:
            clearance: (3,) nearest distance on the left, ahead and on the right, map units.
            progress: Share of the last command's way that was walked; 1 where it had none.
        """
        gait = self._gait
        turn = float(np.clip(self._turn.step(), -2.5 * gait.turn, 2.5 * gait.turn))
        forward = float(np.clip(self._forward.step(), -0.7 * gait.walk, gait.walk))
        right = float(np.clip(self._right.step(), -0.7 * gait.walk, 0.7 * gait.walk))
        self._held_s = self._held_s + 1 / self._fps if progress < 0.4 else 0.0
        if self._held_s > _PATIENCE_S and self._flight <= 0:
            self._flight, self._back = _FLIGHT_S, forward > 0
            self._side = float(self._rng.choice([-1.0, 1.0]))
        left, ahead, beside = clearance
        if forward > 0:
            forward *= float(np.clip((ahead - _TOUCH) / (_NEAR - _TOUCH), 0, 1))
        if (right > 0 and beside < _TOUCH) or (right < 0 and left < _TOUCH):
            right = 0.0
        if ahead < _NEAR:
            away = 1.0 if left > beside else -1.0
            turn = away * max(abs(turn), gait.turn)
        if self._flight > 0:
            self._flight -= 1 / self._fps
            forward = (-0.5 if self._back else 0.5) * gait.walk
            turn = self._side * max(abs(turn), gait.turn)
        return Command(turn / self._fps, forward / self._fps, right / self._fps)
