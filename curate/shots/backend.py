"""The interface of shot detectors, which see every frame once, in order."""

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from curate.shots.transition import Transition

Picture = npt.NDArray[np.uint8]


class ShotBackend(Protocol):
    """Finds transitions while frames stream by.

    But for the values of `scores`, memory does not grow with the video's length.

    Attributes:
        size: Width and height of the pictures that it takes, px.
        pixels: Their layout, as `curate.decode.Frame.to_array` names it.
    """

    size: tuple[int, int]
    pixels: str

    def update(self, index: int, t_s: float, picture: Picture) -> None:
        """Take the next frame.

        Args:
            index: Frame number, one more than the last; 0 first.
            t_s: Presentation time, s, increasing.
            picture: The frame in `size` and `pixels`.
        """

    def transitions(self, index: int, *, final: bool = False) -> list[Transition]:
        """Transitions that are complete now that frame `index` has been taken, in order.

        Args:
            index: Last frame taken.
            final: Whether no frame follows, so that nothing is waited for.
        """

    def settled(self, index: int) -> int:
        """First frame that may still turn out to lie in a transition, after frame `index`.

        It never decreases, and no transition that is reported later begins before it.
        """

    def highest(self, start: int, end: int) -> float | None:
        """Highest score, 0 to 1, of a transition among settled frames [start, end).

        A cut before the first of them does not count. None where the detector has no scores.
        """

    def scores(self) -> dict[str, Any]:
        """Values for columns of the `frames` table: lists or pyarrow arrays, one value per frame.

        Called after the final call of `transitions`.
        """
