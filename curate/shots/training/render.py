"""Takes rendered with ViZDoom (MIT) and its Freedoom levels (BSD-3): fast camera, no transition.

Needs the package vizdoom, which nothing else of Rushes does.
"""

from pathlib import Path
from tempfile import gettempdir
from typing import Any, Final

import av
import numpy as np
import numpy.typing as npt
from av.video.reformatter import Interpolation

from curate.shots.signals import HEIGHT, WIDTH

LEVELS: Final = 32
FRAMES: Final = 420
Random = np.random.Generator


def render(out: Path, seed: int = 0) -> None:
    """Add two takes of every level to OUT/tiny and OUT/clips.tsv.

    Raises:
        ModuleNotFoundError: vizdoom is not installed.
    """
    import vizdoom

    rng = np.random.default_rng(seed)
    (out / "tiny").mkdir(parents=True, exist_ok=True)
    with (out / "clips.tsv").open("a") as table:
        for level in range(1, LEVELS + 1):
            game = _game(vizdoom, level)
            for take in range(2):
                frames = _walk(game, rng, tics=take + 1)
                if len(frames) > 60:
                    name = f"freedoom2-{level:02d}-{take}.npz"
                    np.savez_compressed(out / "tiny" / name, yuv=np.stack(frames))
                    table.write(f"{name}\tfreedoom{level % 10}\tnone\n")
            game.close()


def _game(vizdoom: Any, level: int) -> Any:
    game = vizdoom.DoomGame()
    game.set_doom_game_path(str(Path(vizdoom.__file__).parent / "freedoom2.wad"))
    # It writes its settings on closing, into the working directory unless told otherwise.
    game.set_doom_config_path(str(Path(gettempdir()) / "rushes-vizdoom.ini"))
    game.set_doom_map(f"MAP{level:02d}")
    game.set_screen_resolution(vizdoom.ScreenResolution.RES_320X180)
    game.set_screen_format(vizdoom.ScreenFormat.RGB24)
    game.set_window_visible(False)
    game.set_render_hud(level % 3 == 0)
    game.set_render_weapon(level % 2 == 0)
    buttons = (
        "MOVE_FORWARD MOVE_LEFT MOVE_RIGHT TURN_LEFT_RIGHT_DELTA ATTACK USE LOOK_UP_DOWN_DELTA"
    )
    game.set_available_buttons([getattr(vizdoom.Button, name) for name in buttons.split()])
    game.set_episode_timeout(100_000)
    game.set_seed(level)
    game.init()
    game.new_episode()
    for command in ("god", "give all"):
        game.send_game_command(command)
    return game


def _walk(game: Any, rng: Random, tics: int) -> list[npt.NDArray[np.uint8]]:
    """Walk, turn and shoot at random; a new choice every 12 frames."""
    frames: list[npt.NDArray[np.uint8]] = []
    action = [0.0] * 7
    while len(frames) < FRAMES and not game.is_episode_finished():
        if len(frames) % 12 == 0:
            turn = rng.normal(0, rng.choice([1, 3, 8, 15]))
            sideways, shooting = rng.random() < 0.15, rng.random() < 0.25
            look = rng.normal() if rng.random() < 0.2 else 0.0
            action = [rng.random() < 0.8, sideways, 0, turn, shooting, 0, look]
        state = game.get_state()
        if state is None:
            break
        frames.append(_small(state.screen_buffer))
        action[5] = len(frames) % 40 == 0
        game.make_action([float(value) for value in action], tics)
    return frames


def _small(rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    image = av.VideoFrame.from_ndarray(rgb, format="rgb24")
    small = image.reformat(WIDTH, HEIGHT, "yuvj444p", interpolation=Interpolation.AREA)
    return np.asarray(small.to_ndarray(), np.uint8)
