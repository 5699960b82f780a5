"""The ego world: first-person walks through the levels of a game, by ViZDoom.

ViZDoom (Kempka et al., CIG 2016) ships Freedoom, free levels with textures, stairs, lifts and
doors. Monsters are off unless asked for. What the agent did is not what was commanded but how its
position and its heading changed, so that walls and slides are in it.
"""

import math
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from curate.lab.policy import Command, Gait, Walker
from curate.lab.world import STAGE, Picture, Shot
from manifests.errors import CurateError

LEVELS: Final = tuple(
    [("freedoom1", f"E{episode}M{level}") for episode in range(1, 5) for level in range(1, 10)]
    + [("freedoom2", f"MAP{level:02d}") for level in range(1, 33)]
)
"""Every level of both games: 68 sources."""

_FOV_DEGREES: Final = 110
"""Across the stage's width; the middle window then sees 85 degrees."""
_UNITS_PER_DEPTH: Final = 5.3
"""Map units per step of the depth buffer, measured against the levels' walls."""
_TICS_PER_FRAME: Final = 2
"""Steps of the game's physics per frame of the video."""
_THRUST: Final = 2048 / 65536
_FRICTION: Final = 0.90625
"""Speed gained per unit of a move button and share kept per tic, as the game has them."""
_START_TICS: Final = 14
"""The game ignores buttons before."""
_PLACES: Final = 10
"""Starting places that are tried."""
_FREE_UNITS: Final = 8.0
"""Way that an agent must get from a starting place; in some it is stuck within a pillar."""
_PITCH_DEGREES: Final = 20.0
"""The agent looks down by this much: walking shows most on the ground before it."""
_GAMMA: Final = 0.7
"""Levels are dark; the game's own menu brightens them about as much."""

_FOCAL_PX: Final = STAGE[0] / 2 / math.tan(math.radians(_FOV_DEGREES / 2))
_HORIZON: Final = round(STAGE[1] / 2 - _FOCAL_PX * math.tan(math.radians(_PITCH_DEGREES)))
"""Row of the stage at the height of the eyes; the game tilts by shifting rows."""

_ARGUMENTS: Final = (
    f"+fov {_FOV_DEGREES} +movebob 0 +stillbob 0 +pickup_fade_scalar 0 +blood_fade_scalar 0"
    " +con_midtime 0 +cl_showsecretmessage 0"
)
"""A steady head, no flashes, no messages."""


class ViZDoomMissingError(CurateError):
    """The optional package is not installed."""


@dataclass(frozen=True)
class EgoWorld:
    """See the module.

    Attributes:
        turn: Spread of the rate of turning, degrees per second.
        walk: Full speed, map units per second.
        monsters: Whether the levels are inhabited.
    """

    turn: float = 42.0
    walk: float = 128.0
    monsters: bool = False
    name: str = field(default="ego", init=False)
    actions: tuple[str, ...] = field(
        default=("yaw_degrees", "forward_units", "right_units"), init=False
    )
    sources: int | None = field(default=len(LEVELS), init=False)

    def source(self, index: int) -> str:
        """Name of a level. The two games' levels alternate."""
        game, level = _level(index)
        return f"{game}-{level.lower()}"

    def film(self, index: int, fps: float, seed: int) -> Iterator[Shot]:
        """Walk through a level without end.

        Raises:
            ViZDoomMissingError: With the pip command that gets it.
        """
        game, level = _level(index)
        rng = np.random.default_rng([index, seed])
        with _game(game, level, int(rng.integers(1 << 31)), self.monsters) as player:
            player.go_somewhere(rng)
            walker = Walker(Gait(self.turn, self.walk), fps, rng)
            progress = 1.0
            while True:
                picture = player.picture()
                before = player.pose()
                command = walker.step(player.clearance(), progress)
                player.act(command)
                if player.over():
                    # The level's exit: the walk goes on elsewhere, after what looks like a cut.
                    player.begin_again(rng)
                    progress = 1.0
                    yield Shot(picture, None)
                    continue
                action, way = moved(before, player.pose())
                asked = math.hypot(command.forward, command.right)
                progress = way / asked if asked > 0.3 * self.walk / fps else 1.0
                # A fall or a step to the side is short; a teleporter is not.
                jumped = way > 4 * self.walk / fps + 8
                yield Shot(picture, None if jumped else action)


def _level(index: int) -> tuple[str, str]:
    half = len(LEVELS) // 2
    return LEVELS[index % 2 * half + index // 2 % half]


def moved(
    before: npt.NDArray[np.float64], after: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float32], float]:
    """What an agent did between two poses.

    Args:
        before: (3,) x and y in map units, heading in degrees, anticlockwise.
        after: The same of the later frame.

    Returns:
        (3,) float32: turn to the left in degrees within +-180, way ahead and way to the right in
        map units, both relative to the mean heading; and the length of the way.
    """
    turn = (after[2] - before[2] + 180) % 360 - 180
    heading = math.radians(before[2] + turn / 2)
    x, y = after[:2] - before[:2]
    forward = x * math.cos(heading) + y * math.sin(heading)
    right = x * math.sin(heading) - y * math.cos(heading)
    return np.array([turn, forward, right], np.float32), math.hypot(x, y)


class _Player:
    """A running game: what the agent sees and where it is."""

    def __init__(self, game: Any) -> None:
        self._game = game
        levels = 255 * (np.arange(256) / 255) ** _GAMMA
        self._brighter = np.rint(levels).astype(np.uint8)

    def picture(self) -> Picture:
        buffer = self._game.get_state().screen_buffer
        return np.asarray(cv2.LUT(buffer, self._brighter), np.uint8)

    def pose(self) -> npt.NDArray[np.float64]:
        return np.array(self._game.get_state().game_variables, np.float64)

    def clearance(self) -> npt.NDArray[np.float64]:
        """(3,) nearest on the left, ahead and on the right, in the band at the height of eyes."""
        depth = self._game.get_state().depth_buffer
        band = depth[_HORIZON - 4 : _HORIZON + 12].min(0) * _UNITS_PER_DEPTH
        left, ahead, right = np.array_split(band, [depth.shape[1] // 3, 2 * depth.shape[1] // 3])
        return np.array([left.min(), ahead.min(), right.min()], np.float64)

    def act(self, command: Command) -> None:
        """Turn and walk for a frame; the game's friction makes speeds follow within 10 tics."""
        reach = (1 - _FRICTION) / _THRUST / _TICS_PER_FRAME
        # A positive turn button turns to the right.
        turn = -command.turn / _TICS_PER_FRAME
        buttons = [turn, command.forward * reach, command.right * reach, 0]
        self._game.make_action(buttons, _TICS_PER_FRAME)

    def over(self) -> bool:
        """Whether the level was left; there is then no picture and no pose."""
        return bool(self._game.is_episode_finished())

    def begin_again(self, rng: np.random.Generator) -> None:
        """Enter the level anew, at another place."""
        self._game.new_episode()
        self.go_somewhere(rng)

    def go_somewhere(self, rng: np.random.Generator) -> None:
        """Begin at a random place with room around it: where the level has things lying about."""
        self._game.make_action([0, 0, 0, 0], _START_TICS)
        self._game.send_game_command("god")
        self._game.make_action([0, 0, 0, -_PITCH_DEGREES], 1)
        things = self._game.get_state().objects
        places = [(o.position_x, o.position_y) for o in things if o.name != "DoomPlayer"]
        best, room = None, 0.0
        for choice in rng.permutation(len(places))[:_PLACES]:
            self._warp(places[choice])
            found = self._room()
            if found > room:
                best, room = places[choice], found
        if best is not None:
            self._warp(best)
        self._game.make_action([float(rng.uniform(-180, 180)), 0, 0, 0], 1)

    def _warp(self, place: tuple[float, float]) -> None:
        self._game.send_game_command(f"warp {place[0]} {place[1]}")
        self._game.make_action([0, 0, 0, 0], 4)

    def _room(self) -> float:
        """Mean distance of what is around, map units; 0 where the agent cannot move."""
        found = []
        for _ in range(4):
            found.append(float(np.minimum(self.clearance(), 600).mean()))
            self._game.make_action([90, 0, 0, 0], 1)
        before = self.pose()
        self._game.make_action([0, 25, 0, 0], 5)
        middle = self.pose()
        self._game.make_action([180, 0, 0, 0], 1)
        self._game.make_action([0, 25, 0, 0], 10)
        way = max(moved(before, middle)[1], moved(middle, self.pose())[1])
        return float(np.mean(found)) if way > _FREE_UNITS else 0.0


@contextmanager
def _game(wad: str, level: str, seed: int, monsters: bool) -> Iterator[_Player]:
    try:
        import vizdoom
    except ImportError as error:
        raise ViZDoomMissingError(
            'the ego world needs ViZDoom; run: pip install "rushes[lab]"'
        ) from error
    game: Any = vizdoom.DoomGame()
    game.set_doom_game_path(str(Path(vizdoom.__file__).parent / f"{wad}.wad"))
    game.set_doom_map(level)
    game.set_screen_resolution(getattr(vizdoom.ScreenResolution, f"RES_{STAGE[0]}X{STAGE[1]}"))
    game.set_screen_format(vizdoom.ScreenFormat.RGB24)
    game.set_window_visible(False)
    for part in ("hud", "weapon", "crosshair", "decals", "particles", "messages", "corpses"):
        getattr(game, f"set_render_{part}")(False)
    game.set_depth_buffer_enabled(True)
    game.set_objects_info_enabled(True)
    button, variable = vizdoom.Button, vizdoom.GameVariable
    game.set_available_buttons(
        [
            button.TURN_LEFT_RIGHT_DELTA,
            button.MOVE_FORWARD_BACKWARD_DELTA,
            button.MOVE_LEFT_RIGHT_DELTA,
            button.LOOK_UP_DOWN_DELTA,
        ]
    )
    game.set_available_game_variables([variable.POSITION_X, variable.POSITION_Y, variable.ANGLE])
    game.add_game_args(_ARGUMENTS + ("" if monsters else " -nomonsters"))
    game.set_mode(vizdoom.Mode.PLAYER)
    game.set_episode_timeout(0)
    game.set_seed(seed)
    # The game leaves its settings in the working directory that it was started in.
    with tempfile.TemporaryDirectory() as folder:
        here = Path.cwd()
        os.chdir(folder)
        try:
            game.init()
        finally:
            os.chdir(here)
        try:
            yield _Player(game)
        finally:
            game.close()
