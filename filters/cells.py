"""The four cells of camera and world: bounds on stored scores that tell one from another."""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Cell: TypeAlias = Literal["any", "fixed_still", "fixed_moving", "moving_still", "moving_moving"]

CAMERA_MOVES: Final = 0.005
"""`camera_motion` in frame widths a second from which the camera moves: real tripods reach 0.003,
and clips of 64 px 0.006."""
WORLD_MOVES: Final = 0.002
"""`object_motion` in frame widths a second from which the world does: a thing of 1 % of the frame
at 2 % of its width a second. Stills carried along known paths leave 0."""


@dataclass(frozen=True, slots=True)
class CellBounds:
    """What a cell changes in a policy.

    Attributes:
        camera: Least and greatest `camera_motion`; None for the registry's.
        world: The same of `object_motion`.
        off: Filters that would drop what the cell asks for.
    """

    camera: tuple[float | None, float | None]
    world: tuple[float | None, float | None]
    off: frozenset[str] = frozenset()

    def of(self, score: str) -> tuple[float | None, float | None]:
        """The cell's bounds on a score; None for the registry's."""
        named = {"camera_motion": self.camera, "object_motion": self.world}
        return named.get(score, (None, None))


_STILL: Final = frozenset({"static_change", "freeze_share"})
CELLS: Final[dict[Cell, CellBounds]] = {
    "any": CellBounds((None, None), (None, None)),
    "fixed_still": CellBounds((None, CAMERA_MOVES), (None, WORLD_MOVES), _STILL),
    "fixed_moving": CellBounds((None, CAMERA_MOVES), (WORLD_MOVES, None)),
    # A world at rest under a moving camera looks like a photograph that is moved.
    "moving_still": CellBounds((CAMERA_MOVES, None), (None, WORLD_MOVES), frozenset({"ken_burns"})),
    "moving_moving": CellBounds((CAMERA_MOVES, None), (WORLD_MOVES, None)),
}
"""camera_world: whether the camera is fixed or moving, and whether the world is still or moving."""


def cell(camera_motion: float | None, object_motion: float | None) -> Cell | None:
    """The cell of a clip by its two scores, None where one is missing."""
    if camera_motion is None or object_motion is None:
        return None
    if camera_motion < CAMERA_MOVES:
        return "fixed_still" if object_motion < WORLD_MOVES else "fixed_moving"
    return "moving_still" if object_motion < WORLD_MOVES else "moving_moving"
