"""What every shot detector answers: spans of frames that belong to no shot."""

from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal["cut", "dissolve", "fade", "wipe"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""`fade` passes through a plain picture (black, white, a colour); `wipe` is any transition in which
parts of the picture change at different times or move (wipe, slide, push, iris, zoom)."""


@dataclass(frozen=True, slots=True)
class Transition:
    """Frames [first, last) belong to neither shot; a cut has first == last.

    Attributes:
        first: Index of the first frame that is no longer the shot before.
        last: Index of the first frame of the shot after.
        kind: What it looks like.
        confidence: The detector's highest score inside it, 0 to 1; None where it has none.
    """

    first: int
    last: int
    kind: Kind
    confidence: float | None = None
