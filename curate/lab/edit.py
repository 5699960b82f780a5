"""Carry out the plan of a take: film, splice, move the window, freeze, caption."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from curate.demo.edits import burn_captions
from curate.lab.camera import window, window_path
from curate.lab.doses import TakePlan
from curate.lab.world import SIDE, Action, Picture, Shot, World

REELS: Final = 3
"""Takes of a source that a cut goes between; they begin at other places of it."""

_CAPTIONS: Final = (
    "We have to stop here.",
    "Did you hear that?",
    "Nobody comes this way.",
    "SUBSCRIBE FOR MORE",
    "Watch the next part now",
    "It was not like this before.",
)


@dataclass(frozen=True, slots=True)
class EditedFrame:
    """One frame of a take as it is written.

    Attributes:
        picture: (256, 256, 3) uint8 RGB.
        action: From this frame to the next; None where the next one does not follow from it.
        camera: Added camera motion from this frame to the next, (x, y) in sides of the picture,
            the way of the window over the stage; (0, 0) at the last.
    """

    picture: Picture
    action: Action | None
    camera: tuple[float, float]


def edit_take(
    world: World, index: int, plan: TakePlan, fps: float, seed: int
) -> Iterator[EditedFrame]:
    """Film a source and edit it as planned.

    What is filmed before the first cut depends on the source and the seed alone, not on doses.

    Args:
        world: Where it is filmed.
        index: Which of its sources.
        plan: What happens when.
        fps: Frames per second.
        seed: Of the take.

    Yields:
        `plan.frames` frames.
    """
    cuts, standing = set(plan.cuts), _frames_of(plan, "freezes")
    captions = {
        frame: _CAPTIONS[(span.start + seed) % len(_CAPTIONS)]
        for span in plan.spans
        if span.kind == "captions"
        for frame in range(span.start, span.end)
    }
    path = np.rint(window_path(plan, fps, seed))
    reels: dict[int, Iterator[Shot]] = {}
    choice = np.random.default_rng([seed, index, 2])
    reel, shown = 0, None
    for frame in range(plan.frames):
        if frame in cuts:
            reel = int((reel + choice.integers(1, REELS)) % REELS)
        if shown is None or frame in cuts or frame not in standing:
            if reel not in reels:
                reels[reel] = world.film(index, fps, seed * REELS + reel)
            shown = next(reels[reel])
        picture = window(path[frame], shown.picture)
        if frame in captions:
            picture = burn_captions(picture[None], [captions[frame]])[0]
        last = frame + 1 == plan.frames
        follows = not (last or frame + 1 in cuts or frame + 1 in standing)
        x, y = (0.0, 0.0) if last else (path[frame + 1] - path[frame]) / SIDE
        yield EditedFrame(picture, shown.action if follows else None, (float(x), float(y)))


def _frames_of(plan: TakePlan, kind: str) -> set[int]:
    """Frames within spans of a kind."""
    spans = [span for span in plan.spans if span.kind == kind]
    return {frame for span in spans for frame in range(span.start, span.end)}
