"""Breaks in the recording, told by the clock alone."""

from dataclasses import dataclass
from typing import Final

_GAP_S: Final = 2.0
_GAP_STEPS: Final = 10
"""Frames further apart than both are separated by a break in the recording, which is a cut."""


@dataclass(slots=True)
class ClockBreaks:
    """Tells for each frame whether the clock jumped before it."""

    _last_s: float | None = None
    _step: float = 0.0

    def update(self, t_s: float) -> bool:
        """Take the next frame's presentation time, s."""
        step = 0.0 if self._last_s is None else t_s - self._last_s
        self._last_s = t_s
        if self._step and step > max(_GAP_S, _GAP_STEPS * self._step):
            return True
        self._step = step
        return False
