from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from curate.lab import ego
from curate.lab.ego import EgoWorld


class Game:
    """A level whose exit is reached by the fifth frame of walking, again and again."""

    def __init__(self) -> None:
        self.walked, self.episodes = 0, 0

    def get_state(self) -> Any:
        if self.is_episode_finished():
            return None
        return SimpleNamespace(
            screen_buffer=np.full((300, 400, 3), self.episodes, np.uint8),
            game_variables=[self.walked, 0.0, 0.0],
            depth_buffer=np.full((300, 400), 200, np.uint8),
            objects=[],
        )

    def is_episode_finished(self) -> bool:
        return self.walked >= 5

    def new_episode(self) -> None:
        self.walked, self.episodes = 0, self.episodes + 1

    def make_action(self, buttons: list[float], tics: int) -> None:
        self.walked += tics == ego._TICS_PER_FRAME

    def send_game_command(self, command: str) -> None:
        pass


def test_a_walk_goes_on_after_the_exit_and_the_step_there_has_no_action(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    @contextmanager
    def game(*args: object) -> Iterator[ego._Player]:
        yield ego._Player(Game())

    monkeypatch.setattr(ego, "_game", game)
    shots = EgoWorld().film(0, 12, 0)
    actions = [next(shots).action is None for _ in range(11)]
    assert actions == [False] * 4 + [True] + [False] * 4 + [True, False]
