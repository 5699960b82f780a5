"""Work that several scores of one clip share, done once."""

import weakref
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from filters.base import Clip, Gray

A = TypeVar("A", Gray, Clip)
T = TypeVar("T")


def once_per_clip(function: Callable[[A], T]) -> Callable[[A], T]:
    """Remember the last result of a pure function of a clip or of its frames.

    The scores of a clip are asked for one after the other, so one result is enough. It is tied to
    the arrays of frames and their colours themselves, which nobody changes, and does not keep them
    alive.

    Args:
        function: Of a clip, or of its (T, H, W) uint8; what it raises is not remembered.
    """
    last: dict[str, Any] = {}

    @wraps(function)
    def remembered(clip: A) -> T:
        arrays = (clip.gray, clip.chroma) if isinstance(clip, Clip) else (clip,)
        known = [array for array in arrays if array is not None]
        references = last.get("arrays", [])
        if len(references) == len(known) and all(
            reference() is array for reference, array in zip(references, known, strict=True)
        ):
            return last["value"]  # type: ignore[no-any-return]
        value = function(clip)
        last["arrays"], last["value"] = [weakref.ref(array) for array in known], value
        return value

    return remembered
